"""What happens by the clock. Temporal keeps the clock, so that it happens once however many workers there are."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError

from workflows.history_replay import ReplayExpiry
from workflows.reconciliation import StripeReconciliation

log = structlog.get_logger()

REPLAY_EXPIRY_EVERY: Final = timedelta(hours=1)
RECONCILIATION_EVERY: Final = timedelta(days=1)
_AGAIN_SECONDS: Final = 30.0


def replay_expiry_id(task_queue: str) -> str:
    """The schedule's id; workers of another task queue have one of their own."""
    return f"replay-expiry-{task_queue}"


def reconciliation_id(task_queue: str) -> str:
    """As `replay_expiry_id`, of holding Stripe's list of events against what arrived."""
    return f"stripe-reconciliation-{task_queue}"


async def create_schedules(client: Client, task_queue: str) -> None:
    """Create what is not there yet, trying until Temporal takes it. Every worker does so at its start."""
    expiry, reconciliation = replay_expiry_id(task_queue), reconciliation_id(task_queue)
    expire = ScheduleActionStartWorkflow(ReplayExpiry.run, id=expiry, task_queue=task_queue)
    reconcile = ScheduleActionStartWorkflow(StripeReconciliation.run, id=reconciliation, task_queue=task_queue)
    await _create(client, expiry, expire, every=REPLAY_EXPIRY_EVERY)
    await _create(client, reconciliation, reconcile, every=RECONCILIATION_EVERY)


async def _create(client: Client, schedule_id: str, action: ScheduleActionStartWorkflow, *, every: timedelta) -> None:
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    while True:
        try:
            await client.create_schedule(schedule_id, schedule)
        except ScheduleAlreadyRunningError:
            return
        except RPCError:
            # Decisions do not wait for it.
            log.exception("schedule_not_created", schedule_id=schedule_id)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return
