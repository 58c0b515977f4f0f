"""The one thing every door shows of an approval, read from real rows; and money as people read it."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from axiru.database import row, rows
from axiru.domain.approval_sheet import ApprovalSheet, PaymentContext
from axiru.domain.currency import CURRENCIES, exponent_of
from axiru.domain.money import money_text
from ledger.acts.control import engage
from ledger.approval_sheet import read_sheet, read_sheets

GROUPS = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: everything
    when: {rail_action: refund}
    effect: review
    message: Everything is looked at.
    approvers:
      groups: [{role: controller, count: 2}, {role: finance_manager}]
      deadline: 24h
      escalate: [{after: 1h, role: admin}]
"""


@pytest.fixture
async def reviewed(new_house: Any) -> Any:
    """An organization in which two controllers and a finance manager look at every refund."""
    house = await new_house()
    await house.activate(GROUPS)
    await house.enforce()
    return house


async def test_sheet_says_what_was_asked_why_and_what_would_be_executed(reviewed: Any, refund: Any) -> None:
    house = reviewed
    ovt = refund(
        house,
        40_000,
        charge="ch_7",
        metadata={"order": "7"},
        customer_id="cus_1",
        customer_email="a@b.example",
        customer_tenure_days=3,
        reason_code="duplicate",
        source="helpdesk",
        extra={"ticket": "9"},
    )
    asked = await house.decided(ovt)

    sheet = await _sheet(asked)

    assert (sheet.decision_id, sheet.state, sheet.decision_state) == (asked.decision_id, "pending", "pending_approval")
    assert (sheet.requested_by.name, sheet.organization_name) == ("requester", "Organization")
    assert (sheet.amount_cents, sheet.currency, sheet.exponent, sheet.charge) == (40_000, "usd", 2, "ch_7")
    assert (sheet.customer_id, sheet.customer_email, sheet.customer_tenure_days) == ("cus_1", "a@b.example", 3)
    assert (sheet.reason_code, sheet.source, sheet.extra, sheet.metadata) == (
        *("duplicate", "helpdesk", {"ticket": "9"}, {"order": "7"}),
    )
    assert (sheet.message, [hit.rule_id for hit in sheet.hits]) == ("Everything is looked at.", ["everything"])
    assert sheet.would_execute is not None
    assert sheet.would_execute.parameters["amount"] == 40_000
    (sealed,) = await house.entries("decision")
    assert sheet.digest == sealed["data"]["approval"]["digest"]
    assert [(one.role, (one.due_at - sheet.asked_at).total_seconds()) for one in sheet.escalations] == [("admin", 3600)]
    assert (sheet.payment, sheet.held_by, sheet.break_glass, sheet.assignee, sheet.comments_count) == (
        *(None, None, None, None, 0),
    )


async def test_nothing_is_executed_for_a_caller_who_does_it(reviewed: Any, refund: Any) -> None:
    sheet = await _sheet(await reviewed.decided(refund(reviewed, execute="caller")))

    assert (sheet.execute, sheet.would_execute) == ("caller", None)


async def test_groups_show_whose_approvals_fill_them(reviewed: Any, refund: Any) -> None:
    house = reviewed
    both = ["controller", "finance_manager"]
    await rows("UPDATE members SET roles = {} WHERE id = {}", both, house.members["controller"])
    asked = await house.decided(refund(house))
    await house.vote(asked.approval_id, "controller")
    one = await _sheet(asked)
    await house.vote(asked.approval_id, "controller2")
    await house.vote(asked.approval_id, "finance")

    done = await _sheet(asked)

    assert [(group.role, group.count, group.approved) for group in one.groups] == [
        ("controller", 2, ("controller",)),
        ("finance_manager", 1, ()),
    ]
    assert [group.approved for group in done.groups] == [("controller", "controller2"), ("finance",)]
    assert [(vote.member.name, vote.verdict, vote.door) for vote in done.votes] == [
        (login, "approve", "api") for login in ("controller", "controller2", "finance")
    ]
    assert (done.state, done.decision_state, done.closed_at is not None) == ("approved", "approved", True)


async def test_earlier_refunds_are_those_of_the_customer_or_the_charge(
    reviewed: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    house = reviewed

    async def refunded(amount: int, *, days_ago: int = 1, denied: bool = False, **named: Any) -> str:
        receipt = await house.decided(refund(house, amount, execute="caller", **named))
        if denied:
            await house.vote(receipt.approval_id, verdict="deny", reason="no")
        else:
            for login in ("controller", "controller2", "finance"):
                await house.vote(receipt.approval_id, login)
        for table, column in (("movements", "moved_at"), ("decisions", "decided_at")):
            await superuser.execute(
                f"UPDATE {table} SET {column} = {column} - make_interval(days => $2) "  # noqa: S608
                f"WHERE {'decision_id' if table == 'movements' else 'id'} = $1",
                receipt.decision_id,
                days_ago,
            )
        return str(receipt.decision_id)

    same_customer = await refunded(100, customer_id="cus_1", charge="ch_1", reason_code="duplicate", days_ago=2)
    same_charge = await refunded(200, customer_id="cus_2", charge="ch_9")
    both = await refunded(400, customer_id="cus_1", charge="ch_9", days_ago=89)
    await refunded(800, customer_id="cus_1", charge="ch_9", days_ago=91)
    await refunded(1_600, customer_id="cus_1", charge="ch_9", denied=True)
    await refunded(3_200, customer_id="cus_3", charge="ch_3")
    waiting = await house.decided(refund(house, 6_400, customer_id="cus_1", charge="ch_2"))
    asked = await house.decided(refund(house, 5_000, customer_id="cus_1", charge="ch_9"))

    sheet = await _sheet(asked)

    assert [one.decision_id for one in sheet.earlier] == [waiting.decision_id, same_charge, same_customer, both]
    assert [one.state for one in sheet.earlier] == ["pending_approval", "approved", "approved", "approved"]
    assert sheet.earlier[2].reason_code == "duplicate"
    assert [msgspec.structs.astuple(total) for total in sheet.earlier_total] == [("usd", 700, 3)]


async def test_ten_earlier_refunds_are_shown_and_all_are_counted(house: Any, refund: Any) -> None:
    for amount in range(1, 13):
        await house.decided(refund(house, amount, execute="caller", customer_id="cus_1"))
    asked = await house.decided(refund(house, 20_000, customer_id="cus_1"))

    sheet = await _sheet(asked)

    assert [one.amount_cents for one in sheet.earlier] == list(range(12, 2, -1))
    assert [msgspec.structs.astuple(total) for total in sheet.earlier_total] == [("usd", sum(range(1, 13)), 12)]


async def test_refund_without_customer_or_charge_has_no_earlier_ones(house: Any, refund: Any) -> None:
    await house.decided(refund(house, 100, charge=None, execute="caller"))
    asked = await house.decided(refund(house, 20_000, charge=None, execute="caller"))

    assert (await _sheet(asked)).earlier == ()


async def test_word_of_stripe_and_a_hold_are_shown(house: Any, refund: Any) -> None:
    asked = await house.decided(refund(house, 20_000))
    now = datetime.now(UTC)
    said = PaymentContext(
        amount_cents=40_000,
        amount_refunded_cents=5_000,
        remaining_cents=35_000,
        currency="usd",
        status="succeeded",
        created_at=now,
        disputed=False,
        read_at=now,
    )
    await rows(
        "UPDATE approvals SET context = {}::jsonb, context_read_at = {} WHERE id = {}",
        msgspec.json.encode(said).decode(),
        now,
        asked.approval_id,
    )
    held = await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind="hold",
        scope={"decision_id": asked.decision_id},
        applies_to="test",
        reason="calling the bank",
        expires_at=None,
        signer=house.signer,
    )

    sheet = await _sheet(asked)

    assert sheet.payment == said
    assert sheet.held_by is not None
    assert (sheet.held_by.control_id, sheet.held_by.reason) == (held.control_id, "calling the bank")
    assert sheet.decision_state == "held"


async def test_sheets_come_in_the_order_asked_for_and_leave_out_what_there_is_not(house: Any, refund: Any) -> None:
    first, second = [await house.decided(refund(house, 20_000)) for _ in range(2)]

    sheets = await read_sheets([second.approval_id, "ap_never", first.approval_id])

    assert [sheet.decision_id for sheet in sheets] == [second.decision_id, first.decision_id]
    assert await read_sheet("ap_never") is None
    assert await read_sheets([]) == []


@pytest.mark.parametrize(
    ("minor_units", "currency", "text"),
    [
        (40_000, "usd", "$400.00"),
        (99_999_999_999, "usd", "$999,999,999.99"),
        (1, "EUR", "€0.01"),
        (500, "jpy", "¥500"),
        (125_000, "chf", "CHF 1,250.00"),
        (1_250, "kwd", "KWD 1.250"),
        (-320, "eur", "−€3.20"),
        (-5, "usd", "−$0.05"),
        (0, "isk", "ISK 0.00"),
        (2**63 + 1, "gbp", "£92,233,720,368,547,758.09"),
    ],
)
def test_money_is_written_exactly(minor_units: int, currency: str, text: str) -> None:
    assert money_text(minor_units, currency) == text


def test_no_two_currencies_are_written_alike() -> None:
    written = {money_text(123_456, currency) for currency in CURRENCIES}

    assert len(written) == len(CURRENCIES)
    assert all(
        money_text(10 ** exponent_of(currency), currency).rstrip("0").rstrip(".").endswith("1")
        for currency in CURRENCIES
    )


async def _sheet(asked: Any) -> ApprovalSheet:
    sheet = await read_sheet(asked.approval_id)
    assert sheet is not None
    found = await row("SELECT state FROM approvals WHERE id = {}", asked.approval_id)
    assert found == {"state": sheet.state}
    return sheet
