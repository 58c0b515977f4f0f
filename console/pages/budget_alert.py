"""At how much of a budget people are told, and the dialog in which an admin chooses."""

from collections.abc import Callable
from typing import Final

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.text import Text, block
from console.components.text_field import TextField
from console.sessions import Session

NEEDED_PERMISSION: Final = "members"
_MOST: Final = 100


class BudgetAlert:
    """One line above the list; `changed` is called after the API has kept the choice."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._dialog = ConfirmDialog("When people are told of a budget", "Save", self._save, "primary")
        with self._dialog.content:
            Text(
                "p", "Whoever answers for the agent, finance managers, Slack and webhooks are told once it is reached."
            )
            self._percent = TextField("Percent of the ceiling", max_length=3)
        with block("p", "budget-alert-line muted"):
            self._said = Text("span", "")
            if NEEDED_PERMISSION in session.permissions:
                Button("Change…", self._open, "quiet").props["aria-label"] = "Change… when people are told"

    def show(self, percent: int) -> None:
        self._stands = percent
        self._said.set_text(
            f"People are told at {percent} % of a ceiling, and once more when a budget stops something."
        )

    async def _open(self) -> None:
        self._percent.set_text(str(self._stands))
        self._dialog.open()

    async def _save(self) -> None:
        typed = self._percent.value.strip()
        if not (typed.isascii() and typed.isdecimal() and 1 <= int(typed) <= _MOST):
            self._percent.refuse("A whole number from 1 to 100.")
            return
        save = self._session.controls.set_budget_alert
        if await carried_out(self._session, lambda: save(int(typed)), self._dialog.refuse):
            self._dialog.close()
            self._changed()
