"""Who asked for the money and manages members as well puts nobody in place, once it was asked, who approves it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from axiru import ids
from axiru.database import rows
from ledger.acts.break_glass import confirm_glass, open_glass
from ledger.acts.delegate import delegate
from ledger.acts.password import issue_link, set_by_link
from ledger.acts.vote import NotEligible
from ledger.eligibility import eligible_voters, may_vote

AGENT = "agent_42"


@pytest.fixture
async def asked(house: Any, refund: Any) -> Any:
    """What an agent of the admin's asked for: the admin does not approve it."""
    return await _asked(house, refund)


async def test_who_has_a_password_by_the_requesters_link_does_not_vote(house: Any, asked: Any) -> None:
    await _let_in(house, "controller", by="admin")

    assert await may_vote(asked.approval_id, house.members["controller"]) == (
        "Who asked for this has let you in since then; somebody else votes on it."
    )
    assert [voter.member_id for voter in await eligible_voters(asked.approval_id)] == [house.members["controller2"]]
    with pytest.raises(NotEligible) as refused:
        await house.vote(asked.approval_id)
    assert refused.value.facts["because"] == "let_in"
    assert (await house.vote(asked.approval_id, "controller2")).approval_state == "approved"


async def test_whom_somebody_lets_in_whom_the_requester_let_in_does_not_vote(house: Any, asked: Any) -> None:
    await rows("UPDATE members SET roles = {} WHERE id = {}", ["admin"], house.members["finance"])
    await _let_in(house, "finance", by="admin")
    await _let_in(house, "controller", by="finance")

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id)


async def test_delegate_of_who_was_let_in_by_the_requester_does_not_vote(house: Any, asked: Any) -> None:
    await _let_in(house, "controller", by="admin")
    await _delegate(house, "controller", "support", by="controller")

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")


async def test_link_that_nobody_opened_or_somebody_else_made_keeps_nobody_out(house: Any, asked: Any) -> None:
    await rows("UPDATE members SET roles = {} WHERE id = {}", ["admin"], house.members["finance"])
    await _let_in(house, "controller", by="finance")
    for _ in range(2):
        await _link(house, "controller", by="admin")

    assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def test_who_was_let_in_before_it_was_asked_votes(house: Any, refund: Any) -> None:
    await _let_in(house, "controller", by="admin")
    asked = await _asked(house, refund)

    assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def test_seat_that_the_requester_passed_on_since_is_nobodys(house: Any, asked: Any) -> None:
    await _delegate(house, "controller", "support", by="admin")

    assert await may_vote(asked.approval_id, house.members["support"]) == "This approval is for controllers."
    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")
    assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def test_seat_that_the_requester_passed_on_before_it_was_asked_is_sat_in(house: Any, refund: Any) -> None:
    await _delegate(house, "controller", "support", by="admin")
    asked = await _asked(house, refund)

    assert (await house.vote(asked.approval_id, "support")).on_behalf_of == house.members["controller"]


async def test_who_was_let_in_by_the_requester_breaks_no_glass(house: Any, asked: Any) -> None:
    sheet = await house.entries("decision")
    wanted: dict[str, Any] = {"organization_id": house.id, "reason": "fire", "signer": house.signer}
    wanted |= {"alone": False, "digest": sheet[0]["data"]["approval"]["digest"]}
    opened = await open_glass(asked.approval_id, member_id=house.members["controller2"], **wanted)
    await _let_in(house, "controller", by="admin")

    with pytest.raises(NotEligible):
        await confirm_glass(
            opened.break_glass_id,
            organization_id=house.id,
            member_id=house.members["controller"],
            signer=house.signer,
        )


@pytest.mark.parametrize("spelled", ["AGENT_42", " agent_42", "Agent_42 "])
async def test_another_spelling_is_no_other_agent(house: Any, refund: Any, spelled: str) -> None:
    await _agent(house, AGENT, "controller")
    asked = await house.decided(refund(house, 20_000, metadata={"agent_id": spelled}))

    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id)


async def _asked(house: Any, refund: Any) -> Any:
    await _agent(house, AGENT, "admin")
    return await house.decided(refund(house, 20_000, metadata={"agent_id": AGENT}))


async def _agent(house: Any, agent_id: str, owner: str) -> None:
    ident = ids.new_id(ids.AGENT)
    await house.sealed(
        "agent",
        {"agent": ident},
        "INSERT INTO agents (id, organization_id, agent_id, name, owner_member_id, registered_by, registered_at) "
        "VALUES ({}, {}, {}, 'Agent', {}, {}, clock_timestamp())",
        ident,
        house.id,
        agent_id,
        house.members[owner],
        house.members[owner],
    )


async def _link(house: Any, login: str, *, by: str) -> str:
    link = await issue_link(
        house.members[login], organization_id=house.id, by_member_id=house.members[by], signer=house.signer
    )
    return link.token


async def _let_in(house: Any, login: str, *, by: str) -> None:
    await set_by_link(await _link(house, login, by=by), "a hash", signer=house.signer)


async def _delegate(house: Any, absent: str, to: str, *, by: str) -> None:
    await delegate(
        organization_id=house.id,
        member_id=house.members[by],
        from_member_id=house.members[absent],
        to_member_id=house.members[to],
        starts_at=None,
        ends_at=datetime.now(UTC) + timedelta(days=1),
        reason="away",
        signer=house.signer,
    )
