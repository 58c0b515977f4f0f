"""Reminders and escalations: planned with the decision, sealed and told once each, and only while people are asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from axiru.database import rows
from axiru.domain.evaluation import ApproverGroup, Escalation, ReviewTerms
from axiru.domain.notice import Notice, notices_of
from ledger.acts.notice import give_notice
from ledger.acts.projection import receipt_of

ASKED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

IN_TIME = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: large
    when: {amount: {currency: usd, gt: 15000}}
    effect: review
    approvers: {role: controller, deadline: 1h, remind: [10m, 50m], escalate: [{after: 30m, role: admin}]}
"""


def test_notices_are_in_time_and_before_the_deadline() -> None:
    groups = (ApproverGroup("controller"),)
    terms = ReviewTerms(groups, 100, (Escalation(30, "admin"), Escalation(100, "auditor")), (30, 60, 100))

    notices = notices_of(terms, ASKED_AT, ASKED_AT + timedelta(seconds=100))

    assert [(one.number, one.kind, one.role) for one in notices] == [
        (1, "reminder", None),
        (2, "escalation", "admin"),
        (3, "reminder", None),
    ]
    assert [one.due_at - ASKED_AT for one in notices] == [timedelta(seconds=seconds) for seconds in (30, 30, 60)]
    assert notices_of(ReviewTerms(groups), ASKED_AT, ASKED_AT + timedelta(days=1)) == ()


@pytest.fixture
async def asked(house: Any, refund: Any) -> Any:
    await house.activate(IN_TIME)
    return await house.decided(refund(house, 20_000))


async def test_receipt_holds_the_notices_whoever_reads_it(asked: Any) -> None:
    assert [one.kind for one in asked.approval_notices] == ["reminder", "escalation", "reminder"]
    assert (await receipt_of(asked.decision_id)).approval_notices == asked.approval_notices


async def test_each_notice_is_sealed_and_told_once(house: Any, asked: Any) -> None:
    for notice in (*asked.approval_notices, *asked.approval_notices):
        await _give(house, asked, notice)

    reminders, (escalated,) = await house.entries("approval_reminder"), await house.entries("approval_escalated")
    assert [entry["data"]["number"] for entry in reminders] == [1, 3]
    assert (escalated["decision_id"], escalated["data"]["role"]) == (asked.decision_id, "admin")
    told = await rows(
        "SELECT payload FROM outbox WHERE organization_id = {} AND topic = 'notice' ORDER BY seq", house.id
    )
    about = {"approval_id": asked.approval_id, "decision_id": asked.decision_id}
    assert [msgspec.json.decode(one["payload"]) for one in told] == [
        {**about, "kind": "reminder"},
        {**about, "kind": "escalation", "role": "admin"},
        {**about, "kind": "reminder"},
    ]


async def test_nobody_is_reminded_of_what_is_decided(house: Any, asked: Any) -> None:
    await house.vote(asked.approval_id)

    await _give(house, asked, asked.approval_notices[0])

    assert await house.entries("approval_reminder") == []


async def test_nobody_is_reminded_after_the_deadline(house: Any, asked: Any, superuser: Any) -> None:
    await superuser.execute(
        "UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1", asked.approval_id
    )

    await _give(house, asked, asked.approval_notices[0])

    assert await house.entries("approval_reminder") == []


async def _give(house: Any, asked: Any, notice: Notice) -> None:
    await give_notice(asked.approval_id, notice, organization_id=house.id, mode="test", signer=house.signer)
