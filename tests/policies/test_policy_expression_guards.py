"""What a `custom_expression` may not be, whatever is written: slow, or a way to take the process down."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.conditions import Scope
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.expression import MAX_CHARACTERS, ExpressionRefused, read_expression

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


@pytest.mark.parametrize(
    ("expression", "column", "said"),
    [
        ("amount_cents", 1, "neither true nor false"),
        ("currency", 1, "neither true nor false"),
        ("'true'", 1, "neither true nor false"),
        ("extra.vip ? amount_cents : true", 13, "neither true nor false"),
        ("initiator.scopes.map(s, s)", 1, "neither true nor false"),
        ("amount_cents >", 14, "not an expression"),
        ("amount_cents > 1.5", 16, "not an expression"),
        ("amount_cents > 1e9", 16, "not an expression"),
        ("amount_cents = 1", 14, "not an expression"),
        ("currency == 'usd", 13, "not an expression"),
        ("currency == '''usd'''", 15, "not an expression"),
        ("currency == r'usd'", 14, "not an expression"),
        ("{'a': 1}.a == 1", 1, "not an expression"),
        ("extra.vip == null", 14, "not an expression"),
        ("amount_cents > 9223372036854775808", 16, "too large"),
        ("amuont_cents > 1", 1, "`amuont_cents` is not known"),
        ("now > 1", 1, "`now` is not known"),
        ("initiator == 1", 1, "asked for one of its facts"),
        ("initiator.email == 'a'", 1, "`initiator.email` is not known"),
        ("metadata[currency] == 'a'", 1, "asked for one of its facts"),
        ("metadata.a.b == 'a'", 12, "not known here"),
        ("has(context.customer_id)", 1, "may not be used"),
        ("matches(currency, 'a')", 1, "may not be used"),
        ("currency == 'USD'", 13, "never met"),
        ("amount_cents > 1 && 'Eur' != currency", 21, "never met"),
        ("currency in ['usd', 'EUR']", 21, "never met"),
        ("rail_action == 'Refund'", 16, "never met"),
        ("initiator.kind == 'Agent'", 19, "never met"),
        ("context.reason_code == 'Fraudulent'", 24, "never met"),
        ("counterparty.country == 'cu'", 25, "never met"),
        ("counterparty['country'] in ['CU', 'Ir']", 35, "never met"),
        ("currency.matches('(a+)+')", 10, "may not be used"),
        ("timestamp('2026-01-01T00:00:00Z') == 1", 1, "may not be used"),
        ("currency.size(1) == 3", 10, "takes 0"),
        ("initiator.scopes.exists(s)", 18, "takes a name and a test"),
        ("initiator.scopes.exists('s', true)", 18, "takes a name and a test"),
        ("initiator.scopes.exists(currency, true)", 25, "is a fact"),
        ("initiator.scopes.exists(s, true) && s == 'a'", 37, "`s` is not known"),
        ("initiator.scopes.exists(s, initiator.scopes.exists(t, t == s))", 45, "not inside another"),
        ("[1].map(x, x + x).map(y, y + y) == [4]", 19, "not inside another"),
        ("[[1].map(x, x)].exists(y, y == [1])", 6, "not inside another"),
        ("initiator.scopes.filter(s, true).map(s, s) == []", 34, "not inside another"),
        (" && ".join(["[1].all(x, x == 1)"] * 5), 93, "more than 4 macros"),
        ("1" + "+1" * 20 + " == amount_cents", 1, "more than 20"),
        (f"amount_cents in [{', '.join('1' * 101)}]", 17, "more than 100"),
        ("(" * 17 + "true" + ")" * 17, 18, "nested deeper"),
        ("!" * 900 + "extra.vip", 18, "nested deeper"),
        ("extra.vip || " * 80 + "true", 1, f"longer than {MAX_CHARACTERS}"),
        ("[1].all(while, true)", 1, "reserved"),
    ],
)
def test_what_is_not_in_the_safe_part_of_cel_is_refused_with_its_place(expression: str, column: int, said: str) -> None:
    with pytest.raises(ExpressionRefused) as caught:
        read_expression(expression)
    assert said in caught.value.message
    assert caught.value.column == column


NAMES = ("amount_cents", "currency", "initiator.scopes", "extra.score", "metadata['a']", "x", "initiator", "extra")
PIECES = (
    *NAMES,
    *("(", ")", "[", "]", "{", "}", ",", ".", "?", ":", "!", "-", "+", "*", "/", "%", "&&", "||", "==", "<", "in"),
    *(
        "0",
        "1",
        "9223372036854775807",
        "1.5",
        "1u",
        "'a'",
        '"\\n"',
        "'\\",
        '"',
        "'''",
        "b'a'",
        "true",
        "null",
        " ",
        "\n",
    ),
    *(".exists(x, ", ".map(x, ", ".size()", "size(", "int(", ".contains(", ".matches(", "has(", "dyn(", "é", "\x00"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_is_an_expression_that_answers_or_is_refused(source: str) -> None:
    try:
        expression = read_expression(source)
    except ExpressionRefused as refused:
        assert 1 <= refused.column <= len(source) + 1  # noqa: PT017 - being read is fine too
        return
    facts = {name: FACTS.get(name, "a") for name in expression.fact_names}
    assert CustomExpression(source).test(Scope("stripe"))(facts, NOW) in {True, False, None}
    assert CustomExpression(source).test(Scope("stripe"))({}, NOW) in ({None} if facts else {True, False, None})


values = st.one_of(
    st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3)
)


@given(st.lists(st.sampled_from(("a", "b", "1", "'s'", "[1]")), min_size=2, max_size=2), st.data())
@settings(max_examples=200, deadline=None)
def test_facts_of_any_type_answer_or_are_unknown(operands: list[str], data: st.DataObject) -> None:
    operator = data.draw(st.sampled_from(("==", "<", "in", "&&", "+ 1 ==", "/ 0 ==", "* a ==", "% b ==")))
    left, right = (f"extra.{each}" if each in "ab" else each for each in operands)
    try:
        expression = CustomExpression(f"{left} {operator.replace('a', 'extra.a').replace('b', 'extra.b')} {right}")
        facts = {name: data.draw(values) for name in expression.fact_names(Scope("stripe"))}
    except ExpressionRefused:
        return
    found = expression.test(Scope("stripe"))(facts, NOW)
    assert found in {True, False, None}
    assert expression.fails(facts) is (found is None)


WORST = (
    "initiator.scopes.exists(s, " + " || ".join(["s == 'aaaaaaaa'"] * 50) + ")",
    "initiator.scopes.map(s, " + "+".join(["(" + "+".join(["s"] * 20) + ")"] * 20) + ").size() == 0",
    "initiator.scopes.all(s, !(s in [" + ",".join(["'bbbb'"] * 100) + "]))",
    " && ".join(["initiator.scopes.all(s, " + " && ".join(["!s.contains('ab')"] * 10) + ")"] * 4),
    "+".join(["(initiator.id" + "+initiator.id" * 19 + ")"] * 3) + " == initiator.id",
    "(" * 12 + "amount_cents" + ")" * 12 + " + 1" * 19 + " > 0",
)


@pytest.mark.parametrize("expression", WORST)
def test_the_slowest_expression_on_the_largest_movement_takes_no_time_to_speak_of(expression: str) -> None:
    facts = {**FACTS, "initiator.scopes": ["a" * 100] * 100, "initiator.id": "a" * 10_000}
    test = CustomExpression(expression).test(Scope("stripe"))
    seconds = []
    for _ in range(3):
        started = time.process_time()
        assert test(facts, NOW) in {True, False, None}
        seconds.append(time.process_time() - started)
    assert min(seconds) < 0.5


PATHOLOGICAL = """
import sys
from policies.conditions.expression import ExpressionRefused, read_expression
sources = [
    each * count
    for count in (1, 100, 990, 5_000, 100_000)
    for each in ("(", "[", "!", "-", "{", "a.", "a[", "true?", "true&&", "1+", "'", '"', "[1].map(x,", "a(", ".")
]
sources += ["(" * n + "true" + ")" * n for n in (10, 400, 490)] + ["true" + "?true:true" * n for n in (10, 98)]
sources += ["extra.a" + ".b" * 490, "extra.a" + "[0]" * 320, "[" * 490 + "]" * 490]
sources += ["-" * 980 + "1 > 0", "1" + "+1" * 490]
sources += ["true?" * 120 + "true" + ":true" * 120, "extra.a" + ".size()" * 140 + " == 1"]
for source in sources:
    try:
        read_expression(source)
    except ExpressionRefused:
        pass
print("alive", len(sources))
"""


def test_no_source_takes_the_process_down_or_holds_it_up() -> None:
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PATHOLOGICAL], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr[-500:]
    assert ran.stdout.startswith("alive")
    assert "panicked" not in ran.stderr
