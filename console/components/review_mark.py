"""Marking a connected account for review: a label that rules can read, which stops nothing by itself."""

from typing import Final

from console.components.button import Button
from console.components.control_dialog import ControlDialog, Engaged, Subject
from console.components.text import Text, block
from console.components.text_field import TextField
from console.control_words import NOT_PERMITTED, may_control
from console.sessions import Session
from console.views import ControlView

_DOES: Final = (
    "Rules about accounts marked for review apply to it from the next request on.",
    "Nothing is stopped by the mark itself, and no balance changes.",
)


class ReviewMark:
    """A line with a button, and the dialog behind it."""

    def __init__(self, session: Session, engaged: Engaged) -> None:
        self._engaged = engaged
        with block("section", "panel mark-line", aria_label="Mark an account for review"):
            with block("div"):
                Text("h2", "Mark an account for review")
                Text("p", "A label that your rules can read. It stops nothing by itself.", "muted")
            permitted = may_control(session)
            Button("Mark an account…", self._open).block(not permitted, "" if permitted else NOT_PERMITTED)
        self._dialog = ControlDialog(
            session,
            "mark_for_review",
            title="Mark an account for review",
            confirm="Mark it",
            sentences=_DOES,
            subject=self._named,
            engaged=self._marked,
        )
        with self._dialog.about():
            self._id = TextField("Connected account", placeholder="acct_…", max_length=255)

    def _marked(self, control: ControlView) -> None:
        self._id.clear_text()
        self._engaged(control)

    async def _open(self) -> None:
        self._dialog.open()

    async def _named(self) -> Subject | None:
        value = self._id.value.strip()
        if not value:
            self._id.refuse("Name the account as Stripe does: its id begins with acct_.")
            return None
        return Subject({"stripe_account_id": value})
