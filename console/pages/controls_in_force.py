"""What is in force now: what it stops, who engaged it and why, until when, and the button that lifts it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from console.components.badge import Look, badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.payout_pause import payout_pause
from console.components.question import Question
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.wording import MODE_NAMES
from console.control_words import KINDS, NOT_PERMITTED, by_whom, may_control, requests_text, subject_name
from console.sessions import Session
from console.views import ControlView, PayoutPause

_LOOKS: Final[Mapping[str, Look]] = {
    "kill_switch": Look("Kill switch", "stop", "failed"),
    "freeze": Look("Freeze", "lock", "waiting"),
    "hold": Look("Hold", "pause", "waiting"),
    "mark_for_review": Look("Mark for review", "flag", "neutral"),
}
_LIFTED: Final[Mapping[str, str]] = {
    "kill_switch": "Requests are decided by policy again, and what was approved meanwhile is executed.",
    "freeze": "Every {} is decided by policy again, and what was approved meanwhile is executed.",
    "hold": "It goes on where it was held: what is approved is executed, what still waits for votes goes on waiting.",
    "mark_for_review": "Rules about accounts marked for review no longer apply to it.",
}
_LIFT: Final[Mapping[str, tuple[str, str]]] = {
    "kill_switch": ("Lift the kill switch", "Lift kill switch"),
    "freeze": ("Lift the freeze", "Lift freeze"),
    "hold": ("Release the refund", "Release"),
    "mark_for_review": ("Remove the mark", "Remove mark"),
}


class InForce:
    """The panel, with the calls to Stripe that each control came too late for."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._kept = Kept()
        self._question = Question(session, changed)
        with block("section", "panel", aria_label="In force"):
            Text("h2", "In force")
            if not may_control(session):
                Text("p", NOT_PERMITTED, "muted panel-note")
            self._rows = block("ul", "rows", aria_live="polite")

    def show(self, controls: Sequence[ControlView]) -> None:
        self._kept.show(controls, lambda: self._build(controls))

    def _build(self, controls: Sequence[ControlView]) -> None:
        self._rows.clear()
        with self._rows:
            for control in sorted(controls, key=lambda control: control.kind != "kill_switch"):
                self._row(control)
            if not controls:
                with block("li"):
                    empty_state("Nothing is in force", "Requests are decided by policy alone.")

    def _row(self, control: ControlView) -> None:
        with block("li", "row-acts in-force"):
            with block("div", "row-head"):
                look = _LOOKS[control.kind]
                badge(look.label, look.tone, look.icon)
                _subject(control)
                Text("span", MODE_NAMES.get(control.mode, control.mode), "muted")
            Text("p", control.reason, "quoted")
            with block("p", "facts"):
                Text("span", by_whom(control))
                with block("span"):
                    Text("span", "engaged ")
                    Timestamp(control.engaged_at)
                if control.expires_at is not None:
                    with block("span"):
                        Text("span", "until ")
                        Timestamp(control.expires_at)
                else:
                    Text("span", "until somebody lifts it")
            if control.payout_pause is not None:
                payout_pause(control.payout_pause)
            _in_flight(control.in_flight)
            if may_control(self._session):
                with block("div", "row-buttons"):
                    Button("Release…" if control.kind == "hold" else "Lift…", partial(self._ask, control))

    async def _ask(self, control: ControlView) -> None:
        title, confirm = _LIFT[control.kind]
        self._question.ask(
            title,
            (_LIFTED[control.kind].format(requests_text(control.scope)), *_payouts_go_on(control.payout_pause)),
            confirm,
            lambda reason: self._session.controls.lift(control.id, reason=reason),
            weight="primary",
            reason="required",
            hint="The ledger keeps it beside the reason for engaging.",
        )


def _payouts_go_on(pause: PayoutPause | None) -> Sequence[str]:
    if pause is None or pause.state not in {"pausing", "paused"}:
        return ()
    return ("Its payout schedule is given back as it was, unless somebody has changed it at Stripe since.",)


def _subject(control: ControlView) -> None:
    for field, value in control.scope.items():
        with block("span", "subject"):
            if field == "decision_id":
                link(value, f"/decisions/{value}", "mono")
            else:
                Text("span", f"{subject_name(field)} ")
                Text("code", value)
    if not control.scope:
        Text("strong", "Everything" if control.kind == "kill_switch" else KINDS[control.kind])


def _in_flight(decision_ids: Sequence[str]) -> None:
    if not decision_ids:
        return
    with block("div", "in-flight"):
        Text("p", f"{len(decision_ids)} under way when it took effect; Stripe may have carried them out:")
        with block("ul", "plain-list"):
            for decision_id in decision_ids:
                with block("li"):
                    link(decision_id, f"/decisions/{decision_id}", "mono")
