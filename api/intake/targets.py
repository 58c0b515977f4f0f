"""What Stripe says of the object that a movement acts on: whether it is there, and what has to be sealed about it."""

from collections.abc import Awaitable
from typing import Final, TypeVar

import msgspec
import stripe

from api.errors import FieldError
from axiru.domain.dispute import ANSWERABLE, dispute_facts
from axiru.domain.execution import REVERSIBLE_PAYOUTS
from axiru.domain.money import money_text
from axiru.domain.movement import Counterparty, Ovt
from axiru.stripe_errors import code_of

NOT_FOUND: Final = 404
Found = TypeVar("Found")
_NO_ACCESS: Final = "account_invalid"


class Refused(Exception):
    """There is nothing to act on, or not as was asked."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.error = FieldError(f"intent.{field}", code, message)


async def read_target(client: stripe.StripeClient, ovt: Ovt, options: stripe.RequestOptions) -> Ovt:
    """`ovt`, with what its call needs to know of its target. Raises Refused, StripeError."""
    match ovt.rail_action:
        case "refund":
            return await _refund(client, ovt, options)
        case "payout":
            return await _payout(client, ovt, options)
        case "transfer":
            return await _transfer(client, ovt, options)
        case "app_fee_refund":
            return await _application_fee(client, ovt, options)
        case "dispute":
            return await _dispute(client, ovt, options)
        case other:
            raise ValueError(f"{other} is never executed")


def needs_answer(ovt: Ovt) -> bool:
    """Whether no call can be built without Stripe's answer. All else is found out, safely, when it is executed."""
    target = ovt.target
    return (ovt.rail_action == "payout" and target.payout is not None) or (
        ovt.rail_action == "app_fee_refund" and target.application_fee is None
    )


async def _refund(client: stripe.StripeClient, ovt: Ovt, options: stripe.RequestOptions) -> Ovt:
    """Stripe would take the charge's own currency."""
    target = ovt.target
    if target.charge is not None:
        charge = await _found(client.v1.charges.retrieve_async(target.charge, options=options), "charge")
        _same_currency(ovt, charge.currency, "was paid")
    elif target.payment_intent is not None:
        reading = client.v1.payment_intents.retrieve_async(target.payment_intent, options=options)
        _same_currency(ovt, (await _found(reading, "payment_intent")).currency, "was paid")
    return ovt


async def _payout(client: stripe.StripeClient, ovt: Ovt, options: stripe.RequestOptions) -> Ovt:
    """How a payout is taken back depends on how far it has come; a new one needs nothing to be read."""
    if ovt.target.payout is None:
        return ovt
    payout = await _found(client.v1.payouts.retrieve_async(ovt.target.payout, options=options), "payout")
    _same_currency(ovt, payout.currency, "is paid out")
    if payout.amount != ovt.amount.minor_units:
        of = money_text(payout.amount, payout.currency)
        raise Refused("amount_cents", "amount_mismatch", f"This payout is of {of} and is taken back whole.")
    if payout.status == "pending" and not payout.automatic:
        return _at(ovt, payout_action="cancel")
    if payout.status in REVERSIBLE_PAYOUTS and payout.reversed_by is None and payout.original_payout is None:
        return _at(ovt, payout_action="reverse")
    raise Refused("payout", "payout_not_reversible", _why_it_stays(payout))


def _why_it_stays(payout: stripe.Payout) -> str:
    if payout.reversed_by is not None:
        return "This payout was reversed already."
    if payout.original_payout is not None:
        return "This payout is itself a reversal."
    if payout.automatic:
        return "Stripe's schedule made this payout: it cannot be cancelled, and can be reversed only once it has left."
    return f"This payout is {payout.status}: there is nothing to take back."


async def _transfer(client: stripe.StripeClient, ovt: Ovt, options: stripe.RequestOptions) -> Ovt:
    target = ovt.target
    if target.transfer is not None:
        transfer = await _found(client.v1.transfers.retrieve_async(target.transfer, options=options), "transfer")
        _same_currency(ovt, transfer.currency, "was made")
        _within(ovt, transfer.amount - transfer.amount_reversed, "this transfer can still be reversed")
        return ovt
    if target.destination is not None:
        await _found(client.v1.accounts.retrieve_async(target.destination, options=options), "destination")
    if target.charge is not None:
        charge = await _found(client.v1.charges.retrieve_async(target.charge, options=options), "charge")
        _same_currency(ovt, charge.currency, "was paid")
    return ovt


async def _application_fee(client: stripe.StripeClient, ovt: Ovt, options: stripe.RequestOptions) -> Ovt:
    """Its receiver is the account that the fee was taken from; with a charge named, the fee of that charge."""
    target = ovt.target
    if target.application_fee is not None:
        reading = client.v1.application_fees.retrieve_async(target.application_fee, options=options)
        fee = await _found(reading, "application_fee")
    else:
        listed = await client.v1.application_fees.list_async({"charge": target.charge or "", "limit": 1}, options)
        if not listed.data:
            message = "Stripe knows no application fee of this charge."
            raise Refused("charge", "unknown_application_fee", message)
        fee = listed.data[0]
    _same_currency(ovt, fee.currency, "was taken")
    _within(ovt, fee.amount - fee.amount_refunded, "this fee can still be refunded")
    ovt = _at(ovt, application_fee=fee.id, charge=target.charge or _id_of(fee.charge))
    return msgspec.structs.replace(ovt, counterparty=Counterparty(stripe_account_id=_id_of(fee.account)))


async def _dispute(client: stripe.StripeClient, ovt: Ovt, options: stripe.RequestOptions) -> Ovt:
    """A dispute is answered, or given up, whole."""
    reading = client.v1.disputes.retrieve_async(ovt.target.dispute or "", options=options)
    facts = dispute_facts((await _found(reading, "dispute")).to_dict())
    _same_currency(ovt, facts.currency, "is disputed")
    if facts.amount_cents != ovt.amount.minor_units:
        disputed = money_text(facts.amount_cents, facts.currency)
        raise Refused("amount_cents", "amount_mismatch", f"{disputed} is disputed; answer for exactly that.")
    if facts.status not in ANSWERABLE:
        message = f"This dispute takes no answer: it is {facts.status.replace('_', ' ')}."
        raise Refused("dispute", "dispute_not_answerable", message)
    if ovt.target.charge not in {None, facts.charge}:
        # Rules and approvers would read of a payment that nobody disputes.
        raise Refused("charge", "charge_mismatch", f"This dispute is about {facts.charge or 'another charge'}.")
    return _at(ovt, charge=facts.charge)


async def _found(reading: Awaitable[Found], field: str) -> Found:
    try:
        return await reading
    except stripe.StripeError as error:
        if error.http_status == NOT_FOUND or code_of(error) == _NO_ACCESS:
            what = field.replace("_", " ")
            raise Refused(field, f"unknown_{field}", f"Stripe has no such {what} on this account.") from error
        raise


def _same_currency(ovt: Ovt, currency: str, how: str) -> None:
    if currency != ovt.amount.asset:
        raise Refused("currency", "currency_mismatch", f"This {how} in {currency}.")


def _within(ovt: Ovt, remaining: int, what: str) -> None:
    if ovt.amount.minor_units > remaining:
        message = f"{money_text(remaining, ovt.amount.asset)} of {what}."
        raise Refused("amount_cents", "amount_exceeds_remaining", message)


def _at(ovt: Ovt, **known: str | None) -> Ovt:
    return msgspec.structs.replace(ovt, target=msgspec.structs.replace(ovt.target, **known))


def _id_of(found: stripe.StripeObject | str | None) -> str | None:
    return found if found is None or isinstance(found, str) else str(found.to_dict()["id"])
