"""Refunds of application fees. Stripe has no way to take one back. https://docs.stripe.com/api/fee_refunds"""

from typing import cast

import stripe
from stripe.params import ApplicationFeeRefundCreateParams

from activities.stripe.operation import Sent, account_of, found_by_mark, text_of, unfit_part, without
from axiru.domain.execution import ExecutionResult, StripeCall


class RefundApplicationFee:
    """`application_fee`, `amount`, `metadata`; found again among the refunds of that fee."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        fee = await client.v1.application_fees.retrieve_async(
            text_of(call, "application_fee"), options=account_of(call)
        )
        return unfit_part(call, "fee", fee.currency, fee.amount - fee.amount_refunded, "refunded")

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        page = await client.v1.application_fees.refunds.list_async(
            text_of(sent.call, "application_fee"), {"limit": 100}, account_of(sent.call)
        )
        refund = await found_by_mark(sent.call, page)
        return ExecutionResult(True, refund.id) if refund else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        form = cast(ApplicationFeeRefundCreateParams, without(call, "application_fee"))
        refund = await client.v1.application_fees.refunds.create_async(text_of(call, "application_fee"), form, options)
        return ExecutionResult(True, refund.id)
