"""The freeze: everything about one customer, merchant, agent, source, surface or connection is denied."""

from collections.abc import Sequence
from typing import Final

from console.components.check_group import CheckGroup
from console.components.control_dialog import ControlDialog, Engaged, Subject
from console.components.select_field import SelectField
from console.components.switch_card import SwitchCard
from console.components.text import Text, block
from console.components.text_field import TextField
from console.control_words import EXAMPLES, FROZEN, SURFACE_NAMES, subject_name
from console.sessions import Session
from console.views import ControlView

_PAUSE_PAYOUTS: Final = "pause_payouts"
_PAUSE: Final = {
    _PAUSE_PAYOUTS: (
        "Pause its payouts, too",
        "Stripe's automatic payouts from this account stop, where a connection may pay out. Lifting the freeze puts "
        "the schedule back as it was, unless somebody has changed it meanwhile.",
    )
}
_STOPS: Final = (
    "Every new request about it is answered with a denial, on surfaces in shadow too.",
    "What was approved about it is not executed while the freeze is in force.",
    "Calls to Stripe already under way are listed here.",
)


class FreezeSwitch:
    """The freeze's card and its dialog."""

    def __init__(self, session: Session, engaged: Engaged) -> None:
        self._engaged = engaged
        self._card = SwitchCard(
            session,
            "Freeze",
            "lock",
            "Stops one customer, merchant, agent, source, surface or connection. Everything else goes on.",
            "Freeze…",
            self._open,
        )
        self._dialog = ControlDialog(
            session,
            "freeze",
            title="Freeze",
            confirm="Freeze it",
            sentences=_STOPS,
            subject=self._named,
            engaged=self._frozen,
        )
        with self._dialog.about():
            self._what = SelectField("What", FROZEN, "customer_id", on_change=self._ask_for)
            self._id = TextField("Its id", placeholder=EXAMPLES["customer_id"], max_length=255)
            with block("div", "hidden") as self._surfaces:
                self._surface = SelectField("Which surface", SURFACE_NAMES, "stripe.refund")
            self._meant = Text("p", "", "field-notes")
            with block("div", "hidden") as self._payouts:
                self._pause = CheckGroup("", _PAUSE, (_PAUSE_PAYOUTS,))
        self._ask_for()

    def show(self, freezes: Sequence[ControlView]) -> None:
        count = len(freezes)
        self._card.show(
            "Nothing is frozen" if not count else f"{count} {'freeze' if count == 1 else 'freezes'} in force",
            in_use=bool(count),
        )

    def _frozen(self, control: ControlView) -> None:
        self._id.clear_text()
        self._engaged(control)

    async def _open(self) -> None:
        self._dialog.open()

    def _ask_for(self) -> None:
        field = self._what.value
        by_name = field == "surface"
        self._surfaces.classes(replace="" if by_name else "hidden")
        self._id.classes(replace="hidden" if by_name else "")
        self._id.props["placeholder"] = EXAMPLES.get(field, "")
        self._meant.set_text(_MEANINGS[field])
        self._payouts.classes(replace="" if field == "stripe_account_id" else "hidden")

    async def _named(self) -> Subject | None:
        field = self._what.value
        value = self._surface.value if field == "surface" else self._id.value.strip()
        if not value:
            self._id.refuse(f"Name the {subject_name(field).lower()} as requests name it.")
            return None
        paused = _PAUSE_PAYOUTS in self._pause.chosen if field == "stripe_account_id" else None
        return Subject({field: value}, pause_payouts=paused)


_MEANINGS: Final = {
    "customer_id": "Requests for this customer of yours at Stripe.",
    "stripe_account_id": "Requests on this connected account.",
    "agent_id": "Requests by this agent, however its key is called.",
    "source": "Requests that name this source, such as a help desk or an agent's program.",
    "surface": "All requests of this kind.",
    "stripe_connection_id": "Requests over this connection to Stripe.",
}
