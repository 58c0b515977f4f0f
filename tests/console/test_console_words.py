"""Amounts and states, as people read them."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axiru.domain.control import ControlHit
from axiru.domain.currency import CURRENCIES, exponent_of
from axiru.domain.decision import DecisionState
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Amount, Context, Execute, Initiator, Merchant, Ovt, Target
from console.components.badge import look_of
from console.components.money import amount_text, decimal_text, in_short, minor_units, money_text
from console.components.rule_sentences import parted
from console.components.version_badge import rate_text
from console.pages.decision_head import forbidden_text
from console.pages.decision_sections import compared
from console.pages.queue import BYPASS, DIFFERS, TABS
from console.replay_api import JudgingPolicy
from console.views import Execution


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [
        (40_000, "usd", "$400.00 USD"),
        (1, "usd", "$0.01 USD"),
        (99_999_999_999, "usd", "$999,999,999.99 USD"),
        (500, "jpy", "¥500 JPY"),
        (12_345, "kwd", "12.345 KWD"),
        (125_000, "chf", "1,250.00 CHF"),
        (-250, "EUR", "€−2.50 EUR"),
    ],
)
def test_money_has_its_currencys_decimals_and_always_its_code(units: int, currency: str, text: str) -> None:
    assert money_text(units, currency) == text


@given(units=st.integers(min_value=0, max_value=10**30), exponent=st.integers(min_value=0, max_value=18))
def test_no_digit_of_an_amount_is_lost(units: int, exponent: int) -> None:
    text = decimal_text(units, exponent)
    assert int(text.replace(",", "").replace(".", "")) == units
    assert len(text.partition(".")[2]) == exponent


@pytest.mark.parametrize(
    ("whole", "short"),
    [
        ("$999,999,999.99 USD", "$999,999,999.99 USD"),
        ("1,000,000,000 units", "1,000,000,000 units"),
        ("1,500,000,000,000,000,000 units", "1.5 × 10^18 units"),
        ("1,500,000,000,000,000,001 units", "≈ 1.5 × 10^18 units"),
        ("999,999,999,999.999999 USDC", "≈ 1 × 10^12 USDC"),
        (f"{2**200:,} units", "≈ 1.607 × 10^60 units"),
    ],
)
def test_an_amount_without_room_is_told_by_its_size_and_never_cut(whole: str, short: str) -> None:
    assert in_short(whole) == short


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("1,250.50", "usd", 125_050),
        (" 12 ", "usd", 1_200),
        ("0.5", "usd", 50),
        ("500", "jpy", 500),
        ("1.234", "kwd", 1_234),
    ],
)
def test_an_amount_that_was_typed_is_read_in_its_currency(text: str, currency: str, units: int) -> None:
    assert minor_units(text, currency) == units


@pytest.mark.parametrize(
    ("text", "currency"),
    [("12,5", "usd"), ("1.234", "usd"), ("5.0", "jpy"), ("", "usd"), ("-5", "usd"), ("1e3", "usd"), ("١٢", "usd")],
)
def test_what_may_mean_two_amounts_is_none(text: str, currency: str) -> None:
    assert minor_units(text, currency) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Amount("1500000", "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", 6), "1.50 USDC"),
        (Amount("1", "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", 6), "0.000001 USDC"),
        (Amount("1500000", f"eip155:1/erc20:0x{'1' * 40}", 0), "1,500,000 units"),
        (Amount("9" * 78, f"eip155:1/erc20:0x{'1' * 40}", 0), f"{','.join(['999'] * 26)} units"),
        (Amount("500", "jpy", 0), "¥500 JPY"),
    ],
)
def test_an_amount_of_any_asset_is_told_exactly(amount: Amount, text: str) -> None:
    assert amount_text(amount) == text


@given(units=st.integers(min_value=0, max_value=99_999_999_999), currency=st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_that_is_shown_can_be_typed_again(units: int, currency: str) -> None:
    assert minor_units(decimal_text(units, exponent_of(currency)), currency) == units


@pytest.mark.parametrize(
    ("rate", "text"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.98, "98 %"), (0.5833, "58.3 %"), (0.0, "0 %")]
)
def test_agreement_is_never_rounded_up_to_all(rate: float, text: str) -> None:
    assert rate_text(rate) == text


def test_a_rule_is_shown_as_its_sentence_and_what_else_it_says() -> None:
    plain = 'Rule big, priority 10:\n  Refunds over $5 are denied,\n  saying "No",\n  but skipped if a fact is missing.'
    assert parted(plain) == ("Refunds over $5 are denied", 'saying "No", but skipped if a fact is missing.')
    assert parted("Refunds over $5 are denied.") == ("Refunds over $5 are denied.", "")


@pytest.mark.parametrize("text", ["", "slug", "slug/", "/1", "slug/x", "slug/²", "slug/99999999"])
def test_a_policy_to_judge_by_is_named_whole_or_not_at_all(text: str) -> None:
    assert JudgingPolicy.parse(text) is None
    assert JudgingPolicy.parse("refunds-starter/2") == JudgingPolicy("refunds-starter", 2)


def test_every_state_has_a_look_and_no_two_states_the_same_words() -> None:
    looks = [look_of(state) for state in get_args(DecisionState)]
    assert len({look.label for look in looks}) == len(looks)


def test_every_filter_is_a_state_of_decisions() -> None:
    assert {tab.name for tab in TABS} - {"", DIFFERS, BYPASS} <= set(get_args(DecisionState))


def movement() -> Ovt:
    return Ovt(
        rail="stripe",
        rail_action="refund",
        amount=Amount("40000", "usd"),
        initiator=Initiator("api_key", "key_1"),
        merchant=Merchant("stripe_conn_demo", "acct_1"),
        target=Target(charge="ch_1"),
        context=Context(reason_code="requested_by_customer"),
    )


def call(**parameters: str | int) -> StripeCall:
    return StripeCall(
        "refunds.create", "stripe_conn_demo", "acct_1", {"amount": 40_000, "charge": "ch_1", **parameters}
    )


def test_a_call_that_is_what_was_asked_differs_nowhere() -> None:
    assert not [row for row in compared(movement(), call(reason="requested_by_customer")) if row.differs]


@pytest.mark.parametrize(("name", "value"), [("amount", 40_001), ("charge", "ch_2"), ("reason", "fraudulent")])
def test_a_call_that_is_not_what_was_asked_is_marked(name: str, value: str | int) -> None:
    assert [row.name for row in compared(movement(), call(**{name: value})) if row.differs] == [name]


def test_a_parameter_nobody_asked_for_is_shown() -> None:
    shown = {row.name: row.executed for row in compared(movement(), call(refund_application_fee="true"))}
    assert shown["refund_application_fee"] == "true"


@pytest.mark.parametrize(
    ("message", "by", "status", "text"),
    [
        ("The kill switch is engaged: no money moves.", "axiru", None, "The kill switch is engaged: this will not be"),
        ("This agent is frozen.", "axiru", None, "This agent is frozen: this will not be executed"),
        ("This agent is frozen.", "axiru", "calling", "This agent is frozen: no further attempt will be made"),
        ("This agent is frozen.", "caller", None, "This agent is frozen: a caller that asks is told not to execute"),
    ],
)
def test_what_a_control_stops_is_said_of_whoever_executes(
    message: str, by: Execute, status: str | None, text: str
) -> None:
    hit = ControlHit("ct_1", "some_reason", message)
    assert forbidden_text(hit, Execution(by, status=status)).startswith(text)
