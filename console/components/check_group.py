"""Any of a few: check boxes, each with a line that says what it means."""

from collections.abc import Iterable, Mapping

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class CheckGroup(Element, component="check_group.js"):
    """`chosen` holds only names out of `options`, in their order, whatever the browser sends.

    `options` is name to label and explanation; an empty explanation is none.
    """

    def __init__(self, label: str, options: Mapping[str, tuple[str, str]], chosen: Iterable[str] = ()) -> None:
        super().__init__()
        self._names = tuple(options)
        self.chosen = self._known(chosen)
        self.props["label"] = label
        self.props["options"] = [[name, *texts] for name, texts in options.items()]
        self.props["value"] = list(self.chosen)
        self.on("change", self._changed)

    def choose(self, names: Iterable[str]) -> None:
        """Check these and no others, on the page too."""
        self.chosen = self._known(names)
        self.props["value"] = list(self.chosen)
        self.refuse("")

    def refuse(self, error: str) -> None:
        self.props["error"] = error

    def _changed(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, list):
            self.chosen = self._known(event.args)
            # Every update sends all properties: an old value among them would undo what was just checked.
            self.props["value"] = list(self.chosen)
            if self.props.get("error"):
                self.refuse("")

    def _known(self, names: Iterable[object]) -> tuple[str, ...]:
        wanted = list(names)
        return tuple(name for name in self._names if name in wanted)
