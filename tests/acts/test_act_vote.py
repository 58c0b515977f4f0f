"""Votes: who may, once, until when, on exactly what, and what ends an approval."""

import asyncio
from typing import Any

import asyncpg
import pytest

from axiru.database import row, rows
from ledger.acts.control import engage
from ledger.acts.projection import receipt_of
from ledger.acts.question import ApprovalClosed, ApprovalNotFound, read_question
from ledger.acts.vote import NotEligible, ReasonRequired, expire_approval

TWO_OF_EACH = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: everything
    when: {rail_action: refund}
    effect: review
    approvers: {groups: [{role: controller, count: 2}, {role: finance_manager}], deadline: 1h}
"""


@pytest.fixture
async def asked(house: Any, refund: Any) -> Any:
    """A decision that waits for one controller."""
    receipt = await house.decided(refund(house, 20_000))
    assert receipt.state == "pending_approval"
    return receipt


async def test_an_eligible_approval_is_sealed_with_its_digest(house: Any, asked: Any) -> None:
    vote = await house.vote(asked.approval_id)

    assert (vote.approval_state, vote.decision_id) == ("approved", asked.decision_id)
    assert await house.state(asked.decision_id) == "approved"
    (sealed,) = await house.entries("vote")
    (decision,) = await house.entries("decision")
    assert sealed["data"]["digest"] == decision["data"]["approval"]["digest"]
    assert (sealed["data"]["member_id"], sealed["data"]["roles"]) == (house.members["controller"], ["controller"])


async def test_one_denial_denies_and_keeps_its_reason(house: Any, asked: Any) -> None:
    vote = await house.vote(asked.approval_id, verdict="deny", reason="no receipt")

    assert vote.approval_state == "denied"
    assert await house.state(asked.decision_id) == "denied"
    assert (await house.entries("vote"))[0]["data"]["reason"] == "no receipt"


@pytest.mark.parametrize("reason", ["", "  \n"])
async def test_denial_without_a_reason_is_refused(house: Any, asked: Any, reason: str) -> None:
    with pytest.raises(ReasonRequired):
        await house.vote(asked.approval_id, verdict="deny", reason=reason)
    await _nothing_happened(house, asked)


@pytest.mark.parametrize(
    ("login", "because"), [("viewer", "role"), ("finance", "role"), ("requester", "requester"), ("nobody", "role")]
)
async def test_vote_of_one_who_may_not_is_refused(house: Any, asked: Any, login: str, because: str) -> None:
    house.members["nobody"] = "mem_nobody"

    with pytest.raises(NotEligible) as refused:
        await house.vote(asked.approval_id, login)

    assert refused.value.facts["because"] == because
    await _nothing_happened(house, asked)


@pytest.mark.parametrize("change", ["disabled_at = now()", "roles = ARRAY['viewer']", "roles = ARRAY[]::text[]"])
async def test_member_who_lost_the_right_does_not_vote(house: Any, asked: Any, change: str) -> None:
    await rows(f"UPDATE members SET {change} WHERE id = {{}}", house.members["controller"])  # noqa: S608

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id)
    await _nothing_happened(house, asked)


async def test_nobody_votes_twice(new_house: Any, refund: Any) -> None:
    house = await _house_of_two(new_house)
    asked = await house.decided(refund(house))
    await house.vote(asked.approval_id)

    for verdict in ("approve", "deny"):
        with pytest.raises(ApprovalClosed):
            await house.vote(asked.approval_id, verdict=verdict, reason="again")

    assert (await read_question(asked.approval_id)).state == "pending"
    assert len(await house.entries("vote")) == 1


async def test_every_place_of_every_group_needs_a_person_of_its_own(new_house: Any, refund: Any) -> None:
    house = await _house_of_two(new_house)
    asked = await house.decided(refund(house))

    states = [
        (await house.vote(asked.approval_id, login)).approval_state for login in ("author", "finance", "controller")
    ]
    assert states == ["pending"] * 3
    assert (await house.vote(asked.approval_id, "controller2")).approval_state == "approved"


async def test_who_holds_two_roles_fills_the_place_that_others_cannot(new_house: Any, refund: Any) -> None:
    house = await _house_of_two(new_house)
    both = ["controller", "finance_manager"]
    await rows("UPDATE members SET roles = {} WHERE id = {}", both, house.members["controller"])
    await rows("UPDATE members SET roles = {} WHERE id = {}", ["controller"], house.members["finance"])
    asked = await house.decided(refund(house))

    states = [
        (await house.vote(asked.approval_id, login)).approval_state
        for login in ("controller", "controller2", "finance")
    ]

    assert states == ["pending", "pending", "approved"]


async def test_one_person_with_two_roles_counts_once(new_house: Any, refund: Any) -> None:
    house = await _house_of_two(new_house)
    both = ["controller", "finance_manager"]
    await rows("UPDATE members SET roles = {} WHERE id = {}", both, house.members["controller"])
    asked = await house.decided(refund(house))

    for login in ("controller", "controller2"):
        assert (await house.vote(asked.approval_id, login)).approval_state == "pending"


async def test_of_two_votes_at_once_only_one_ends_the_approval(house: Any, asked: Any) -> None:
    results = await asyncio.gather(
        house.vote(asked.approval_id, "controller"),
        house.vote(asked.approval_id, "controller2"),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["ApprovalClosed", "VoteReceipt"]
    assert len(await house.entries("vote")) == 1


async def test_same_vote_sent_twice_at_once_is_sealed_once(house: Any, asked: Any) -> None:
    results = await asyncio.gather(*(house.vote(asked.approval_id) for _ in range(4)), return_exceptions=True)

    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert len(await house.entries("vote")) == 1


async def test_vote_after_the_deadline_is_refused_before_anything_has_expired_it(
    house: Any, asked: Any, superuser: asyncpg.Connection
) -> None:
    await _past_deadline(asked, superuser)

    with pytest.raises(ApprovalClosed) as refused:
        await house.vote(asked.approval_id)

    assert refused.value.facts["state"] == "expired"
    await _nothing_happened(house, asked)


async def test_approval_expires_after_its_deadline_and_not_before(
    house: Any, asked: Any, superuser: asyncpg.Connection
) -> None:
    expiring = {"organization_id": house.id, "mode": "test", "signer": house.signer}

    assert await expire_approval(asked.approval_id, **expiring) == "pending"
    await _nothing_happened(house, asked)

    await _past_deadline(asked, superuser)
    assert await expire_approval(asked.approval_id, **expiring) == "expired"
    assert await expire_approval(asked.approval_id, **expiring) == "expired"
    assert await house.state(asked.decision_id) == "expired"
    assert await house.movement(asked.decision_id) == "released"
    assert len(await house.entries("approval_expired")) == 1
    with pytest.raises(ApprovalClosed):
        await house.vote(asked.approval_id)


async def test_approval_that_was_decided_does_not_expire(house: Any, asked: Any, superuser: asyncpg.Connection) -> None:
    await house.vote(asked.approval_id)
    await _past_deadline(asked, superuser)

    state = await expire_approval(asked.approval_id, organization_id=house.id, mode="test", signer=house.signer)

    assert state == "approved"
    assert await house.state(asked.decision_id) == "approved"


async def test_vote_on_another_digest_is_refused(house: Any, asked: Any) -> None:
    with pytest.raises(ApprovalClosed):
        await house.vote(asked.approval_id, digest="0" * 64)
    await _nothing_happened(house, asked)

    found = await row("SELECT digest FROM approvals WHERE id = {}", asked.approval_id)
    assert found is not None
    assert (await house.vote(asked.approval_id, digest=found["digest"])).approval_state == "approved"


async def test_nobody_can_approve_a_decision_whose_entry_was_altered(
    house: Any, asked: Any, superuser: asyncpg.Connection
) -> None:
    changed = await superuser.execute(
        "UPDATE ledger_entries SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"amount\":20000', "
        "'\"amount\":90000'), 'UTF8') WHERE organization_id = $1 AND decision_id = $2",
        house.id,
        asked.decision_id,
    )
    assert changed == "UPDATE 1"

    with pytest.raises(ApprovalClosed) as refused:
        await house.vote(asked.approval_id)

    assert refused.value.facts["state"] == "altered"


async def test_empty_list_of_approvers_approves_nobody(house: Any, asked: Any, superuser: asyncpg.Connection) -> None:
    await superuser.execute(
        """UPDATE approvals SET terms = '{"groups": [], "deadline_seconds": 60}' WHERE id = $1""", asked.approval_id
    )

    for login in house.members:
        with pytest.raises(NotEligible):
            await house.vote(asked.approval_id, login)
    await _nothing_happened(house, asked)


async def test_approval_of_another_organization_is_not_found(house: Any, asked: Any, new_house: Any) -> None:
    stranger = await new_house()

    with pytest.raises(ApprovalNotFound) as theirs:
        await stranger.vote(asked.approval_id)
    with pytest.raises(ApprovalNotFound) as nobodys:
        await stranger.vote("ap_never")

    assert (theirs.value.message, theirs.value.facts) == (nobodys.value.message, nobodys.value.facts)
    await _nothing_happened(house, asked)


async def test_member_of_another_organization_does_not_vote(house: Any, asked: Any, new_house: Any) -> None:
    house.members["stranger"] = (await new_house()).members["controller"]

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "stranger")


async def test_approval_under_a_kill_switch_denies_what_the_caller_would_execute(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house, 20_000, execute="caller"))
    await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind="kill_switch",
        scope={},
        applies_to="test",
        reason="a test",
        expires_at=None,
        signer=house.signer,
    )

    vote = await house.vote(asked.approval_id)

    receipt = await receipt_of(asked.decision_id)
    assert (vote.approval_state, receipt.state, receipt.reason) == ("approved", "denied", "kill_switch_engaged")
    assert await house.movement(asked.decision_id) == "released"
    (sealed,) = await house.entries("vote")
    assert sealed["data"]["forbidden_by"]["reason"] == "kill_switch_engaged"


async def _house_of_two(new_house: Any) -> Any:
    house = await new_house()
    await house.activate(TWO_OF_EACH)
    await house.enforce()
    return house


async def _past_deadline(asked: Any, superuser: asyncpg.Connection) -> None:
    """The app itself could not move it."""
    await superuser.execute(
        "UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1", asked.approval_id
    )


async def _nothing_happened(house: Any, asked: Any) -> None:
    assert (await read_question(asked.approval_id)).state == "pending"
    assert await house.state(asked.decision_id) == "pending_approval"
    assert await house.entries("vote") == []
    assert await rows("SELECT id FROM votes WHERE approval_id = {}", asked.approval_id) == []
