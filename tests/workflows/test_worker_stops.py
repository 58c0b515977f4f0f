"""A worker stops in time even while an act of its fails again and again."""

import asyncio
import secrets
from datetime import timedelta

import msgspec
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from axiru import ids
from axiru.cli.worker import working
from axiru.database import rows
from axiru.domain.decision import MovementInput
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from workflows.money_movement import MoneyMovement

STOPS_WITHIN_SECONDS = 30


async def test_an_act_that_cannot_succeed_does_not_keep_a_worker_from_stopping(settings: Settings) -> None:
    alone = msgspec.structs.replace(settings, temporal_task_queue=f"stops-{secrets.token_hex(4)}")
    decision_id, before = ids.new_id(ids.DECISION), ChainHead._meta._db
    async with asyncio.timeout(120):
        running = working(alone)
        client = await running.__aenter__()
        await rows(
            "INSERT INTO requests (decision_id, organization_id, mode, endpoint, fingerprint, ovt, api_key_id, "
            "requested_by, received_at, asked_at) VALUES ({}, 'org_demo', 'test', '/', 'f', jsonb_build_object(), 'k', "
            "'m', now(), now())",
            decision_id,
        )
        handle = await client.start_workflow(
            MoneyMovement.run,
            MovementInput(decision_id, "org_demo", "test"),
            id=decision_id,
            task_queue=alone.temporal_task_queue,
            task_timeout=timedelta(seconds=10),
        )
        await _waits_for_a_timer(handle)

        began = asyncio.get_running_loop().time()
        await running.__aexit__(None, None, None)
        took = asyncio.get_running_loop().time() - began

    for table in ALL_TABLES:
        table._meta._db = before
    assert took < STOPS_WITHIN_SECONDS
    await handle.terminate()


async def _waits_for_a_timer(handle: WorkflowHandle[MoneyMovement, str]) -> None:
    """Until the act has failed so often that Temporal keeps the time of its next attempt."""
    while True:
        events = [event.event_type async for event in handle.fetch_history_events()]
        if EventType.EVENT_TYPE_TIMER_STARTED in events:
            return
        await asyncio.sleep(0.1)
