"""A labelled field for text; every keystroke reaches the server before any later click does."""

from collections.abc import Callable

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class TextField(Element, component="text_field.js"):
    """`value` is what the person has typed. `refuse` says beside the field what is wrong with it."""

    def __init__(
        self,
        label: str,
        *,
        value: str = "",
        hint: str = "",
        placeholder: str = "",
        rows: int = 1,
        max_length: int = 500,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.value = value
        self._on_change = on_change
        self.props.update(
            {
                "label": label,
                "initial": value,
                "hint": hint,
                "placeholder": placeholder,
                "rows": rows,
                "maxlength": max_length,
                "cleared": 0,
                "saved": 0,
            }
        )
        self.on("change", self._changed)

    def refuse(self, error: str) -> None:
        self.props["error"] = error

    def keep_as(self, backup: str) -> None:
        """Let the browser keep what is typed, under this name, until it is `saved`."""
        self.props["backup"] = f"axiru-text:{backup}"

    def saved(self) -> None:
        """The browser's copy is not needed any more."""
        self.props["saved"] = self.props["saved"] + 1

    def clear_text(self) -> None:
        """Empty the field, on the page too."""
        self.value = ""
        # The page is not sent what it typed itself; the count is what it notices.
        self.props["cleared"] = self.props["cleared"] + 1
        self.refuse("")

    def set_text(self, text: str) -> None:
        """Put this in place of what was typed, on the page too."""
        self.value = text
        self.props["initial"] = text
        self.refuse("")

    def _changed(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            self.value = event.args
            if self.props.get("error"):
                self.refuse("")
            if self._on_change is not None:
                self._on_change()
