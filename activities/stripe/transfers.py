"""Transfers to connected accounts, and their reversal: a transfer is never cancelled. https://docs.stripe.com/api/transfers"""

from typing import cast

import stripe
from stripe.params import TransferCreateParams, TransferListParams, TransferReversalCreateParams

from activities.stripe.operation import (
    Sent,
    Unconditional,
    account_of,
    amount_of,
    carries_mark,
    made_since,
    text_of,
    unfit,
    without,
)
from axiru.domain.execution import ExecutionResult, StripeCall
from axiru.domain.money import money_text


class CreateTransfer(Unconditional):
    """`amount`, `currency`, `destination`, `metadata`, and `transfer_group` or `source_transaction`.

    Its group is the decision's id, by which it is found again; one from a charge is in the charge's group, and is
    found among those made to its destination since.
    """

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        group, to = sent.call.parameters.get("transfer_group"), text_of(sent.call, "destination")
        narrowed = {"transfer_group": group} if group else {"destination": to, **made_since(sent)}
        listed = cast(TransferListParams, {**narrowed, "limit": 100})
        page = await client.v1.transfers.list_async(listed, account_of(sent.call))
        async for transfer in page.auto_paging_iter():
            if carries_mark(sent.call, transfer):
                return ExecutionResult(True, transfer.id)
        return None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        transfer = await client.v1.transfers.create_async(cast(TransferCreateParams, call.parameters), options)
        return ExecutionResult(True, transfer.id)


class ReverseTransfer:
    """`transfer`, `amount`, `metadata`; found again among the reversals of that transfer."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        transfer = await client.v1.transfers.retrieve_async(text_of(call, "transfer"), options=account_of(call))
        if transfer.currency != call.currency:
            message = f"The transfer was made in {transfer.currency}, its reversal was decided in {call.currency}."
            return unfit("currency_mismatch", message)
        remaining = transfer.amount - transfer.amount_reversed
        if amount_of(call) > remaining:
            message = f"{money_text(remaining, transfer.currency)} of this transfer can still be reversed."
            return unfit("amount_exceeds_remaining", message)
        return None

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        page = await client.v1.transfers.reversals.list_async(
            text_of(sent.call, "transfer"), {"limit": 100}, account_of(sent.call)
        )
        async for reversal in page.auto_paging_iter():
            if carries_mark(sent.call, reversal):
                return ExecutionResult(True, reversal.id)
        return None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        form = cast(TransferReversalCreateParams, without(call, "transfer"))
        reversal = await client.v1.transfers.reversals.create_async(text_of(call, "transfer"), form, options)
        return ExecutionResult(True, reversal.id)
