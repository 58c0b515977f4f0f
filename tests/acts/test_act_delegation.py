"""Delegation: somebody else sits in the seat of who is out, for a time, and never for who asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from axiru.database import row, rows
from ledger.acts.delegate import DelegationNotFound, DelegationOver, DelegationRefused, delegate, end_delegation
from ledger.acts.question import ApprovalClosed
from ledger.acts.vote import NotEligible
from ledger.eligibility import eligible_voters, standings

TWO = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: everything
    when: {rail_action: refund}
    effect: review
    approvers: {role: controller, count: 2, deadline: 1h}
"""


@pytest.fixture
async def asked(house: Any, refund: Any) -> Any:
    return await house.decided(refund(house, 20_000))


async def test_delegate_votes_in_the_seat_of_who_is_out(house: Any, asked: Any) -> None:
    await _delegate(house, "controller", "support")
    found = await standings([asked.approval_id], house.members["support"])
    voters = {voter.member_id: voter.on_behalf_of for voter in await eligible_voters(asked.approval_id)}

    vote = await house.vote(asked.approval_id, "support")

    assert (vote.approval_state, vote.on_behalf_of) == ("approved", house.members["controller"])
    assert found[asked.approval_id].on_behalf_of_name == "controller"
    assert voters[house.members["support"]] == house.members["controller"]
    (sealed,) = await house.entries("vote")
    assert (sealed["data"]["member_id"], sealed["data"]["on_behalf_of"], sealed["data"]["roles"]) == (
        house.members["support"],
        house.members["controller"],
        ["controller"],
    )


async def test_delegation_is_sealed_in_both_modes_and_keeps_its_reason_apart(house: Any) -> None:
    receipt = await _delegate(house, "controller", "support", reason="in hospital")
    await end_delegation(
        receipt.delegation_id, organization_id=house.id, member_id=house.members["support"], signer=house.signer
    )

    for mode in ("live", "test"):
        begun, ended = [entry["data"] for entry in await house.entries("delegation", mode)]
        assert (begun["action"], ended["action"]) == ("begin", "end")
        assert "in hospital" not in str(begun)
        assert begun["personal"].keys() == {"reason"}


async def test_own_seat_comes_first(house: Any, asked: Any) -> None:
    await _delegate(house, "controller", "controller2")

    await house.vote(asked.approval_id, "controller2")

    assert (await house.entries("vote"))[0]["data"]["on_behalf_of"] is None


async def test_one_person_never_votes_in_two_seats_nor_one_seat_twice(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(TWO)
    await house.enforce()
    await _delegate(house, "controller", "controller2")
    first = await house.decided(refund(house))
    await house.vote(first.approval_id, "controller2")
    with pytest.raises(ApprovalClosed):
        await house.vote(first.approval_id, "controller2")

    await _delegate(house, "controller", "support")
    second = await house.decided(refund(house))
    await house.vote(second.approval_id, "support")
    with pytest.raises(ApprovalClosed) as refused:
        await house.vote(second.approval_id, "controller")

    assert refused.value.message == "Somebody has already voted in your place."
    assert (await house.vote(second.approval_id, "controller2")).approval_state == "approved"


async def test_who_voted_is_not_voted_for_again(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(TWO)
    await house.enforce()
    await _delegate(house, "controller", "support")
    asked = await house.decided(refund(house))
    await house.vote(asked.approval_id, "controller")

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")


async def test_what_was_passed_on_is_not_passed_on_again(house: Any, asked: Any) -> None:
    await _delegate(house, "controller", "finance")
    await _delegate(house, "finance", "support")

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")


async def test_delegation_to_the_requester_or_from_them_gives_no_vote(house: Any, asked: Any) -> None:
    await _delegate(house, "controller", "requester")
    await _delegate(house, "requester", "support")

    for login in ("requester", "support"):
        with pytest.raises(NotEligible):
            await house.vote(asked.approval_id, login)


@pytest.mark.parametrize(
    "change", ["disabled_at = now()", "roles = ARRAY['viewer']", "roles = ARRAY['finance_manager']"]
)
@pytest.mark.parametrize("whose", ["controller", "support"])
async def test_seat_is_there_as_long_as_who_is_out_could_vote_and_who_stands_in_takes_part(
    house: Any, asked: Any, change: str, whose: str
) -> None:
    await _delegate(house, "controller", "support")
    await rows(f"UPDATE members SET {change} WHERE id = {{}}", house.members[whose])  # noqa: S608

    if (change, whose) == ("roles = ARRAY['finance_manager']", "support"):
        assert (await house.vote(asked.approval_id, "support")).approval_state == "approved"
        return
    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")


@pytest.mark.parametrize(
    ("starts", "ends"), [("1 second", "1 hour"), ("-1 hour", "-1 second")], ids=["still to begin", "over"]
)
async def test_delegation_holds_from_its_beginning_to_its_end(
    house: Any, asked: Any, superuser: asyncpg.Connection, starts: str, ends: str
) -> None:
    receipt = await _delegate(house, "controller", "support")
    await superuser.execute(
        "UPDATE delegations SET starts_at = clock_timestamp() + $2::text::interval, "
        "ends_at = clock_timestamp() + $3::text::interval WHERE id = $1",
        receipt.delegation_id,
        # A margin, since a slow machine may take its time between here and the vote.
        "1 hour" if starts == "1 second" else starts,
        "2 hours" if starts == "1 second" else ends,
    )

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")


@pytest.mark.parametrize("by", ["controller", "support", "admin"])
async def test_ended_delegation_gives_no_vote_any_more(house: Any, asked: Any, by: str) -> None:
    receipt = await _delegate(house, "controller", "support")
    ending = {"organization_id": house.id, "member_id": house.members[by], "signer": house.signer}

    await end_delegation(receipt.delegation_id, **ending)

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")
    with pytest.raises(DelegationOver):
        await end_delegation(receipt.delegation_id, **ending)


async def test_vote_that_was_cast_outlives_its_delegation(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(TWO)
    await house.enforce()
    receipt = await _delegate(house, "controller", "support")
    asked = await house.decided(refund(house))
    await house.vote(asked.approval_id, "support")

    await end_delegation(
        receipt.delegation_id, organization_id=house.id, member_id=house.members["admin"], signer=house.signer
    )

    assert (await house.vote(asked.approval_id, "controller2")).approval_state == "approved"


@pytest.mark.parametrize(
    ("by", "absent", "to", "refusal"),
    [
        ("controller2", "controller", "support", NotEligible),
        ("viewer", "controller", "support", NotEligible),
        ("admin", "controller", "admin", NotEligible),
        ("stranger", "controller", "support", NotEligible),
        ("controller", "controller", "controller", DelegationRefused),
        ("controller", "controller", "viewer", DelegationRefused),
        ("controller", "controller", "stranger", DelegationRefused),
        ("support", "support", "controller", DelegationRefused),
        ("admin", "stranger", "controller", DelegationRefused),
    ],
)
async def test_seat_is_passed_on_by_its_holder_or_an_admin_to_somebody_who_takes_part(
    house: Any, new_house: Any, by: str, absent: str, to: str, refusal: Any
) -> None:
    house.members["stranger"] = (await new_house()).members["controller"]

    with pytest.raises(refusal):
        await _delegate(house, absent, to, by=by)

    assert await rows("SELECT id FROM delegations WHERE organization_id = {}", house.id) == []
    assert await house.entries("delegation") == []


async def test_admin_passes_on_the_seat_of_another(house: Any, asked: Any) -> None:
    await _delegate(house, "controller", "finance", by="admin")

    assert (await house.vote(asked.approval_id, "finance")).approval_state == "approved"


@pytest.mark.parametrize("days", [-1, 0, 90.01, 400])
async def test_delegation_ends_after_it_begins_within_ninety_days(house: Any, days: float) -> None:
    with pytest.raises(DelegationRefused) as refused:
        await _delegate(house, "controller", "support", days=days)

    assert refused.value.facts["field"] == "ends_at"


async def test_delegation_does_not_begin_before_it_is_sealed(house: Any) -> None:
    receipt = await _delegate(house, "controller", "support", starts_at=datetime(2020, 1, 1, tzinfo=UTC))

    found = await row("SELECT starts_at >= created_at AS later FROM delegations WHERE id = {}", receipt.delegation_id)
    assert found == {"later": True}


async def test_only_the_two_and_admins_end_a_delegation(house: Any, new_house: Any) -> None:
    receipt = await _delegate(house, "controller", "support")
    ending = {"organization_id": house.id, "signer": house.signer}

    with pytest.raises(NotEligible):
        await end_delegation(receipt.delegation_id, member_id=house.members["controller2"], **ending)
    stranger = await new_house()
    with pytest.raises(DelegationNotFound):
        await end_delegation(
            receipt.delegation_id,
            organization_id=stranger.id,
            member_id=stranger.members["admin"],
            signer=house.signer,
        )


async def _delegate(
    house: Any,
    absent: str,
    to: str,
    *,
    by: str | None = None,
    reason: str = "away",
    days: float = 1,
    starts_at: datetime | None = None,
) -> Any:
    now = datetime.now(UTC)
    return await delegate(
        organization_id=house.id,
        member_id=house.members[by or absent],
        from_member_id=house.members[absent],
        to_member_id=house.members[to],
        starts_at=starts_at,
        ends_at=now + timedelta(days=days),
        reason=reason,
        signer=house.signer,
    )
