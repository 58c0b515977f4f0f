"""Starting the workflow of a decision and waiting for its first word, in one call to Temporal."""

import contextlib
from datetime import timedelta
from typing import Final

from temporalio.client import RPCError, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.services import Services
from axiru.domain.decision import DecisionReceipt, MovementInput
from axiru.temporal import DECIDE_UPDATE_ID
from workflows.money_movement import MoneyMovement

_SIGNAL_SECONDS: Final = 2.0


async def start(movement: MovementInput, services: Services, *, asked_before: bool) -> DecisionReceipt:
    """The sealed answer to a reserved request, from a new workflow or from the one that is already at it.

    One workflow id and one update id for all who ask: duplicates attach and get the same answer. A request that was
    `asked_before` and is not decided may have lost its workflow, and gets another. Raises what Temporal raises when it
    cannot be reached or the workflow failed.
    """
    starting = WithStartWorkflowOperation(
        MoneyMovement.run,
        movement,
        id=movement.decision_id,
        task_queue=services.settings.temporal_task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE
        if asked_before
        else WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )
    return await services.temporal.execute_update_with_start_workflow(
        MoneyMovement.decide,
        id=DECIDE_UPDATE_ID,
        start_workflow_operation=starting,
        rpc_timeout=timedelta(seconds=services.settings.decide_timeout_seconds),
    )


async def tell_asked_again(decision_id: str, services: Services) -> None:
    """Wake a workflow that gave up on a request nobody seemed to want any more. Not reaching it changes nothing."""
    with contextlib.suppress(RPCError):
        await services.temporal.get_workflow_handle(decision_id).signal(
            MoneyMovement.asked_again, rpc_timeout=timedelta(seconds=_SIGNAL_SECONDS)
        )
