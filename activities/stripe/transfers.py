"""Transfers to connected accounts, and their reversal: a transfer is never cancelled. https://docs.stripe.com/api/transfers"""

from typing import cast

import stripe
from stripe.params import TransferCreateParams, TransferListParams, TransferReversalCreateParams

from activities.stripe.operation import (
    Sent,
    Unconditional,
    account_of,
    found_by_mark,
    made_since,
    text_of,
    unfit_part,
    without,
)
from axiru.domain.execution import ExecutionResult, StripeCall


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
        transfer = await found_by_mark(sent.call, page)
        return ExecutionResult(True, transfer.id) if transfer else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        transfer = await client.v1.transfers.create_async(cast(TransferCreateParams, call.parameters), options)
        return ExecutionResult(True, transfer.id)


class ReverseTransfer:
    """`transfer`, `amount`, `metadata`; found again among the reversals of that transfer."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        transfer = await client.v1.transfers.retrieve_async(text_of(call, "transfer"), options=account_of(call))
        left = transfer.amount - transfer.amount_reversed
        return unfit_part(call, "transfer", transfer.currency, left, "reversed")

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        page = await client.v1.transfers.reversals.list_async(
            text_of(sent.call, "transfer"), {"limit": 100}, account_of(sent.call)
        )
        reversal = await found_by_mark(sent.call, page)
        return ExecutionResult(True, reversal.id) if reversal else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        form = cast(TransferReversalCreateParams, without(call, "transfer"))
        reversal = await client.v1.transfers.reversals.create_async(text_of(call, "transfer"), form, options)
        return ExecutionResult(True, reversal.id)
