"""A rule about an agent binds those below it, at decision and later, and the entry says enough to derive it again."""

from typing import Any

import msgspec
import pytest

from axiru.database import row
from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Initiator, Ovt
from ledger.acts.activate import activate
from ledger.acts.lists import activate_list, propose_list
from policies import compile_policy, evaluate_line, facts_of, parse

HEAD = "policy: agents\nschema: 2\napplies_to: {rail: stripe}\n"
NOT_PARENT = HEAD + "rules:\n  - {id: not_parent, when: {initiator_id: parent}, effect: deny, message: Not parent.}\n"
BANNED = (
    HEAD + "rules:\n  - {id: banned, when: {initiator_id: {in_list: banned}}, effect: deny}\n"
    "  - {id: large, when: {amount: {currency: usd, gt: 15000}}, effect: review, approvers: {role: controller}}\n"
)
FACT = "listed.banned.initiator.id"


@pytest.fixture
async def house(new_house: Any) -> Any:
    made = await new_house()
    await made.enforce()
    return made


async def test_a_rule_about_an_agent_denies_those_below_it_and_says_as_whom_it_was_judged(
    house: Any, refund: Any
) -> None:
    await house.activate(NOT_PARENT)

    told = await house.decided(_asks(refund(house), "child", "between", "parent"))
    alone = await house.decided(_asks(refund(house), "child", "another"))

    assert (told.outcome, told.reason, told.matched_rule) == (Outcome.DENY, "not_parent", "policy:agents:v1")
    assert told.message == "Not parent (judged as parent, above the agent that asks)"
    assert alone.outcome is Outcome.ALLOW
    first, second = [entry["data"] for entry in await house.entries("decision")]
    assert first["evaluation"]["judged_as"] == first["evaluation"]["facts"]["initiator.id"] == "parent"
    assert "judged_as" not in second["evaluation"]
    kept = await row("SELECT evaluation ->> 'judged_as' AS agent FROM decisions WHERE id = {}", told.decision_id)
    assert kept == {"agent": "parent"}


async def test_lists_are_looked_into_for_each_agent_and_the_answer_is_derived_again_from_its_entry(
    house: Any, refund: Any
) -> None:
    await _list(house, "banned", ["parent"])
    await house.activate(BANNED)

    told = await house.decided(_asks(refund(house), "child", "between", "parent"))
    free = await house.decided(_asks(refund(house), "child", "between"))
    alone = await house.decided(_asks(refund(house), "child"))

    assert [one.outcome for one in (told, free, alone)] == [Outcome.DENY, Outcome.ALLOW, Outcome.ALLOW]
    entries = await house.entries("decision")
    above = [entry["data"].get("listed_above") for entry in entries]
    assert above == [{"between": {FACT: False}, "parent": {FACT: True}}, {"between": {FACT: False}}, None]
    for entry in entries:
        data = entry["data"]
        ovt = msgspec.convert(data["ovt"], Ovt)
        facts = facts_of(ovt, windows=data["windows"], labels=data["labels"], listed=data["listed"])
        sealed = {agent: data.get("listed_above", {}).get(agent, {}) for agent in ovt.initiator.lineage}
        again = evaluate_line(compile_policy(parse(BANNED)), facts, sealed, now=entry["sealed_at"])
        assert msgspec.to_builtins(again) | {"hits": [], "flags": []} == data["evaluation"] | {"hits": [], "flags": []}


async def test_what_was_sealed_of_a_request_of_nobody_below_has_no_more_parts(house: Any, refund: Any) -> None:
    await _list(house, "banned", ["parent"])
    await house.activate(BANNED)
    await house.publish(NOT_PARENT.replace("policy: agents", "policy: trial"))

    await house.decided(_asks(refund(house), "child"))

    (entry,) = await house.entries("decision")
    assert "listed_above" not in entry["data"]
    assert "judged_as" not in bytes(entry["body"]).decode()


async def test_a_version_that_looks_on_is_heard_for_the_whole_line_and_compared_with_what_counted(
    house: Any, refund: Any
) -> None:
    await house.activate(NOT_PARENT.replace("initiator_id: parent", "initiator_id: another"))
    version_id = await house.publish(NOT_PARENT)

    told = await house.decided(_asks(refund(house), "child", "parent"))

    assert told.outcome is Outcome.ALLOW
    (entry,) = await house.entries("decision")
    (shadow,) = entry["data"]["shadows"]
    assert (shadow["outcome"], shadow["judged_as"]) == ("deny", "parent")
    assert entry["data"]["agreement"] == {"compared": 1, "agrees": False}
    await activate(version_id, organization_id=house.id, member_id=house.members["controller"], signer=house.signer)
    assert (await house.decided(_asks(refund(house), "child", "parent"))).outcome is Outcome.DENY


async def test_a_denial_of_an_agent_above_that_came_later_stops_what_people_approve(house: Any, refund: Any) -> None:
    await _list(house, "banned", ["somebody"])
    await house.activate(BANNED)
    told = await house.decided(_asks(refund(house, 20_000, execute="caller"), "child", "parent"))
    assert told.state == "pending_approval"
    await _list(house, "banned", ["parent"])

    await house.vote(told.approval_id)

    (sealed,) = await house.entries("vote")
    forbidden = sealed["data"]["forbidden_by"]
    assert (forbidden["reason"], forbidden["matched_rule"]) == ("banned", "policy:agents:v1")
    assert "judged as parent" in forbidden["message"]
    assert await house.state(told.decision_id) == "denied"


async def test_windows_of_a_line_are_not_counted_again_for_each_agent_above(house: Any, refund: Any) -> None:
    window = "rolling_window: {measure: sum, per: initiator, within: 1d, currency: usd, gt: 10000}"
    rule = f"{{all: [{{initiator_id: parent}}, {{{window}}}]}}"
    await house.activate(HEAD + f"rules:\n  - {{id: ceiling, when: {rule}, effect: deny}}\n")

    fits = [await house.decided(_asks(refund(house, 5_000), "child", "parent")) for _ in range(2)]
    beyond = await house.decided(_asks(refund(house, 1), "child", "parent"))

    assert [one.outcome for one in (*fits, beyond)] == [Outcome.ALLOW, Outcome.ALLOW, Outcome.DENY]
    assert beyond.reason == "ceiling"


async def test_another_spelling_of_an_agent_has_no_window_of_its_own_and_stays_as_it_was_sent(
    house: Any, refund: Any, superuser: Any
) -> None:
    window = "rolling_window: {measure: sum, per: initiator, within: 1d, currency: usd, gt: 10000}"
    await house.activate(HEAD + f"rules:\n  - {{id: ceiling, when: {{{window}}}, effect: deny}}\n")
    # As it was counted before all spellings were one.
    before = await house.decided(_asks(refund(house, 4_000), "Agent_A"))
    await superuser.execute("UPDATE movements SET initiator_id = 'Agent_A' WHERE decision_id = $1", before.decision_id)

    spelled = ("agent_a\u00a0", "Agent_A", "AGENT_A")
    told = [await house.decided(_asks(refund(house, 4_000), agent)) for agent in spelled]
    child = await house.decided(_asks(refund(house, 8_000), "child", "Agent_A"))

    assert [one.outcome for one in told] == [Outcome.ALLOW, Outcome.DENY, Outcome.ALLOW]
    assert child.outcome is Outcome.DENY
    sealed = [entry["data"]["ovt"]["initiator"]["id"] for entry in await house.entries("decision")]
    assert sealed == ["Agent_A", *spelled, "child"]


def _asks(ovt: Ovt, agent: str, *above: str) -> Ovt:
    return msgspec.structs.replace(ovt, initiator=Initiator("agent", agent, ("a",), above))


async def _list(house: Any, slug: str, values: list[str]) -> None:
    author, activator = house.members["author"], house.members["controller"]
    proposed = await propose_list(
        slug, "text", values, "why", organization_id=house.id, member_id=author, signer=house.signer
    )
    await activate_list(proposed.version_id, organization_id=house.id, member_id=activator, signer=house.signer)
