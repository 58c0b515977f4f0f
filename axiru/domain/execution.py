"""What Axiru tells a rail to do, and what came of it."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.movement import Ovt

Operation = Literal[
    "refunds.create",
    "refunds.cancel",
    "payouts.create",
    "payouts.cancel",
    "payouts.reverse",
    "transfers.create",
    "transfers.reverse",
    "application_fees.refund",
    "disputes.submit_evidence",
    "disputes.close",
]
"""What Axiru does on Stripe, named by resource and method of its API."""


class StripeCall(msgspec.Struct, frozen=True):
    """One call to Stripe, built from the sealed OVT when it was decided and never changed after.

    `parameters` are the API's own names (https://docs.stripe.com/api/refunds/create); `stripe_account_id` is the
    account the call is made for. Stripe takes the currency of a refund from its charge, so `currency`, which is what
    was decided and approved, is compared with the charge's before the call; `amount_cents` likewise where Stripe takes
    the amount from the object. None in calls that were sealed before there was one.
    """

    operation: Operation
    stripe_connection_id: str
    stripe_account_id: str
    parameters: dict[str, str | int | dict[str, str]]
    currency: str = ""
    amount_cents: int | None = None


class Intent(msgspec.Struct, frozen=True):
    """The written intention to call: permission for attempt number `attempt`, counted from 1; the first was `since`."""

    decision_id: str
    call: StripeCall
    idempotency_key: str
    attempt: int
    since: datetime


class Objection(msgspec.Struct, frozen=True):
    """What forbids now what was allowed or approved before.

    `matched_rule` is `control:<id>` or `policy:<slug>:v<n>`; empty where the payment or its connection is the reason.
    """

    reason: str
    message: str
    matched_rule: str = ""


class Blocked(msgspec.Struct, frozen=True):
    """The call was not permitted; the decision is settled as `execution_failed` with this reason."""

    decision_id: str
    reason: str
    message: str
    matched_rule: str = ""


class Held(msgspec.Struct, frozen=True):
    """The call waits until a person releases the decision."""

    decision_id: str


class ExecutionResult(msgspec.Struct, frozen=True):
    """How a call ended. `succeeded` is False only when Stripe certainly did nothing."""

    succeeded: bool
    stripe_object_id: str | None = None
    stripe_status: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class StripeApproval(msgspec.Struct, frozen=True):
    """Stripe's request to its own people to agree to a call; once they do, Stripe makes the call itself.

    `status` in Stripe's words (https://docs.stripe.com/account/approvals); `withdrawing` once Axiru does not want it
    any more, because a control came.
    """

    id: str
    status: str
    dashboard_url: str | None = None
    expires_at: datetime | None = None
    withdrawing: bool = False


REVERSIBLE_PAYOUTS = frozenset({"in_transit", "paid"})
"""The states in which a payout has left, so that Stripe reverses it; before that it is cancelled."""

STRIPE_REFUND_REASONS = {
    "duplicate": "duplicate",
    "duplicate_charge": "duplicate",
    "fraudulent": "fraudulent",
    "requested_by_customer": "requested_by_customer",
}
"""Reason codes that Stripe has a `reason` for (https://docs.stripe.com/api/refunds/create#create_refund-reason)."""

MARK = "axiru_decision_id"
"""The metadata by which what Axiru made is found again when an answer was lost: the id of its decision."""

Parameters = dict[str, str | int | dict[str, str]]


def call_of(decision_id: str, ovt: Ovt) -> StripeCall:
    """The one call that `ovt` asks for. Raises ValueError for what it cannot be made of, checked at the border."""
    operation, parameters = _asked(decision_id, ovt)
    return StripeCall(
        operation=operation,
        stripe_connection_id=ovt.merchant.stripe_connection_id or "",
        stripe_account_id=ovt.merchant.stripe_account_id or "",
        currency=ovt.amount.asset,
        amount_cents=ovt.amount.minor_units,
        parameters=parameters,
    )


def _asked(decision_id: str, ovt: Ovt) -> tuple[Operation, Parameters]:
    match ovt.rail_action:
        case "refund":
            return _refund(decision_id, ovt)
        case "payout":
            return _payout(decision_id, ovt)
        case "transfer":
            return _transfer(decision_id, ovt)
        case "app_fee_refund":
            fee = _named(ovt.target.application_fee, "an application fee")
            return "application_fees.refund", {"application_fee": fee, **_amount(ovt), **_mark(decision_id)}
        case "dispute":
            return _dispute(decision_id, ovt)
        case other:
            raise ValueError(f"{other} is never executed")


def _refund(decision_id: str, ovt: Ovt) -> tuple[Operation, Parameters]:
    parameters: Parameters = {**_amount(ovt), **_mark(decision_id)}
    if ovt.target.charge is not None:
        parameters["charge"] = ovt.target.charge
    else:
        parameters["payment_intent"] = _named(ovt.target.payment_intent, "a charge or a payment intent")
    if ovt.context.reason_code in STRIPE_REFUND_REASONS:
        parameters["reason"] = STRIPE_REFUND_REASONS[ovt.context.reason_code]
    return "refunds.create", parameters


def _payout(decision_id: str, ovt: Ovt) -> tuple[Operation, Parameters]:
    """With a payout named, taking it back: cancelled or reversed, as was found possible when it was asked for."""
    if ovt.target.payout is not None:
        if ovt.target.payout_action == "cancel":
            return "payouts.cancel", {"payout": ovt.target.payout}
        return "payouts.reverse", {"payout": ovt.target.payout, **_mark(decision_id)}
    parameters: Parameters = {**_amount(ovt), "currency": ovt.amount.asset, **_mark(decision_id)}
    if ovt.target.destination is not None:
        parameters["destination"] = ovt.target.destination
    return "payouts.create", parameters


def _transfer(decision_id: str, ovt: Ovt) -> tuple[Operation, Parameters]:
    """With a transfer named, its reversal. One from a charge joins the charge's group, and cannot have its own."""
    if ovt.target.transfer is not None:
        return "transfers.reverse", {"transfer": ovt.target.transfer, **_amount(ovt), **_mark(decision_id)}
    parameters: Parameters = {
        **_amount(ovt),
        "currency": ovt.amount.asset,
        "destination": _named(ovt.target.destination, "a destination"),
        **_mark(decision_id),
    }
    if ovt.target.charge is None:
        parameters["transfer_group"] = decision_id
    else:
        parameters["source_transaction"] = ovt.target.charge
    return "transfers.create", parameters


def _dispute(decision_id: str, ovt: Ovt) -> tuple[Operation, Parameters]:
    """Evidence is named by its packet and digest: what was approved is what is submitted."""
    dispute = _named(ovt.target.dispute, "a dispute")
    if ovt.target.dispute_action == "close":
        return "disputes.close", {"dispute": dispute}
    packet, digest = _named(ovt.target.packet, "a packet"), _named(ovt.target.packet_digest, "its digest")
    evidence: Parameters = {"dispute": dispute, "packet": packet, "digest": digest, **_mark(decision_id)}
    return "disputes.submit_evidence", evidence


def _amount(ovt: Ovt) -> Parameters:
    return {"amount": ovt.amount.minor_units}


def _mark(decision_id: str) -> Parameters:
    return {"metadata": {MARK: decision_id}}


def _named(value: str | None, what: str) -> str:
    if value is None:
        raise ValueError(f"this call needs {what}")
    return value
