"""A date and time, chosen in the reader's time zone and kept as the instant it is."""

from datetime import UTC, datetime

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from console.components.timestamp import utc_text


class MomentField(Element, component="moment_field.js"):
    """`at` is the instant that was chosen; None while the field holds no whole date and time."""

    def __init__(self, label: str, at: datetime | None, *, hint: str = "") -> None:
        super().__init__()
        self.at = at
        self.props.update({"label": label, "initial": utc_text(at) if at else "", "hint": hint})
        self.on("change", self._changed)

    def refuse(self, error: str) -> None:
        self.props["error"] = error

    def _changed(self, event: GenericEventArguments) -> None:
        self.refuse("")
        try:
            self.at = datetime.fromisoformat(event.args).astimezone(UTC)
        except (TypeError, ValueError):
            self.at = None
