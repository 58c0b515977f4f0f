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
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from workflows.history_replay import ReplayExpiry
from workflows.reconciliation import StripeReconciliation
from workflows.token_keys import TokenKeyRotation

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


def token_keys_id(task_queue: str) -> str:
    """As `replay_expiry_id`, of looking whether the next key of tokens is due."""
    return f"token-keys-{task_queue}"


async def create_schedules(client: Client, task_queue: str, *, token_keys_every: timedelta) -> None:
    """Create what is not there yet, trying until Temporal takes it. Every worker does so at its start.

    One that is there is given the interval it should have, which for keys of tokens is a matter of the settings.
    """
    expiry, reconciliation = replay_expiry_id(task_queue), reconciliation_id(task_queue)
    token_keys = token_keys_id(task_queue)
    expire = ScheduleActionStartWorkflow(ReplayExpiry.run, id=expiry, task_queue=task_queue)
    reconcile = ScheduleActionStartWorkflow(StripeReconciliation.run, id=reconciliation, task_queue=task_queue)
    look = ScheduleActionStartWorkflow(TokenKeyRotation.run, id=token_keys, task_queue=task_queue)
    await _create(client, token_keys, look, every=token_keys_every)
    await _create(client, expiry, expire, every=REPLAY_EXPIRY_EVERY)
    await _create(client, reconciliation, reconcile, every=RECONCILIATION_EVERY)


async def _create(client: Client, schedule_id: str, action: ScheduleActionStartWorkflow, *, every: timedelta) -> None:
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )

    def at_that_interval(there: ScheduleUpdateInput) -> ScheduleUpdate | None:
        held = there.description.schedule
        if [interval.every for interval in held.spec.intervals] == [every]:
            return None
        held.spec = schedule.spec
        return ScheduleUpdate(held)

    while True:
        try:
            try:
                await client.create_schedule(schedule_id, schedule)
            except ScheduleAlreadyRunningError:
                await client.get_schedule_handle(schedule_id).update(at_that_interval)
        except RPCError:
            # Decisions do not wait for it.
            log.exception("schedule_not_created", schedule_id=schedule_id)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return
