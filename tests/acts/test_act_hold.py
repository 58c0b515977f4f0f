"""A hold: one decision stands still, people go on voting, and what it comes to afterwards is checked again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from axiru.database import row, rows
from axiru.domain.execution import Blocked, ExecutionResult, Held, Intent
from ledger.acts import control
from ledger.acts.control import ControlNotInForce, engage, lift, lift_overdue_holds
from ledger.acts.hold import DecisionUnknown, NotHoldable, approval_outcome, state_behind
from ledger.acts.in_force import forbidden_now
from ledger.acts.intend import OutcomeUncertain, intend
from ledger.acts.settle import settle
from ledger.acts.vote import expire_approval

REFUNDED = ExecutionResult(True, "re_1", "succeeded")


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.2)


async def test_held_decision_is_not_executed_until_it_is_released(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    held = await _hold(house, receipt)

    assert await house.state(receipt.decision_id) == "held"
    assert await _intend(house, receipt) == Held(receipt.decision_id)
    assert await house.movement(receipt.decision_id) == "reserved"

    await _release(house, held)

    assert await house.state(receipt.decision_id) == "allowed"
    assert isinstance(await _intend(house, receipt), Intent)


async def test_hold_and_release_are_sealed_with_their_decision_and_told(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    held = await _hold(house, receipt)
    await _release(house, held)

    engaged, lifted = await house.entries("control")
    assert engaged["decision_id"] == lifted["decision_id"] == receipt.decision_id
    assert (engaged["data"]["action"], lifted["data"]["action"]) == ("engage", "lift")
    assert (lifted["data"]["state"], lifted["data"]["objection"]) == ("allowed", None)
    told = await rows(
        "SELECT topic, payload ->> 'control_id' AS control_id FROM outbox WHERE organization_id = {} "
        "AND payload ->> 'decision_id' = {} AND topic = 'release'",
        house.id,
        receipt.decision_id,
    )
    assert told == [{"topic": "release", "control_id": held.control_id}]


async def test_votes_are_taken_under_a_hold_and_the_approved_waits(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 20_000))
    held = await _hold(house, receipt)

    vote = await house.vote(receipt.approval_id)

    assert vote.approval_state == "approved"
    assert await house.state(receipt.decision_id) == "held"
    assert await approval_outcome(receipt.decision_id) == "held"
    assert await _intend(house, receipt) == Held(receipt.decision_id)
    await _release(house, held)
    assert await house.state(receipt.decision_id) == "approved"
    assert isinstance(await _intend(house, receipt), Intent)


async def test_released_before_the_votes_waits_for_them_again(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 20_000))
    await _release(house, await _hold(house, receipt))

    assert await house.state(receipt.decision_id) == "pending_approval"
    await house.vote(receipt.approval_id)
    assert await house.state(receipt.decision_id) == "approved"


async def test_denial_ends_the_decision_and_the_hold(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 20_000))
    held = await _hold(house, receipt)

    await house.vote(receipt.approval_id, verdict="deny", reason="no receipt")

    assert await house.state(receipt.decision_id) == "denied"
    assert await house.movement(receipt.decision_id) == "released"
    with pytest.raises(ControlNotInForce):
        await _release(house, held)
    assert await house.state(receipt.decision_id) == "denied"
    lifted = (await house.entries("control"))[-1]["data"]
    assert (lifted["action"], lifted["member_id"]) == ("lift", None)


async def test_expiry_ends_the_decision_and_the_hold(house: Any, refund: Any, superuser: Any) -> None:
    receipt = await house.decided(refund(house, 20_000))
    held = await _hold(house, receipt)
    await superuser.execute(
        "UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1", receipt.approval_id
    )

    await expire_approval(receipt.approval_id, organization_id=house.id, mode="test", signer=house.signer)

    assert await house.state(receipt.decision_id) == "expired"
    assert not await _in_force(held)


@pytest.mark.parametrize("forbidden", [False, True])
async def test_what_the_caller_executes_is_held_while_it_is_pending(house: Any, refund: Any, forbidden: bool) -> None:
    receipt = await house.decided(refund(house, 20_000, execute="caller", customer_id="cus_1"))
    held = await _hold(house, receipt)
    await house.vote(receipt.approval_id)
    assert await house.state(receipt.decision_id) == "held"
    if forbidden:
        await _engage(house, kind="freeze", scope={"customer_id": "cus_1"})

    await _release(house, held)

    assert await house.state(receipt.decision_id) == ("denied" if forbidden else "approved")
    assert await house.movement(receipt.decision_id) == ("released" if forbidden else "reserved")
    found = await row("SELECT reason FROM decisions WHERE id = {}", receipt.decision_id)
    assert found == {"reason": "customer_frozen" if forbidden else receipt.reason}
    assert await approval_outcome(receipt.decision_id) == ("denied" if forbidden else "approved")


@pytest.mark.parametrize(
    ("amount_cents", "execute", "approve", "state"),
    [
        (5_000, "caller", False, "allowed"),
        (20_000, "caller", True, "approved"),
        (99_000, "axiru", False, "denied"),
    ],
)
async def test_what_its_caller_was_told_or_what_is_over_cannot_be_held(
    house: Any, refund: Any, amount_cents: int, execute: str, approve: bool, state: str
) -> None:
    receipt = await house.decided(refund(house, amount_cents, execute=execute))
    if approve:
        await house.vote(receipt.approval_id)

    with pytest.raises(NotHoldable) as refused:
        await _hold(house, receipt)

    assert refused.value.facts["state"] == state
    assert await house.state(receipt.decision_id) == state
    assert await house.entries("control") == []


async def test_what_is_held_is_not_held_twice(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    await _hold(house, receipt)

    with pytest.raises(NotHoldable) as refused:
        await _hold(house, receipt)

    assert refused.value.facts["state"] == "held"


async def test_what_is_executed_is_not_held(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    await _intend(house, receipt)
    await settle(receipt.decision_id, REFUNDED, organization_id=house.id, mode="test", signer=house.signer)

    with pytest.raises(NotHoldable):
        await _hold(house, receipt)


async def test_decision_in_shadow_is_not_held(house: Any, refund: Any) -> None:
    await rows("UPDATE surfaces SET surface_mode = 'shadow' WHERE organization_id = {}", house.id)
    receipt = await house.decided(refund(house))

    with pytest.raises(NotHoldable):
        await _hold(house, receipt)


async def test_only_decisions_of_the_organization_and_mode_are_found(house: Any, new_house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    stranger = await new_house()

    with pytest.raises(DecisionUnknown):
        await _hold(stranger, receipt)
    with pytest.raises(DecisionUnknown):
        await _hold(house, receipt, applies_to="live")
    with pytest.raises(DecisionUnknown):
        await _engage(house, kind="hold", scope={"decision_id": "ed_never"})
    assert await house.state(receipt.decision_id) == "allowed"


async def test_hold_for_both_modes_binds_in_the_decisions(house: Any, refund: Any) -> None:
    held = await _hold(house, await house.decided(refund(house)), applies_to="both")

    assert len(held.ledger_ids) == 1
    assert await house.entries("control", "live") == []


async def test_call_under_way_is_named_and_may_still_settle(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    await _intend(house, receipt)

    held = await _hold(house, receipt)

    assert held.in_flight == (receipt.decision_id,)
    assert await house.state(receipt.decision_id) == "held"
    settled = await settle(receipt.decision_id, REFUNDED, organization_id=house.id, mode="test", signer=house.signer)
    assert settled == await house.state(receipt.decision_id) == "executed"
    assert not await _in_force(held)


async def test_nothing_more_is_attempted_of_what_is_held_while_it_executes(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    await _intend(house, receipt)
    held = await _hold(house, receipt)

    with pytest.raises(OutcomeUncertain):
        await _intend(house, receipt, uncertain_seconds=60)
    assert await _execution(receipt) == "calling"
    assert await _intend(house, receipt) == Held(receipt.decision_id)
    assert await _execution(receipt) == "intended"

    await _release(house, held)
    assert await house.state(receipt.decision_id) == "executing"
    again = await _intend(house, receipt)
    assert isinstance(again, Intent)
    assert again.attempt == 2


async def test_call_that_is_long_over_is_not_under_way(
    house: Any, refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = await house.decided(refund(house))
    await _intend(house, receipt)
    monkeypatch.setattr(control, "UNDER_WAY_SECONDS", 0.0)

    assert (await _engage(house)).in_flight == ()


async def test_control_that_comes_during_a_hold_binds_after_it(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    held = await _hold(house, receipt)
    await _engage(house)

    assert await _intend(house, receipt) == Held(receipt.decision_id)
    await _release(house, held)

    answer = await _intend(house, receipt)
    assert isinstance(answer, Blocked)
    assert answer.reason == "kill_switch_engaged"


async def test_repeated_request_is_told_of_the_hold(house: Any, refund: Any) -> None:
    receipt, other = [await house.decided(refund(house)) for _ in range(2)]
    held = await _hold(house, receipt)

    hit = await forbidden_now(receipt.decision_id)

    assert hit is not None
    assert (hit.control_id, hit.reason) == (held.control_id, "request_held")
    assert await forbidden_now(other.decision_id) is None
    assert (await house.decided(refund(house))).state == "allowed"


async def test_hold_whose_time_is_over_is_released_once(house: Any, refund: Any) -> None:
    receipt, lasting = [await house.decided(refund(house)) for _ in range(2)]
    over = await _hold(house, receipt, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await _hold(house, lasting, expires_at=datetime.now(UTC) + timedelta(hours=1))
    # Until it is lifted it holds, whatever the clock says.
    assert await _intend(house, receipt) == Held(receipt.decision_id)
    assert await forbidden_now(receipt.decision_id) is not None

    await lift_overdue_holds(house.signer)
    await lift_overdue_holds(house.signer)

    assert not await _in_force(over)
    assert await house.state(receipt.decision_id) == "allowed"
    assert await house.state(lasting.decision_id) == "held"
    assert [entry["data"]["action"] for entry in await house.entries("control")] == ["engage", "engage", "lift"]


async def test_hold_that_cannot_be_released_holds_up_no_other(
    house: Any, refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = [await house.decided(refund(house)) for _ in range(2)]
    held = [
        await _hold(house, receipt, expires_at=datetime.now(UTC) - timedelta(seconds=seconds))
        for receipt, seconds in ((broken, 2), (sound, 1))
    ]

    async def unreadable(releasing: Any, decision_id: str) -> Any:
        if decision_id == broken.decision_id:
            raise ValueError(decision_id)
        return await state_behind(releasing, decision_id)

    monkeypatch.setattr(control, "state_behind", unreadable)

    with pytest.raises(ValueError, match=broken.decision_id):
        await lift_overdue_holds(house.signer)

    assert [await _in_force(one) for one in held] == [True, False]
    assert await house.state(sound.decision_id) == "allowed"


async def _hold(house: Any, receipt: Any, **changes: Any) -> Any:
    return await _engage(house, kind="hold", scope={"decision_id": receipt.decision_id}, **changes)


async def _release(house: Any, held: Any) -> Any:
    return await lift(
        organization_id=house.id,
        member_id=house.members["controller"],
        control_id=held.control_id,
        reason="checked",
        signer=house.signer,
    )


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


async def _intend(house: Any, receipt: Any, uncertain_seconds: float = 0) -> Intent | Blocked | Held:
    return await intend(
        receipt.decision_id,
        organization_id=house.id,
        mode="test",
        uncertain_seconds=uncertain_seconds,
        signer=house.signer,
    )


async def _in_force(held: Any) -> bool:
    return await row("SELECT FROM controls WHERE id = {} AND lifted_at IS NULL", held.control_id) is not None


async def _execution(receipt: Any) -> str:
    found = await row("SELECT state FROM executions WHERE decision_id = {}", receipt.decision_id)
    assert found is not None
    return str(found["state"])
