"""Whatever is passed on, narrowed or taken back, in whatever order: nobody has what one above them does not have."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axiru.database import rows
from axiru.domain.lineage import MOST_IN_LINE, Lineage, LineAgent
from axiru.domain.movement import Initiator, Ovt
from ledger.acts.agent import AgentChange, AgentConflict, WantedAgent, change_agent, register, retire_agent
from ledger.acts.agent_delegation import DelegationWidens
from ledger.acts.lineage import authority_lost, lineages

NewHouse = Callable[[], Awaitable[Any]]
MakeRefund = Callable[..., Ovt]
SCOPES = ("a", "b", "c")
SCOPE_SETS = st.lists(st.sampled_from(SCOPES), unique=True)
TIMES = st.none() | st.integers(1, 5)
START = datetime(2030, 1, 1, tzinfo=UTC)


@given(st.lists(st.tuples(SCOPE_SETS, TIMES), min_size=1, max_size=MOST_IN_LINE))
def test_what_counts_is_never_more_than_what_each_above_has(given_to: list[tuple[list[str], int | None]]) -> None:
    line = [
        LineAgent(str(at), str(at), "mem", tuple(scopes), START + timedelta(days=days) if days else None)
        for at, (scopes, days) in enumerate(given_to)
    ]
    for below in range(len(line)):
        one = Lineage(tuple(line[below:]))
        for above in line[below:]:
            assert set(one.effective_scopes) <= set(above.scopes)
            assert above.expires_at is None or (one.ends_at is not None and one.ends_at <= above.expires_at)
            assert above.expires_at is None or one.over(above.expires_at) == "agent_expired"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), st.integers(-1, 9), SCOPE_SETS, TIMES),
        st.tuples(st.just("scopes"), st.integers(0, 9), SCOPE_SETS, st.none()),
        st.tuples(st.just("end"), st.integers(0, 9), st.just([]), TIMES),
        st.tuples(st.just("place"), st.integers(0, 9), st.just([]), st.integers(0, 9)),
        st.tuples(st.just("retire"), st.integers(0, 9), st.just([]), st.none()),
    ),
    min_size=4,
    max_size=14,
)


@given(steps=STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_order_of_changes_gives_an_agent_more_than_one_above_it(
    new_house: NewHouse, refund: MakeRefund, steps: list[tuple[str, int, list[str], int | None]]
) -> None:
    house = await new_house()
    admin = {"organization_id": house.id, "by_member_id": house.members["admin"], "signer": house.signer}
    made: list[str] = []
    parents: dict[str, str | None] = {}
    for kind, at, scopes, number in (("register", -1, list(SCOPES), None), *steps):
        target = made[at % len(made)] if made else ""
        try:
            match kind:
                case "register":
                    parent = target if at >= 0 else None
                    end = START + timedelta(days=number) if number else None
                    agent_id = f"agent-{uuid.uuid4().hex}"
                    wanted = WantedAgent(
                        agent_id=agent_id,
                        name="x",
                        owner_member_id=house.members["admin"],
                        scopes=scopes,
                        expires_at=end,
                        delegated_by=parent,
                    )
                    ident = await register(wanted, **admin)
                    made.append(ident)
                    parents[ident] = parent
                case "scopes":
                    await change_agent(target, AgentChange(scopes=scopes), **admin)
                case "end":
                    end = START + timedelta(days=number) if number else None
                    await change_agent(target, AgentChange(expires_at=end), **admin)
                case "place":
                    parent = made[(number or 0) % len(made)]
                    await change_agent(target, AgentChange(delegated_by=parent), **admin)
                    parents[target] = parent
                case _:
                    await retire_agent(target, **admin)
        except (DelegationWidens, AgentConflict):
            # More than the one above has; or it was retired, and changes no more.
            continue
    stored = {one["id"]: one for one in await rows("SELECT * FROM agents WHERE organization_id = {}", house.id)}
    assert {ident: one["delegated_by"] for ident, one in stored.items()} == parents
    known = await lineages(house.id, [one["agent_id"] for one in stored.values()])
    for ident, one in stored.items():
        line, above = [one], parents[ident]
        while above is not None:
            line.append(stored[above])
            above = parents[above]
            assert len(line) <= MOST_IN_LINE
        told = known[one["agent_id"]]
        assert set(told.effective_scopes) == set.intersection(*(set(each["scopes"]) for each in line))
        retired = any(each["retired_at"] is not None for each in line)
        assert told.over(datetime.now(UTC)) == ("agent_retired" if retired else None)
        # What an act finds of the agent behind the lock is the same, for every scope it could ask under.
        for scope in SCOPES:
            asks = Initiator("agent", one["agent_id"], (scope,))
            lost = await authority_lost(house.id, _asking(refund(house), asks), datetime.now(UTC))
            assert (lost is None) == (not retired and scope in told.effective_scopes)


@pytest.mark.parametrize(("narrowed", "reason"), [("scopes", "scope_not_granted"), ("retired", "agent_retired")])
async def test_what_was_taken_back_before_the_decision_denies_it(
    narrowed: str, reason: str, new_house: NewHouse, refund: MakeRefund
) -> None:
    """A request may have come in just before: what counts is how things stand when it is decided."""
    house = await new_house()
    admin = {"organization_id": house.id, "by_member_id": house.members["admin"], "signer": house.signer}
    owner = house.members["admin"]
    root = await register(WantedAgent(agent_id="root", name="x", owner_member_id=owner, scopes=["a"]), **admin)
    child = WantedAgent(agent_id="child", name="x", owner_member_id=owner, scopes=["a"], delegated_by=root)
    await register(child, **admin)
    decision_id = await house.ask(_asking(refund(house), Initiator("agent", "child", ("a",), ("root",))))
    if narrowed == "scopes":
        await change_agent(root, AgentChange(scopes=[]), **admin)
    else:
        await retire_agent(root, **admin)
    receipt = await house.decide(decision_id)
    assert (receipt.outcome.value, receipt.reason) == ("deny", reason)


def _asking(ovt: Ovt, initiator: Initiator) -> Ovt:
    return Ovt(ovt.rail, ovt.rail_action, ovt.amount, initiator, context=ovt.context)
