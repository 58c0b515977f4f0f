"""Payouts: made once, cancelled while pending, reversed where Stripe can. https://docs.stripe.com/api/payouts"""

from typing import cast

import stripe
from stripe.params import PayoutCreateParams, PayoutListParams, PayoutReverseParams

from activities.stripe.operation import (
    Sent,
    Unconditional,
    account_of,
    carries_mark,
    found_by_mark,
    made_since,
    text_of,
    unfit,
    unfit_currency,
    without,
)
from axiru.domain.execution import REVERSIBLE_PAYOUTS, ExecutionResult, StripeCall
from axiru.domain.money import money_text


class CreatePayout(Unconditional):
    """`amount`, `currency`, perhaps `destination`, `metadata`; found again among the payouts made since."""

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        listed = {**made_since(sent), "limit": 100}
        page = await client.v1.payouts.list_async(cast(PayoutListParams, listed), account_of(sent.call))
        payout = await found_by_mark(sent.call, page)
        return _made(payout) if payout else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        return _made(await client.v1.payouts.create_async(cast(PayoutCreateParams, call.parameters), options))


class CancelPayout:
    """`payout`; Stripe cancels a manual one that is pending (https://docs.stripe.com/api/payouts/cancel)."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        payout = await _payout_of(client, call)
        if payout.automatic:
            return unfit("payout_not_cancelable", "Stripe's schedule made this payout; it cannot be cancelled.")
        if payout.status != "pending":
            return unfit("payout_not_cancelable", f"The payout is {payout.status}: it can no longer be cancelled.")
        return _other_than_decided(payout, call)

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        """By its state: a cancelled payout is cancelled, whoever did it."""
        payout = await _payout_of(client, sent.call)
        return _cancelled(payout) if payout.status == "canceled" else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        return _cancelled(await client.v1.payouts.cancel_async(text_of(call, "payout"), options=options))


class ReversePayout:
    """`payout`, `metadata`; a reversal is a payout of its own, named by the one it reverses.

    Stripe reverses payouts that have left, to bank accounts in the United States and Canada
    (https://docs.stripe.com/connect/payout-reversals).
    """

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        payout = await _payout_of(client, call)
        if payout.reversed_by is not None:
            return unfit("payout_not_reversible", "The payout was reversed already.")
        if payout.status not in REVERSIBLE_PAYOUTS:
            return unfit("payout_not_reversible", f"The payout is {payout.status}: Stripe reverses what has left.")
        return _other_than_decided(payout, call)

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        reversed_by = (await _payout_of(client, sent.call)).reversed_by
        if reversed_by is None:
            return None
        reversal_id = reversed_by if isinstance(reversed_by, str) else reversed_by.id
        reversal = await client.v1.payouts.retrieve_async(reversal_id, options=account_of(sent.call))
        return _made(reversal) if carries_mark(sent.call, reversal) else None

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        form = cast(PayoutReverseParams, without(call, "payout"))
        return _made(await client.v1.payouts.reverse_async(text_of(call, "payout"), form, options))


async def _payout_of(client: stripe.StripeClient, call: StripeCall) -> stripe.Payout:
    return await client.v1.payouts.retrieve_async(text_of(call, "payout"), options=account_of(call))


def _other_than_decided(payout: stripe.Payout, call: StripeCall) -> ExecutionResult | None:
    """A payout is taken back whole, so what was decided is its amount; an undo decides no amount anew."""
    other = unfit_currency(call, "payout", payout.currency)
    if other is None and call.amount_cents is not None and payout.amount != call.amount_cents:
        message = f"This payout is of {money_text(payout.amount, payout.currency)} and is taken back whole."
        return unfit("amount_mismatch", message)
    return other


def _made(payout: stripe.Payout) -> ExecutionResult:
    """A payout that Stripe has is a success, unless it is `failed` or `canceled`: then the money came back."""
    succeeded = payout.status not in {"failed", "canceled"}
    if succeeded:
        return ExecutionResult(True, payout.id, payout.status)
    return ExecutionResult(False, payout.id, payout.status, payout.failure_code, payout.failure_message)


def _cancelled(payout: stripe.Payout) -> ExecutionResult:
    return ExecutionResult(payout.status == "canceled", payout.id, payout.status)
