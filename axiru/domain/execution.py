"""What Axiru tells a rail to do, and what came of it."""

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
    was decided and approved, is compared with the charge's before the call.
    """

    operation: Operation
    stripe_connection_id: str
    stripe_account_id: str
    parameters: dict[str, str | int | dict[str, str]]
    currency: str = ""


class Intent(msgspec.Struct, frozen=True):
    """The written intention to call: permission for attempt number `attempt`, counted from 1."""

    decision_id: str
    call: StripeCall
    idempotency_key: str
    attempt: int


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


STRIPE_REFUND_REASONS = {
    "duplicate": "duplicate",
    "duplicate_charge": "duplicate",
    "fraudulent": "fraudulent",
    "requested_by_customer": "requested_by_customer",
}
"""Reason codes that Stripe has a `reason` for (https://docs.stripe.com/api/refunds/create#create_refund-reason)."""


def refund_call(decision_id: str, ovt: Ovt) -> StripeCall:
    """The refund that `ovt` asks for. Raises ValueError when it names neither a charge nor a payment intent.

    The decision's id goes into the metadata, by which a refund is found again when an answer was lost.
    """
    parameters: dict[str, str | int | dict[str, str]] = {
        "amount": ovt.amount.minor_units,
        "metadata": {"axiru_decision_id": decision_id},
    }
    if ovt.target.charge is not None:
        parameters["charge"] = ovt.target.charge
    elif ovt.target.payment_intent is not None:
        parameters["payment_intent"] = ovt.target.payment_intent
    else:
        raise ValueError("a refund needs a charge or a payment intent")
    if ovt.context.reason_code in STRIPE_REFUND_REASONS:
        parameters["reason"] = STRIPE_REFUND_REASONS[ovt.context.reason_code]
    return StripeCall(
        operation="refunds.create",
        stripe_connection_id=ovt.merchant.stripe_connection_id or "",
        stripe_account_id=ovt.merchant.stripe_account_id or "",
        currency=ovt.amount.asset,
        parameters=parameters,
    )
