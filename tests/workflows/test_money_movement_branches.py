"""Every way through the workflow, run for real on Temporal, PostgreSQL and the Stripe sandbox.

Each run's history is the golden history of its branch: `pytest tests/workflows --record` writes them anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from activities.sweep import sweep_once
from axiru.database import row, rows
from axiru.temporal import data_converter
from ledger.acts import control
from ledger.acts.projection import receipt_of
from workflows import money_movement
from workflows.money_movement import MoneyMovement


async def _allowed_for_caller(movements: Any) -> str:
    decision_id = await movements.record(5_000, execute="caller")
    await movements.decide(decision_id)
    return str(decision_id)


async def _denied(movements: Any) -> str:
    decision_id = await movements.record(12_000, tenure_days=2)
    await movements.decide(decision_id)
    return str(decision_id)


async def _allowed_and_executed(movements: Any) -> str:
    decision_id = await movements.record(1_000, charge="ch_demo_002")
    await movements.decide(decision_id)
    return str(decision_id)


async def _approved_and_executed(movements: Any) -> str:
    decision_id = await movements.record(17_500, charge="ch_demo_003")
    await movements.vote(await movements.decide(decision_id))
    return str(decision_id)


async def _approved_by_two(movements: Any) -> str:
    decision_id = await movements.record(1_000, source="golden_two_people", execute="caller")
    receipt = await movements.decide(decision_id)
    await movements.vote(receipt)
    await movements.until_sealed(decision_id, 2)
    await movements.vote(receipt, login="controller2")
    return str(decision_id)


async def _denied_by_a_person(movements: Any) -> str:
    decision_id = await movements.record(17_500)
    await movements.vote(await movements.decide(decision_id), "deny", reason="no receipt")
    return str(decision_id)


async def _expired(movements: Any) -> str:
    decision_id = await movements.record(1_000, source="golden_deadline")
    await movements.decide(decision_id)
    return str(decision_id)


async def _execution_failed(movements: Any) -> str:
    decision_id = await movements.record(1_000, charge="ch_nowhere")
    await movements.decide(decision_id)
    return str(decision_id)


async def _stale_then_asked_again(movements: Any) -> str:
    decision_id = await movements.record(5_000, execute="caller", asked_seconds_ago=61)
    handle = await movements.start(decision_id)
    await movements.until_event(decision_id, EventType.EVENT_TYPE_TIMER_STARTED)
    await rows("UPDATE requests SET asked_at = clock_timestamp() WHERE decision_id = {}", decision_id)
    asking = asyncio.create_task(movements.decide(decision_id))
    await movements.until_event(decision_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
    await handle.signal(MoneyMovement.asked_again)
    assert (await asking).state == "allowed"
    return str(decision_id)


async def _abandoned(movements: Any) -> str:
    decision_id = await movements.record(5_000, execute="caller", asked_seconds_ago=61)
    await movements.start(decision_id)
    return str(decision_id)


async def _shadow(movements: Any) -> str:
    decision_id = await movements.record(1_000, rail_action="credit")
    await movements.decide(decision_id)
    return str(decision_id)


async def _approved_after_context(movements: Any) -> str:
    decision_id = await movements.record(17_500, charge="ch_demo_007", execute="caller")
    receipt = await movements.decide(decision_id)
    await movements.until_entry(decision_id, "payment_context")
    await movements.until_event(decision_id, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    await movements.vote(receipt)
    return str(decision_id)


async def _reminded_and_escalated(movements: Any) -> str:
    decision_id = await movements.record(1_000, source="golden_notices", execute="caller")
    receipt = await movements.decide(decision_id)
    await movements.until_entry(decision_id, "approval_reminder")
    await movements.until_entry(decision_id, "approval_escalated")
    await movements.vote(receipt)
    return str(decision_id)


async def _held_and_released(movements: Any) -> str:
    decision_id = await movements.record(17_500, charge="ch_demo_008")
    receipt = await movements.decide(decision_id)
    control_id = await movements.hold(decision_id)
    await movements.vote(receipt)
    await movements.until_sealed(decision_id, 3)
    await movements.release(control_id)
    return str(decision_id)


async def _held_while_executing(movements: Any) -> str:
    await movements.plan_fault("status_500_before")
    decision_id = await movements.record(1_000, charge="ch_demo_009")
    await movements.decide(decision_id)
    await movements.until_execution(decision_id, "calling")
    control_id = await movements.hold(decision_id)
    await movements.until_execution(decision_id, "intended")
    await movements.until_event(decision_id, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    await movements.release(control_id)
    return str(decision_id)


async def _held_for_the_caller_and_denied(movements: Any) -> str:
    decision_id = await movements.record(17_500, charge="ch_demo_010", execute="caller", customer_id="cus_frozen")
    receipt = await movements.decide(decision_id)
    control_id = await movements.hold(decision_id)
    await movements.vote(receipt)
    await movements.until_sealed(decision_id, 3)
    await movements.freeze("cus_frozen")
    await movements.release(control_id)
    return str(decision_id)


async def _approved_at_stripe(movements: Any) -> str:
    await movements.plan_fault("approval_required")
    decision_id = await movements.record(1_000, charge="ch_demo_011")
    await movements.decide(decision_id)
    await movements.until_execution(decision_id, "requires_approval")
    await movements.approve_at_stripe(decision_id)
    return str(decision_id)


async def _stopped_while_stripe_asks(movements: Any) -> str:
    await movements.plan_fault("approval_required")
    decision_id = await movements.record(1_000, charge="ch_demo_012", customer_id="cus_at_stripe")
    await movements.decide(decision_id)
    await movements.until_execution(decision_id, "requires_approval")
    await movements.until_event(decision_id, EventType.EVENT_TYPE_TIMER_STARTED)
    await movements.freeze("cus_at_stripe")
    return str(decision_id)


BRANCHES: dict[str, tuple[Callable[[Any], Awaitable[str]], str]] = {
    "allowed_for_caller": (_allowed_for_caller, "allowed"),
    "denied": (_denied, "denied"),
    "allowed_and_executed": (_allowed_and_executed, "executed"),
    "approved_and_executed": (_approved_and_executed, "executed"),
    "approved_by_two": (_approved_by_two, "approved"),
    "denied_by_a_person": (_denied_by_a_person, "denied"),
    "expired": (_expired, "expired"),
    "execution_failed": (_execution_failed, "execution_failed"),
    "stale_then_asked_again": (_stale_then_asked_again, "allowed"),
    "abandoned": (_abandoned, "abandoned"),
    "shadow_executes_nothing": (_shadow, "allowed"),
    "approved_after_context": (_approved_after_context, "approved"),
    "reminded_and_escalated": (_reminded_and_escalated, "approved"),
    "held_and_released": (_held_and_released, "executed"),
    "held_while_executing": (_held_while_executing, "executed"),
    "held_for_the_caller_and_denied": (_held_for_the_caller_and_denied, "denied"),
    "approved_at_stripe": (_approved_at_stripe, "executed"),
    "stopped_while_stripe_asks": (_stopped_while_stripe_asks, "execution_failed"),
}


@pytest.mark.parametrize("branch", BRANCHES)
async def test_branch_ends_as_it_should_and_replays(
    branch: str, movements: Any, keep_history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.1)
    if branch == "abandoned":
        monkeypatch.setattr(money_movement, "ABANDONED_AFTER", timedelta(milliseconds=100))
    if branch == "approved_at_stripe":
        monkeypatch.setattr(money_movement, "APPROVAL_LOOK_FIRST", timedelta(milliseconds=500))
    if branch == "stopped_while_stripe_asks":
        monkeypatch.setattr(money_movement, "APPROVAL_LOOK_FIRST", timedelta(minutes=5))
    run, outcome = BRANCHES[branch]

    decision_id = await run(movements)

    assert await movements.result(decision_id) == outcome
    decided = await row("SELECT state FROM decisions WHERE id = {}", decision_id)
    assert (decided["state"] if decided else "abandoned") == outcome
    history = await movements.history(decision_id)
    assert "cus_personal" not in history.to_json()
    assert "zoe@example.com" not in history.to_json()
    replayer = Replayer(
        workflows=[MoneyMovement], data_converter=data_converter, workflow_runner=UnsandboxedWorkflowRunner()
    )
    await replayer.replay_workflow(history)
    keep_history(branch, history)


async def test_signal_without_a_release_executes_nothing(movements: Any) -> None:
    decision_id = await movements.record(17_500, charge="ch_demo_012")
    receipt = await movements.decide(decision_id)
    control_id = await movements.hold(decision_id)
    await movements.vote(receipt)
    await movements.until_sealed(decision_id, 3)

    await movements.client.get_workflow_handle(decision_id).signal(MoneyMovement.release_recorded, "ct_invented")
    await movements.until_sealed(decision_id, 4)

    assert await row("SELECT state FROM decisions WHERE id = {}", decision_id) == {"state": "held"}
    await movements.release(control_id)
    assert await movements.result(decision_id) == "executed"


@pytest.mark.parametrize("amount_cents", [1_000, 17_500])
async def test_lost_workflow_of_what_is_held_comes_back_with_the_release(movements: Any, amount_cents: int) -> None:
    # Sealed and held, but no workflow was left behind.
    decision_id = await movements.record(amount_cents, charge="ch_demo_013")
    await movements.decide_without_workflow(decision_id)
    control_id = await movements.hold(decision_id)
    if amount_cents > 15_000:
        await movements.vote(await receipt_of(decision_id))
        await movements.until_sealed(decision_id, 2)

    await movements.release(control_id)

    await _until_executed(decision_id)


async def test_people_decide_without_a_stripe_that_does_not_answer(movements: Any) -> None:
    await movements.plan_fault("hang_seconds", seconds=2, method="GET", path="/v1/charges/ch_demo_014")
    decision_id = await movements.record(17_500, charge="ch_demo_014", execute="caller")
    receipt = await movements.decide(decision_id)

    await movements.vote(receipt)

    assert await movements.result(decision_id) == "approved"
    assert "payment_context" not in await movements.entries(decision_id)


async def test_signal_without_a_recorded_vote_does_nothing(movements: Any) -> None:
    decision_id = await movements.record(17_500, charge="ch_demo_004")
    receipt = await movements.decide(decision_id)
    handle = movements.client.get_workflow_handle(decision_id)

    await handle.signal(MoneyMovement.vote_recorded, "vt_invented")
    await movements.until_sealed(decision_id, 2)

    decided = await row("SELECT state FROM decisions WHERE id = {}", decision_id)
    assert decided == {"state": "pending_approval"}
    await movements.vote(receipt, "deny", reason="the test is over")
    assert await movements.result(decision_id) == "denied"


async def test_lost_workflow_of_a_waiting_approval_comes_back_with_the_vote(movements: Any) -> None:
    decision_id = await movements.record(17_500, charge="ch_demo_005")
    receipt = await movements.decide(decision_id)
    await movements.client.get_workflow_handle(decision_id).terminate("lost")

    await movements.vote(receipt)

    await _until_executed(decision_id)


async def test_lost_workflow_of_an_allowed_refund_is_found_by_the_sweep(movements: Any) -> None:
    # Sealed, but no workflow was left behind.
    decision_id = await movements.record(1_000, charge="ch_demo_006")
    await movements.decide_without_workflow(decision_id)

    await sweep_once(movements.client, movements.task_queue, quiet_seconds=0)

    await _until_executed(decision_id)


async def _until_executed(decision_id: str) -> None:
    async with asyncio.timeout(15):
        while True:
            decided = await row("SELECT state FROM decisions WHERE id = {}", decision_id)
            if decided == {"state": "executed"}:
                return
            await asyncio.sleep(0.05)
