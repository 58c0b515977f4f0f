"""An instant, shown in the reader's time zone with the exact UTC instant as title."""

from datetime import UTC, datetime
from typing import Literal

from nicegui.element import Element

Format = Literal["short", "full", "distance"]


class Timestamp(Element, component="local_time.js"):
    """`short` for rows, `full` for details, `distance` counts to or from now by itself."""

    def __init__(self, at: datetime, form: Format = "short") -> None:
        super().__init__()
        self.props["at"] = utc_text(at)
        self.props["format"] = form


def utc_text(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond: what browsers parse and people paste into searches."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
