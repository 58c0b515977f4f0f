"""Policies: how long one decision takes beside other engines, and how many stored requests a second."""
