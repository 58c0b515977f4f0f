"""Schema 1: flat thresholds become rules of the same evaluator, so both can be compared decision by decision."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import PolicyInvalid, compile_policy, evaluate, parse, parse_with_positions, to_yaml

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
WHOLE = """policy: refunds-v1
schema: 1
description: As it always was.
currency: usd
deny_over: 100000
review_over: 15000
min_tenure_days: 7
min_tenure_over: 10000
min_tenure_effect: deny
deny_reasons: [fraudulent, stolen_card]
review_reasons: duplicate
approver: finance_manager
deadline: 4h
"""
FACTS: dict[str, Any] = {
    "rail": "stripe",
    "rail_action": "refund",
    "amount_cents": 5000,
    "currency": "usd",
    "context.customer_tenure_days": 400,
    "context.reason_code": "requested_by_customer",
}


def decided(text: str, **changed: Any) -> tuple[str, str, str | None]:
    evaluation = evaluate(compile_policy(parse(text)), {**FACTS, **changed}, now=NOW)
    return evaluation.outcome.value, evaluation.reason, evaluation.approver_role


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ("allow", "default_allow", None)),
        ({"amount_cents": 15000}, ("allow", "default_allow", None)),
        ({"amount_cents": 15001}, ("review", "amount_above_threshold", "finance_manager")),
        ({"amount_cents": 100000}, ("review", "amount_above_threshold", "finance_manager")),
        ({"amount_cents": 100001}, ("deny", "amount_above_limit", None)),
        ({"amount_cents": 10001, "context.customer_tenure_days": 6}, ("deny", "customer_tenure_too_short", None)),
        ({"amount_cents": 10000, "context.customer_tenure_days": 6}, ("allow", "default_allow", None)),
        ({"amount_cents": 10001, "context.customer_tenure_days": 7}, ("allow", "default_allow", None)),
        ({"context.reason_code": "stolen_card"}, ("deny", "reason_denied", None)),
        ({"context.reason_code": "duplicate"}, ("review", "reason_needs_approval", "finance_manager")),
        ({"context.reason_code": None}, ("review", "missing_fact", "finance_manager")),
        ({"currency": "eur"}, ("review", "currency_not_covered", "finance_manager")),
        ({"currency": "jpy", "amount_cents": 100001}, ("review", "currency_not_covered", "finance_manager")),
    ],
)
def test_every_threshold_decides(changed: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    assert decided(WHOLE, **changed) == expected


def test_it_is_told_from_schema_2_and_becomes_it() -> None:
    parsed = parse_with_positions(WHOLE)
    assert (parsed.language, parsed.policy.schema) == (1, 2)
    written = parse_with_positions(to_yaml(parsed.policy))
    assert (written.language, written.policy) == (2, parsed.policy)
    assert compile_policy(written.policy).content_hash == compile_policy(parsed.policy).content_hash
    assert parsed.rules_at.keys() == {rule.id for rule in parsed.policy.rules}
    assert parsed.rules_at["amount_above_threshold"].line == 6


def test_messages_name_the_limit_in_its_currency() -> None:
    messages = {rule.id: rule.message for rule in parse(WHOLE).rules}
    assert messages["amount_above_limit"] == "More than 1,000 USD is denied"
    yen = parse("policy: a\nschema: 1\ncurrency: jpy\nreview_over: 15001\n")
    assert yen.rules[0].message == "More than 15,001 JPY requires approval"
    assert (
        parse("policy: a\nschema: 1\ncurrency: usd\nreview_over: 15001\n")
        .rules[0]
        .message.startswith("More than 150.01")
    )


def test_a_threshold_alone_is_a_policy() -> None:
    policy = parse("policy: a\nschema: 1\nmin_tenure_days: 7\n")
    assert (policy.applies_to.rail, policy.applies_to.rail_actions) == ("stripe", ("refund",))
    assert [(rule.id, rule.effect.value) for rule in policy.rules] == [("customer_tenure_too_short", "review")]
    actions = "rail: stripe_daa\nrail_action: [agent_payout, agent_payment]\n"
    text = f"policy: a\nschema: 1\n{actions}review_reasons: [x]\nshadow: true\n"
    assert parse(text).applies_to.rail_actions == ("agent_payment", "agent_payout")
    assert parse(text).shadow


@pytest.mark.parametrize(("said", "ids"), [("allow", set()), ("deny", {"currency_not_covered"})])
def test_other_currencies_can_be_let_through_or_denied(said: str, ids: set[str]) -> None:
    text = f"policy: a\nschema: 1\ncurrency: usd\nreview_over: 1\nother_currencies: {said}\n"
    assert {rule.id for rule in parse(text).rules} == {"amount_above_threshold"} | ids
    assert decided(text, currency="eur")[0] == said


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [(1, 1, "missing_key")]),
        ("review_over: 15000\n", [(1, 1, "missing_key")]),
        ("currency: usd\nreview_reasons: x\n", [(3, 11, "invalid_value")]),
        ("currency: dollars\nreview_over: 1\n", [(3, 11, "invalid_value")]),
        ("currency: usd\nreview_over: 150.00\n", [(4, 14, "wrong_type")]),
        ("currency: usd\nreview_over: -1\n", [(4, 14, "out_of_range")]),
        ("currency: usd\nreview_over: 5\ndeny_over: 5\n", [(4, 14, "invalid_value")]),
        ("currency: usd\nreview_ovr: 5\n", [(1, 1, "missing_key"), (3, 11, "invalid_value"), (4, 1, "unknown_key")]),
        ("min_tenure_days: 0\n", [(3, 18, "out_of_range")]),
        ("min_tenure_effect: deny\nreview_reasons: x\n", [(3, 20, "invalid_value")]),
        ("min_tenure_days: 7\nmin_tenure_effect: allow\n", [(4, 20, "invalid_value")]),
        ("review_reasons: []\n", [(3, 17, "invalid_value")]),
        ("review_reasons: x\nother_currencies: deny\n", [(4, 19, "invalid_value")]),
        ("review_reasons: x\napprover: A B\n", [(4, 11, "invalid_value")]),
        ("review_reasons: x\ndeadline: 4\n", [(4, 11, "invalid_value")]),
        ("review_reasons: x\nrules: []\n", [(4, 1, "unknown_key")]),
        ("review_reasons: x\nreview_reasons: y\n", [(4, 1, "duplicate_key")]),
    ],
)
def test_every_fault_has_its_place(text: str, faults: list[tuple[int, int, str]]) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse(f"policy: a\nschema: 1\n{text}")
    assert [(each.line, each.column, each.code) for each in caught.value.errors] == faults


KEYS = [line.partition(":")[0] for line in WHOLE.splitlines()] + ["other_currencies", "rail", "rail_action", "shadow"]
values = st.sampled_from(
    ("1", "7", "15000", "usd", "deny", "review", "allow", "[a, b]", "a", "{}", "true", "4h", "$x", "''")
)


@given(st.dictionaries(st.sampled_from(KEYS), values))
@settings(max_examples=200, deadline=None)
def test_any_flat_file_loads_whole_or_is_refused(entries: dict[str, str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in {"policy": "a", **entries, "schema": "1"}.items())
    try:
        parsed = parse_with_positions(text)
    except PolicyInvalid as refused:
        assert refused.errors  # noqa: PT017 - loading is fine too
        return
    assert parse(to_yaml(parsed.policy)) == parsed.policy
    given_thresholds = {
        "deny_over",
        "review_over",
        "min_tenure_days",
        "deny_reasons",
        "review_reasons",
    } & entries.keys()
    assert len([rule for rule in parsed.policy.rules if rule.id != "currency_not_covered"]) == len(given_thresholds)
