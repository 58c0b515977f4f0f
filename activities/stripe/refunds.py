"""Refunds: made once, and cancelled where they wait for the customer's bank. https://docs.stripe.com/api/refunds"""

from typing import cast

import stripe
from stripe.params import RefundCreateParams, RefundListParams

from activities.stripe.operation import Sent, account_of, found_by_mark, text_of, unfit, unfit_part
from activities.stripe_client import read_charge
from axiru.domain.execution import ExecutionResult, StripeCall


class CreateRefund:
    """`charge` or `payment_intent`, `amount`, `metadata`; found again among the refunds of that payment."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        """The payment's currency is another, or less is left of it."""
        charge, payment_intent = call.parameters.get("charge"), call.parameters.get("payment_intent")
        paid = await read_charge(
            client,
            str(charge) if charge else None,
            str(payment_intent) if payment_intent else None,
            stripe_account_id=call.stripe_account_id,
        )
        if paid is None:
            return None
        return unfit_part(call, "payment", paid.currency, paid.amount - paid.amount_refunded, "refunded")

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        payment = {name: given for name, given in sent.call.parameters.items() if name in {"charge", "payment_intent"}}
        listed = cast(RefundListParams, {**payment, "limit": 100})
        page = await client.v1.refunds.list_async(listed, account_of(sent.call))
        refund = await found_by_mark(sent.call, page)
        return _made(refund) if refund else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        return _made(await client.v1.refunds.create_async(cast(RefundCreateParams, call.parameters), options))


class CancelRefund:
    """`refund`; Stripe cancels one in `requires_action` only (https://docs.stripe.com/api/refunds/cancel)."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        refund = await client.v1.refunds.retrieve_async(text_of(call, "refund"), options=account_of(call))
        if refund.status != "requires_action":
            return unfit("refund_not_cancelable", f"The refund is {refund.status}: it can no longer be cancelled.")
        return None

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        """By its state: a cancelled refund is cancelled, whoever did it."""
        refund = await client.v1.refunds.retrieve_async(text_of(sent.call, "refund"), options=account_of(sent.call))
        return _cancelled(refund) if refund.status == "canceled" else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        return _cancelled(await client.v1.refunds.cancel_async(text_of(call, "refund"), options=options))


def _made(refund: stripe.Refund) -> ExecutionResult:
    """A refund that Stripe has is a success, unless it is `failed` or `canceled`: then the money stays where it was."""
    succeeded = refund.status not in {"failed", "canceled"}
    return ExecutionResult(succeeded, refund.id, refund.status, refund.failure_reason if not succeeded else None)


def _cancelled(refund: stripe.Refund) -> ExecutionResult:
    return ExecutionResult(refund.status == "canceled", refund.id, refund.status)
