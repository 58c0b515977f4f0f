"""Windows and tenure as they stood at each refund, against an account of them that looks at everything anew."""

import io
import itertools
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt, Target
from policies import parse
from policies.history import Report, replay
from policies.history.windows import SlidingWindows
from policies.windows import Per, WindowSpec

START = datetime(2024, 1, 1, tzinfo=UTC)
POLICY = """policy: windows
applies_to: {rail: stripe}
rules:
  - id: too_much
    when: {rolling_window: {measure: sum, per: customer, within: 7d, currency: usd, gt: 3000}}
    effect: deny
    when_missing: skip
  - id: newcomer
    when: {context: {customer_tenure_days: {lt: 3}}}
    effect: review
    approvers: {role: controller}
    when_missing: skip
  - id: third
    when: {rolling_window: {measure: count, per: charge, within: 30d, rail_action: refund, gte: 3}}
    effect: flag
  - id: busy
    when: {rolling_window: {measure: count, per: organization, within: 1d, rail_action: refund, gte: 4}}
    effect: flag
"""


class Row(NamedTuple):
    charge: int
    customer: int
    cents: int
    currency: str
    bought_minutes: int
    after_minutes: int


ROWS = st.builds(
    Row,
    charge=st.integers(0, 3),
    customer=st.integers(0, 2),
    cents=st.integers(0, 2000),
    currency=st.sampled_from(["usd", "usd", "eur"]),
    # Few different minutes, so that many refunds fall on one, and on the edges of the windows.
    bought_minutes=st.integers(0, 12).map(lambda days: days * 720),
    after_minutes=st.integers(0, 14).map(lambda days: days * 1440),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, max_size=25))
def test_a_replay_decides_as_an_account_that_looks_at_everything_anew(rows: list[Row]) -> None:
    report = replay(io.BytesIO(_export(rows).encode()), parse(POLICY))
    assert [(each.line, each.outcome, each.rule, each.flags) for each in report.findings] == _naive(rows)
    assert report.allowed.count + report.blocked.count + report.paused.count == report.refunds


def test_blocked_refunds_do_not_count_and_paused_ones_do() -> None:
    rows = [
        Row(0, 1, 2000, "usd", 0, 5000),
        Row(1, 1, 2000, "usd", 0, 5001),  # blocked: 4000
        Row(2, 1, 1000, "usd", 0, 5002),  # allowed: the blocked one left no trace
        Row(3, 1, 100, "usd", 0, 5003),  # blocked
    ]
    report = replay(io.BytesIO(_export(rows).encode()), parse(POLICY))
    assert [(each.line, each.outcome) for each in report.findings] == [(3, "blocked"), (5, "blocked")]
    early = [Row(0, 1, 2000, "usd", 0, 10), Row(1, 1, 2000, "usd", 0, 5000)]
    report = replay(io.BytesIO(_export(early).encode()), parse(POLICY))
    assert [(each.line, each.outcome) for each in report.findings] == [(2, "paused"), (3, "blocked")]


def test_the_order_of_rows_does_not_matter_but_for_the_lines() -> None:
    rows = [Row(number % 3, number % 2, 900 + number, "usd", 0, 1000 * number) for number in range(7)]
    outcomes = set()
    for shuffled in itertools.islice(itertools.permutations(rows), 0, 200, 7):
        report = replay(io.BytesIO(_export(list(shuffled)).encode()), parse(POLICY))
        outcomes.add(tuple(sorted((each.amount_cents, each.outcome) for each in report.findings)))
    assert len(outcomes) == 1


def test_a_movement_leaves_a_window_exactly_when_it_is_as_old_as_the_window() -> None:
    window = WindowSpec("count", "customer", 86_400, "stripe", ("refund",))
    windows = SlidingWindows([window])
    windows.let_through(_ovt(), START)
    assert windows.before(_ovt(), START + timedelta(seconds=86_399)) == {window.name: 1}
    assert windows.before(_ovt(), START + timedelta(seconds=86_400)) == {window.name: 0}


@pytest.mark.parametrize("per", ["initiator", "counterparty", "customer", "charge", "merchant"])
def test_the_window_of_an_unknown_subject_is_unknown(per: Per) -> None:
    window = WindowSpec("count", per, 60, "stripe")
    nobody = Ovt("stripe", "refund", Amount("1", "usd"), Initiator("", ""))
    windows = SlidingWindows([window])
    windows.let_through(nobody, START)
    assert windows.before(nobody, START) == {window.name: None}
    assert windows.before(_ovt(), START) == {window.name: 0}


def test_an_account_has_one_window_whatever_name_is_said_beside_it() -> None:
    window = WindowSpec("count", "counterparty", 600, "stripe")
    windows = SlidingWindows([window])
    paid = [changed(_ovt(), counterparty=Counterparty(name, "acct_2")) for name in ("one", "other")]
    windows.let_through(paid[0], START)
    assert windows.before(paid[1], START) == {window.name: 1}


def test_who_is_paid_under_a_mandate_has_one_window_whatever_account_is_said() -> None:
    window = WindowSpec("count", "counterparty", 600, "ap2")
    windows = SlidingWindows([window])
    first, same, other = (
        changed(_ovt(), rail="ap2", counterparty=Counterparty(*paid))
        for paid in (("one", "acct_1"), ("one", "acct_2"), ("other", "acct_1"))
    )
    windows.let_through(first, START)
    assert windows.before(same, START) == {window.name: 1}
    assert windows.before(other, START) == {window.name: 0}


def test_other_actions_and_currencies_stay_out_of_a_window() -> None:
    spec = WindowSpec("sum", "organization", 600, "stripe", ("payout",), "usd")
    windows = SlidingWindows([spec])
    for action, currency in (("refund", "usd"), ("payout", "eur"), ("payout", "usd")):
        windows.let_through(_ovt(action, currency), START)
    assert windows.before(_ovt(), START) == {spec.name: 700}


def test_a_window_in_an_asset_of_several_contracts_counts_all_of_them() -> None:
    spec = WindowSpec("sum", "organization", 600, "stripe", (), "usdc")
    windows = SlidingWindows([spec])
    for asset in spec.assets:
        windows.let_through(_ovt(currency=asset), START)
    assert windows.before(_ovt(), START) == {spec.name: 700 * len(spec.assets)}


def _ovt(action: str = "refund", currency: str = "usd") -> Ovt:
    return Ovt(
        "stripe",
        action,
        Amount("700", currency),
        Initiator("agent", "agent_1"),
        counterparty=Counterparty(id="cp_1"),
        merchant=Merchant(stripe_account_id="acct_1"),
        target=Target(charge="ch_1"),
        context=Context(customer_id="cus_1"),
    )


def _export(rows: list[Row]) -> str:
    lines = ["id,Amount Refunded,Currency,Created,Refunded date,Customer ID"]
    for row in rows:
        bought = START + timedelta(minutes=row.bought_minutes)
        moved = bought + timedelta(minutes=row.after_minutes)
        customer = f"cus_{row.customer}" if row.customer else ""
        amount = f"{row.cents / 100:.2f}"
        lines.append(
            f"ch_{row.charge},{amount},{row.currency},{bought:%Y-%m-%d %H:%M},{moved:%Y-%m-%d %H:%M},{customer}"
        )
    return "\n".join(lines)


def _naive(rows: list[Row]) -> list[tuple[int, str, str, tuple[str, ...]]]:
    """The same by hand: for every refund, look at all that went before. Quadratic, and shares no code."""
    first: dict[int, int] = {}
    for row in rows:
        if row.customer:
            first[row.customer] = min(first.get(row.customer, row.bought_minutes), row.bought_minutes)
    told = []
    passed: list[tuple[int, Row]] = []
    refunds = [(row.bought_minutes + row.after_minutes, line, row) for line, row in enumerate(rows, 2) if row.cents]
    for now, line, row in sorted(refunds, key=lambda each: each[:2]):
        sums = sum(
            other.cents
            for at, other in passed
            if other.customer == row.customer and other.currency == "usd" and now - at < 7 * 1440
        )
        pieces = sum(1 for at, other in passed if other.charge == row.charge and now - at < 30 * 1440)
        today = sum(1 for at, _ in passed if now - at < 1440)
        flags = tuple(rule for rule, holds in (("busy", today + 1 >= 4), ("third", pieces + 1 >= 3)) if holds)
        if row.customer and row.currency == "usd" and sums + row.cents > 3000:
            told.append((line, "blocked", "too_much", flags))
            continue
        passed.append((now, row))
        if row.customer and (now - first[row.customer]) // 1440 < 3:
            told.append((line, "paused", "newcomer", flags))
        elif flags:
            told.append((line, "drift", flags[0], flags))
    return sorted(told)


def test_the_naive_account_finds_something() -> None:
    report: Report = replay(io.BytesIO(_export([Row(1, 1, 3001, "usd", 0, 9000)]).encode()), parse(POLICY))
    assert report.blocked.amount == {"usd": 3001}
