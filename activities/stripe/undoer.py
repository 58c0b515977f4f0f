"""Takes back what was executed, with one call to Stripe, exactly once."""

from temporalio import activity

from activities.stripe.heartbeats import heartbeats
from activities.stripe.operation import Sent
from activities.stripe.sending import UNCERTAIN_FACTOR, OutcomeUnknown, look_up, send, why_unfit
from activities.stripe_client import StripeClients
from axiru.domain.decision import MovementInput
from axiru.domain.execution import ExecutionResult, StripeApproval
from axiru.settings import Settings
from ledger.acts.undo import ENDED, NotUndoable, permit_undo, read_undoing, settle_undo
from ledger.entry import EntrySigner


class StripeUndoer:
    """Undoes with the token of the connection that executed."""

    def __init__(self, settings: Settings, clients: StripeClients, signer: EntrySigner) -> None:
        self._settings = settings
        self._clients = clients
        self._signer = signer

    @activity.defn(name="undo_execution")
    async def undo(self, movement: MovementInput) -> str:
        """Undo what was asked for, seal how it ended, and return the undoing's state.

        Runs again after a crash, a time-out or an answer that leaves the outcome open, and looks on Stripe first.
        """
        async with heartbeats():
            asked = await read_undoing(movement.decision_id)
            if asked is None:
                raise NotUndoable("Nobody has asked to undo this.", state="unknown")
            if asked.state in ENDED:
                return asked.state
            client = await self._clients.of(asked.call.stripe_connection_id)
            unfit = await why_unfit(client, asked.call) if client is not None else None
            if asked.last_call_at is not None:
                if client is None:
                    raise OutcomeUnknown("The connection is no longer active: nobody can look what became of the call.")
                found = await look_up(client, Sent(movement.decision_id, asked.call, asked.requested_at))
                if found is not None:
                    return await self._settle(movement, found)
            permission = await permit_undo(
                movement.decision_id,
                organization_id=movement.organization_id,
                mode=movement.mode,
                uncertain_seconds=UNCERTAIN_FACTOR * self._settings.stripe_timeout_seconds,
                unfit=unfit,
                signer=self._signer,
            )
            if isinstance(permission, str):
                return permission
            if client is None:
                raise OutcomeUnknown("The connection came back while it was asked for; look again.")
            result = await send(
                client,
                Sent(movement.decision_id, permission.call, permission.since),
                idempotency_key=permission.idempotency_key,
                attempt=permission.attempt,
                timeout_seconds=self._settings.stripe_timeout_seconds,
            )
            if isinstance(result, StripeApproval):
                # Stripe has its people asked about making money move, of which this is the way back.
                raise OutcomeUnknown("Stripe asks its own people about this; it is looked for again.", asked=result.id)
            return await self._settle(movement, result)

    async def _settle(self, movement: MovementInput, result: ExecutionResult) -> str:
        return await settle_undo(
            movement.decision_id,
            result,
            organization_id=movement.organization_id,
            mode=movement.mode,
            signer=self._signer,
        )
