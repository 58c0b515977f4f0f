"""One of the big switches: what it stops, whether it is in use, and the one button that opens its dialog."""

from collections.abc import Awaitable, Callable

from console.components.button import Button, Weight
from console.components.icon import IconName, icon
from console.components.text import Text, block
from console.control_words import NOT_PERMITTED, may_control
from console.sessions import Session


class SwitchCard:
    """`show` says what is in use; a state that stops money is told in the colour of danger, too."""

    def __init__(
        self,
        session: Session,
        title: str,
        name: IconName,
        does: str,
        button: str,
        open_dialog: Callable[[], Awaitable[None]],
        weight: Weight = "plain",
    ) -> None:
        self._permitted = may_control(session)
        with block("section", "panel switch-card", aria_label=title) as self._card:
            with block("h2"):
                icon(name)
                Text("span", title)
            Text("p", does, "muted")
            with block("div", "switch-foot"):
                self._state = Text("p", "", "switch-word")
                self._state.props["aria-live"] = "polite"
                self._button = Button(button, open_dialog, weight)
        self._button.block(not self._permitted, "" if self._permitted else NOT_PERMITTED)

    def show(self, state: str, *, in_use: bool, exhausted: str = "") -> None:
        """`exhausted` is why there is nothing left to engage."""
        self._state.set_text(state)
        self._card.classes(replace=f"panel switch-card{' switch-engaged' if in_use else ''}")
        if self._permitted:
            self._button.block(bool(exhausted), exhausted)
