"""Measurements of Axiru beside a floor or another program, in one run."""
