"""Which windows of a policy are budgets, how much each lets through, and what else its rule asks for."""

from datetime import UTC, datetime

import pytest

from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Amount, Initiator, Ovt
from policies import CompiledPolicy, compile_policy, evaluate, facts_of, pack, parse
from policies.budgets import Budget, percent_of
from policies.windows import WindowSpec

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
SUM = "rolling_window: {measure: sum, per: initiator, within: 24h, currency: usd, "


def compiled(when: str, effect: str = "deny") -> CompiledPolicy:
    rule = f"{{id: limit, when: {{{when}}}, effect: {effect}}}"
    return compile_policy(parse(f"policy: a-policy\napplies_to: {{rail: stripe_daa}}\nrules: [{rule}]\n"))


def budgets(when: str, effect: str = "deny") -> tuple[Budget, ...]:
    return compiled(when, effect).budgets


def payment(units: int, *, asset: str = "usd", action: str = "agent_payment", agent: str = "agent_1") -> Ovt:
    return Ovt("stripe_daa", action, Amount(str(units), asset), Initiator("agent", agent))


@pytest.mark.parametrize(
    ("when", "ceiling"),
    [
        (f"{SUM}gt: 100000}}", 100_000),
        (f"{SUM}gte: 100000}}", 99_999),
        (f"{SUM}gt: 0}}", 0),
        (f"{SUM}gte: 1}}", 0),
        (f"not: {{{SUM}lte: 100000}}}}", 100_000),
        (f"not: {{{SUM}lt: 100000}}}}", 99_999),
        (f"not: {{not: {{{SUM}gt: 100000}}}}}}", 100_000),
        (f"not: {{{SUM}gte: 50, lte: 100000}}}}", 100_000),
        ("rolling_window: {measure: count, per: customer, within: 30d, gte: 3}", 2),
    ],
)
def test_the_ceiling_is_the_most_that_still_moves(when: str, ceiling: int) -> None:
    policy = compiled(when)
    (budget,) = policy.budgets
    assert (budget.ceiling, budget.policy, budget.rule_id) == (ceiling, "a-policy", "limit")
    # What the evaluator does at the edge is what the budget says.
    own = 1 if budget.window.measure == "count" else 10
    for held, outcome in ((ceiling - own, Outcome.ALLOW), (ceiling - own + 1, Outcome.DENY)):
        if held < 0:
            continue
        facts = facts_of(payment(10), windows={budget.window.name: held})
        if "gte: 50" not in when or held >= 50:
            assert evaluate(policy, facts, now=NOW).outcome is outcome, held


@pytest.mark.parametrize(
    ("when", "effect"),
    [
        (f"{SUM}lt: 100000}}", "deny"),
        (f"not: {{{SUM}gt: 100000}}}}", "deny"),
        (f"{SUM}gte: 0}}", "deny"),
        (f"{SUM}gt: 100000}}", "flag"),
        (f"{SUM}gt: 100000}}", "allow"),
        ("amount: {currency: usd, gt: 100000}", "deny"),
    ],
)
def test_what_stops_nothing_from_a_ceiling_on_is_no_budget(when: str, effect: str) -> None:
    assert budgets(when, effect) == ()


def test_a_review_rule_has_a_budget_too() -> None:
    rule = f"{{id: limit, when: {{{SUM}gt: 5}}}}, effect: review, approvers: {{role: controller}}}}"
    text = f"policy: a-policy\napplies_to: {{rail: stripe_daa}}\nrules: [{rule}]\n"
    (budget,) = compile_policy(parse(text)).budgets
    assert (budget.effect, budget.ceiling) == ("review", 5)


@pytest.mark.parametrize(
    ("when", "when_else"),
    [
        (f"all: [{{initiator_kind: agent}}, {{{SUM}gt: 5}}}}]", ("by an agent",)),
        (
            f"all: [{{rail_action: agent_payout}}, {{counterparty: {{country: US}}}}, {{{SUM}gt: 5}}}}]",
            ("that are agent payouts", "to the country US"),
        ),
        (f"any: [{{initiator_kind: agent}}, {{{SUM}gt: 5}}}}]", ()),
        (f"all: [{{initiator_kind: agent}}, {{any: [{{rail: x402}}, {{{SUM}gt: 5}}}}]}}]", ("by an agent",)),
        (f"not: {{any: [{{initiator_kind: agent}}, {{{SUM}lte: 5}}}}]}}", ("not (by an agent)",)),
        (f"not: {{all: [{{initiator_kind: agent}}, {{{SUM}lte: 5}}}}]}}", ()),
        (f"not: {{any: [{{amount: {{currency: eur, lte: 1}}}}, {{{SUM}lte: 5}}}}]}}", ()),
    ],
)
def test_what_else_the_rule_asks_for_is_said_in_plain_words(when: str, when_else: tuple[str, ...]) -> None:
    (budget,) = budgets(when)
    assert (budget.ceiling, budget.when_else) == (5, when_else)


@pytest.mark.parametrize(
    ("named", "only"),
    [
        ("agent_1", ("agent_1",)),
        ("[agent_2, agent_1]", ("agent_1", "agent_2")),
        ("{not_in: [agent_1]}", ()),
        ("{in_list: trusted}", ()),
    ],
)
def test_a_budget_of_named_agents_is_theirs_alone(named: str, only: tuple[str, ...]) -> None:
    (budget,) = budgets(f"all: [{{initiator_id: {named}}}, {{{SUM}gt: 5}}}}]")
    assert budget.only == only
    assert (budget.concerns(payment(1, agent="agent_1")), budget.concerns(payment(1, agent="agent_3"))) == (
        True,
        not only,
    )
    (other_way,) = budgets(f"any: [{{initiator_id: {named}}}, {{{SUM}gt: 5}}}}]")
    assert other_way.only == ()


@pytest.mark.parametrize(
    ("per", "who", "only"),
    [
        ("customer", "context: {customer_id: cus_1}", ("cus_1",)),
        ("merchant", "merchant: {stripe_account_id: acct_1}", ("acct_1",)),
        ("merchant", "merchant: {stripe_connection_id: conn_1}", ()),
        ("counterparty", "counterparty: {id: someone}", ()),
        ("organization", "initiator_id: agent_1", ()),
        ("customer", "initiator_id: agent_1", ()),
    ],
)
def test_other_subjects_are_named_as_well_where_they_go_by_one_name(per: str, who: str, only: tuple[str, ...]) -> None:
    window = f"rolling_window: {{measure: count, per: {per}, within: 1h, gt: 5}}"
    (budget,) = budgets(f"all: [{{{who}}}, {{{window}}}]")
    assert budget.only == only


def test_a_band_says_that_it_ends() -> None:
    (budget,) = budgets(f"{SUM}gt: 5, lte: 100}}")
    assert budget.ceiling == 5
    assert budget.when_else == ("that bring the initiator's total within 24 hours to over $0.05 but at most $1",)


def test_several_windows_of_a_rule_are_several_budgets_each_of_which_names_the_other() -> None:
    hourly = "rolling_window: {measure: count, per: organization, within: 1h, gt: 3}"
    both = budgets(f"all: [{{{SUM}gt: 500}}}}, {{{hourly}}}]")
    assert [(budget.window.per, budget.ceiling) for budget in both] == [("initiator", 500), ("organization", 3)]
    assert "within 1 hour" in both[0].when_else[0]
    assert "over $5" in both[1].when_else[0]


def test_ceilings_of_18_decimals_are_exact() -> None:
    ceiling = 10**30 + 1
    token = f"eip155:1/erc20:0x{'ab' * 20}"
    window = f"rolling_window: {{measure: sum, per: initiator, within: 24h, currency: '{token}', gt: '{ceiling}'}}"
    (budget,) = budgets(window)
    assert budget.ceiling == ceiling
    assert budget.moving(payment(10**30, asset=token)) == 10**30


def test_a_movement_adds_to_a_window_that_counts_its_like_and_to_no_other() -> None:
    (everything,) = budgets(f"{SUM}gt: 5}}")
    (payouts,) = budgets(
        "rolling_window: {measure: sum, per: initiator, within: 24h, currency: usd, rail_action: agent_payout, gt: 5}"
    )
    (counted,) = budgets("rolling_window: {measure: count, per: initiator, within: 24h, gt: 5}")
    (elsewhere,) = budgets("rolling_window: {measure: count, per: initiator, within: 24h, rail: x402, gt: 5}")
    moved = payment(70)
    assert [budget.moving(moved) for budget in (everything, payouts, counted, elsewhere)] == [70, 0, 1, 0]
    euros = payment(70, asset="eur")
    assert [budget.moving(euros) for budget in (everything, counted)] == [0, 1]
    assert (everything.concerns(euros), counted.concerns(euros)) == (False, True)


def test_the_demo_pack_has_the_budget_of_the_guide() -> None:
    (budget,) = compile_policy(parse(pack("daa-starter"))).budgets
    assert (budget.ceiling, budget.window.per, budget.window.within_seconds) == (100_000, "initiator", 86_400)
    assert budget.rule_id == "rolling_window_exceeded"


@pytest.mark.parametrize(
    ("used", "ceiling", "percent"),
    [(0, 100, 0), (79_999, 100_000, 79), (80_000, 100_000, 80), (3, 2, 150), (0, 0, 100), (10**30, 10**30 + 1, 99)],
)
def test_percent_is_rounded_down(used: int, ceiling: int, percent: int) -> None:
    assert percent_of(used, ceiling) == percent


@pytest.mark.parametrize(
    "window",
    [
        WindowSpec("sum", "initiator", 86_400, "stripe_daa", (), "usd"),
        WindowSpec("count", "organization", 60, "x402", ("payment",)),
        WindowSpec("count", "customer", 1, "stripe", ("refund", "credit")),
        WindowSpec("sum", "counterparty", 3_600, "x402", ("payment",), f"eip155:1/erc20:0x{'ab' * 20}"),
    ],
)
def test_a_window_is_known_by_its_name(window: WindowSpec) -> None:
    assert WindowSpec.of_name(window.name) == window


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sum",
        "sum:initiator:86400:stripe_daa.*",
        "count:initiator:86400:stripe_daa.*:usd",
        "sum:nobody:86400:stripe_daa.*:usd",
        "most:initiator:86400:stripe_daa.*:usd",
        "sum:initiator:0:stripe_daa.*:usd",
        "sum:initiator:-1:stripe_daa.*:usd",
        "sum:initiator:086400:stripe_daa.*:usd",
        "sum:initiator:99999999999999999999:stripe_daa.*:usd",
        "sum:initiator:a:stripe_daa.*:usd",
        "sum:initiator:86400:stripe_daa:usd",
    ],
)
def test_what_is_no_windows_name_names_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        WindowSpec.of_name(name)
