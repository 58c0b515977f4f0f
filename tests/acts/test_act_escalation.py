"""Escalation: once its time has come another role may stand in, and not a moment before."""

from typing import Any

import asyncpg
import pytest

from ledger.acts.vote import NotEligible

ESCALATES = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: everything
    when: {rail_action: refund}
    effect: review
    approvers:
      groups: [{role: controller}, {role: finance_manager}]
      deadline: 24h
      escalate: [{after: 1h, role: admin}, {after: 4h, role: viewer}]
"""


@pytest.fixture
async def asked(new_house: Any, refund: Any, infrastructure: Any) -> Any:
    """An approval of two groups, in a house where `controller2` is an administrator."""
    house = await new_house()
    await house.activate(ESCALATES)
    await house.enforce()
    owner = await asyncpg.connect(infrastructure.database_admin_url)
    for login in ("controller2", "requester"):
        await owner.execute("UPDATE members SET roles = '{admin}' WHERE id = $1", house.members[login])
    await owner.close()
    return house, await house.decided(refund(house))


async def test_role_of_an_escalation_stands_in_when_its_time_has_come_and_not_before(
    asked: Any, superuser: asyncpg.Connection
) -> None:
    house, receipt = asked
    await _asked_ago(superuser, receipt, "59 minutes 58 seconds")
    with pytest.raises(NotEligible):
        await house.vote(receipt.approval_id, "controller2")
    await _asked_ago(superuser, receipt, "1 hour")

    vote = await house.vote(receipt.approval_id, "controller2")

    assert vote.approval_state == "pending"
    (sealed,) = await house.entries("vote")
    assert sealed["data"]["roles"] == ["controller", "finance_manager"]
    assert sealed["data"]["stands_in_as"] == "admin"
    with pytest.raises(NotEligible):
        await house.vote(receipt.approval_id, "viewer")


async def test_stand_in_takes_the_place_that_is_left_and_only_one(asked: Any, superuser: asyncpg.Connection) -> None:
    house, receipt = asked
    await _asked_ago(superuser, receipt, "2 hours")

    first = await house.vote(receipt.approval_id, "controller2")
    second = await house.vote(receipt.approval_id, "controller")

    assert (first.approval_state, second.approval_state) == ("pending", "approved")


async def test_every_place_may_be_taken_by_stand_ins_and_each_by_a_person_of_its_own(
    asked: Any, superuser: asyncpg.Connection
) -> None:
    house, receipt = asked
    await superuser.execute("UPDATE members SET roles = '{admin}' WHERE id = $1", house.members["finance"])
    await _asked_ago(superuser, receipt, "2 hours")

    first = await house.vote(receipt.approval_id, "finance")
    second = await house.vote(receipt.approval_id, "controller2")

    assert (first.approval_state, second.approval_state) == ("pending", "approved")


async def test_escalation_to_a_role_that_never_approves_opens_nothing(
    asked: Any, superuser: asyncpg.Connection
) -> None:
    house, receipt = asked
    await _asked_ago(superuser, receipt, "5 hours")

    with pytest.raises(NotEligible):
        await house.vote(receipt.approval_id, "viewer")


async def test_requester_does_not_stand_in_for_the_approvers(asked: Any, superuser: asyncpg.Connection) -> None:
    house, receipt = asked
    await _asked_ago(superuser, receipt, "2 hours")

    with pytest.raises(NotEligible) as refused:
        await house.vote(receipt.approval_id, "requester")

    assert refused.value.facts["because"] == "requester"


async def test_own_role_votes_as_ever_and_is_no_stand_in(asked: Any, superuser: asyncpg.Connection) -> None:
    house, receipt = asked
    await _asked_ago(superuser, receipt, "2 hours")

    await house.vote(receipt.approval_id, "controller")

    (sealed,) = await house.entries("vote")
    assert (sealed["data"]["roles"], sealed["data"]["stands_in_as"]) == (["controller"], None)


async def _asked_ago(superuser: asyncpg.Connection, receipt: Any, ago: str) -> None:
    """The app itself could not move it."""
    await superuser.execute(
        "UPDATE approvals SET asked_at = clock_timestamp() - $2::text::interval WHERE id = $1", receipt.approval_id, ago
    )
