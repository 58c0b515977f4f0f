"""The sweep: finds decisions that are not settled and whose workflow is gone, and gives them a new one.

Temporal may have lost a workflow (a restored backup, a terminated run); the tables know what was sealed. The new one
finds its decision made and goes on from there.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.names import MOVEMENT_WORKFLOW, UNDO_WORKFLOW
from axiru.database import rows
from axiru.domain.decision import MovementInput
from ledger.acts.control import lift_overdue_holds
from ledger.entry import EntrySigner

log = structlog.get_logger()

_HOLDS_EVERY_SECONDS: Final = 2.0
_EVERY_SECONDS: Final = 30.0
_QUIET_SECONDS: Final = 120.0
"""Whatever has a workflow moves on, or is retried, within this time; what has been still for longer is looked at."""
_BATCH: Final = 100
_RPC_TIMEOUT: Final = timedelta(seconds=5)


async def sweep_forever(client: Client, task_queue: str) -> None:
    """Sweep until cancelled; what fails is tried again with the next sweep."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await sweep_once(client, task_queue)
        except Exception:
            log.exception("sweep_interrupted")


async def release_overdue_forever(signer: EntrySigner) -> None:
    """Release holds whose time is over, until cancelled; what fails is tried again. The relay tells the workflows."""
    while True:
        await asyncio.sleep(_HOLDS_EVERY_SECONDS)
        try:
            await lift_overdue_holds(signer)
        except Exception:
            log.exception("holds_not_released")


async def sweep_once(client: Client, task_queue: str, *, quiet_seconds: float = _QUIET_SECONDS) -> int:
    """Make sure that every decision that should have moved has a workflow; returns how many were looked at.

    Pending ones are looked at once their deadline is over, or people should have been reminded or escalated to and
    were not: until then their workflow only waits, and a vote finds out.
    """
    looked_at, after = 0, datetime(1970, 1, 1, tzinfo=UTC)
    while still := await _still(quiet_seconds, after):
        for decision in still:
            movement = MovementInput(decision["id"], decision["organization_id"], decision["mode"])
            await ensure_workflow(client, task_queue, movement)
        looked_at, after = looked_at + len(still), still[-1]["updated_at"]
    for undoing in await _undoings_still(quiet_seconds):
        await ensure_undoing(
            client, task_queue, MovementInput(undoing["decision_id"], undoing["organization_id"], undoing["mode"])
        )
        looked_at += 1
    return looked_at


async def _undoings_still(quiet_seconds: float) -> list[dict[str, Any]]:
    return await rows(
        "SELECT decision_id, organization_id, mode FROM undoings WHERE state IN ('intended', 'calling') "
        "AND coalesce(last_call_at, requested_at) < clock_timestamp() - make_interval(secs => {}) "
        "ORDER BY requested_at LIMIT {}",
        quiet_seconds,
        _BATCH,
    )


async def _still(quiet_seconds: float, after: datetime) -> list[dict[str, Any]]:
    return await rows(
        """
        SELECT d.id, d.organization_id, d.mode, d.updated_at FROM decisions d
        LEFT JOIN approvals a ON a.decision_id = d.id
        WHERE d.updated_at > {} AND d.updated_at < clock_timestamp() - make_interval(secs => {})
            AND d.surface_mode = 'enforce' AND (
                (d.state IN ('pending_approval', 'held') AND a.state = 'pending'
                    AND (a.expires_at < clock_timestamp() - make_interval(secs => {})
                        OR (SELECT count(*) FROM (
                                SELECT jsonb_array_elements(a.terms -> 'reminders_seconds') UNION ALL
                                SELECT jsonb_array_elements(a.terms -> 'escalations') -> 'after_seconds') due (seconds)
                            WHERE a.asked_at + make_interval(secs => seconds::float)
                                < clock_timestamp() - make_interval(secs => {}))
                            > (SELECT count(*) FROM ledger_entries e WHERE e.decision_id = d.id
                                AND e.kind IN ('approval_reminder', 'approval_escalated'))))
                OR (d.execute = 'axiru' AND d.state IN ('allowed', 'approved', 'executing')))
        ORDER BY d.updated_at LIMIT {}
        """,
        after,
        *(quiet_seconds, quiet_seconds, quiet_seconds),
        _BATCH,
    )


async def ensure_workflow(client: Client, task_queue: str, movement: MovementInput) -> None:
    """Start the decision's workflow unless it runs."""
    await _ensure(client, task_queue, MOVEMENT_WORKFLOW, movement, movement.decision_id)


async def ensure_undoing(client: Client, task_queue: str, movement: MovementInput) -> None:
    """Start the workflow that undoes a decision unless it runs."""
    await _ensure(client, task_queue, UNDO_WORKFLOW, movement, f"undo:{movement.decision_id}")


async def _ensure(client: Client, task_queue: str, workflow: str, movement: MovementInput, workflow_id: str) -> None:
    await client.start_workflow(
        workflow,
        movement,
        id=workflow_id,
        task_queue=task_queue,
        rpc_timeout=_RPC_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )
