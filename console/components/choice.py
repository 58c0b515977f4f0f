"""One of a few: radio buttons side by side."""

from collections.abc import Mapping

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class Choice(Element, component="choice.js"):
    """`value` is always one of `options` (value to label), whatever the browser sends."""

    def __init__(self, label: str, options: Mapping[str, str], value: str) -> None:
        super().__init__()
        self.value = value
        self._options = options
        self.props["label"] = label
        self.props["options"] = [[name, text] for name, text in options.items()]
        self.props["value"] = value
        self.on("change", self._changed)

    def _changed(self, event: GenericEventArguments) -> None:
        if event.args in self._options:
            self.value = event.args
