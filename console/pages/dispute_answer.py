"""How the evidence gets to the bank: by a decision that somebody's system asks for, as all money movement is."""

import json
from typing import Final

from console.components.badge import state_badge
from console.components.code_value import code_block
from console.components.disclosure import more
from console.components.kept import Kept
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.dispute_views import Dispute, DisputeDecision

_ASKED: Final = {"submit_evidence": "Submit the evidence", "close": "Close the dispute"}


class AnswerPanel:
    """Decisions about the dispute, and how one is asked for: a log-in may vote, it may not ask for money movement."""

    def __init__(self) -> None:
        self._kept = Kept()
        with block("section", "panel", aria_label="Answer"):
            Text("h2", "Answer")
            self._body = block("div", "panel-body")

    def show(self, dispute: Dispute) -> None:
        self._kept.show(dispute, lambda: self._build(dispute))

    def _build(self, dispute: Dispute) -> None:
        self._body.clear()
        with self._body:
            if dispute.decisions:
                with block("ul", "step-list"):
                    for decision in dispute.decisions:
                        _decision(decision)
            if not dispute.is_open:
                if not dispute.decisions:
                    Text("p", "It was not answered through Axiru.", "muted")
                return
            Text(
                "p",
                "The last good version is submitted by a decision, which policy or people have to allow. A request "
                "comes with an API key:",
            )
            code_block(request_text(dispute), "request")
            Text(
                "p",
                "It is submitted only while disputes are enforced and granted on the connection; in shadow nothing "
                "is sent.",
                "muted",
            )
            with more("What if nobody asks?"):
                Text(
                    "p",
                    "If Axiru or what it needs was out of order shortly before the deadline, the last good version "
                    "goes out by itself, marked as degraded. A person's denial is never overridden.",
                    "muted",
                )


def _decision(decision: DisputeDecision) -> None:
    with block("li", "step-decision"):
        with block("div", "row-head"):
            link(_ASKED.get(decision.dispute_action, decision.dispute_action), f"/decisions/{decision.decision_id}")
            state_badge(decision.state)
            with block("span", "row-end"):
                Timestamp(decision.decided_at)
        if decision.by_axiru:
            Text("p", "By Axiru itself, before the deadline.", "muted")
        elif decision.message:
            Text("p", decision.message, "muted")


def request_text(dispute: Dispute) -> str:
    """The body of `POST /api/v1/decisions` that asks for submission."""
    intent = {
        "dispute": dispute.id,
        "dispute_action": "submit_evidence",
        "amount_cents": dispute.amount_cents,
        "currency": dispute.currency,
    }
    if dispute.stripe_connection_id:
        intent["stripe_connection_id"] = dispute.stripe_connection_id
    body = {"action": "dispute", "execute": "axiru", "idempotency_key": f"answer-{dispute.id}", "intent": intent}
    return "POST /api/v1/decisions\n" + json.dumps(body, indent=2)
