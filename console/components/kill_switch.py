"""The kill switch: calm to look at, explicit about what it stops, never one click away from stopping it."""

from collections.abc import Awaitable, Callable
from typing import Final

from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.components.button import Button
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.icon import icon
from console.components.text import Text, block, link
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.components.wording import MODE_NAMES
from console.sessions import Session
from console.views import ControlView

NEEDED_PERMISSION: Final = "controls"
_STOPS: Final = (
    "Every new request is answered with a denial, on surfaces in shadow too.",
    "No approved movement is executed: no call to Stripe is begun or repeated.",
    "Calls already under way are given ten seconds to settle, then listed here.",
    "People can still vote, look at decisions and lift the switch.",
)
_NOT_PERMITTED: Final = "Your role may look at controls, not use them. Finance managers, controllers and admins may."


class KillSwitch:
    """The switch's panel. `changed` is called after a change, so that the page reads again at once."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._to_lift = ""
        self._in_flight: dict[str, tuple[str, ...]] = {}
        with block("section", "panel", aria_label="Kill switch"):
            Text("h2", "Kill switch")
            self._state = block("div", "panel-body", aria_live="polite")
        self._build_engaging()
        self._build_lifting()

    def show(self, engaged: tuple[ControlView, ...]) -> None:
        """Show the switches in force; one may be engaged for each mode."""
        self._state.clear()
        with self._state:
            for control in engaged:
                self._show_engaged(control)
            if not any(control.mode == "both" for control in engaged):
                self._show_idle(tuple(MODE_NAMES[control.mode] for control in engaged))

    def _show_idle(self, engaged_for: tuple[str, ...]) -> None:
        with block("div", "switch-line"):
            with block("div"):
                Text("p", "Engaged for one mode only" if engaged_for else "Not engaged", "switch-word")
                Text("p", "Requests are decided by policy; what is allowed or approved is executed.", "muted")
            self._button("Engage kill switch…", self._open_engaging)

    def _show_engaged(self, control: ControlView) -> None:
        async def open_lifting() -> None:
            self._to_lift = control.id
            self._lifting.open()

        with block("div", "switch-line switch-engaged"):
            with block("div"):
                with block("p", "switch-word"):
                    icon("stop")
                    Text("span", f"Engaged for {MODE_NAMES[control.mode]}")
                with block("p", "muted"):
                    Text("span", f"{control.engaged_by.shown if control.engaged_by else 'Unknown'}, ")
                    Timestamp(control.engaged_at, "full")
                Text("p", control.reason, "quoted")
                _in_flight(self._in_flight.get(control.id, ()))
            self._button("Lift…", open_lifting)

    def _button(self, text: str, on_click: Callable[[], Awaitable[None]]) -> None:
        permitted = NEEDED_PERMISSION in self._session.permissions
        with block("div", "switch-action"):
            Button(text, on_click).block(not permitted, "" if permitted else _NOT_PERMITTED)
            if not permitted:
                Text("p", _NOT_PERMITTED, "muted")

    def _build_engaging(self) -> None:
        self._engaging = ConfirmDialog("Engage the kill switch", "Stop money movement", self._engage, "danger")
        with self._engaging.content:
            with block("ul", "plain-list"):
                for sentence in _STOPS:
                    Text("li", sentence)
            self._modes = Choice("Applies to", {"both": "Test and live", "test": "Test", "live": "Live"}, "both")
            self._reason = TextField("Reason", hint="Everyone sees it, and the ledger keeps it.", rows=2)

    def _build_lifting(self) -> None:
        self._lifting = ConfirmDialog("Lift the kill switch", "Lift kill switch", self._lift, "primary")
        with self._lifting.content:
            Text("p", "Requests are decided by policy again, and what was approved meanwhile is executed.")
            self._lift_reason = TextField("Reason", hint="The ledger keeps it beside the reason for engaging.", rows=2)

    async def _open_engaging(self) -> None:
        self._engaging.open()

    async def _engage(self) -> None:
        async def engage() -> None:
            reason = self._reason.value.strip()
            control = await self._session.api.engage_kill_switch(mode=self._modes.value, reason=reason)
            # Only this answer tells: what was under way then is history a moment later.
            self._in_flight[control.id] = control.in_flight

        await self._act(self._engaging, self._reason, engage)

    async def _lift(self) -> None:
        api, reason = self._session.api, self._lift_reason.value.strip()
        await self._act(self._lifting, self._lift_reason, lambda: api.lift_control(self._to_lift, reason=reason))

    async def _act(self, dialog: ConfirmDialog, reason: TextField, act: Callable[[], Awaitable[object]]) -> None:
        if not reason.value.strip():
            reason.refuse("Say why: the reason is kept in the ledger.")
            return
        try:
            await act()
        except SessionEnded:
            self._session.end()
        except AxiruError as error:
            dialog.refuse(error.message)
        else:
            reason.clear_text()
            dialog.close()
            self._changed()


def _in_flight(decision_ids: tuple[str, ...]) -> None:
    if not decision_ids:
        return
    with block("div", "in-flight"):
        Text("p", f"{len(decision_ids)} under way when it took effect; Stripe may have carried them out:")
        with block("ul", "plain-list"):
            for decision_id in decision_ids:
                with block("li"):
                    link(decision_id, f"/decisions/{decision_id}", "mono")
