"""One of many: the browser's own list."""

from collections.abc import Callable, Mapping

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class SelectField(Element, component="select_field.js"):
    """`value` is always one of `options` (value to label), whatever the browser sends."""

    def __init__(
        self,
        label: str,
        options: Mapping[str, str],
        value: str,
        *,
        hint: str = "",
        on_change: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.value = value
        self._options = options
        self._on_change = on_change
        self.props["label"] = label
        self.props["hint"] = hint
        self.props["options"] = [[name, text] for name, text in options.items()]
        self.props["value"] = value
        self.on("change", self._changed)

    def offer(self, options: Mapping[str, str]) -> None:
        """Other options; what was chosen stays so if it is among them, else the first one is."""
        self._options = options
        self.props["options"] = [[name, text] for name, text in options.items()]
        self.choose(self.value if self.value in options else next(iter(options)))

    def choose(self, value: str) -> None:
        """Choose one of the options, on the page too."""
        self.value = value
        self.props["value"] = value

    def _changed(self, event: GenericEventArguments) -> None:
        if event.args in self._options:
            self.value = self.props["value"] = event.args
            if self._on_change is not None:
                self._on_change()
