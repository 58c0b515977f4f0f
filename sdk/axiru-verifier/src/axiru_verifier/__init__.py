"""Verification of Axiru's authorization tokens, for code that settles payments."""
