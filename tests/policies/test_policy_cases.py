"""What a policy's cases and an explanation can state: the time, lists, labels, and what callers add."""

from datetime import UTC, datetime

import pytest

from axiru.domain.movement import Amount, Context, Initiator, Ovt
from policies import PolicyInvalid
from policies.commands import explain_policy, run_policy_tests
from policies.explain import explanation_text

POLICY = """policy: night-watch
applies_to: {rail: stripe}
rules:
  - id: at_night
    priority: 1
    when: {time_of_day: {zone: America/New_York, from: "22:00", until: "06:00"}}
    effect: review
    approvers: {role: controller, deadline: 90m, escalate: [{after: 30m, role: admin}]}
  - id: not_for_vips
    when:
      all:
        - context: {customer_id: {not_in_list: vip_customers}, extra.tier: {not_in: gold}}
        - not: {context: {extra.verified: "true"}}
    effect: deny
    when_missing: skip
  - id: marked
    when: {context: {marked_for_review: true, extra.score: {lt: 50}}}
    effect: deny
    when_missing: skip
  - {id: ratio, when: {custom_expression: extra.score / extra.of > 2}, effect: deny, when_missing: skip}
"""
CASE = """policy: night-watch
cases:
  - name: a case
    now: 2026-04-28T20:00:00Z
    movement:
      rail: stripe
      rail_action: refund
      amount_cents: 100
      currency: usd
      context: {customer_id: cus_1, extra: {tier: tin, verified: false, score: 9}}
    expect: {outcome: deny, rule: not_for_vips, rule_kind: context}
"""


def differences(text: str) -> tuple[str, ...]:
    return run_policy_tests(POLICY, text)[0].differences


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ("    expect: {", "    lists: {vip_customers: [cus_2]}\n    expect: {", "deny, rule: not_for_vips"),
        ("    expect: {", "    lists: {vip_customers: [cus_2, cus_1]}\n    expect: {", "allow"),
        ("    expect: {", "    lists: {vip_customers: []}\n    expect: {", "deny, rule: not_for_vips"),
        ("    expect: {", "    lists: {vip_customers: null}\n    expect: {", "allow"),
        ("tier: tin", "tier: gold", "allow"),
        ("verified: false", "verified: true", "allow"),
        (
            "tier: tin, verified: false, score: 9}}",
            "score: 9}}\n    labels: {marked_for_review: true}",
            "deny, rule: marked",
        ),
        ("tier: tin, verified: false, score: 9}}", "score: 9}}\n    labels: {marked_for_review: null}", "allow"),
        ("tier: tin, verified: false, score: 9", "score: 9, of: 3", "deny, rule: ratio, rule_kind: custom_expression"),
        ("tier: tin, verified: false, score: 9", "score: 9, of: 0", "deny, rule: ratio, reason: expression_error"),
        ("20:00:00Z", "03:00:00Z", "deny, rule: not_for_vips"),
        (
            "20:00:00Z\n    movement:",
            "03:00:00Z\n    lists: {vip_customers: [cus_1]}\n    movement:",
            "review, rule: at_night, rule_kind: time_of_day, approver_role: controller",
        ),
    ],
)
def test_a_case_states_what_it_needs(was: str, becomes: str, expected: str) -> None:
    assert was in CASE
    text = CASE.replace(was, becomes)
    text = (
        text.partition("    expect:")[0]
        + f"    expect: {{outcome: {expected}}}\n"
        + (text.partition("    expect:")[2]).partition("\n")[2]
    )
    assert differences(text) == ()


def test_countries_of_a_list_are_known_in_whatever_case() -> None:
    policy = POLICY.replace("{customer_id: {not_in_list: vip_customers}, extra.tier: {not_in: gold}}", "{source: x}")
    policy = policy.replace("- context: {source: x}", "- counterparty: {country: {in_list: blocked}}")
    case = CASE.replace("context: {customer_id: cus_1,", "counterparty: {country: kp}\n      context: {")
    assert run_policy_tests(policy, case + "    lists: {blocked: [ir, kp]}\n")[0].differences == (
        "rule_kind: expected context, found counterparty",
    )


def test_what_no_rule_reads_fails_the_case() -> None:
    assert differences(CASE + "    lists: {nobodys: [a]}\n") == ("the policy looks into no list nobodys",)
    assert differences(CASE + "    labels: {favourite: true}\n") == ("the policy reads no label favourite",)


@pytest.mark.parametrize(
    "more",
    [
        "    lists: [vip_customers]\n",
        "    lists: {vip_customers: cus_1}\n",
        "    lists: {vip_customers: [1]}\n",
        "    lists: {vip_customers: true}\n",
        "    labels: {marked_for_review: 1}\n",
        "    labels: marked_for_review\n",
    ],
)
def test_a_case_that_states_it_wrongly_is_refused(more: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        differences(CASE + more)
    assert caught.value.errors[0].line == 12


def test_what_a_case_cannot_state_is_refused() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        differences(CASE + "    listed: {a: true}\n")
    assert [(each.line, each.code) for each in caught.value.errors] == [(3, "invalid_case")]


def test_an_explanation_tells_the_local_time_lists_errors_and_who_is_asked_when() -> None:
    context = Context(customer_id="cus_1", extra={"score": 1, "of": 0})
    ovt = Ovt("stripe", "refund", Amount("100", "usd"), Initiator("service", "key_1"), context=context)
    text = POLICY.replace("extra.of > 2}, effect: deny", "extra.of > 2}, effect: deny, on_error: skip")
    at_night = explain_policy(text, ovt, now=datetime(2026, 4, 28, 3, tzinfo=UTC))
    said = explanation_text(at_night)
    for line in (
        "asks 1 × controller within 90m",
        "after 30m admin, too",
        "it was mon 23:00 in America/New_York",
        "at_night (time_of_day) ← decides",
        "Rule ratio cannot be decided: its expression fails on this movement",
        "Rule not_for_vips cannot be decided without extra.tier, extra.verified",
        "listed.vip_customers.context.customer_id = False",
        "label.marked_for_review = False",
    ):
        assert line in said
    assert {rule.rule_id: rule.answer for rule in at_night.rules} == {
        "at_night": "matched",
        "not_for_vips": "undecided",
        "marked": "not_matched",
        "ratio": "undecided",
    }
