"""Until when something holds: a few spans that people use, counted from the moment it is asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from console.components.select_field import SelectField

CONTROL_SPANS: Final[Mapping[str, str]] = {
    "": "Until somebody lifts it",
    "3600": "For 1 hour",
    "14400": "For 4 hours",
    "86400": "For 24 hours",
    "259200": "For 3 days",
    "604800": "For 7 days",
    "2592000": "For 30 days",
}
KEY_SPANS: Final[Mapping[str, str]] = {
    "2592000": "In 30 days",
    "7776000": "In 90 days",
    "31536000": "In a year",
    "": "Never",
}


class ExpiryField(SelectField):
    """`at` is the instant as of now, None for no end."""

    def __init__(self, label: str, spans: Mapping[str, str], value: str = "", *, hint: str = "") -> None:
        super().__init__(label, spans, value, hint=hint)

    @property
    def at(self) -> datetime | None:
        return datetime.now(UTC) + timedelta(seconds=int(self.value)) if self.value else None
