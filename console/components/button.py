"""Buttons: one look, three weights, and a reason whenever one cannot be pressed."""

from collections.abc import Awaitable, Callable
from typing import Literal

from nicegui.element import Element

from console.components.text import Text

Weight = Literal["plain", "primary", "danger", "quiet"]


class Button(Element):
    """Calls `on_click` and ignores further clicks until it has come back.

    The browser may send a second click before it has heard that the button is disabled, so the guard is here.
    """

    def __init__(self, text: str, on_click: Callable[[], Awaitable[None]], weight: Weight = "plain") -> None:
        super().__init__("button")
        self.classes(f"button button-{weight}")
        self.props["type"] = "button"
        self._on_click = on_click
        self._busy = False
        self._blocked = False
        with self:
            self._label = Text("span", text)
        self.on("click", self._clicked, args=[])

    def set_text(self, text: str) -> None:
        self._label.set_text(text)

    def block(self, blocked: bool, why: str = "") -> None:
        """Make the button unavailable; `why` is its title, and the page says it in text beside it too."""
        self._blocked = blocked
        self.props["title"] = why
        self._show()

    async def _clicked(self) -> None:
        if self._busy or self._blocked:
            return
        self._busy = True
        self._show()
        try:
            await self._on_click()
        finally:
            self._busy = False
            self._show()

    def _show(self) -> None:
        self.props["disabled"] = self._busy or self._blocked
        self.props["aria-busy"] = "true" if self._busy else "false"
