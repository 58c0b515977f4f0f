"""The hold: one request waits, whoever approved it, until somebody releases it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from axiru.domain.decision import DecisionState
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.components.badge import look_of
from console.components.control_dialog import ControlDialog, Engaged, Subject
from console.components.money import amount_text
from console.components.select_field import SelectField
from console.components.switch_card import SwitchCard
from console.components.text import Text
from console.components.text_field import TextField
from console.sessions import Session
from console.views import ControlView, DecisionView

_STOPS: Final = (
    "It is not executed before somebody releases it; a call to Stripe already sent is listed here.",
    "People can still vote on it. If they deny it, or its time runs out, the hold ends with it.",
    "Nothing else is touched.",
)
_HOLDABLE: Final[tuple[DecisionState, ...]] = ("pending_approval", "approved", "executing")
_MODES: Final[tuple[Mode, ...]] = ("test", "live")
_BY_ID: Final = ""


class HoldSwitch:
    """The hold's card and its dialog, which offers what can be held now."""

    def __init__(self, session: Session, engaged: Engaged) -> None:
        self._session = session
        self._engaged = engaged
        self._found: dict[str, DecisionView] = {}
        self._card = SwitchCard(
            session,
            "Hold a refund",
            "pause",
            "One request waits until somebody releases it. Approvals go on, execution does not.",
            "Hold a refund…",
            self._open,
        )
        self._dialog = ControlDialog(
            session,
            "hold",
            title="Hold a refund",
            confirm="Hold it",
            sentences=_STOPS,
            subject=self._chosen,
            engaged=self._held,
            asks_mode=False,
        )
        with self._dialog.about():
            self._choice = SelectField("Refund", {_BY_ID: "By its id"}, _BY_ID, on_change=self._ask_for)
            self._id = TextField("Decision id", placeholder="ed_…", max_length=64)
            self._note = Text("p", "", "field-notes")

    def show(self, holds: Sequence[ControlView]) -> None:
        count = len(holds)
        self._card.show("Nothing is held" if not count else f"{count} held", in_use=bool(count))

    async def open_for(self, decision_id: str) -> None:
        """Open the dialog with this decision filled in."""
        await self._open()
        self._choice.choose(decision_id if decision_id in self._found else _BY_ID)
        self._id.set_text(decision_id)
        self._ask_for()

    def _held(self, control: ControlView) -> None:
        self._id.clear_text()
        self._engaged(control)

    async def _open(self) -> None:
        try:
            found = await _holdable(self._session)
            note = f"{len(found)} that can be held now: choose one above." if found else "Nothing can be held now."
        except SessionEnded:
            self._session.end()
            return
        except AxiruError as error:
            found, note = (), error.message
        self._found = {decision.decision_id: decision for decision in found}
        options = {decision.decision_id: _label(decision) for decision in found}
        self._choice.offer({_BY_ID: "By its id", **options})
        self._note.set_text(note)
        self._ask_for()
        self._dialog.open()

    def _ask_for(self) -> None:
        self._id.classes(replace="" if self._choice.value == _BY_ID else "hidden")

    async def _chosen(self) -> Subject | None:
        decision_id = self._choice.value or self._id.value.strip()
        if not decision_id:
            self._id.refuse("Name the decision: its id begins with ed_.")
            return None
        known = self._found.get(decision_id)
        try:
            decision = known or await self._session.api.decision(decision_id)
        except ApiRefused as refusal:
            self._id.refuse("There is no such decision." if refusal.status == 404 else refusal.message)
            return None
        except AxiruError as error:
            self._id.refuse(error.message)
            return None
        return Subject({"decision_id": decision_id}, decision.mode)


async def _holdable(session: Session) -> tuple[DecisionView, ...]:
    """What waits for approval, and what Axiru is about to execute. Raises what ApiClient raises."""
    pages = await asyncio.gather(
        *(session.api.decisions(mode=mode, state=state, limit=20) for mode in _MODES for state in _HOLDABLE)
    )
    decisions = [decision for page in pages for decision in page.items]
    can_wait = [each for each in decisions if each.state == "pending_approval" or each.execute == "axiru"]
    return tuple(sorted(can_wait, key=lambda decision: decision.received_at, reverse=True))


def _label(decision: DecisionView) -> str:
    about = decision.customer_id or decision.charge or decision.decision_id
    mode = ", live mode" if decision.mode == "live" else ""
    amount = amount_text(decision.amount)
    return f"{amount}, {about}, {look_of(decision.state).label.lower()}{mode}"
