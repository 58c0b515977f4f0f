"""What a voter has to know beside the request: the payment as Stripe tells it, and what the customer had before."""

from collections.abc import Sequence
from typing import Final

from axiru.domain.approval_sheet import EarlierRefund, PaymentContext
from console.approval_views import ApprovalView, Asked
from console.authorization_views import is_authorization
from console.components.badge import state_badge
from console.components.disclosure import more
from console.components.key_value import fact, key_value, key_values
from console.components.money import money_text
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.detail_views import DecisionDetail
from console.payment_warnings import payment_warnings

_BAR_LENGTH: Final = 1_000
MOST_EARLIER: Final = 4
"""Shown at once; the rest is folded away."""


def is_about_a_payment(decision: DecisionDetail) -> bool:
    """Payouts, transfers and what agents pay have neither payment nor customer, so Stripe owes no answer about them."""
    target, context = decision.ovt.target, decision.ovt.context
    if is_authorization(decision.ovt):
        return False
    named = (target.charge, target.payment_intent, context.customer_id, context.customer_email)
    return decision.rail_action not in {"payout", "transfer"} or any(named)


def payment(decision: DecisionDetail) -> None:
    Text("h2", "The payment, as Stripe tells it")
    with block("div", "panel-body"):
        if decision.approval is not None and decision.approval.payment is not None:
            _payment(decision.approval.payment, decision.approval.diff.asked)
        else:
            Text("p", "Not known: Stripe has not answered for this payment.", "muted")


def _payment(told: PaymentContext, asked: Asked) -> None:
    with block("div", "remaining"):
        Text("span", money_text(told.remaining_cents, told.currency), "money remaining-amount")
        Text("span", f"of {money_text(told.amount_cents, told.currency)} can still be refunded", "muted")
    if asked.amount.asset == told.currency and told.amount_cents:
        _bar(told, asked.amount.minor_units)
    with key_values():
        key_value("Refunded", money_text(told.amount_refunded_cents, told.currency))
        with fact("Paid"):
            Timestamp(told.created_at, "full")
        key_value("Status", told.status)
        if told.description:
            key_value("For", told.description)
        with fact("Read"):
            Timestamp(told.read_at, "distance")


def _bar(told: PaymentContext, asked_cents: int) -> None:
    """Refunded, asked for and left, as parts of one line; the figures beside it say the same."""
    refunded = _BAR_LENGTH * told.amount_refunded_cents // told.amount_cents
    asked = min(_BAR_LENGTH * asked_cents // told.amount_cents, _BAR_LENGTH - refunded)
    with block("svg", "share", viewBox=f"0 0 {_BAR_LENGTH} 6", preserveAspectRatio="none") as bar:
        bar.props["aria-hidden"] = "true"
        for name, start, length in (("gone", 0, refunded), ("asked", refunded, asked)):
            block("rect", f"share-{name}", x=str(start), y="0", width=str(length), height="6")
    with block("p", "share-words"):
        Text("span", "refunded before", "share-key share-key-gone")
        Text("span", "this request", "share-key share-key-asked")


def customer(decision: DecisionDetail) -> None:
    Text("h2", "The customer")
    context = decision.ovt.context
    days = context.customer_tenure_days
    with block("div", "panel-body"):
        with key_values():
            key_value("Customer", context.customer_id)
            key_value("E-mail", context.customer_email)
            key_value("Tenure", None if days is None else f"{days} {'day' if days == 1 else 'days'}")
        if decision.approval is not None:
            _earlier(decision.approval)


def _earlier(approval: ApprovalView) -> None:
    if not approval.earlier:
        Text("p", "No other refund of this customer or payment in the last 90 days.", "muted")
        return
    _earlier_table(_earlier_total(approval), approval.earlier[:MOST_EARLIER])
    if approval.earlier[MOST_EARLIER:]:
        with more(f"{len(approval.earlier) - MOST_EARLIER} more"):
            _earlier_table("", approval.earlier[MOST_EARLIER:])


def _earlier_table(caption: str, refunds: Sequence[EarlierRefund]) -> None:
    with block("table", "plain earlier"):
        if caption:
            Text("caption", caption)
        with block("tbody"):
            for refund in refunds:
                _earlier_row(refund)


def _earlier_total(approval: ApprovalView) -> str:
    totals = ", ".join(
        f"{total.count} let through, {money_text(total.amount_cents, total.currency)}"
        for total in approval.earlier_total
    )
    return f"Earlier refunds in 90 days: {totals or 'none let through'}"


def _earlier_row(refund: EarlierRefund) -> None:
    with block("tr"):
        with block("td"):
            link(money_text(refund.amount_cents, refund.currency), f"/decisions/{refund.decision_id}", "money")
        with block("td"):
            state_badge(refund.state)
        with block("td", "earlier-when"):
            Timestamp(refund.decided_at)


def warnings(decision: DecisionDetail) -> tuple[str, ...]:
    """What Stripe says that speaks against the request, while somebody may still heed it."""
    return payment_warnings(decision.approval)
