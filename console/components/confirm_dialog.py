"""A question before something that moves or stops money: what will happen, in full, then one button that does it."""

from collections.abc import Awaitable, Callable
from typing import Literal

from nicegui.element import Element

from console.components.button import Button
from console.components.text import Text, block


class ModalDialog(Element, component="modal_dialog.js"):
    """The browser's modal dialog; what is built inside it is its content."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.props["label"] = label
        self.props["open"] = False
        self.on("dismiss", self.close, args=[])

    def open(self) -> None:
        self.props["open"] = True

    def close(self) -> None:
        self.props["open"] = False


class ConfirmDialog:
    """Title, content filled by `content`, an error line, cancel and confirm. Stays open while `on_confirm` refuses."""

    def __init__(
        self, title: str, confirm: str, on_confirm: Callable[[], Awaitable[None]], weight: Literal["primary", "danger"]
    ) -> None:
        self._dialog = ModalDialog(title)
        with self._dialog:
            self._title = Text("h2", title, "dialog-title")
            self.content = block("div", "dialog-content")
            self._refusal = Text("p", "", "refusal")
            self._refusal.props["role"] = "alert"
            with block("div", "dialog-actions"):
                Button("Cancel", self._cancel)
                self.confirm = Button(confirm, on_confirm, weight)

    def ask(self, title: str, confirm: str, weight: Literal["primary", "danger"]) -> None:
        """Open with another question; `content` is the caller's to fill."""
        self._dialog.props["label"] = title
        self._title.set_text(title)
        self.confirm.set_text(confirm)
        self.confirm.classes(replace=f"button button-{weight}")
        self.open()

    def open(self) -> None:
        self._refusal.set_text("")
        self._dialog.open()

    def close(self) -> None:
        self._dialog.close()

    def refuse(self, message: str) -> None:
        self._refusal.set_text(message)

    async def _cancel(self) -> None:
        self.close()
