"""Controls: what they stop, in both modes, at once; and intent and settlement, which they stop the money with."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from axiru.database import row, rows
from axiru.domain.evaluation import Outcome
from axiru.domain.execution import Blocked, ExecutionResult, Intent
from ledger.acts import control
from ledger.acts.control import ControlNotFound, ControlNotInForce, engage, lift
from ledger.acts.intend import NotExecutable, OutcomeUncertain, intend
from ledger.acts.settle import settle

REFUNDED = ExecutionResult(True, "re_1", "succeeded")
REFUSED = ExecutionResult(False, None, None, "charge_already_refunded", "Charge ch_1 has already been refunded.")


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.2)


async def test_kill_switch_denies_what_is_asked_after_it_and_names_itself(house: Any, refund: Any) -> None:
    receipt = await _engage(house)

    denied = await house.decided(refund(house))

    assert (denied.outcome, denied.reason) == (Outcome.DENY, "kill_switch_engaged")
    assert denied.matched_rule == f"control:{receipt.control_id}"


async def test_control_for_both_modes_is_sealed_in_both(house: Any) -> None:
    engaged = await _engage(house, applies_to="both")
    lifted = await lift(
        organization_id=house.id,
        member_id=house.members["controller"],
        control_id=engaged.control_id,
        reason="over",
        signer=house.signer,
    )

    assert len(engaged.ledger_ids) == len(lifted.ledger_ids) == 2
    for mode in ("live", "test"):
        actions = [entry["data"]["action"] for entry in await house.entries("control", mode)]
        assert actions == ["engage", "lift"]


async def test_control_of_one_mode_leaves_the_other_alone(house: Any, refund: Any) -> None:
    await _engage(house, applies_to="live")

    assert (await house.decided(refund(house))).state == "allowed"
    assert await house.entries("control", "test") == []


async def test_controls_bind_in_shadow(new_house: Any, refund: Any, house: Any) -> None:
    await rows("UPDATE surfaces SET surface_mode = 'shadow' WHERE organization_id = {}", house.id)
    await _engage(house)

    denied = await house.decided(refund(house))

    assert (denied.surface_mode, denied.outcome, denied.state) == ("shadow", Outcome.DENY, "denied")


async def test_freeze_stops_what_it_names_and_nothing_else(house: Any, refund: Any) -> None:
    await _engage(house, kind="freeze", scope={"customer_id": "cus_1"})

    assert (await house.decided(refund(house, customer_id="cus_1"))).reason == "customer_frozen"
    assert (await house.decided(refund(house, customer_id="cus_2"))).state == "allowed"
    assert (await house.decided(refund(house))).state == "allowed"


async def test_lifted_and_expired_controls_stop_nothing(house: Any, refund: Any) -> None:
    lifted = await _engage(house)
    lifting = {
        "organization_id": house.id,
        "member_id": house.members["controller"],
        "control_id": lifted.control_id,
        "reason": "over",
        "signer": house.signer,
    }
    await lift(**lifting)
    await _engage(house, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert (await house.decided(refund(house))).state == "allowed"
    with pytest.raises(ControlNotInForce):
        await lift(**lifting)


async def test_control_of_another_organization_is_not_found(house: Any, new_house: Any) -> None:
    engaged = await _engage(house)
    stranger = await new_house()

    with pytest.raises(ControlNotFound):
        await lift(
            organization_id=stranger.id,
            member_id=stranger.members["controller"],
            control_id=engaged.control_id,
            reason="over",
            signer=house.signer,
        )


async def test_nothing_is_executed_after_the_kill_switch(house: Any, refund: Any) -> None:
    allowed = await house.decided(refund(house))
    approved = await house.decided(refund(house, 20_000))
    await house.vote(approved.approval_id)
    await _engage(house)

    for receipt in (allowed, approved):
        answer = await _intend(house, receipt)
        assert isinstance(answer, Blocked)
        assert answer.reason == "kill_switch_engaged"
        assert await house.state(receipt.decision_id) == "execution_failed"
        assert await house.movement(receipt.decision_id) == "released"
    assert await house.entries("execution_intent") == []
    assert [entry["data"]["state"] for entry in await house.entries("execution")] == ["failed", "failed"]


@pytest.mark.parametrize(("execute", "state"), [("caller", "denied"), ("axiru", "approved")])
async def test_approval_of_what_a_control_forbids_is_no_leave_to_pay(
    house: Any, refund: Any, execute: str, state: str
) -> None:
    receipt = await house.decided(refund(house, 20_000, execute=execute))
    await _engage(house)

    vote = await house.vote(receipt.approval_id)

    # Axiru checks again before its call; a caller would take the approval for leave.
    assert vote.approval_state == "approved"
    assert await house.state(receipt.decision_id) == state
    assert await house.movement(receipt.decision_id) == ("released" if execute == "caller" else "reserved")
    (sealed,) = await house.entries("vote")
    assert sealed["data"]["forbidden_by"]["reason"] == "kill_switch_engaged"


async def test_kill_switch_waits_for_a_call_under_way(house: Any, refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 10)
    calling = await house.decided(refund(house))
    await _intend(house, calling)
    engaging = asyncio.create_task(_engage(house))
    async with asyncio.timeout(5):
        while not await house.entries("control"):  # noqa: ASYNC110 - the condition is in the database
            await asyncio.sleep(0.01)
    assert not engaging.done()

    await settle(calling.decision_id, REFUNDED, organization_id=house.id, mode="test", signer=house.signer)

    assert (await engaging).in_flight == ()


async def test_kill_switch_names_calls_that_did_not_settle_in_time(house: Any, refund: Any) -> None:
    calling, idle = [await house.decided(refund(house)) for _ in range(2)]
    await _intend(house, calling)

    engaged = await _engage(house)

    assert engaged.in_flight == (calling.decision_id,)
    assert [entry["data"].get("in_flight") for entry in await house.entries("control")] == [None, [calling.decision_id]]
    kept = await row("SELECT in_flight FROM controls WHERE id = {}", engaged.control_id)
    assert kept is not None
    assert kept["in_flight"] == [calling.decision_id]
    assert await house.state(calling.decision_id) == "executing"
    assert await house.state(idle.decision_id) == "allowed"


async def test_kill_switch_that_is_engaged_says_so_even_if_its_list_cannot_be_sealed(
    house: Any, refund: Any, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    calling = await house.decided(refund(house))
    await _intend(house, calling)
    listed = control._settled_or_open

    async def then_the_chain_is_taken(*about: Any) -> Any:
        in_flight = await listed(*about)
        await superuser.execute("BEGIN")
        await superuser.execute("SELECT FROM chain_heads WHERE organization_id = $1 FOR UPDATE", house.id)
        return in_flight

    monkeypatch.setattr(control, "_settled_or_open", then_the_chain_is_taken)
    try:
        engaged = await _engage(house)
    finally:
        await superuser.execute("ROLLBACK")

    assert engaged.in_flight == (calling.decision_id,)
    assert (await house.decided(refund(house))).reason == "kill_switch_engaged"


async def test_call_whose_request_cannot_be_read_is_listed(
    house: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    calling = await house.decided(refund(house))
    await _intend(house, calling)
    await superuser.execute("UPDATE requests SET ovt = '{}' WHERE decision_id = $1", calling.decision_id)

    assert (await _engage(house)).in_flight == (calling.decision_id,)


async def test_call_under_way_is_not_declared_failed_while_it_may_still_arrive(house: Any, refund: Any) -> None:
    calling = await house.decided(refund(house))
    await _intend(house, calling)
    await _engage(house)

    with pytest.raises(OutcomeUncertain):
        await _intend(house, calling, uncertain_seconds=60)
    assert await house.state(calling.decision_id) == "executing"

    assert isinstance(await _intend(house, calling, uncertain_seconds=0), Blocked)
    assert await house.state(calling.decision_id) == "execution_failed"


async def test_intending_again_is_the_same_call_under_the_same_key(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))

    first, second = await _intend(house, receipt), await _intend(house, receipt)

    assert isinstance(first, Intent)
    assert isinstance(second, Intent)
    assert (first.call, first.idempotency_key) == (second.call, second.idempotency_key)
    assert (first.attempt, second.attempt) == (1, 2)
    assert len(await house.entries("execution_intent")) == 1
    assert first.call.parameters["metadata"] == {"axiru_decision_id": receipt.decision_id}


@pytest.mark.parametrize(
    ("result", "state", "movement"), [(REFUNDED, "executed", "committed"), (REFUSED, "execution_failed", "released")]
)
async def test_execution_is_settled_once(
    house: Any, refund: Any, result: ExecutionResult, state: str, movement: str
) -> None:
    receipt = await house.decided(refund(house))
    await _intend(house, receipt)
    settling = {"organization_id": house.id, "mode": "test", "signer": house.signer}

    states = [await settle(receipt.decision_id, one, **settling) for one in (result, result, REFUNDED, REFUSED)]

    assert states == [state] * 4
    assert await house.state(receipt.decision_id) == state
    assert await house.movement(receipt.decision_id) == movement
    assert len(await house.entries("execution")) == 1
    with pytest.raises(NotExecutable):
        await _intend(house, receipt)


async def test_only_what_is_allowed_or_approved_for_axiru_is_executable(house: Any, refund: Any) -> None:
    pending = await house.decided(refund(house, 20_000))
    denied = await house.decided(refund(house, 99_000))
    callers = await house.decided(refund(house, execute="caller"))

    for receipt in (pending, denied, callers):
        with pytest.raises(NotExecutable):
            await _intend(house, receipt)
    with pytest.raises(NotExecutable):
        await intend("ed_never", organization_id=house.id, mode="test", uncertain_seconds=0, signer=house.signer)
    assert await rows("SELECT * FROM executions WHERE organization_id = {}", house.id) == []


async def test_no_intent_is_sealed_behind_the_kill_switch_however_they_race(house: Any, refund: Any) -> None:
    receipts = [await house.decided(refund(house)) for _ in range(12)]

    engaging, *answers = await asyncio.gather(_engage(house), *(_intend(house, receipt) for receipt in receipts))

    # Behind it comes what it came too late for.
    switch, *_ = await house.entries("control")
    assert all(intent["seq"] < switch["seq"] for intent in await house.entries("execution_intent"))
    calling = {receipt.decision_id for receipt, one in zip(receipts, answers, strict=True) if isinstance(one, Intent)}
    assert set(engaging.in_flight) == calling


@pytest.mark.parametrize("when", ["allowed by policy", "after it was approved"])
async def test_entry_that_was_altered_is_not_executed(
    house: Any, refund: Any, superuser: asyncpg.Connection, when: str
) -> None:
    receipt = await house.decided(refund(house, 20_000 if when.startswith("after") else 5_000))
    if receipt.approval_id:
        await house.vote(receipt.approval_id)
    await superuser.execute(
        "UPDATE ledger_entries SET body = convert_to(replace(convert_from(body, 'UTF8'), 'ch_1', 'ch_2'), 'UTF8') "
        "WHERE organization_id = $1 AND decision_id = $2 AND kind = 'decision'",
        house.id,
        receipt.decision_id,
    )

    with pytest.raises(NotExecutable):
        await _intend(house, receipt)


async def test_decision_in_shadow_is_not_executable(house: Any, refund: Any) -> None:
    await rows("UPDATE surfaces SET surface_mode = 'shadow' WHERE organization_id = {}", house.id)
    receipt = await house.decided(refund(house))

    with pytest.raises(NotExecutable):
        await _intend(house, receipt)


@pytest.mark.parametrize(
    ("change", "reason"),
    [("status = 'revoked'", "connection_not_active"), ("write_actions = ARRAY['payout']", "write_scope_missing")],
)
async def test_connection_is_checked_again_before_the_call(house: Any, refund: Any, change: str, reason: str) -> None:
    receipt = await house.decided(refund(house))
    await rows(f"UPDATE stripe_connections SET {change} WHERE organization_id = {{}}", house.id)  # noqa: S608

    answer = await _intend(house, receipt)

    assert isinstance(answer, Blocked)
    assert answer.reason == reason
    found = await row("SELECT state, error_code FROM executions WHERE decision_id = {}", receipt.decision_id)
    assert found == {"state": "failed", "error_code": reason}


async def _engage(house: Any, **changes: Any) -> Any:
    engaging = {
        "kind": "kill_switch",
        "scope": {},
        "applies_to": "test",
        "reason": "a drill",
        "expires_at": None,
    } | changes
    return await engage(
        organization_id=house.id, member_id=house.members["controller"], signer=house.signer, **engaging
    )


async def _intend(house: Any, receipt: Any, uncertain_seconds: float = 0) -> Intent | Blocked:
    return await intend(
        receipt.decision_id,
        organization_id=house.id,
        mode="test",
        uncertain_seconds=uncertain_seconds,
        signer=house.signer,
    )
