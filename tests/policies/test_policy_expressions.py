"""`custom_expression`: CEL that can neither hang, nor crash, nor be got round, whatever is written and moved."""

from datetime import UTC, datetime
from typing import Any

import pytest

from policies import PolicyInvalid, compile_policy, evaluate, parse, to_yaml
from policies.conditions import Scope, custom_expression
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.expression import Expression, ExpressionRefused, read_expression

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "rail": "stripe",
    "rail_action": "refund",
    "amount_cents": 17500,
    "currency": "usd",
    "initiator.kind": "agent",
    "initiator.id": "agent_1",
    "initiator.scopes": ["payments:read", "payments:write"],
    "counterparty.country": "US",
    "context.customer_tenure_days": 9,
    "metadata.order id": "o-1",
    "extra.vip": True,
    "extra.score": 7,
}


def answer(expression: str, *, negated: bool = False, **changed: Any) -> bool | None:
    return CustomExpression(expression).test(Scope("stripe"), negated=negated)({**FACTS, **changed}, NOW)


def policy(expression: str, effect: str = "deny", more: str = "") -> str:
    approvers = "    approvers: {role: finance_manager}\n" if effect == "review" else ""
    return (
        "policy: a-policy\napplies_to: {rail: stripe}\nrules:\n  - id: a_rule\n"
        f"    when:\n      custom_expression: >-\n        {expression}\n    effect: {effect}\n{approvers}{more}"
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("amount_cents > 10000 && initiator.kind == 'agent'", True),
        ("amount_cents > 20000 || currency == 'eur'", False),
        ('metadata["order id"] == "o-1"', True),
        ("extra.vip", True),
        ("!extra.vip", False),
        ("extra.score * 2 - 4 == 10 && extra.score % 2 == 1", True),
        ("currency in ['usd', 'eur']", True),
        ("counterparty.country in ['CU', 'IR']", False),
        ("initiator.scopes.exists(s, s.startsWith('payments:'))", True),
        ("initiator.scopes.all(s, s.endsWith(':read'))", False),
        ("initiator.scopes.exists_one(s, s.contains('write'))", True),
        ("initiator.scopes.filter(s, s != 'payments:read').size() == 1", True),
        ("'payments:write' in initiator.scopes.map(s, s)", True),
        ("size(initiator.scopes) == 2 && initiator.id.size() == 7", True),
        ("context.customer_tenure_days < 7 ? true : amount_cents >= 17500", True),
        ("string(amount_cents) == '17500' && int('5') == 5", True),
        ("(amount_cents) / 100 == 175", True),
    ],
)
def test_expressions_over_the_facts(expression: str, expected: bool) -> None:
    parsed = parse(policy(expression))
    assert parse(to_yaml(parsed)) == parsed
    assert answer(expression) is expected
    assert answer(expression, negated=True) is not expected


def test_an_absent_fact_leaves_the_expression_unknown_even_where_the_rest_would_decide() -> None:
    for expression in ("amount_cents > 1 || context.reason_code == 'x'", "false && context.reason_code == 'x'"):
        assert answer(expression) is None
        assert answer(expression, negated=True) is None
        assert not CustomExpression(expression).fails(FACTS)


@pytest.mark.parametrize(
    ("expression", "changed"),
    [
        ("amount_cents / (extra.score - 7) > 1", {}),
        ("amount_cents % (extra.score - 7) == 0", {}),
        ("amount_cents * 9223372036854775807 > 1", {}),
        ("-amount_cents - 9223372036854775807 < 0", {}),
        ("amount_cents > 1", {"amount_cents": 2**63}),
        ("amount_cents < currency", {}),
        ("extra.score", {}),
        ("extra.vip > 1", {}),
        ("extra.vip && true", {"extra.vip": "true"}),
        ("initiator.scopes[9] == 'x'", {}),
        ("int(currency) == 1", {}),
        ("initiator.id.contains('x')", {"initiator.id": "x" * 10_001}),
        ("initiator.scopes.exists(s, s == 'x')", {"initiator.scopes": ["x"] * 101}),
        ("initiator.scopes.size() > 0", {"initiator.scopes": ["x" * 200] * 60}),
    ],
)
def test_whatever_fails_or_is_not_a_truth_is_unknown_and_an_error(expression: str, changed: dict[str, Any]) -> None:
    assert answer(expression, **changed) is None
    assert answer(expression, negated=True, **changed) is None
    assert CustomExpression(expression).fails({**FACTS, **changed})


class Panic(BaseException):
    """As pyo3 raises where Rust panics."""


class Panicking:
    def execute(self, _variables: dict[str, Any]) -> bool:
        raise Panic


def test_a_panic_in_cel_is_an_error_of_the_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_expression, "_read", lambda _source: Expression(Panicking(), ("currency",)))
    assert answer("currency == 'usd'") is None
    assert CustomExpression("currency == 'usd'").fails(FACTS)


def test_a_panic_while_cel_compiles_is_a_fault_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cel.compile", Panicking().execute)
    with pytest.raises(ExpressionRefused):
        read_expression("currency == 'usd'")


FAILS = "extra.score / (amount_cents - amount_cents) > 1"


@pytest.mark.parametrize(
    ("effect", "more", "outcome", "asked"),
    [
        ("deny", "", "deny", None),
        ("allow", "", "deny", None),
        ("review", "", "deny", None),
        ("review", "    on_error: review\n", "review", "finance_manager"),
        ("deny", "    on_error: review\n", "review", "controller"),
        ("deny", "    on_error: skip\n", "allow", None),
        ("deny", "    on_error: deny\n    when_missing: skip\n", "deny", None),
        ("flag", "", "allow", None),
        ("flag", "    on_error: skip\n", "allow", None),
    ],
)
def test_on_error_decides_where_the_expression_fails(effect: str, more: str, outcome: str, asked: str | None) -> None:
    evaluation = evaluate(compile_policy(parse(policy(FAILS, effect, more))), FACTS, now=NOW)
    assert (evaluation.outcome, evaluation.approver_role) == (outcome, asked)
    assert evaluation.flags == ()
    if outcome == "allow":
        assert evaluation.reason == "default_allow"
    else:
        assert (evaluation.reason, evaluation.rule_kind) == ("expression_error", "custom_expression")
        assert "expression fails" in evaluation.message


@pytest.mark.parametrize(
    ("more", "outcome", "reason"),
    [
        ("", "review", "missing_fact"),
        ("    on_error: deny\n    when_missing: skip\n", "allow", "default_allow"),
        ("    on_error: skip\n    when_missing: deny\n", "deny", "missing_fact"),
    ],
)
def test_when_missing_decides_where_a_fact_is_absent(more: str, outcome: str, reason: str) -> None:
    facts = {**FACTS, "extra.score": None}
    evaluation = evaluate(compile_policy(parse(policy(FAILS, "deny", more))), facts, now=NOW)
    assert (evaluation.outcome, evaluation.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("more", "outcome", "reason"),
    [
        ("", "deny", "expression_error"),
        ("    on_error: review\n", "review", "missing_fact"),
        ("    on_error: skip\n", "review", "missing_fact"),
        ("    on_error: skip\n    when_missing: skip\n", "allow", "default_allow"),
        ("    on_error: review\n    when_missing: skip\n", "review", "expression_error"),
    ],
)
def test_where_a_fact_is_absent_and_an_expression_fails_the_heavier_decides(
    more: str, outcome: str, reason: str
) -> None:
    both = f"{{all: [{{custom_expression: '{FAILS}'}}, {{context: {{reason_code: fraudulent}}}}]}}"
    text = policy("x", "deny", more).replace("\n      custom_expression: >-\n        x", f" {both}")
    evaluation = evaluate(compile_policy(parse(text)), FACTS, now=NOW)
    assert (evaluation.outcome, evaluation.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (policy("true", "deny", "    on_error: maybe\n"), 9),
        (policy("true", "flag", "    on_error: deny\n"), 9),
        (
            policy("true", "deny", "    on_error: deny\n").replace(
                "custom_expression: >-\n        true", "rail: stripe"
            ),
            8,
        ),
        (policy("true").replace(">-\n        true", "true"), 6),
        (policy("true").replace(">-\n        true", "[true]"), 6),
        (policy("true").replace(">-\n        true", '""'), 6),
        (policy("true").replace(">-\n        true", '"true\\u0000"'), 6),
    ],
)
def test_what_is_no_expression_or_cannot_fail_is_refused_at_its_line(text: str, line: int) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse(text)
    assert line in {each.line for each in caught.value.errors}
