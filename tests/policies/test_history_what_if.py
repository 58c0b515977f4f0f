"""Stored decisions through another policy: what changes, and by which windows, lists and labels it is judged."""

from datetime import UTC, datetime, timedelta
from typing import Any

from axiru.domain.movement import Amount, Context, Initiator, Ovt, Target
from policies import parse
from policies.history.page import report_page
from policies.history.report import Report
from policies.history.what_if import TODAYS_LISTS, StoredDecision, WhatIf

START = datetime(2024, 5, 1, tzinfo=UTC)
TWICE_A_DAY = """policy: twice
applies_to: {rail: stripe, rail_action: refund}
rules:
  - id: second_in_a_day
    when: {rolling_window: {measure: count, per: customer, within: 1d, gte: 2}}
    effect: deny
  - id: large
    when: {amount: {currency: usd, gt: 10000}}
    effect: review
    approvers: {role: controller}
  - id: round
    when: {amount: {currency: usd, gte: 5000, lte: 5000}}
    effect: flag
"""
LISTED = """policy: listed
applies_to: {rail: stripe}
rules:
  - {id: known_bad, when: {context: {customer_id: {in_list: known_bad}}}, effect: deny}
  - {id: marked, when: {context: {marked_for_review: true}}, effect: review, approvers: {role: controller}}
"""


def decision(number: int, hours: float = 0, **changes: Any) -> StoredDecision:
    """The decision of that number, so many hours after the start; by default a small refund that was allowed."""
    action, cents = changes.pop("action", "refund"), changes.pop("cents", 1_000)
    asks = changes.pop("asks", Initiator("agent", "agent_1"))
    ovt = Ovt(
        "stripe",
        action,
        Amount(str(cents), "usd"),
        asks,
        target=Target(charge=f"ch_{number}"),
        context=Context(customer_id="cus_1"),
    )
    stored = {"was": "allowed", "surface_mode": "enforce", **changes}
    return StoredDecision(f"ed_{number}", START + timedelta(hours=hours), ovt, **stored)


def asked(*decisions: StoredDecision, policy: str = TWICE_A_DAY, **lists: Any) -> Report:
    what_if = WhatIf(parse(policy), lists)
    for each in decisions:
        what_if.add(each)
    return what_if.report()


def outcomes(report: Report) -> list[tuple[str, object, str]]:
    return [(each.id, each.was, each.outcome) for each in report.findings]


def test_rows_that_stay_simply_allowed_are_not_told_and_every_change_is() -> None:
    report = asked(
        decision(1, 0),
        decision(2, 1),
        decision(3, 40, was="blocked"),
        decision(4, 80, cents=5_000, was="drift"),
        decision(5, 120, cents=20_000, was="paused"),
        decision(6, 160, cents=20_000),
    )
    assert outcomes(report) == [
        ("ed_2", "allowed", "blocked"),
        ("ed_3", "blocked", "allowed"),
        ("ed_4", "drift", "drift"),
        ("ed_5", "paused", "paused"),
        ("ed_6", "allowed", "paused"),
    ]
    assert [(each.was, each.becomes, each.count, each.amount) for each in report.changes] == [
        ("allowed", "blocked", 1, {"usd": 1000}),
        ("allowed", "paused", 1, {"usd": 20000}),
        ("blocked", "allowed", 1, {"usd": 1000}),
    ]
    assert (report.rows, report.refunds, report.allowed.count, report.blocked.count, report.paused.count) == (
        6,
        6,
        3,
        1,
        2,
    )


def test_what_the_policy_would_have_blocked_counts_in_no_window() -> None:
    report = asked(decision(1, 0), decision(2, 20), decision(3, 30))
    # The second was blocked: 30 hours after the first, the third is alone in its day.
    assert outcomes(report) == [("ed_2", "allowed", "blocked")]


def test_what_did_not_come_about_counts_in_no_window() -> None:
    assert outcomes(asked(decision(1, 0, happened=False), decision(2, 1))) == []


def test_decisions_before_the_period_fill_the_windows_and_are_not_counted() -> None:
    report = asked(decision(1, 0, counted=False), decision(2, 1))
    assert outcomes(report) == [("ed_2", "allowed", "blocked")]
    assert (report.rows, report.refunds, report.allowed.count) == (1, 1, 0)


def test_shadow_and_enforcement_are_counted_apart() -> None:
    assert outcomes(asked(decision(1, 0, surface_mode="shadow"), decision(2, 1))) == []


def test_movements_the_policy_is_not_about_are_rows_and_nothing_else() -> None:
    report = asked(decision(1, 0, action="payout"), decision(2, 1))
    assert (report.rows, report.refunds, outcomes(report)) == (2, 1, [])


def test_sealed_answers_come_before_todays_lists() -> None:
    sealed = {"listed.known_bad.context.customer_id": False}
    marked = {"marked_for_review": False}
    report = asked(
        decision(1, 0, labels=marked, listed=sealed),
        decision(2, 1, labels=marked),
        decision(3, 2, labels={"marked_for_review": True}, listed=sealed),
        policy=LISTED,
        known_bad=lambda word: word == "cus_1",
    )
    assert outcomes(report) == [("ed_2", "allowed", "blocked"), ("ed_3", "allowed", "paused")]
    assert report.caveats == (TODAYS_LISTS,)


def test_the_page_tells_what_changes() -> None:
    page = report_page(asked(decision(1, 0), decision(2, 1)), title="What if")
    assert "What changes" in page
    assert '<span class="tag allowed">Allowed</span> → <span class="tag blocked">Blocked</span>' in page
    assert "10.00 USD" in page


def test_agents_are_judged_and_counted_with_those_above_them() -> None:
    child, parent = Initiator("agent", "child", lineage=("parent",)), Initiator("agent", "parent")
    window = "rolling_window: {measure: count, per: initiator, within: 1d, gte: 3}"
    policy = (
        "policy: agents\napplies_to: {rail: stripe}\nrules:\n"
        f"  - {{id: third, when: {{{window}}}, effect: deny}}\n"
        "  - {id: banned, when: {initiator_id: {in_list: banned}}, effect: deny}\n"
    )
    fact = "listed.banned.initiator.id"
    report = asked(
        decision(1, 0, asks=parent),
        decision(2, 1, asks=child),
        decision(3, 2, asks=child),
        decision(4, 50, asks=child, listed={fact: False}, listed_above={"parent": {fact: True}}),
        policy=policy,
        banned=lambda agent: agent == "nobody",
    )
    assert [(each.id, each.rule) for each in report.findings] == [("ed_3", "third"), ("ed_4", "banned")]
    assert report.caveats == (TODAYS_LISTS,)

    report = asked(decision(1, asks=child, listed={fact: False}, listed_above={"parent": {fact: False}}), policy=policy)
    assert report.caveats == ()
