"""Executes decisions on Stripe: each sealed call exactly once, with permission asked for every attempt."""

from datetime import UTC, datetime
from time import monotonic
from typing import Final, TypedDict, assert_never

import msgspec
from temporalio import activity

from activities.stripe.approvals import NOT_SHOWN, ended, read_approval, withdraw
from activities.stripe.heartbeats import heartbeats
from activities.stripe.operation import Sent
from activities.stripe.sending import UNCERTAIN_FACTOR, OutcomeUnknown, look_up, send, why_unfit
from activities.stripe_client import StripeClients
from axiru.database import row
from axiru.domain.decision import MovementInput
from axiru.domain.execution import Blocked, ExecutionResult, Held, Intent, StripeApproval, StripeCall
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.intend import give_back, intend, is_stopped, planned_call
from ledger.acts.settle import settle
from ledger.acts.stripe_approval import keep_approval, keep_withdrawal, note_status, note_withdrawing
from ledger.entry import EntrySigner

_PERMISSION_SECONDS: Final = 2.0
_ENDED: Final = {"succeeded": "executed", "failed": "execution_failed"}


class PermissionStale(AxiruError):
    """A permission to call was not used at once; a control may have come since."""

    code = "permission_stale"


class ConnectionMissing(AxiruError):
    """The Stripe connection of a sealed call is not there."""

    code = "connection_missing"


class _Chain(TypedDict):
    """Where an act seals, and by whom."""

    organization_id: str
    mode: Mode
    signer: EntrySigner


class Begun(msgspec.Struct, frozen=True):
    """An execution that an earlier attempt has begun; `since` is when it was first given permission."""

    state: str
    call: StripeCall
    since: datetime
    may_have_called: bool
    approval: StripeApproval | None


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

        That is `held` where a hold came first: it is to be executed again once it is released. It is
        `requires_approval` while Stripe asks its own people: executed again, it looks how they decided.

        Runs again after a crash, a time-out or an answer that leaves the outcome open. Once a call may have been sent,
        every run looks on Stripe for what it made before it asks for permission to call again; where the connection
        was ended meanwhile, that waits until it is made again, and nothing is said of the outcome before.
        """
        async with heartbeats():
            begun = await _begun(movement.decision_id)
            if begun is not None and begun.state in _ENDED:
                return _ENDED[begun.state]
            if begun is not None and begun.state == "requires_approval":
                state = await self._look_at_approval(movement, begun)
                if state is not None:
                    return state
                begun = await _begun(movement.decision_id)
            return await self._call(movement, begun)

    async def _call(self, movement: MovementInput, begun: Begun | None) -> str:
        """Look, ask for permission, call and settle."""
        call = begun.call if begun is not None else await planned_call(movement.decision_id)
        # All that takes time comes before the permission: what follows it is the call and nothing else.
        # A token that cannot be opened is found out here, before anything is written: a call that was never made
        # must not look as if it were under way.
        client = await self._clients.of(call.stripe_connection_id)
        # The object is read before our call is looked for: what is missing from it may be our own doing.
        unfit = await why_unfit(client, call) if client is not None else None
        if client is None and begun is not None and begun.may_have_called:
            raise OutcomeUnknown("The connection is no longer active: nobody can look what became of the call.")
        if client is not None and begun is not None:
            found = await look_up(client, Sent(movement.decision_id, call, begun.since))
            if found is not None:
                return await self._settle(movement, found)
        asked_at = monotonic()
        permission = await intend(
            movement.decision_id,
            uncertain_seconds=UNCERTAIN_FACTOR * self._settings.stripe_timeout_seconds,
            unfit=unfit,
            **self._chain(movement),
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
        result = await send(
            client,
            Sent(movement.decision_id, permission.call, permission.since),
            idempotency_key=permission.idempotency_key,
            attempt=permission.attempt,
            timeout_seconds=self._settings.stripe_timeout_seconds,
        )
        if isinstance(result, StripeApproval):
            await keep_approval(movement.decision_id, result, **self._chain(movement))
            return "requires_approval"
        return await self._settle(movement, result)

    async def _look_at_approval(self, movement: MovementInput, begun: Begun) -> str | None:
        """How Stripe's people have decided; `requires_approval` as long as they may still agree.

        A hold, or a control that forbids the call, takes the question back. None once it is taken back: permission is
        then asked for anew, which says what forbids it.
        """
        client, asked = await self._clients.of(begun.call.stripe_connection_id), begun.approval
        if client is None or asked is None:
            raise OutcomeUnknown("The connection is no longer active: nobody can look what became of the call.")
        shown = await read_approval(client, begun.call, asked.id)
        sent = Sent(movement.decision_id, begun.call, begun.since)
        if shown.status in {"succeeded", NOT_SHOWN} and (found := await look_up(client, sent)) is not None:
            return await self._settle(movement, found)
        if shown.status == "succeeded":
            return await self._settle(movement, ExecutionResult(True, shown.result_id))
        refused = ended(shown, asked, datetime.now(UTC))
        if refused is None and await is_stopped(movement.decision_id, **self._chain(movement)):
            await note_withdrawing(movement.decision_id, asked)
            shown, asked = (
                await withdraw(client, begun.call, asked.id),
                msgspec.structs.replace(asked, withdrawing=True),
            )
        if shown.status == "canceled" and asked.withdrawing:
            await keep_withdrawal(movement.decision_id, asked, **self._chain(movement))
            return None
        refused = ended(shown, asked, datetime.now(UTC))
        if refused is not None:
            return await self._settle(movement, refused)
        await note_status(movement.decision_id, asked, shown.status)
        return "requires_approval"

    def _chain(self, movement: MovementInput) -> _Chain:
        return {"organization_id": movement.organization_id, "mode": movement.mode, "signer": self._signer}

    async def _settle(self, movement: MovementInput, result: ExecutionResult) -> str:
        return await settle(movement.decision_id, result, **self._chain(movement))


async def _begun(decision_id: str) -> Begun | None:
    found = await row(
        "SELECT state, call, coalesce(first_call_at, intended_at) AS since, "
        "last_call_at IS NOT NULL AS may_have_called, stripe_approval FROM executions WHERE decision_id = {}",
        decision_id,
    )
    if found is None:
        return None
    call = msgspec.json.decode(found["call"], type=StripeCall)
    asked = found["stripe_approval"]
    approval = msgspec.json.decode(asked, type=StripeApproval) if asked else None
    return Begun(found["state"], call, found["since"], found["may_have_called"], approval)
