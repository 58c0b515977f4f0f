"""The kill switch: calm to look at, explicit about what it stops, never one click away from stopping it."""

from collections.abc import Sequence
from typing import Final

from console.components.control_dialog import ControlDialog, Engaged, Subject
from console.components.switch_card import SwitchCard
from console.components.wording import MODE_NAMES
from console.sessions import Session
from console.views import ControlView

_STOPS: Final = (
    "Every new request is answered with a denial, on surfaces in shadow too.",
    "No approved movement is executed: no call to Stripe is begun or repeated.",
    "Calls already under way are given ten seconds to settle, then listed here.",
    "People can still vote, look at decisions and lift the switch.",
)


class KillSwitch:
    """The switch's card and its dialog."""

    def __init__(self, session: Session, engaged: Engaged) -> None:
        self._card = SwitchCard(
            session,
            "Kill switch",
            "stop",
            "Nothing moves: every request is denied and nothing is executed, for the whole organization.",
            "Engage kill switch…",
            self._open,
            "danger",
        )
        self._dialog = ControlDialog(
            session,
            "kill_switch",
            title="Engage the kill switch",
            confirm="Stop money movement",
            sentences=_STOPS,
            subject=self._everything,
            engaged=engaged,
        )

    def show(self, engaged: Sequence[ControlView]) -> None:
        """Show the switches in force; one may be engaged for each mode."""
        modes = {control.mode for control in engaged}
        if not modes:
            self._card.show("Not engaged", in_use=False)
        elif "both" in modes or modes == {"test", "live"}:
            self._card.show("Engaged for test and live mode", in_use=True, exhausted="It is engaged for both modes.")
        else:
            self._card.show(f"Engaged for {MODE_NAMES[modes.pop()]}", in_use=True)

    async def _open(self) -> None:
        self._dialog.open()

    async def _everything(self) -> Subject:
        return Subject({})
