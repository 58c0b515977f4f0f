"""Reconciliation: once a day, and when asked, Stripe's own list of events is held against what arrived.

A webhook may be lost for good: an endpoint that was away for days, a secret that was changed on one side only.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import Reconciliation

READ_TIMEOUT: Final = timedelta(hours=1)
READ_HEARTBEAT: Final = timedelta(seconds=60)
READ_RETRY: Final = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_attempts=8)
LIST_TIMEOUT: Final = timedelta(minutes=5)
_RPC_TIMEOUT: Final = timedelta(seconds=5)


@workflow.defn
class StripeReconciliation:
    """Of one connection where one is named, of all that are active without; then what is too old is deleted."""

    @workflow.run
    async def run(self, connection_id: str | None = None) -> int:
        """How many events the webhook had not told of."""
        missed = 0
        for each in [connection_id] if connection_id else await self._active():
            try:
                missed += await workflow.execute_activity_method(
                    Reconciliation.reconcile,
                    each,
                    start_to_close_timeout=READ_TIMEOUT,
                    heartbeat_timeout=READ_HEARTBEAT,
                    retry_policy=READ_RETRY,
                )
            except ActivityError:
                # Its view says since when it was not reconciled; the others go on.
                workflow.logger.warning("stripe_connection_not_reconciled")
        if connection_id is None:
            await workflow.execute_activity_method(Reconciliation.delete_old, start_to_close_timeout=LIST_TIMEOUT)
        return missed

    async def _active(self) -> list[str]:
        return await workflow.execute_activity_method(
            Reconciliation.active_connections, start_to_close_timeout=LIST_TIMEOUT
        )


async def start_reconciliation(client: Client, task_queue: str, connection_id: str) -> None:
    """Reconcile one connection now; while that is under way, starting it again changes nothing. Raises RPCError."""
    await client.start_workflow(
        StripeReconciliation.run,
        connection_id,
        id=f"stripe-reconciliation:{connection_id}",
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        rpc_timeout=_RPC_TIMEOUT,
    )
