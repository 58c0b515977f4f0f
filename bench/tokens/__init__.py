"""Tokens under load while their keys rotate."""
