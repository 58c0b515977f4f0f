"""How much a test draws that has a longer form: what is enough every day, and in `make torture` all of it."""

at_length = False
"""Set before any test is collected, where `--torture` was given."""


def length(every_day: int, in_torture: int) -> int:
    """One of the two."""
    return in_torture if at_length else every_day
