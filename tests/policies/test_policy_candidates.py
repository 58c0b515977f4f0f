"""What evaluation looks at: the rules that can say something, however many others there are."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from policies import CompiledPolicy, compile_policy, evaluate, parse
from policies.candidates import candidates

REFUND: dict[str, Any] = {"rail": "stripe", "rail_action": "refund", "amount_cents": 20_050, "currency": "usd"}
NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
SIZES = (10, 300)


def compiled_of(*conditions: str, effect: str = "deny") -> CompiledPolicy:
    rules = "".join(
        f"  - {{id: rule_{number}, priority: {number}, when: {{{each}}}, effect: {effect}}}\n"
        for number, each in enumerate(conditions)
    )
    return compile_policy(parse(f"policy: a-policy\napplies_to: {{rail: stripe}}\nrules:\n{rules}"))


def looked_at(compiled: CompiledPolicy, **facts: Any) -> list[int]:
    return [entry >> 1 for entry in candidates(compiled.index, {**REFUND, **facts}.get)]


CUSTOMER = "context.customer_id"
LISTED = {f"listed.list_{number}.{CUSTOMER}": number == 7 for number in range(1_000)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("condition", "facts"),
    [
        ("all: [{rail_action: refund}, {context: {customer_id: c#}}]", {CUSTOMER: "c7"}),
        ("context: {reason_code: [r#, s#], customer_tenure_days: {lt: 7}}", {"context.reason_code": "s7"}),
        ("all: [{initiator_kind: agent}, {initiator_id: a#}]", {"initiator.kind": "agent", "initiator.id": "a7"}),
        ("amount: {currency: usd, gte: 1#000, lt: 1#999}", {"amount_cents": 17_005}),
        ("any: [{initiator_id: a#}, {context: {customer_id: c#}}]", {"initiator.id": "x", CUSTOMER: "c7"}),
        ("not: {any: [{initiator_id: {not_in: a#}}, {currency: eur}]}", {"initiator.id": "a7"}),
        ("context: {customer_id: {in_list: list_#}}", LISTED),
    ],
)
def test_only_the_rule_that_can_match_is_looked_at(size: int, condition: str, facts: dict[str, Any]) -> None:
    compiled = compiled_of(*(condition.replace("#", str(number)) for number in range(size)))
    assert looked_at(compiled, **facts) == [7]


def test_an_unknown_fact_leads_to_every_rule_that_acts_without_it() -> None:
    conditions = [f"context: {{customer_id: c{number}}}" for number in range(20)]
    assert looked_at(compiled_of(*conditions)) == list(range(20))
    assert looked_at(compiled_of(*conditions, effect="allow")) == []


def test_a_rule_is_not_looked_at_for_want_of_one_fact_where_another_rules_it_out() -> None:
    conditions = [
        f"all: [{{initiator_id: a{number}}}, {{context: {{customer_id: c{number}}}}}]" for number in range(20)
    ]
    assert looked_at(compiled_of(*conditions), **{"initiator.id": "a3", "context.customer_id": None}) == [3]


def test_limits_on_an_amount_without_a_currency_are_all_looked_at() -> None:
    compiled = compiled_of(*(f"amount: {{currency: usd, gt: {number}}}" for number in range(20)))
    assert looked_at(compiled, currency=None) == list(range(20))
    assert looked_at(compiled, currency="eur") == []


@pytest.mark.parametrize("amount", [0, 100, 101, 5_000, 99_900, 200_000])
def test_overlapping_limits_are_found_by_one_end(amount: int) -> None:
    over = [f"amount: {{currency: usd, gt: {number * 100}}}" for number in range(500)]
    under = [f"amount: {{currency: usd, lte: {number * 100}}}" for number in range(500)]
    expected = [n for n in range(500) if amount > n * 100] + [500 + n for n in range(500) if amount <= n * 100]
    assert looked_at(compiled_of(*over, *under), amount_cents=amount) == expected


@pytest.mark.parametrize("amount", [None, 0, 1_000, 1_001, 25_050, 60_000, 90_000])
def test_wide_bands_match_as_if_every_rule_were_asked(amount: int | None) -> None:
    bands = [f"amount: {{currency: usd, gt: {n * 100}, lt: {n * 100 + 30_000 + n % 7}}}" for n in range(300)]
    compiled, facts = compiled_of(*bands), {**REFUND, "amount_cents": amount}
    asked = [each.rule.id for each in compiled.rules if each.test(facts, NOW) is not False]
    assert [hit.rule_id for hit in evaluate(compiled, facts, now=NOW).hits] == asked


@pytest.mark.parametrize(
    "condition",
    [
        "context: {" + ", ".join(f"metadata.k{number}: v" for number in range(40)) + "}",
        "context: {" + ", ".join(f"metadata.k{n}: [{', '.join(f'v{m}' for m in range(50))}]" for n in range(6)) + "}",
    ],
)
def test_rules_of_many_conditions_do_not_make_an_index_of_all_their_combinations(condition: str) -> None:
    begin = time.process_time()
    compiled_of(*[condition] * 30)
    assert time.process_time() - begin < 10
