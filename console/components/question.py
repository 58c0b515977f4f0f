"""One dialog for all that a page asks before it does it: what will happen, a reason where one is kept, one button."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from console.carrying_out import carried_out
from console.components.confirm_dialog import ConfirmDialog
from console.components.text import Text
from console.components.text_field import TextField
from console.sessions import Session

Reason = Literal["none", "optional", "required"]


class Question:
    """Built once, beside whatever is built anew, so that an open question outlives every live update.

    `done` is called after the API has done something.
    """

    def __init__(self, session: Session, done: Callable[[], None]) -> None:
        self._session = session
        self._done = done
        self._dialog = ConfirmDialog("", "", self._act, "danger")
        self._reason: TextField | None = None
        self._required = False

    def ask(
        self,
        title: str,
        sentences: Sequence[str],
        confirm: str,
        act: Callable[[str], Awaitable[object]],
        *,
        weight: Literal["primary", "danger"] = "danger",
        reason: Reason = "none",
        hint: str = "The ledger keeps it.",
    ) -> None:
        """Open the dialog; `act` gets the reason, which is empty unless one was wanted and given."""
        self._asked = act
        self._required = reason == "required"
        self._reason = None
        self._dialog.content.clear()
        with self._dialog.content:
            for sentence in sentences:
                Text("p", sentence)
            if reason != "none":
                label = "Reason" if self._required else "Reason, if you wish"
                self._reason = TextField(label, hint=hint, rows=2)
        self._dialog.ask(title, confirm, weight)

    async def _act(self) -> None:
        reason = self._reason.value.strip() if self._reason else ""
        if self._reason is not None and self._required and not reason:
            self._reason.refuse("Say why: the reason is kept in the ledger.")
            return
        asked = self._asked
        if await carried_out(self._session, lambda: asked(reason), self._dialog.refuse):
            self._dialog.close()
            self._done()
