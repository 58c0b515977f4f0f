"""A place to drop a file, or to choose one."""

from collections.abc import Callable

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class FileDrop(Element, component="file_drop.js"):
    """Posts the file's bytes to `action`, which answers `{"id"}` or `{"message"}`; `on_started` gets the id."""

    def __init__(self, label: str, *, hint: str, action: str, accept: str, on_started: Callable[[str], None]) -> None:
        super().__init__()
        self._on_started = on_started
        self.props.update({"label": label, "hint": hint, "action": action, "accept": accept})
        self.on("started", self._started)

    def send_to(self, action: str) -> None:
        self.props["action"] = action

    def disable(self) -> None:
        self.props["disabled"] = True

    def _started(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            self._on_started(event.args)
