"""The look at the keys of tokens on a real Temporal: by its schedule, and as often as the settings ask for."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from temporalio.client import ScheduleHandle, ScheduleOverlapPolicy, WorkflowHistory
from temporalio.service import RPCError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from axiru.dev.dev_json import DevJson
from axiru.settings import Settings
from axiru.temporal import data_converter
from ledger.token_keys import KeyTimes, token_keys
from workflows.schedules import create_schedules, token_keys_id
from workflows.token_keys import TokenKeyRotation

GOLDEN = Path(__file__).parent / "histories" / "token_keys" / "published.json"
USUAL = KeyTimes.from_settings(Settings())


async def test_the_schedule_publishes_the_next_key_once_its_turn_comes(
    movements: Any, infrastructure: DevJson, keep_history: Any
) -> None:
    schedule = movements.client.get_schedule_handle(token_keys_id(movements.task_queue))
    await _interval(schedule)
    assert [key.state for key in await token_keys(USUAL.tail)] == ["signing"]

    assert await _looked(schedule, movements) is None

    owner = await asyncpg.connect(infrastructure.database_admin_url)
    await owner.execute(
        "UPDATE signing_keys SET active_from = active_from - $1::interval WHERE purpose = 'token'", USUAL.rotation
    )
    await owner.close()
    published = await _looked(schedule, movements, keep_history)
    assert [(key.kid == published, key.state) for key in await token_keys(USUAL.tail)] == [
        (False, "signing"),
        (True, "next"),
    ]


async def test_a_schedule_that_is_there_looks_as_often_as_the_settings_ask(movements: Any) -> None:
    schedule = movements.client.get_schedule_handle(token_keys_id(movements.task_queue))
    assert await _interval(schedule) == USUAL.tick == timedelta(minutes=5)

    for wanted in (timedelta(seconds=90), USUAL.tick):
        await create_schedules(movements.client, movements.task_queue, token_keys_every=wanted)
        assert await _interval(schedule) == wanted


@pytest.mark.parametrize(
    ("lead_seconds", "tick_seconds"), [(1, 1), (3, 1), (60, 15), (1_200, 300), (3_600, 300), (86_400, 300)]
)
async def test_looks_are_several_to_a_lead(lead_seconds: int, tick_seconds: int) -> None:
    assert KeyTimes.from_settings(Settings(token_key_lead_seconds=lead_seconds)).tick == timedelta(seconds=tick_seconds)


async def test_golden_history_of_a_look_is_still_followed() -> None:
    replayer = Replayer(
        workflows=[TokenKeyRotation],
        data_converter=data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    history = WorkflowHistory.from_json("published", GOLDEN.read_text())
    await replayer.replay_workflow(history)


async def _looked(schedule: ScheduleHandle, movements: Any, keep_history: Any = None) -> str | None:
    """Have the schedule start a look now; what came of it."""
    before = len((await schedule.describe()).info.recent_actions)
    # Beside one that the clock has started: that would otherwise be the only one.
    await schedule.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    async with asyncio.timeout(20):
        while len(actions := (await schedule.describe()).info.recent_actions) == before:  # noqa: ASYNC110 - its clock
            await asyncio.sleep(0.1)
    started = actions[-1].action
    handle = movements.client.get_workflow_handle_for(
        TokenKeyRotation.run, started.workflow_id, run_id=started.first_execution_run_id
    )
    result: str | None = await asyncio.wait_for(handle.result(), 20)
    if keep_history is not None:
        keep_history("token_keys/published", await handle.fetch_history())
    return result


async def _interval(schedule: ScheduleHandle) -> timedelta:
    """How often it looks, once a worker has created it."""
    async with asyncio.timeout(20):
        while True:
            try:
                described = await schedule.describe()
            except RPCError:
                await asyncio.sleep(0.1)
            else:
                return described.schedule.spec.intervals[0].every
