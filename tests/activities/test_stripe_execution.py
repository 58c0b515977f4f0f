"""One refund, exactly once, whatever Stripe and the network do; what is sealed is what Stripe did."""

import asyncio
from typing import Any

import pytest

import activities.stripe.executor
from activities.stripe.executor import PermissionStale
from activities.stripe.sending import OutcomeUnknown
from axiru.database import rows
from ledger.acts import control
from ledger.acts.intend import OutcomeUncertain

LONGER_THAN_PATIENCE_SECONDS = 2.0


async def test_refund_is_made_once_however_often_it_is_executed(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())

    states = [await executions.attempt(movement) for _ in range(3)]

    (refund,) = sandbox.refunds(charge)
    assert states == ["executed"] * 3
    assert sandbox.methods().count("POST") == 1
    assert (refund["amount"], refund["reason"]) == (5_000, "duplicate")
    assert refund["metadata"] == {"axiru_decision_id": movement.decision_id}
    execution = await executions.execution(movement)
    assert (execution["stripe_object_id"], execution["stripe_status"]) == (refund["id"], "succeeded")
    assert (execution["decision_state"], execution["movement_state"]) == ("executed", "committed")


async def test_two_attempts_at_once_make_one_refund(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())

    results = await asyncio.gather(*(executions.attempt(movement) for _ in range(2)), return_exceptions=True)

    assert "executed" in results
    assert await executions.attempt(movement) == "executed"
    assert len(sandbox.refunds(charge)) == 1


async def test_failure_before_execution_is_retried_after_a_look(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault("status_500_before")

    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    assert (await executions.execution(movement))["state"] == "calling"
    assert sandbox.methods() == ["POST"]
    assert await executions.attempt(movement) == "executed"

    assert sandbox.methods() == ["POST", "GET", "POST"]
    assert len(sandbox.refunds(charge)) == 1
    execution = await executions.execution(movement)
    assert execution["attempts"] == 2
    assert sandbox.requests()[2]["idempotency_key"] == execution["idempotency_key"]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("status_500_after", 0), ("drop_connection_after", 0), ("hang_seconds", LONGER_THAN_PATIENCE_SECONDS)],
)
async def test_refund_whose_answer_was_lost_is_found_and_not_repeated(
    executions: Any, sandbox: Any, fault: str, seconds: float
) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault(fault, seconds=seconds)

    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    assert await executions.attempt(movement) == "executed"

    (refund,) = sandbox.refunds(charge)
    assert (await executions.execution(movement))["stripe_object_id"] == refund["id"]
    assert sandbox.requests()[0]["fault"] == fault
    assert [request["method"] for request in sandbox.requests()].count("POST") == 1


async def test_call_that_is_still_under_way_is_not_overtaken(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault("delay_before_seconds", seconds=LONGER_THAN_PATIENCE_SECONDS)

    failures, state = await _until_settled(executions, movement)

    assert state == "executed"
    assert failures >= 2
    assert 409 in {request["status"] for request in sandbox.requests()}
    assert len(sandbox.refunds(charge)) == 1


async def test_refund_that_came_through_late_under_a_stored_failure_is_not_called_failed(
    executions: Any, sandbox: Any
) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault("status_500_before")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    execution = await executions.execution(movement)

    # The second attempt has looked and found nothing; before it calls, the first one's twin reaches Stripe.
    sandbox.plan_fault("hang_seconds", method="GET", seconds=0.6)
    attempting = asyncio.create_task(executions.attempt(movement))
    async with asyncio.timeout(5):
        while "GET" not in sandbox.methods():  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(0.02)
    sandbox.plan_fault("status_500_after")
    form = {
        "amount": "5000",
        "metadata[axiru_decision_id]": movement.decision_id,
        "charge": charge,
        "reason": "duplicate",
    }
    assert sandbox.refund(form, idempotency_key=execution["idempotency_key"]).status_code == 500

    assert await attempting == "executed"
    (refund,) = sandbox.refunds(charge)
    assert (await executions.execution(movement))["stripe_object_id"] == refund["id"]


async def test_key_that_stripe_has_forgotten_makes_no_second_refund(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault("drop_connection_after")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    sandbox.advance_clock(hours=25)

    assert await executions.attempt(movement) == "executed"

    assert len(sandbox.refunds(charge)) == 1
    assert sandbox.methods()[:2] == ["POST", "GET"]


async def test_refund_is_found_behind_a_hundred_others(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault("drop_connection_after")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    for _ in range(101):
        sandbox.refund({"charge": charge, "amount": "1"}).raise_for_status()

    assert await executions.attempt(movement) == "executed"

    assert [request["amount"] for request in sandbox.refunds(charge)].count(5_000) == 0
    mine = [request for request in sandbox.requests() if request["params"].get("amount") == "5000"]
    assert len(mine) == 1


async def test_refunds_of_others_on_the_charge_are_not_taken_for_ours(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.refund({"charge": charge, "amount": "5000", "metadata[axiru_decision_id]": "ed_other"}).raise_for_status()
    sandbox.plan_fault("status_500_before")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)

    assert await executions.attempt(movement) == "executed"

    assert len(sandbox.refunds(charge)) == 2


async def test_missing_charge_fails_with_stripes_code(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed("ch_nowhere")

    assert await executions.attempt(movement) == "execution_failed"

    execution = await executions.execution(movement)
    assert (execution["state"], execution["error_code"]) == ("failed", "resource_missing")
    assert "ch_nowhere" in execution["error_message"]
    assert (execution["decision_state"], execution["movement_state"]) == ("execution_failed", "released")


async def test_missing_charge_is_settled_even_if_the_first_answer_was_lost(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed("ch_nowhere_either")
    sandbox.plan_fault("status_500_before")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)

    assert await executions.attempt(movement) == "execution_failed"

    assert (await executions.execution(movement))["error_code"] == "resource_missing"


@pytest.mark.parametrize("by", ["charge", "payment_intent"])
async def test_more_than_is_left_of_a_payment_is_not_asked_for(executions: Any, sandbox: Any, by: str) -> None:
    charge = sandbox.charge(amount_cents=6_000)
    sandbox.refund({"charge": charge, "amount": "2000"}).raise_for_status()
    named = {"charge": charge} if by == "charge" else {"charge": None, "payment_intent": sandbox.payment_intent(charge)}
    movement = await executions.allowed(**named)
    sandbox.forget()

    assert await executions.attempt(movement) == "execution_failed"

    assert "POST" not in sandbox.methods()
    execution = await executions.execution(movement)
    assert execution["error_code"] == "amount_exceeds_remaining"
    assert execution["error_message"] == "$40.00 of this payment can still be refunded."
    assert execution["movement_state"] == "released"
    (sealed,) = await executions.entries(movement, "execution")
    assert sealed["error_code"] == "amount_exceeds_remaining"


async def test_all_that_is_left_is_refunded_by_payment_intent(executions: Any, sandbox: Any) -> None:
    charge = sandbox.charge(amount_cents=5_000)
    movement = await executions.allowed(None, payment_intent=sandbox.payment_intent(charge))

    assert await executions.attempt(movement) == "executed"

    assert [refund["amount"] for refund in sandbox.refunds(charge)] == [5_000]


async def test_payment_that_our_own_lost_refund_emptied_is_not_called_short(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge(amount_cents=5_000))
    sandbox.plan_fault("drop_connection_after")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)

    assert await executions.attempt(movement) == "executed"

    assert len(sandbox.refunds(charge)) == 1


async def test_what_stripe_refuses_itself_keeps_stripes_code(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge(amount_cents=5_000))
    # The charge is refunded by somebody else after it was read, and before the call arrives.
    sandbox.plan_fault("delay_before_seconds", seconds=0.7)
    attempting = asyncio.create_task(executions.attempt(movement))
    async with asyncio.timeout(5):
        while "POST" not in sandbox.methods():  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(0.02)
    sandbox.refund({"charge": charge, "amount": "5000"}).raise_for_status()

    assert await attempting == "execution_failed"

    assert (await executions.execution(movement))["error_code"] == "charge_already_refunded"


async def test_permission_that_came_too_late_is_given_back_and_nothing_is_under_way(
    executions: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    with monkeypatch.context() as slow:
        slow.setattr(activities.stripe.executor, "_PERMISSION_SECONDS", 0.0)
        with pytest.raises(PermissionStale):
            await executions.attempt(movement)
    assert (await executions.execution(movement))["state"] == "intended"

    control_id, in_flight = await executions.hold_and_see(movement)

    assert in_flight == ()
    # Nothing was called, so nobody has to wait until a call is certainly over.
    assert await executions.attempt(movement) == "held"
    await executions.release(control_id)
    assert await executions.attempt(movement) == "executed"
    assert len(sandbox.refunds(charge)) == 1


async def test_held_refund_is_not_called_until_it_is_released(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    control_id = await executions.hold(movement)

    assert [await executions.attempt(movement) for _ in range(2)] == ["held", "held"]
    assert "POST" not in sandbox.methods()
    await executions.release(control_id)

    assert await executions.attempt(movement) == "executed"
    assert len(sandbox.refunds(charge)) == 1


async def test_refund_whose_answer_was_lost_ends_the_hold_that_came_after_it(
    executions: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.0)
    lost = await executions.allowed(lost_charge := sandbox.charge())
    stopped = await executions.allowed(stopped_charge := sandbox.charge())
    for movement, fault in ((lost, "drop_connection_after"), (stopped, "status_500_before")):
        sandbox.plan_fault(fault)
        with pytest.raises(OutcomeUnknown):
            await executions.attempt(movement)
        await executions.hold(movement)

    assert await executions.attempt(lost) == "executed"
    failures, state = await _until_settled(executions, stopped)

    assert (state, failures > 0) == ("held", True)
    assert len(sandbox.refunds(lost_charge)) == 1
    assert sandbox.refunds(stopped_charge) == []
    assert (await executions.execution(stopped))["state"] == "intended"
    in_force = await rows(
        "SELECT scope ->> 'decision_id' AS held FROM controls WHERE kind = 'hold' AND lifted_at IS NULL"
    )
    assert {"held": stopped.decision_id} in in_force
    assert {"held": lost.decision_id} not in in_force


async def test_charge_in_another_currency_is_not_refunded(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge(currency="eur"))

    assert await executions.attempt(movement) == "execution_failed"

    assert sandbox.refunds(charge) == []
    assert "POST" not in sandbox.methods()
    assert (await executions.execution(movement))["error_code"] == "currency_mismatch"


async def test_kill_switch_stops_the_next_attempt_and_tells_what_stripe_did(
    executions: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.0)
    lost = await executions.allowed(lost_charge := sandbox.charge())
    stopped = await executions.allowed(stopped_charge := sandbox.charge())
    for movement, fault in ((lost, "drop_connection_after"), (stopped, "status_500_before")):
        sandbox.plan_fault(fault)
        with pytest.raises(OutcomeUnknown):
            await executions.attempt(movement)
    control_id = await executions.kill_switch()

    try:
        assert await executions.attempt(lost) == "executed"
        failures, state = await _until_settled(executions, stopped)
    finally:
        await executions.release(control_id)

    assert (state, failures > 0) == ("execution_failed", True)
    assert len(sandbox.refunds(lost_charge)) == 1
    assert sandbox.refunds(stopped_charge) == []
    assert (await executions.execution(stopped))["error_code"] == "kill_switch_engaged"
    assert [request["method"] for request in sandbox.requests()].count("POST") == 2


async def _until_settled(executions: Any, movement: Any) -> tuple[int, str]:
    """Attempt again and again, as Temporal would; how often it failed, and the state it ended in."""
    failures = 0
    async with asyncio.timeout(15):
        while True:
            try:
                return failures, await executions.attempt(movement)
            except (OutcomeUnknown, OutcomeUncertain):
                failures += 1
                await asyncio.sleep(0.2)


async def test_charge_in_another_currency_than_was_decided_is_not_refunded(executions: Any, sandbox: Any) -> None:
    movement = await executions.allowed(charge := sandbox.charge(currency="gbp"))

    assert await executions.attempt(movement) == "execution_failed"

    assert sandbox.refunds(charge) == []
    execution = await executions.execution(movement)
    assert (execution["error_code"], execution["movement_state"]) == ("currency_mismatch", "released")


async def test_no_call_begins_after_a_kill_switch_that_came_while_the_charge_was_read(
    executions: Any, sandbox: Any
) -> None:
    movement = await executions.allowed(charge := sandbox.charge())
    sandbox.plan_fault("delay_before_seconds", seconds=0.5, method="GET", path=f"/v1/charges/{charge}")
    attempting = asyncio.create_task(executions.attempt(movement))
    await asyncio.sleep(0)

    control_id = await executions.kill_switch()
    try:
        state = await attempting
    finally:
        await executions.release(control_id)

    assert state == "execution_failed"
    assert (await executions.execution(movement))["error_code"] == "kill_switch_engaged"
    assert sandbox.refunds(charge) == []
