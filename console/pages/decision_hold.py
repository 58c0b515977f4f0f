"""Holding one request: who holds it and why, releasing it, and the button that holds it."""

from collections.abc import Callable
from typing import Final

from console.components.button import Button
from console.components.icon import icon
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.detail_views import DecisionDetail
from console.sessions import Session
from console.views import ControlView

NEEDED_PERMISSION: Final = "controls"
_NOT_PERMITTED: Final = "Finance managers, controllers and admins may release it."
_HOLDABLE: Final = frozenset({"allowed", "approved", "executing"})


def may_be_held(decision: DecisionDetail) -> bool:
    """Whether a hold would still keep anything from happening."""
    if decision.surface_mode == "shadow":
        return False
    axiru_executes = decision.execute == "axiru" and decision.state in _HOLDABLE
    return decision.state == "pending_approval" or axiru_executes


class Hold:
    """The banner of a hold in force, and the button that sets one. `build_button` goes wherever the page has room."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._question = Question(session, changed)
        self._permitted = NEEDED_PERMISSION in session.permissions
        self._decision: DecisionDetail | None = None
        self._shown: ControlView | None = None
        self._banner = block("div", "held", role="status")
        self._banner.set_visibility(False)

    def build_button(self) -> None:
        self._button = Button("Hold…", self._ask_to_hold)
        self._button.set_visibility(False)

    async def show(self, decision: DecisionDetail) -> None:
        """Raises what reading the controls raises."""
        self._decision = decision
        self._button.set_visibility(self._permitted and may_be_held(decision))
        held = await self._held_by(decision) if decision.state == "held" else None
        self._banner.set_visibility(decision.state == "held")
        if held == self._shown:
            return
        self._shown = held
        self._banner.clear()
        with self._banner:
            if held is not None:
                self._show_hold(held)

    async def _held_by(self, decision: DecisionDetail) -> ControlView | None:
        for control in (await self._session.controls.controls()).items:
            if control.kind == "hold" and control.in_force and control.scope.get("decision_id") == decision.decision_id:
                return control
        return None

    def _show_hold(self, hold: ControlView) -> None:
        icon("pause")
        with block("div", "held-words"):
            with block("p"):
                Text("strong", f"Held by {hold.engaged_by.shown if hold.engaged_by else 'a circuit breaker'}")
                Text("span", " ")
                Timestamp(hold.engaged_at, "distance")
                if hold.expires_at is not None:
                    Text("span", ", ends ")
                    Timestamp(hold.expires_at, "distance")
            Text("p", hold.reason, "held-reason")
            Text("p", "People may go on voting; nothing is executed before it is released.")
            if not self._permitted:
                Text("p", _NOT_PERMITTED)
        if self._permitted:
            Button("Release…", self._ask_to_release)

    async def _ask_to_hold(self) -> None:
        decision = self._decision
        if decision is None:
            return
        self._question.ask(
            "Hold this request?",
            (
                "Nothing is executed while it is held. A call to Stripe that was made already cannot be taken back.",
                "People may go on voting, and the deadline does not move.",
            ),
            "Hold",
            lambda reason: self._session.controls.engage(
                "hold", {"decision_id": decision.decision_id}, mode=decision.mode, reason=reason
            ),
            reason="required",
        )

    async def _ask_to_release(self) -> None:
        hold = self._shown
        if hold is None:
            return
        self._question.ask(
            "Release this request?",
            ("It goes on from where it would be by now: if it is approved, Axiru makes the call to Stripe.",),
            "Release",
            lambda reason: self._session.controls.lift(hold.id, reason=reason),
            weight="primary",
            reason="required",
        )
