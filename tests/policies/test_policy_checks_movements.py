"""Rails and rail actions that there are not."""

import pytest

from policies.checks import Finding, Known, check
from policies.commands import run_policy_tests
from policies.parse import parse_with_positions

RULE = "initiator_kind: agent"


def text(scope: str, when: str = RULE) -> str:
    return f"policy: p\napplies_to: {{{scope}}}\nrules:\n  - {{id: r, when: {{{when}}}, effect: deny}}\n"


def unknown(scope: str, when: str = RULE) -> list[Finding]:
    found = check(parse_with_positions(text(scope, when)), Known())
    return [each for each in found if each.code == "unknown_movement"]


@pytest.mark.parametrize(
    ("scope", "when", "message", "hint"),
    [
        (
            "rail: stripe, rail_action: [refnd, payout]",
            RULE,
            "the policy applies to the rail action `refnd`, which stripe does not have",
            "did you mean `refund`?",
        ),
        (
            "rail: strpe, rail_action: refnd",
            "rail_action: refnd",
            "the policy applies to the rail `strpe`, which there is not",
            "did you mean `stripe`?",
        ),
        (
            "rail: stripe_daa, rail_action: payout",
            RULE,
            "the policy applies to the rail action `payout`, which stripe_daa does not have",
            "did you mean `agent_payout`?",
        ),
        (
            "rail: ach, rail_action: debit",
            "rail_action: debit",
            "the policy applies to the rail `ach`, which there is not",
            "known here: ap2, stripe, stripe_daa, x402",
        ),
    ],
)
def test_what_the_policy_applies_to_is_looked_up(scope: str, when: str, message: str, hint: str) -> None:
    (found,) = unknown(scope, when)
    assert (found.severity, found.rules, found.line, found.column) == ("warning", (), 1, 1)
    assert (found.message, found.hint) == (message, hint)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("rail_action: [refund, refnd]", "the rail action `refnd`, which stripe does not have"),
        ("not: {rail_action: {not_in: [refnd]}}", "the rail action `refnd`, which stripe does not have"),
        ("any: [{rail: strpe}, {initiator_kind: agent}]", "the rail `strpe`, which there is not"),
        (
            "rolling_window: {measure: count, per: customer, within: 1d, rail_action: refnd, gt: 2}",
            "the rail action `refnd`, which stripe does not have",
        ),
        (
            "rolling_window: {measure: count, per: merchant, within: 1d, rail: stripe_daa, rail_action: refund, gt: 2}",
            "the rail action `refund`, which stripe_daa does not have",
        ),
        (
            "rolling_window: {measure: count, per: initiator, within: 1d, rail: strpe, gt: 2}",
            "the rail `strpe`, which there is not",
        ),
    ],
)
def test_what_a_rule_names_is_looked_up(when: str, message: str) -> None:
    (found,) = unknown("rail: stripe", when)
    assert (found.severity, found.rules, found.message) == ("warning", ("r",), f"rule `r` names {message}")
    assert found.hint


@pytest.mark.parametrize(
    ("scope", "when"),
    [
        ("rail: stripe", "rail_action: [refund, credit, app_fee_refund]"),
        ("rail: stripe_daa, rail_action: [agent_payment, agent_payout]", RULE),
        ("rail: stripe", "rolling_window: {measure: count, per: initiator, within: 1d, rail: stripe_daa, gt: 2}"),
        ("rail: stripe", "any: [{rail: stripe_daa}, {initiator_kind: agent}]"),
    ],
)
def test_what_there_is_is_left_alone(scope: str, when: str) -> None:
    assert unknown(scope, when) == []


def differences(scope: str, surface: str) -> tuple[str, ...]:
    rail, action = surface.split(".")
    case = (
        "policy: p\ncases:\n  - name: a case\n    now: 2026-04-28T20:00:00Z\n"
        f"    movement: {{rail: {rail}, rail_action: {action}, amount_cents: 1, currency: usd}}\n"
        "    expect: {outcome: allow}\n"
    )
    return run_policy_tests(text(scope), case)[0].differences


def test_a_case_about_an_action_that_the_rail_does_not_have_fails() -> None:
    assert differences("rail: stripe", "stripe.refnd") == (
        "the movement is of the rail action `refnd`, which stripe does not have (did you mean `refund`?)",
    )
    assert differences("rail: stripe", "stripe.refund") == ()


def test_a_policy_written_ahead_of_its_rail_can_be_tested() -> None:
    assert differences("rail: ach", "ach.debit") == ()
    assert differences("rail: stripe", "strpe.refund") == (
        "the policy does not govern strpe.refund",
        "the movement is of the rail `strpe`, which there is not (did you mean `stripe`?)",
    )


def test_rules_about_an_action_that_is_still_to_come_are_not_said_to_never_match() -> None:
    written = text("rail: stripe, rail_action: [payout, instant_payout]", "rail_action: instant_payout")
    parsed = parse_with_positions(written)
    assert {(each.code, each.severity) for each in check(parsed, Known())} == {("unknown_movement", "warning")}
