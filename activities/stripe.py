"""Stripe: the only module that calls its money endpoints. One refund, exactly once, whatever crashes in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, assert_never, cast

import msgspec
import stripe
from stripe.params import RefundCreateParams, RefundListParams
from temporalio import activity

from activities.stripe_client import StripeClients, read_charge
from axiru.database import row
from axiru.domain.decision import MovementInput
from axiru.domain.execution import Blocked, ExecutionResult, Held, Intent, StripeCall
from axiru.domain.money import money_text
from axiru.errors import AxiruError
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.intend import give_back, intend, planned_call
from ledger.acts.settle import settle
from ledger.entry import EntrySigner

_HEARTBEAT_SECONDS: Final = 1.0
_PERMISSION_SECONDS: Final = 2.0
_ENDED: Final = {"succeeded": "executed", "failed": "execution_failed"}
_UNCERTAIN_FACTOR: Final = 2
"""A call that was sent is taken to be over after this many of its time-outs."""

_NOT_FOUND: Final = 404
_DEFINITE_STATUSES: Final = frozenset({400, 401, 402, 403, 404})
"""Stripe answered and did nothing (https://docs.stripe.com/api/errors). 409 and 429 did nothing yet and are retried."""


class OutcomeUnknown(AxiruError):
    """Stripe's answer does not say whether money moved; the next attempt looks first."""

    code = "stripe_outcome_unknown"


class PermissionStale(AxiruError):
    """A permission to call was not used at once; a control may have come since."""

    code = "permission_stale"


class ConnectionMissing(AxiruError):
    """The Stripe connection of a sealed call is not there."""

    code = "connection_missing"


class Begun(msgspec.Struct, frozen=True):
    """An execution that an earlier attempt has begun."""

    state: str
    call: StripeCall


class StripeExecutor:
    """Executes sealed calls with the token of their connection."""

    def __init__(self, settings: Settings, vault: Vault, signer: EntrySigner) -> None:
        self._settings = settings
        self._signer = signer
        self._clients = StripeClients(settings, vault)

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._clients.close()

    @activity.defn(name="execute_decision")
    async def execute(self, movement: MovementInput) -> str:
        """Call Stripe for an allowed or approved decision and seal how it ended; returns the decision's state.

        That is `held` where a hold came first: it is to be executed again once it is released. Runs again after a
        crash, a time-out or an answer that leaves the outcome open. Once a call may have been sent, every run looks on
        Stripe for its refund before it asks for permission to call again.
        """
        async with _heartbeats():
            begun = await _begun(movement.decision_id)
            if begun is not None and begun.state in _ENDED:
                return _ENDED[begun.state]
            call = begun.call if begun is not None else await planned_call(movement.decision_id)
            # All that takes time comes before the permission: what follows it is the call and nothing else.
            # A token that cannot be opened is found out here, before anything is written: a call that was never made
            # must not look as if it were under way.
            client = await self._clients.of(call.stripe_connection_id)
            # The payment is read before refunds are looked for: what is missing from it may be our own refund.
            unfit = await _unfit(client, call) if client is not None else None
            if client is not None and begun is not None:
                found = await self._look_up(client, movement.decision_id, call)
                if found is not None:
                    return await self._settle(movement, found)
            asked_at = monotonic()
            permission = await intend(
                movement.decision_id,
                organization_id=movement.organization_id,
                mode=movement.mode,
                uncertain_seconds=_UNCERTAIN_FACTOR * self._settings.stripe_timeout_seconds,
                signer=self._signer,
                unfit=unfit,
            )
            match permission:
                case Blocked():
                    return "execution_failed"
                case Held():
                    return "held"
                case Intent():
                    pass
                case _:
                    assert_never(permission)
            if client is None:
                raise ConnectionMissing("The Stripe connection is not there.", connection_id=call.stripe_connection_id)
            if monotonic() - asked_at > _PERMISSION_SECONDS:
                await give_back(permission)
                raise PermissionStale("This worker was held up after it was given permission; it asks again.")
            return await self._settle(movement, await self._refund(client, permission))

    async def _refund(self, client: stripe.StripeClient, intent: Intent) -> ExecutionResult:
        """Raises OutcomeUnknown unless Stripe said what it did."""
        call = intent.call
        try:
            async with asyncio.timeout(self._settings.stripe_timeout_seconds):
                refund = await client.v1.refunds.create_async(
                    cast(RefundCreateParams, call.parameters),
                    {"idempotency_key": intent.idempotency_key, "stripe_account": call.stripe_account_id},
                )
        except TimeoutError as error:
            raise OutcomeUnknown("Stripe did not answer in time.") from error
        except stripe.StripeError as error:
            # A replayed failure is the stored answer under this key: it will never be another.
            replayed = _replayed_failure(error)
            if error.http_status not in _DEFINITE_STATUSES and not replayed:
                raise OutcomeUnknown("Stripe did not say what became of the call.", status=error.http_status) from error
            # An earlier call may have ended after this attempt looked: look again before saying that nothing was done.
            called_before = replayed or intent.attempt > 1
            found = await self._look_up(client, intent.decision_id, call) if called_before else None
            return found or _refused(error)
        return _result_of(refund)

    async def _look_up(self, client: stripe.StripeClient, decision_id: str, call: StripeCall) -> ExecutionResult | None:
        """The refund that carries this decision's id, if Stripe has it. The only proof after a lost answer."""
        listed = {name: call.parameters[name] for name in ("charge", "payment_intent") if name in call.parameters}
        try:
            page = await client.v1.refunds.list_async(
                cast(RefundListParams, {**listed, "limit": 100}), {"stripe_account": call.stripe_account_id}
            )
        except stripe.StripeError as error:
            if error.http_status == _NOT_FOUND:
                return None  # what cannot be found has no refunds either
            raise
        async for refund in page.auto_paging_iter():
            if (refund.to_dict().get("metadata") or {}).get("axiru_decision_id") == decision_id:
                return _result_of(refund)
        return None

    async def _settle(self, movement: MovementInput, result: ExecutionResult) -> str:
        return await settle(
            movement.decision_id,
            result,
            organization_id=movement.organization_id,
            mode=movement.mode,
            signer=self._signer,
        )


def _result_of(refund: stripe.Refund) -> ExecutionResult:
    """A refund that Stripe has is a success, unless it is `failed` or `canceled`: then the money stays where it was."""
    succeeded = refund.status not in {"failed", "canceled"}
    return ExecutionResult(succeeded, refund.id, refund.status, refund.failure_reason if not succeeded else None)


async def _unfit(client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
    """Why this payment must not be refunded: its currency is another, less is left of it, or Stripe will not say.

    A payment that is not there is left to the call itself, which will say so.
    """
    charge, payment_intent = call.parameters.get("charge"), call.parameters.get("payment_intent")
    try:
        paid = await read_charge(
            client,
            str(charge) if charge else None,
            str(payment_intent) if payment_intent else None,
            stripe_account_id=call.stripe_account_id,
        )
    except stripe.StripeError as error:
        if error.http_status == _NOT_FOUND:
            return None
        if error.http_status in _DEFINITE_STATUSES:
            return _refused(error)
        raise OutcomeUnknown("Stripe could not be asked about the payment.", status=error.http_status) from error
    if paid is None:
        return None
    if paid.currency != call.currency:
        message = f"The payment was made in {paid.currency}, the refund was decided in {call.currency}."
        return ExecutionResult(False, None, None, "currency_mismatch", message)
    amount, remaining = int(str(call.parameters["amount"])), paid.amount - paid.amount_refunded
    if amount > remaining:
        message = f"{money_text(remaining, paid.currency)} of this payment can still be refunded."
        return ExecutionResult(False, None, None, "amount_exceeds_remaining", message)
    return None


def _refused(error: stripe.StripeError) -> ExecutionResult:
    return ExecutionResult(False, None, None, error.code or "stripe_refused", error.user_message or str(error))


def _replayed_failure(error: stripe.StripeError) -> bool:
    """Whether Stripe repeats a stored 5xx (https://docs.stripe.com/api/idempotent_requests)."""
    headers = cast(dict[str, Any], error.headers or {})
    replayed = {name.lower(): value for name, value in headers.items()}.get("idempotent-replayed") == "true"
    return replayed and (error.http_status or 0) >= 500


async def _begun(decision_id: str) -> Begun | None:
    found = await row("SELECT state, call FROM executions WHERE decision_id = {}", decision_id)
    if found is None:
        return None
    return Begun(found["state"], msgspec.json.decode(found["call"], type=StripeCall))


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """Tell Temporal that this worker lives, so that another takes over within seconds when it does not."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
