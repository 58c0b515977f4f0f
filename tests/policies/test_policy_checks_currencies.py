"""Rules that name a currency whose amounts they never speak of."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.checks import Finding, Known, check
from policies.compile import compile_policy
from policies.formats import read
from policies.parse import parse_with_positions

CURRENCIES = ("eur", "gbp", "usd")
NOW = datetime(2026, 4, 28, tzinfo=UTC)


def findings(when: str) -> tuple[Finding, ...]:
    rule = f"{{id: r, when: {{{when}}}, effect: deny}}"
    return check(parse_with_positions(f"policy: p\napplies_to: {{rail: stripe}}\nrules:\n  - {rule}\n"), Known())


@pytest.mark.parametrize(
    ("when", "never", "rest"),
    [
        ("all: [{currency: {in: [usd, eur]}}, {amount: {currency: usd, gt: 10000}}]", "EUR", "USD"),
        ("all: [{amount: {currency: usd, gt: 1}}, {all: [{currency: [usd, eur, gbp]}]}]", "EUR and GBP", "USD"),
        (
            "all: [{currency: [usd, eur, gbp]}, "
            "{any: [{amount: {currency: usd, gt: 1}}, {amount: {currency: eur, gt: 1}}]}]",
            "GBP",
            "EUR and USD",
        ),
        ("all: [{currency: [usd, eur]}, {not: {amount: {currency: usd, gt: 1}}}]", "EUR", "USD"),
        (
            "all: [{currency: [usd, eur]}, "
            "{rolling_window: {measure: sum, per: customer, within: 1d, currency: usd, gt: 5}}]",
            "EUR",
            "USD",
        ),
    ],
)
def test_a_currency_without_an_amount_is_a_warning(when: str, never: str, rest: str) -> None:
    (found,) = findings(when)
    assert (found.code, found.severity, found.rules) == ("currency_without_amount", "warning", ("r",))
    assert found.message == (
        f"the part of rule `r` about {never} can never match: the rest of it speaks of {rest} only"
    )
    assert never in found.hint


@pytest.mark.parametrize(
    "when",
    [
        "currency: [usd, eur]",
        "all: [{currency: [usd, eur]}, {initiator_kind: agent}]",
        "all: [{currency: [usd, eur]}, {currency: usd}]",
        "all: [{currency: usd}, {amount: {currency: usd, gt: 1}}]",
        "all: [{currency: {not_in: [usd]}}, {amount: {currency: eur, gt: 1}}]",
        "all: [{currency: [usd, eur]}, {any: [{amount: {currency: usd, gt: 1}}, {amount: {currency: eur, gt: 1}}]}]",
        "all: [{currency: [usd, eur]}, {any: [{amount: {currency: usd, gt: 1}}, {initiator_kind: agent}]}]",
        "any: [{currency: [usd, eur]}, {amount: {currency: usd, gt: 1}}]",
    ],
)
def test_currencies_that_can_all_match_are_left_alone(when: str) -> None:
    assert findings(when) == ()


def test_the_sentence_is_warned_of_as_well() -> None:
    (found,) = check(read("Refunds in USD or EUR over $100 are denied.", "plain"), Known())
    assert (found.code, found.line) == ("currency_without_amount", 1)


some = st.lists(st.sampled_from(CURRENCIES), min_size=1, unique=True)


@given(named=some, limited=some, agents_too=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_is_told_exactly_where_a_named_currency_never_matches(
    named: list[str], limited: list[str], agents_too: bool
) -> None:
    limits = [f"{{amount: {{currency: {each}, gt: 5}}}}" for each in limited]
    either = ", ".join([*limits, *(["{initiator_kind: agent}"] if agents_too else [])])
    when = f"all: [{{currency: [{', '.join(named)}]}}, {{any: [{either}]}}]"
    text = f"policy: p\napplies_to: {{rail: stripe}}\nrules:\n  - {{id: r, when: {{{when}}}, effect: deny}}\n"
    compiled = compile_policy(parse_with_positions(text).policy)
    (rule,) = compiled.rules
    matched = {
        currency
        for currency in named
        if rule.test(
            {"currency": currency, "amount_cents": 6, "initiator.kind": "agent", "rail": "stripe"},
            NOW,
        )
    }
    codes = {found.code for found in findings(when)}
    assert ("never_fires" in codes) is (not matched)
    assert ("currency_without_amount" in codes) is (0 < len(matched) < len(named))
