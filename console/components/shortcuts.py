"""The keyboard, and the dialog that says what it does."""

from typing import Final

from nicegui.element import Element

KEYS: Final = [
    (["j", "↓"], "Next decision"),
    (["k", "↑"], "Previous decision"),
    (["Enter"], "Open the decision"),
    (["x"], "Select the approval"),
    (["/"], "Search"),
    (["?"], "This list"),
]


class Shortcuts(Element, component="shortcuts.js"):
    def __init__(self) -> None:
        super().__init__()
        self.props["keys"] = KEYS
