"""Sending one call: what Stripe's answers and silences mean, the same for every operation."""

import asyncio
from typing import Any, Final, cast

import stripe

from activities.stripe.approvals import APPROVAL_REQUIRED, approval_required
from activities.stripe.operation import DEFINITE_STATUSES, NOT_FOUND, Sent, account_of, refused
from activities.stripe.registry import OPERATIONS
from axiru.domain.execution import ExecutionResult, StripeApproval, StripeCall
from axiru.errors import AxiruError
from axiru.stripe_errors import code_of

UNCERTAIN_FACTOR: Final = 2
"""A call that was sent is taken to be over after this many of its time-outs."""


class OutcomeUnknown(AxiruError):
    """Stripe's answer does not say whether money moved; the next attempt looks first."""

    code = "stripe_outcome_unknown"


async def why_unfit(client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
    """Why this call must not be made: what it acts on is not what was decided about, or Stripe will not say.

    An object that is not there is left to the call itself, which will say so. Raises OutcomeUnknown.
    """
    try:
        return await OPERATIONS[call.operation].unfit(client, call)
    except stripe.StripeError as error:
        if error.http_status == NOT_FOUND:
            return None
        if error.http_status in DEFINITE_STATUSES:
            return refused(error)
        raise OutcomeUnknown("Stripe could not be asked about the payment.", status=error.http_status) from error


async def look_up(client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
    """What this call did, if Stripe has it. Raises StripeError."""
    try:
        return await OPERATIONS[sent.call.operation].find(client, sent)
    except stripe.StripeError as error:
        if error.http_status == NOT_FOUND:
            return None  # what cannot be found was not acted on either
        raise


async def send(
    client: stripe.StripeClient, sent: Sent, *, idempotency_key: str, attempt: int, timeout_seconds: float
) -> ExecutionResult | StripeApproval:
    """Make the call and say what became of it, or whom Stripe asks first; `attempt` counts from 1.

    Raises OutcomeUnknown unless Stripe said what it did.
    """
    options: stripe.RequestOptions = {"idempotency_key": idempotency_key, **account_of(sent.call)}
    try:
        async with asyncio.timeout(timeout_seconds):
            return await OPERATIONS[sent.call.operation].make(client, sent.call, options)
    except TimeoutError as error:
        raise OutcomeUnknown("Stripe did not answer in time.") from error
    except stripe.StripeError as error:
        if (asked := approval_required(error)) is not None:
            return asked
        if code_of(error) == APPROVAL_REQUIRED:
            # Stripe may make the call yet: it is looked for until somebody knows better.
            raise OutcomeUnknown("Stripe asks its own people, by a request that cannot be read here.") from error
        # A replayed failure is the stored answer under this key: it will never be another.
        replayed = _replayed_failure(error)
        if error.http_status not in DEFINITE_STATUSES and not replayed:
            raise OutcomeUnknown("Stripe did not say what became of the call.", status=error.http_status) from error
        # An earlier call may have ended after this attempt looked: look again before saying that nothing was done.
        called_before = replayed or attempt > 1
        found = await look_up(client, sent) if called_before else None
        return found or refused(error)


def _replayed_failure(error: stripe.StripeError) -> bool:
    """Whether Stripe repeats a stored 5xx (https://docs.stripe.com/api/idempotent_requests)."""
    headers = cast(dict[str, Any], error.headers or {})
    replayed = {name.lower(): value for name, value in headers.items()}.get("idempotent-replayed") == "true"
    return replayed and (error.http_status or 0) >= 500
