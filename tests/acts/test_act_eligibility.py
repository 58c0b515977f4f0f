"""Who may vote: the same answer beforehand as in the act, and never to whoever the request is their own."""

from typing import Any

import asyncpg
import pytest

from axiru import ids
from axiru.database import row, rows
from ledger.acts.question import ApprovalClosed
from ledger.acts.vote import NotEligible
from ledger.eligibility import eligible_voters, may_vote, standings

AGENT = "agent_42"


async def test_requester_key_owner_and_owners_of_every_agent_named_are_excluded_and_sealed(
    house: Any, refund: Any
) -> None:
    await _agent(house, AGENT, "controller")
    await _agent(house, "other", "controller2")
    ovt = refund(house, 20_000, metadata={"agent_id": AGENT}, extra={"agent_id": "other"})

    asked = await house.decided(ovt)

    excluded = sorted(house.members[login] for login in ("requester", "controller", "controller2"))
    found = await row("SELECT excluded_member_ids FROM approvals WHERE id = {}", asked.approval_id)
    (sealed,) = await house.entries("decision")
    assert found == {"excluded_member_ids": excluded}
    assert sealed["data"]["approval"]["excluded_member_ids"] == excluded
    for login in ("controller", "controller2"):
        with pytest.raises(NotEligible) as refused:
            await house.vote(asked.approval_id, login)
        assert refused.value.facts["because"] == "owner"
    assert await eligible_voters(asked.approval_id) == ()


async def test_owner_of_the_key_is_excluded_whoever_asked_with_it(house: Any, refund: Any) -> None:
    key_id = ids.new_id(ids.API_KEY)
    await rows(
        "INSERT INTO api_keys (id, organization_id, mode, name, secret_hash, hint, scopes, owner_member_id, "
        "outcome_style, created_at) VALUES ({}, {}, 'test', 'k', {}, 'h', {}, {}, 'reference', now())",
        key_id,
        house.id,
        key_id,
        ["decisions:write"],
        house.members["controller"],
    )
    decision_id = await house.ask(refund(house, 20_000))
    await rows(
        "INSERT INTO requests SELECT {}, organization_id, mode, endpoint, fingerprint, ovt, {}, requested_by, "
        "received_at, asked_at FROM requests WHERE decision_id = {}",
        again := ids.new_id(ids.DECISION),
        key_id,
        decision_id,
    )

    asked = await house.decide(again)

    assert await may_vote(asked.approval_id, house.members["controller"]) == (
        "You cannot vote on what your key or your agent asked for."
    )
    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "controller")


@pytest.mark.parametrize("named", ["initiator", "extra", "metadata"])
async def test_owner_of_the_agent_now_is_excluded_beside_the_owner_then(house: Any, refund: Any, named: str) -> None:
    agent_id = "key_1" if named == "initiator" else AGENT
    ident = await _agent(house, agent_id, "controller")
    context = {"extra": {"agent_id": AGENT}} if named == "extra" else {}
    asked = await house.decided(
        refund(house, 20_000, metadata={"agent_id": AGENT} if named == "metadata" else None, **context)
    )

    await house.sealed(
        "agent",
        {"agent": ident},
        "UPDATE agents SET owner_member_id = {} WHERE id = {}",
        *(house.members["controller2"], ident),
    )

    for login in ("controller", "controller2"):
        with pytest.raises(NotEligible):
            await house.vote(asked.approval_id, login)


async def test_agent_of_another_organization_excludes_nobody(house: Any, refund: Any, new_house: Any) -> None:
    stranger = await new_house()
    await _agent(stranger, AGENT, "controller", owner=house.members["controller"])
    asked = await house.decided(refund(house, 20_000, metadata={"agent_id": AGENT}))

    assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def test_what_is_said_beforehand_is_what_the_act_does(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house, 20_000))
    voters = {voter.member_id for voter in await eligible_voters(asked.approval_id)}
    assert voters == {house.members["controller"], house.members["controller2"]}

    for login, member_id in house.members.items():
        because = await may_vote(asked.approval_id, member_id)
        if member_id in voters:
            assert because is None
            continue
        with pytest.raises(NotEligible) as refused:
            await house.vote(asked.approval_id, login)
        assert refused.value.message == because


async def test_nobody_may_vote_twice_or_on_what_is_over(house: Any, refund: Any, superuser: asyncpg.Connection) -> None:
    over = await house.decided(refund(house, 20_000))
    await house.vote(over.approval_id)
    late = await house.decided(refund(house, 20_000))
    await superuser.execute(
        "UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1", late.approval_id
    )
    member_id = house.members["controller2"]

    found = await standings([over.approval_id, late.approval_id, "ap_never"], member_id)

    assert {each: standing.cannot_vote_because for each, standing in found.items()} == {
        over.approval_id: "This approval is already approved.",
        late.approval_id: "The deadline has passed.",
    }
    assert await eligible_voters(over.approval_id) == await eligible_voters("ap_never") == ()
    assert await may_vote("ap_never", member_id) == "There is no such approval."


async def test_approval_that_shows_something_else_than_was_sealed_cannot_be_approved(
    house: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    for change in (
        """jsonb_set(ovt, '{amount,units}', '"1"')""",
        """jsonb_set(ovt, '{context,customer_id}', '"cus_other"')""",
        """jsonb_set(ovt, '{metadata}', '{"note": "harmless"}')""",
        """jsonb_set(ovt, '{context,extra}', '{"more": 1}')""",
        """jsonb_set(ovt, '{target,charge}', '"ch_other"')""",
        "ovt - 'rail_action'",
    ):
        asked = await house.decided(refund(house, 20_000, customer_id="cus_1", metadata={"note": "as it was"}))
        before = await row("SELECT ovt FROM requests WHERE decision_id = {}", asked.decision_id)
        assert before
        await superuser.execute(f"UPDATE requests SET ovt = {change} WHERE decision_id = $1", asked.decision_id)  # noqa: S608

        with pytest.raises(ApprovalClosed) as refused:
            await house.vote(asked.approval_id)

        assert refused.value.facts["state"] == "altered", change
        await superuser.execute("UPDATE requests SET ovt = $2 WHERE decision_id = $1", asked.decision_id, before["ovt"])
        assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def test_erasing_personal_values_leaves_the_approval_open(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house, 20_000, customer_id="cus_1"))
    await rows("DELETE FROM personal_values WHERE organization_id = {}", house.id)

    assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def _agent(house: Any, agent_id: str, login: str, owner: str | None = None) -> str:
    ident = ids.new_id(ids.AGENT)
    await house.sealed(
        "agent",
        {"agent": ident},
        "INSERT INTO agents (id, organization_id, agent_id, name, owner_member_id, registered_by, registered_at) "
        "VALUES ({}, {}, {}, 'Agent', {}, {}, now())",
        ident,
        house.id,
        agent_id,
        owner or house.members[login],
        house.members["admin"],
    )
    return ident
