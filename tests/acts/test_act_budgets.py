"""Budgets: what windows count and what they give back, to the cent; and when people are told that one fills up."""

import secrets
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from api.views.budget_use import BudgetInForce, BudgetsWanted, window_query
from axiru.database import row, rows
from axiru.domain.execution import ExecutionResult, Intent
from axiru.domain.movement import Amount, Counterparty, Initiator, Merchant, Ovt
from ledger.acts import budget_alerts
from ledger.acts.control import engage
from ledger.acts.intend import intend
from ledger.acts.organization import choose_budget_alert_percent
from ledger.acts.settle import settle
from ledger.acts.standing import VersionInForce
from ledger.acts.vote import NotEligible, expire_approval
from policies import compile_policy, parse

CEILING = 1_000
DAY = timedelta(days=1)
TOKEN = f"eip155:1/erc20:0x{'ab' * 20}"
ASKS = "{id: ask, when: {amount: {currency: usd, gte: 600}}, effect: review, approvers: {role: controller}}"


def policy(per: str = "initiator", ceiling: int | str = CEILING, asset: str = "usd", *, also: str = "") -> str:
    window = f"{{measure: sum, per: {per}, within: 24h, currency: '{asset}', gt: '{ceiling}'}}"
    if asset == "usd":
        window = window.replace("'", "")
    rule = f"{{id: ceiling, when: {{rolling_window: {window}}}, effect: deny, reason: ceiling_reached}}"
    return f"policy: spending\nschema: 2\napplies_to: {{rail: stripe}}\nrules: [{rule}{f', {also}' if also else ''}]\n"


@pytest.fixture
async def spending(new_house: Any) -> Any:
    """An organization that enforces a budget of 1,000 cents a day for whoever asks."""
    made = await new_house()
    await made.activate(policy(also=ASKS))
    await made.enforce()
    return made


async def _spend(house: Any, refund: Any, cents: int, ovt: Ovt | None = None) -> str:
    """Ask for so much; how it was decided."""
    return str((await house.decided(ovt or refund(house, cents, execute="caller"))).outcome.value)


async def _left(house: Any, refund: Any, ceiling: int = CEILING) -> int:
    """What is left, found out by spending it: the largest amount that is allowed, and not a cent more."""
    held = await row(
        "SELECT coalesce(sum(units), 0) AS held FROM movements WHERE organization_id = {} AND state <> 'released'",
        house.id,
    )
    assert held is not None
    left = ceiling - int(held["held"])
    assert await _spend(house, refund, left + 1) == "deny"
    return left


def _of(ovt: Ovt, per: str, subject: str) -> Ovt:
    replace = msgspec.structs.replace
    match per:
        case "initiator":
            return replace(ovt, initiator=Initiator("agent", subject))
        case "counterparty":
            return replace(ovt, counterparty=replace(ovt.counterparty, id=subject))
        case "customer":
            return replace(ovt, context=replace(ovt.context, customer_id=subject))
        case "merchant":
            return replace(ovt, merchant=Merchant(stripe_account_id=subject))
        case "charge":
            return replace(ovt, target=replace(ovt.target, charge=subject))
        case _:
            return replace(
                ovt, initiator=Initiator("agent", subject), context=replace(ovt.context, customer_id=subject)
            )


@pytest.mark.parametrize("per", ["initiator", "counterparty", "customer", "merchant", "charge", "organization"])
async def test_each_has_a_window_of_its_own_and_the_organization_one_for_all(
    new_house: Any, refund: Any, per: str
) -> None:
    house = await new_house()
    await house.activate(policy(per))
    await house.enforce()
    one, other = (_of(refund(house, CEILING, execute="caller"), per, subject) for subject in ("one", "other"))
    cent = msgspec.structs.replace(one, amount=Amount("1", "usd"))

    assert await _spend(house, refund, 0, one) == "allow"
    assert await _spend(house, refund, 0, cent) == "deny"
    assert await _spend(house, refund, 0, other) == ("deny" if per == "organization" else "allow")


async def test_an_account_has_one_window_whatever_name_is_said_beside_it(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(policy("counterparty"))
    await house.enforce()
    half = refund(house, CEILING // 2, execute="caller")

    told = [
        await _spend(
            house, refund, 0, msgspec.structs.replace(half, counterparty=Counterparty(name, stripe_account_id="acct_2"))
        )
        for name in (None, "shop", "another")
    ]

    assert told == ["allow", "allow", "deny"]


@pytest.mark.parametrize("mode", ["test", "live"])
async def test_the_modes_are_counted_apart(spending: Any, refund: Any, mode: Any) -> None:
    await spending.enforce(mode="live")
    whole = refund(spending, 500, execute="caller")
    whole = msgspec.structs.replace(whole, merchant=Merchant(stripe_account_id="acct_1"))
    other = "live" if mode == "test" else "test"
    assert [(await spending.decided(whole, mode)).outcome for _ in range(3)] == ["allow", "allow", "deny"]
    assert (await spending.decided(whole, other)).outcome == "allow"


async def test_shadow_is_counted_apart_from_what_is_enforced(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(policy())
    watched = await house.decided(refund(house, CEILING, execute="caller"))
    beyond = await house.decided(refund(house, 1, execute="caller"))
    assert (watched.advisory.outcome, beyond.advisory.outcome) == ("allow", "deny")
    await house.enforce()

    assert await _spend(house, refund, CEILING) == "allow"
    assert await _spend(house, refund, 1) == "deny"


async def test_a_denied_request_takes_nothing(spending: Any, refund: Any) -> None:
    refused = await spending.decided(refund(spending, CEILING + 1, execute="caller"))
    assert await spending.movement(refused.decision_id) is None
    assert await _left(spending, refund) == CEILING


@pytest.mark.parametrize("ending", ["denied", "expired", "failed"])
async def test_a_denial_an_expiry_and_a_failure_give_back_every_cent(
    spending: Any, refund: Any, superuser: asyncpg.Connection, ending: str
) -> None:
    asked = await spending.decided(refund(spending, 700))
    assert await _left(spending, refund) == 300
    place: dict[str, Any] = {"organization_id": spending.id, "mode": "test", "signer": spending.signer}
    match ending:
        case "denied":
            await spending.vote(asked.approval_id, verdict="deny", reason="no")
        case "expired":
            await superuser.execute("UPDATE approvals SET expires_at = now() WHERE id = $1", asked.approval_id)
            assert await expire_approval(asked.approval_id, **place) == "expired"
        case _:
            await spending.vote(asked.approval_id)
            assert isinstance(await _intend(spending, asked.decision_id), Intent)
            await settle(asked.decision_id, ExecutionResult(False, error_code="charge_already_refunded"), **place)
    assert await _left(spending, refund) == CEILING


async def test_what_was_executed_is_committed_and_stays_counted(spending: Any, refund: Any) -> None:
    asked = await spending.decided(refund(spending, 500))
    await _intend(spending, asked.decision_id)
    place: dict[str, Any] = {"organization_id": spending.id, "mode": "test", "signer": spending.signer}
    await settle(asked.decision_id, ExecutionResult(True, "re_1", "succeeded"), **place)
    assert await spending.movement(asked.decision_id) == "committed"
    assert await _left(spending, refund) == 500


async def test_the_kill_switch_gives_nothing_back(spending: Any, refund: Any) -> None:
    await _spend(spending, refund, 500)
    await _kill(spending)
    assert await _spend(spending, refund, 1) == "deny"
    found = await rows("SELECT state, units FROM movements WHERE organization_id = {}", spending.id)
    assert found == [{"state": "reserved", "units": 500}]


async def test_a_decision_that_fills_the_window_alone_does_not_forbid_itself(spending: Any, refund: Any) -> None:
    asked = await spending.decided(refund(spending, CEILING))
    await spending.vote(asked.approval_id)
    assert isinstance(await _intend(spending, asked.decision_id), Intent)


async def test_a_window_forgets_what_is_older_and_a_late_release_changes_nothing(
    spending: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    old = await spending.decided(refund(spending, 700))
    await _spend(spending, refund, 300)
    assert await _spend(spending, refund, 1) == "deny"
    await _age(superuser, old.decision_id, DAY)
    assert await _spend(spending, refund, 599) == "allow"

    await spending.vote(old.approval_id, verdict="deny", reason="too late")

    assert await spending.movement(old.decision_id) == "released"
    assert await _spend(spending, refund, 102) == "deny"
    assert await _spend(spending, refund, 101) == "allow"


async def test_amounts_of_18_decimals_are_counted_to_the_last_unit(new_house: Any, refund: Any) -> None:
    ceiling = 3 * 10**30 + 1
    house = await new_house()
    await house.activate(policy(ceiling=ceiling, asset=TOKEN))
    await house.enforce()

    def of(units: int) -> Ovt:
        asked: Ovt = msgspec.structs.replace(refund(house, 1, execute="caller"), amount=Amount(str(units), TOKEN, 18))
        return asked

    outcomes = [await _spend(house, refund, 0, of(units)) for units in (3 * 10**30, 2, 1, 1)]
    assert outcomes == ["allow", "deny", "allow", "deny"]
    assert [told["used_units"] for told in await _told(house)] == [str(3 * 10**30), str(3 * 10**30)]


@pytest.mark.parametrize("subject", [None, "agent_1"])
async def test_what_is_shown_costs_no_more_for_what_is_older_than_the_window(
    house: Any, superuser: asyncpg.Connection, subject: str | None
) -> None:
    for count, ago in ((20_000, 2 * DAY), (50, DAY / 2)):
        await superuser.execute(
            "INSERT INTO movements (decision_id, organization_id, mode, surface_mode, state, rail, rail_action, asset, "
            "units, initiator_id, moved_at) SELECT $1 || n, $2, 'test', 'enforce', 'reserved', 'stripe', 'refund', "
            "'usd', 1, 'agent_' || n % 10, now() - $3::interval FROM generate_series(1, $4::int) n",
            *(secrets.token_hex(8), house.id, ago, count),
        )
    await superuser.execute("ANALYZE movements")
    (budget,) = compile_policy(parse(policy())).budgets
    version = VersionInForce("pv_1", "spending", 1, "active", "")
    in_force = BudgetInForce("spending", version, budget, subjects=(subject,) if subject else None)
    wanted = BudgetsWanted(house.id, "test", subject=subject)

    sql, arguments = window_query(budget.window.name, in_force, wanted)
    found = await rows(sql, *arguments)
    plan = "\n".join(str(line["QUERY PLAN"]) for line in await rows(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}", *arguments))

    assert sum(each["reserved"] for each in found) == (5 if subject else 50)
    assert ("movements_by_initiator" if subject else "movements_by_organization") in plan, plan
    assert "moved_at > (statement_timestamp()" in plan.split("Filter")[0], plan
    assert "Seq Scan on movements" not in plan, plan


async def test_people_are_told_once_for_each_crossing(
    spending: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    first = await spending.decided(refund(spending, 500, execute="caller"))
    await _spend(spending, refund, 299)
    assert await _told(spending) == []

    crossing = await spending.decided(refund(spending, 1, execute="caller"))
    await _spend(spending, refund, 100)

    (told,) = await _told(spending)
    assert told == {
        "state": "threshold_reached",
        "policy": "spending",
        "version": 1,
        "rule_id": "ceiling",
        "effect": "deny",
        "rules": [
            {
                "policy": "spending",
                "version": 1,
                "rule_id": "ceiling",
                "effect": "deny",
                "ceiling_units": "1000",
                "percent": 80,
            }
        ],
        "window": "sum:initiator:86400:stripe.*:usd",
        "measure": "sum",
        "per": "initiator",
        "subject": "key_1",
        "rail": "stripe",
        "asset": "usd",
        "window_seconds": 86_400,
        "used_units": "800",
        "ceiling_units": "1000",
        "percent": 80,
        "surface_mode": "enforce",
        "decision_id": crossing.decision_id,
    }
    # Below again, and up again.
    await _age(superuser, first.decision_id, DAY)
    await _spend(spending, refund, 399)
    assert len(await _told(spending)) == 1
    await _spend(spending, refund, 1)
    assert [each["used_units"] for each in await _told(spending)] == ["800", "800"]


async def test_people_are_told_of_the_first_movement_that_a_budget_stops(
    spending: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    first = await spending.decided(refund(spending, 500, execute="caller"))
    await _spend(spending, refund, 200)
    # What would not fit an empty window exhausts nothing.
    assert await _spend(spending, refund, CEILING + 1) == "deny"
    assert await _told(spending) == []

    assert [await _spend(spending, refund, 301) for _ in range(3)] == ["deny"] * 3
    assert [(told["state"], told["used_units"], told["percent"]) for told in await _told(spending)] == [
        ("exhausted", "700", 70)
    ]
    # Filled up anew, it may be exhausted anew.
    await _spend(spending, refund, 300)
    assert [await _spend(spending, refund, 1) for _ in range(2)] == ["deny"] * 2
    states = [told["state"] for told in await _told(spending)]
    assert states == ["exhausted", "threshold_reached", "exhausted"]

    # So it may once a whole window has passed.
    await superuser.execute(
        "UPDATE budget_exhaustions SET told_at = told_at - $1::interval WHERE organization_id = $2", DAY, spending.id
    )
    assert await _spend(spending, refund, 1) == "deny"
    assert len(await _told(spending)) == 4
    assert await spending.movement(first.decision_id) == "reserved"


async def test_policies_with_one_window_are_told_of_as_one(spending: Any, refund: Any) -> None:
    await spending.activate(policy(ceiling=CEILING).replace("policy: spending", "policy: guard"))
    wider = policy(ceiling=1_010).replace("policy: spending", "policy: wider")
    await spending.activate(wider.replace("id: ceiling", "id: wide"))
    both = [("guard", "ceiling", "1000"), ("spending", "ceiling", "1000")]
    await _spend(spending, refund, 500)

    # 80 % of the two, and a moment later of the third.
    await _spend(spending, refund, 301)
    await _spend(spending, refund, 199)
    assert await _spend(spending, refund, 5) == "deny"
    assert await _spend(spending, refund, 5) == "deny"

    told = await _told(spending)
    assert [each["state"] for each in told] == ["threshold_reached", "threshold_reached", "exhausted"]
    named = [[(one["policy"], one["rule_id"], one["ceiling_units"]) for one in each["rules"]] for each in told]
    assert sorted(named[0]) == both
    assert named[1] == [("wider", "wide", "1010")]
    assert sorted(named[2]) == both
    for each in told:
        assert {**each, **each["rules"][0]} == each


async def test_a_movement_that_passes_two_ceilings_of_a_window_is_told_of_once_the_tighter_first(
    spending: Any, refund: Any
) -> None:
    wider = policy(ceiling=1_010).replace("policy: spending", "policy: wider")
    await spending.activate(wider)
    await _spend(spending, refund, 500)
    await _spend(spending, refund, 400)
    (told,) = await _told(spending)
    assert (told["ceiling_units"], told["percent"]) == ("1000", 90)
    assert [(one["ceiling_units"], one["percent"]) for one in told["rules"]] == [("1000", 90), ("1010", 89)]


async def test_nobody_is_told_of_a_budget_that_is_another_agents(new_house: Any, refund: Any) -> None:
    house = await new_house()
    window = "{measure: sum, per: initiator, within: 24h, currency: usd, gt: 1000}"
    rule = f"{{id: ceiling, when: {{all: [{{initiator_id: agent_1}}, {{rolling_window: {window}}}]}}, effect: deny}}"
    await house.activate(f"policy: spending\nschema: 2\napplies_to: {{rail: stripe}}\nrules: [{rule}]\n")
    await house.enforce()
    for agent in ("agent_2", "agent_1"):
        assert await _spend(house, refund, 0, _of(refund(house, 900, execute="caller"), "initiator", agent)) == "allow"
    assert [told["subject"] for told in await _told(house)] == ["agent_1"]


async def test_a_decision_that_crosses_nothing_costs_no_statement(
    spending: Any, refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise AssertionError("nothing is to be asked here")

    monkeypatch.setattr(budget_alerts, "rows", refuse)
    assert await _spend(spending, refund, 500) == "allow"
    assert await _spend(spending, refund, 299) == "allow"
    with pytest.raises(AssertionError):
        await _spend(spending, refund, 1)


async def test_shadow_tells_of_what_it_would_have_stopped(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(policy("customer"))
    for cents in (900, 200):
        await house.decided(refund(house, cents, execute="caller", customer_id="cus_1"))
    told = await _told(house)
    assert [(each["state"], each["surface_mode"]) for each in told] == [
        ("threshold_reached", "shadow"),
        ("exhausted", "shadow"),
    ]
    # Customers can be forgotten; what is told is kept.
    assert [each["subject"] for each in told] == [None, None]
    assert "cus_1" not in str(told)


async def test_a_control_that_denies_is_no_exhausted_budget(spending: Any, refund: Any) -> None:
    await _spend(spending, refund, 500)
    await _kill(spending)
    assert await _spend(spending, refund, 501) == "deny"
    assert await _told(spending) == []


async def test_admins_choose_the_part_at_which_people_are_told(spending: Any, refund: Any) -> None:
    with pytest.raises(NotEligible):
        await _choose(spending, 50, "controller")
    await _choose(spending, 50, "admin")
    await _choose(spending, 50, "admin")
    (sealed,) = await spending.entries("organization")
    assert sealed["data"]["budget_alert_percent"] == 50
    assert sealed["data"]["budget_alert_percent_before"] == 80
    await _spend(spending, refund, 500)
    assert [told["percent"] for told in await _told(spending)] == [50]


@pytest.mark.parametrize("percent", [0, 101])
async def test_the_database_takes_no_part_beyond_the_whole(spending: Any, percent: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await _choose(spending, percent, "admin")


async def _kill(house: Any) -> None:
    await engage(
        organization_id=house.id,
        member_id=house.members["admin"],
        kind="kill_switch",
        scope={},
        applies_to="both",
        reason="a drill",
        expires_at=None,
        signer=house.signer,
    )


async def _choose(house: Any, percent: int, login: str) -> None:
    await choose_budget_alert_percent(
        percent, organization_id=house.id, by_member_id=house.members[login], signer=house.signer
    )


async def _intend(house: Any, decision_id: str) -> Any:
    return await intend(
        decision_id,
        organization_id=house.id,
        mode="test",
        uncertain_seconds=0,
        signer=house.signer,
    )


async def _age(superuser: asyncpg.Connection, decision_id: str, by: timedelta) -> None:
    await superuser.execute(
        "UPDATE movements SET moved_at = moved_at - $1::interval WHERE decision_id = $2", by, decision_id
    )


async def _told(house: Any) -> list[dict[str, Any]]:
    found = await rows(
        "SELECT payload FROM outbox WHERE organization_id = {} AND topic = 'budget' ORDER BY seq, position", house.id
    )
    return [msgspec.json.decode(each["payload"]) for each in found]
