"""Undoing, run for real on Temporal, PostgreSQL and the Stripe sandbox; its histories are golden.

`pytest tests/workflows --record` writes them anew.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.service import RPCError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from activities.sweep import sweep_once
from axiru.database import row, rows
from axiru.domain.movement import Target
from axiru.temporal import data_converter
from workflows.undoing import Undoing

GOLDEN = Path(__file__).parent / "histories" / "undoings"
MERCHANT = "acct_demo_merchant_1"


@pytest.fixture
async def transferred(movements: Any) -> str:
    """A transfer that was executed."""
    await rows(
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ('org_demo/test/stripe.transfer', 'org_demo', 'test', '', 'stripe', 'transfer', "
        "'enforce', clock_timestamp()) ON CONFLICT DO NOTHING"
    )
    decision_id: str = await movements.record(1_000, rail_action="transfer", target=Target(destination=MERCHANT))
    await movements.decide(decision_id)
    assert await movements.result(decision_id) == "executed"
    return decision_id


async def test_undoing_that_loses_an_answer_ends_undone_and_replays(
    transferred: str, movements: Any, keep_history: Any
) -> None:
    await movements.plan_fault("drop_connection_after", path="/v1/transfers/*/reversals")

    await movements.ask_undo(transferred)

    assert await _result(movements, transferred) == "succeeded"
    found = await row("SELECT state, attempts FROM undoings WHERE decision_id = {}", transferred)
    assert found == {"state": "succeeded", "attempts": 1}
    assert (await movements.entries(transferred))[-2:] == ["undo_intent", "undo"]
    keep_history("undoings/undone", await movements.history(f"undo:{transferred}"))


async def test_lost_workflow_of_an_undoing_is_found_by_the_sweep(transferred: str, movements: Any) -> None:
    await movements.plan_fault("status_500_before", path="/v1/transfers/*/reversals")
    await movements.ask_undo(transferred)
    async with asyncio.timeout(15):
        while True:
            if (await row("SELECT state FROM undoings WHERE decision_id = {}", transferred)) == {"state": "calling"}:
                break
            await asyncio.sleep(0.05)
    await movements.client.get_workflow_handle(f"undo:{transferred}").terminate()

    await sweep_once(movements.client, movements.task_queue, quiet_seconds=0)

    assert await _result(movements, transferred) == "succeeded"


async def test_golden_history_of_an_undoing_replays() -> None:
    replayer = Replayer(workflows=[Undoing], data_converter=data_converter, workflow_runner=UnsandboxedWorkflowRunner())
    for path in GOLDEN.glob("*.json"):
        await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))
    assert {path.stem for path in GOLDEN.glob("*.json")} == {"undone"}


async def _result(movements: Any, decision_id: str) -> str:
    """The state the undoing ended in, once the relay has started it."""
    async with asyncio.timeout(30):
        while True:
            try:
                return str(await movements.client.get_workflow_handle(f"undo:{decision_id}").result())
            except RPCError:
                await asyncio.sleep(0.1)
