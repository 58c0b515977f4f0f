"""Lengths of time in words."""

from typing import Final

_DAY: Final = 86_400
_UNITS: Final = ((_DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def span_text(seconds: int) -> str:
    """`7 days`, `1 hour`, `90 seconds`: the largest unit that leaves nothing over; for one day `24 hours`."""
    units = _UNITS[1:] if seconds == _DAY else _UNITS
    size, name = next((size, name) for size, name in units if seconds % size == 0)
    count = seconds // size
    return f"{count:,} {name}{'' if count == 1 else 's'}"
