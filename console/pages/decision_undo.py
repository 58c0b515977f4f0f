"""Taking back what was executed: whether Stripe can, how, and how far that is; or why it cannot."""

from collections.abc import Callable
from typing import Final

from console.components.badge import UNDONE, Look, badge
from console.components.button import Button
from console.components.code_value import code_value
from console.components.kept import Kept
from console.components.key_value import fact, key_values
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.control_words import may_control
from console.detail_views import DecisionDetail, Undo
from console.sessions import Session

_NOT_PERMITTED: Final = "Finance managers, controllers and admins may undo it."
_LOOKS: Final[dict[str, Look]] = {
    "intended": Look("To be undone", "clock", "busy-still"),
    "calling": Look("Being undone", "spinner", "busy"),
    "succeeded": UNDONE,
    "failed": Look("Not undone", "alert", "failed"),
}


class UndoPanel:
    """Nothing is shown of a decision that Axiru has not executed."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._question = Question(session, changed)
        self._kept = Kept()
        self._panel = block("section", "panel", aria_label="Undo")
        with self._panel:
            Text("h2", "Undo")
            self._body = block("div", "panel-body")
        self._panel.set_visibility(False)

    def show(self, decision: DecisionDetail) -> None:
        undo = decision.undo
        executed = decision.execute == "axiru" and decision.state == "executed"
        self._panel.set_visibility(undo is not None and (executed or undo.state is not None))
        if undo is not None:
            self._kept.show((undo, decision.decision_id), lambda: self._build(decision, undo))

    def _build(self, decision: DecisionDetail, undo: Undo) -> None:
        self._body.clear()
        with self._body:
            look = _LOOKS.get(undo.state or "")
            if look is not None:
                badge(look.label, look.tone, look.icon)
            if undo.stripe_object_id:
                with key_values(), fact("On Stripe"):
                    code_value(undo.stripe_object_id, "Stripe id")
            if undo.requested_by is not None and undo.requested_at is not None:
                with block("p", "muted"):
                    Text("span", f"Asked by {undo.requested_by.shown} ")
                    Timestamp(undo.requested_at)
                if undo.reason:
                    Text("p", undo.reason, "quoted")
            if undo.error_text:
                Text("p", f"Stripe: {undo.error_text}", "refusal")
            sentence = undo.how if undo.possible else undo.why_not
            if sentence and undo.state not in {"succeeded", "calling"}:
                Text("p", sentence)
            if not undo.possible:
                return
            if may_control(self._session):
                Button("Try again…" if undo.state == "failed" else "Undo…", lambda: self._ask(decision, undo))
            else:
                Text("p", _NOT_PERMITTED, "muted")

    async def _ask(self, decision: DecisionDetail, undo: Undo) -> None:
        self._question.ask(
            "Undo this?",
            (
                undo.how or "",
                "Axiru makes the call once, whatever is stopped meanwhile: it brings money back. It cannot be undone "
                "in its turn.",
                *(("This is live money.",) if decision.mode == "live" else ()),
            ),
            "Undo",
            lambda reason: self._session.api.undo(decision.decision_id, reason=reason),
            reason="required",
        )
