"""Reconciliation on a real Temporal: of one connection, of all of them, past one that Stripe does not answer for."""

import asyncio
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from temporalio.client import WorkflowHistory
from temporalio.common import RetryPolicy
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from activities.reconciliation import Reconciliation
from axiru.database import row, rows
from axiru.temporal import data_converter
from workflows import reconciliation
from workflows.reconciliation import StripeReconciliation, start_reconciliation
from workflows.schedules import reconciliation_id

GOLDEN = Path(__file__).parent / "histories" / "reconciliation"
CONNECTION = "stripe_conn_demo"


@pytest.fixture
def missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe lists one event of each account that did not arrive."""

    async def one(*_: object) -> int:
        return 1

    monkeypatch.setattr(Reconciliation, "_read", one)


@pytest.mark.usefixtures("missed")
async def test_one_connection_is_reconciled_and_remembers_it(movements: Any, keep_history: Any) -> None:
    before = await _health()

    handle = await _started(movements, CONNECTION)

    assert await asyncio.wait_for(handle.result(), 30) == 1
    after = await _health()
    assert after["missed_events"] == before["missed_events"] + 1
    assert before["reconciled_at"] is None or after["reconciled_at"] > before["reconciled_at"]
    keep_history("reconciliation/one", await handle.fetch_history())


@pytest.mark.usefixtures("missed")
async def test_all_active_connections_are_reconciled(movements: Any, keep_history: Any) -> None:
    before = await _health()

    handle = await _started(movements, None)

    assert await asyncio.wait_for(handle.result(), 60) >= 1
    assert (await _health())["missed_events"] == before["missed_events"] + 1
    keep_history("reconciliation/all", await handle.fetch_history())


async def test_connection_stripe_does_not_answer_for_keeps_no_other_from_its_turn(
    movements: Any, keep_history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers_for_others(_self: object, _client: object, connection_id: str, *_: object) -> int:
        if connection_id == CONNECTION:
            raise stripe.APIConnectionError("nobody there")  # type: ignore[no-untyped-call]
        return 1

    monkeypatch.setattr(Reconciliation, "_read", answers_for_others)
    monkeypatch.setattr(reconciliation, "READ_RETRY", RetryPolicy(maximum_attempts=1))
    before = await _health()

    handle = await _started(movements, None)

    assert await asyncio.wait_for(handle.result(), 60) >= 1
    assert await _health() == before
    keep_history("reconciliation/one_away", await handle.fetch_history())


@pytest.mark.usefixtures("missed")
async def test_token_that_cannot_be_opened_holds_up_no_other_connection(movements: Any) -> None:
    broken = f"stripe_conn_0{secrets.token_hex(8)}"
    await rows(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) VALUES ({}, 'org_demo', 'test', {}, "
        "{}, ARRAY[]::text[], 'usd', false, 'active', jsonb_build_object(), now())",
        *(broken, f"acct_{broken}", b"broken"),
    )
    try:
        before = await _health()

        await asyncio.wait_for((await _started(movements, None)).result(), 60)

        assert (await _health())["missed_events"] == before["missed_events"] + 1
    finally:
        await rows("UPDATE stripe_connections SET status = 'revoked' WHERE id = {}", broken)


async def test_asking_twice_looks_once(movements: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = asyncio.Event()
    looked: list[str] = []

    async def slowly(_self: object, _client: object, connection_id: str, *_: object) -> int:
        looked.append(connection_id)
        await going_on.wait()
        return 0

    monkeypatch.setattr(Reconciliation, "_read", slowly)
    for _ in range(3):
        await start_reconciliation(movements.client, movements.task_queue, CONNECTION)
    going_on.set()

    await movements.client.get_workflow_handle(f"stripe-reconciliation:{CONNECTION}").result()
    assert looked == [CONNECTION]


async def test_it_is_done_every_day(movements: Any) -> None:
    described = await movements.client.get_schedule_handle(reconciliation_id(movements.task_queue)).describe()

    (interval,) = described.schedule.spec.intervals
    assert interval.every == timedelta(days=1)
    assert described.schedule.action.workflow == "StripeReconciliation"


@pytest.mark.parametrize("name", ["one", "all", "one_away"])
async def test_golden_history_of_a_reconciliation_is_still_followed(name: str) -> None:
    replayer = Replayer(
        workflows=[StripeReconciliation],
        data_converter=data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, (GOLDEN / f"{name}.json").read_text()))


async def _started(movements: Any, connection_id: str | None) -> Any:
    return await movements.client.start_workflow(
        StripeReconciliation.run,
        connection_id,
        id=f"reconciliation-{secrets.token_hex(8)}",
        task_queue=movements.task_queue,
    )


async def _health() -> dict[str, Any]:
    found = await row("SELECT reconciled_at, missed_events FROM stripe_connections WHERE id = {}", CONNECTION)
    assert found is not None
    return found
