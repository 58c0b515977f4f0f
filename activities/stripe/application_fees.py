"""Refunds of application fees. Stripe has no way to take one back. https://docs.stripe.com/api/fee_refunds"""

from typing import cast

import stripe
from stripe.params import ApplicationFeeRefundCreateParams

from activities.stripe.operation import Sent, account_of, amount_of, carries_mark, text_of, unfit, without
from axiru.domain.execution import ExecutionResult, StripeCall
from axiru.domain.money import money_text


class RefundApplicationFee:
    """`application_fee`, `amount`, `metadata`; found again among the refunds of that fee."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        fee = await client.v1.application_fees.retrieve_async(
            text_of(call, "application_fee"), options=account_of(call)
        )
        if fee.currency != call.currency:
            message = f"The fee was taken in {fee.currency}, its refund was decided in {call.currency}."
            return unfit("currency_mismatch", message)
        remaining = fee.amount - fee.amount_refunded
        if amount_of(call) > remaining:
            message = f"{money_text(remaining, fee.currency)} of this fee can still be refunded."
            return unfit("amount_exceeds_remaining", message)
        return None

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        page = await client.v1.application_fees.refunds.list_async(
            text_of(sent.call, "application_fee"), {"limit": 100}, account_of(sent.call)
        )
        async for refund in page.auto_paging_iter():
            if carries_mark(sent.call, refund):
                return ExecutionResult(True, refund.id)
        return None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        form = cast(ApplicationFeeRefundCreateParams, without(call, "application_fee"))
        refund = await client.v1.application_fees.refunds.create_async(text_of(call, "application_fee"), form, options)
        return ExecutionResult(True, refund.id)
