"""Caps in some currencies: what agents move in the others is said to be under none, where that is so."""

import pytest

from policies import pack, parse_with_positions
from policies.checks import Finding, Known, check

CAP = "{id: cap, when: {amount: {currency: usd, gt: 50000}}, effect: deny}"
WINDOW = (
    "{id: window, when: {rolling_window: {measure: sum, per: initiator, within: 24h, currency: usdc, gt: 5}}, "
    "effect: review, approvers: {role: controller}}"
)


def found(*rules: str, rail: str = "stripe_daa", head: str = "") -> list[Finding]:
    text = f"policy: p\nschema: 2\napplies_to: {{rail: {rail}}}\n{head}rules:\n"
    text += "".join(f"  - {rule}\n" for rule in rules)
    return [each for each in check(parse_with_positions(text), Known()) if each.code == "currency_without_cap"]


def stop(when: str) -> str:
    return f"{{id: other, when: {{{when}}}, effect: deny}}"


def test_the_starter_pack_says_that_it_caps_dollars_only() -> None:
    (only,) = check(parse_with_positions(pack("daa-starter")), Known())
    assert (only.code, only.severity) == ("currency_without_cap", "warning")
    assert only.rules == ("agent_payment_cap_exceeded", "rolling_window_exceeded")
    assert "cap USD only: what moves in another currency is under no cap" in only.message


def test_all_currencies_that_are_capped_are_named() -> None:
    (only,) = found(CAP, WINDOW, rail="x402")
    assert only.message.startswith("`cap` and `window` cap USD and USDC only")
    assert "other than USD or USDC" in only.hint


@pytest.mark.parametrize(
    "when",
    [
        "currency: {not_in: [usd]}",
        "currency: {not_in: [usd, eur]}",
        "rail_action: agent_payment",
        "rail: stripe_daa",
        "rolling_window: {measure: count, per: initiator, within: 24h, gt: 5}",
        "custom_expression: 'amount_cents > 100'",
        "not: {currency: usd}",
        "not: {custom_expression: 'amount_cents > 100'}",
    ],
)
def test_nothing_is_said_where_some_rule_may_look_at_the_others(when: str) -> None:
    assert found(CAP, stop(when)) == []


@pytest.mark.parametrize(
    "when",
    [
        "counterparty: {country: [CU]}",
        "initiator_id: agent_1",
        "all: [{currency: eur}, {initiator_id: agent_1}]",
        "merchant: {stripe_account_id: acct_1}",
    ],
)
def test_a_rule_about_somebody_is_no_cap_for_others(when: str) -> None:
    assert len(found(CAP, stop(when))) == 1


def test_nothing_is_said_where_the_default_stops_them() -> None:
    assert found(CAP, head="default: {effect: deny}\n") == []


def test_nothing_is_said_of_refunds_nor_without_a_cap() -> None:
    assert found(CAP, rail="stripe") == []
    assert found(stop("counterparty: {country: [CU]}")) == []
    assert found("{id: watch, when: {amount: {currency: usd, gt: 5}}, effect: flag}") == []
