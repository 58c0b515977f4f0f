"""Which event a message of the outbox is to the outside."""

from typing import Any

import pytest

from axiru.domain.webhook_events import EVENTS, SUBSCRIPTIONS, event_of, subscribed


@pytest.mark.parametrize(
    ("topic", "payload", "event"),
    [
        ("approval", {"state": "pending"}, "approval.requested"),
        ("approval", {"state": "approved"}, "approval.approved"),
        ("approval", {"state": "expired"}, "approval.expired"),
        ("vote", {"vote_id": "vt_1"}, "approval.vote"),
        ("notice", {"kind": "reminder"}, "approval.reminder"),
        ("notice", {"kind": "escalation", "role": "admin"}, "approval.escalated"),
        ("discussion", {"kind": "question"}, "approval.question"),
        ("discussion", {"kind": "assignment"}, "approval.assigned"),
        ("decision", {"state": "held"}, "decision.held"),
        ("authorization", {"state": "approved"}, "authorization.approved"),
        ("authorization", {"state": "issued", "jti": "jti_1"}, "authorization.issued"),
        ("authorization", {"state": "failed", "jti": "jti_1"}, "authorization.failed"),
        ("execution", {"state": "execution_failed"}, "execution.execution_failed"),
        ("control", {"kind": "freeze", "in_force": True}, "control.engaged"),
        ("control", {"kind": "hold", "in_force": False}, "control.lifted"),
        ("payout_pause", {"state": "paused"}, "control.payouts_paused"),
        ("payout_pause", {"state": "failed"}, "control.payouts_failed"),
        ("breaker", {"state": "proposed"}, "breaker.tripped"),
        ("breaker", {"state": "engaged"}, "breaker.tripped"),
        ("break_glass", {"state": "used"}, "break_glass.used"),
        ("member", {"change": "locked"}, "member.locked"),
        ("connection", {"change": "revoked", "status": "revoked"}, "connection.revoked"),
        ("connection", {"change": "granted", "status": "active"}, "connection.granted"),
        ("dispute", {"state": "opened"}, "dispute.opened"),
        ("budget", {"state": "threshold_reached"}, "budget.threshold_reached"),
        ("budget", {"state": "exhausted"}, "budget.exhausted"),
        ("dispute", {"state": "degraded"}, "dispute.degraded"),
    ],
)
def test_message_is_told_as_its_event(topic: str, payload: dict[str, Any], event: str) -> None:
    assert event_of(topic, payload) == event
    assert event in EVENTS


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("member", {"change": "renamed"}),
        ("breaker", {"state": "dismissed"}),
        ("payout_pause", {"state": "pausing"}),
        ("decision", {"state": "a state to come"}),
        ("context", {"approval_id": "ap_1"}),
        ("connection", {"change": "renamed", "status": "active"}),
        ("dispute", {"state": "changed"}),
        ("policy", {"slug": "refunds"}),
        ("a topic to come", {}),
    ],
)
def test_what_is_ours_alone_is_not_told(topic: str, payload: dict[str, Any]) -> None:
    assert event_of(topic, payload) is None


def test_one_event_a_family_and_all_can_be_asked_for() -> None:
    assert subscribed(["approval.vote"], "approval.vote")
    assert subscribed(["approval.*"], "approval.vote")
    assert subscribed(["*"], "approval.vote")
    assert not subscribed(["approval.requested", "decision.*"], "approval.vote")
    assert not subscribed([], "approval.vote")
    assert {"approval.*", "break_glass.*", "*", "control.engaged"} <= SUBSCRIPTIONS
    assert not {"", "ping.*", "approval", "approval."} & SUBSCRIPTIONS
