"""What was executed is taken back once, where Stripe has a way; where it has none, that is said, and no call made."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from temporalio.testing import ActivityEnvironment

from activities.stripe.sending import OutcomeUnknown
from activities.stripe.undoer import StripeUndoer
from activities.stripe_client import StripeClients
from axiru.database import row, rows
from axiru.domain.decision import MovementInput
from axiru.domain.movement import Target
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.intend import OutcomeUncertain
from ledger.acts.undo import NotUndoable, ask_undo
from ledger.keys import load_signer

MERCHANT = "acct_demo_merchant_1"


class Undoings:
    """Undoings of executed decisions, and attempts of the activity at them."""

    def __init__(self, undoer: StripeUndoer, signer: Any, member_id: str) -> None:
        self._undoer = undoer
        self._signer = signer
        self._member_id = member_id

    async def ask(self, movement: MovementInput, stripe_status: str | None, reason: str = "paid twice") -> str:
        return await ask_undo(
            movement.decision_id,
            stripe_status=stripe_status,
            reason=reason,
            member_id=self._member_id,
            organization_id=movement.organization_id,
            mode=movement.mode,
            signer=self._signer,
        )

    async def attempt(self, movement: MovementInput) -> str:
        state: str = await ActivityEnvironment().run(self._undoer.undo, movement)
        return state

    async def row(self, movement: MovementInput) -> dict[str, Any]:
        found = await row("SELECT * FROM undoings WHERE decision_id = {}", movement.decision_id)
        assert found is not None
        return found


@pytest.fixture
async def undoings(executions: Any, settings: Settings) -> AsyncIterator[Undoings]:
    vault = Vault.from_settings(settings)
    clients, signer = StripeClients(settings, vault), await load_signer(vault)
    member = await row("SELECT id FROM members WHERE email = 'controller@demo.example'")
    assert member is not None
    yield Undoings(StripeUndoer(settings, clients, signer), signer, member["id"])
    await clients.close()


class Made(NamedTuple):
    """Something that was executed: the object, its status now, the POST that takes it back, how often that was done."""

    movement: MovementInput
    status: str | None
    path: str
    back: Callable[[], int]
    released: bool


async def _refund(executions: Any, sandbox: Any) -> Made:
    """It waits for the customer to name a bank account.

    Stripe wants the customer's e-mail for such a refund, which no sealed call holds: the account's owner makes it here.
    """
    charge = sandbox.charge(source="src_konbini", currency="usd")
    movement = await executions.allowed(charge)
    sandbox.plan_fault("status_500_before")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    form = {"charge": charge, "amount": "5000", "instructions_email": "customer@example.com"}
    sandbox.refund({**form, "metadata[axiru_decision_id]": movement.decision_id}).raise_for_status()
    assert await executions.attempt(movement) == "executed"
    (refund,) = sandbox.refunds(charge)
    assert refund["status"] == "requires_action"

    def back() -> int:
        return int(sandbox.refunds(charge)[0]["status"] == "canceled")

    return Made(movement, refund["status"], f"/v1/refunds/{refund['id']}/cancel", back, released=True)


async def _payout(executions: Any, sandbox: Any) -> Made:
    movement = await executions.to_execute("payout", Target(), 7_100)
    assert await executions.attempt(movement) == "executed"
    payout = (await executions.execution(movement))["stripe_object_id"]

    def back() -> int:
        return int(sandbox.got(f"/v1/payouts/{payout}")["status"] == "canceled")

    return Made(movement, "pending", f"/v1/payouts/{payout}/cancel", back, released=True)


async def _payout_that_left(executions: Any, sandbox: Any) -> Made:
    movement = await executions.to_execute("payout", Target(), 7_200)
    assert await executions.attempt(movement) == "executed"
    payout = (await executions.execution(movement))["stripe_object_id"]
    for _ in range(10):
        if (status := sandbox.got(f"/v1/payouts/{payout}")["status"]) in {"in_transit", "paid"}:
            break
        sandbox.advance_clock(24)

    def back() -> int:
        found = sandbox.got("/v1/payouts?limit=100")["data"]
        reversals = [one for one in found if one["original_payout"] == payout]
        # The mark of an undoing is another than that of a decision: neither is taken for the other.
        assert all(one["metadata"] == {"axiru_undo_of": movement.decision_id} for one in reversals)
        return len(reversals)

    return Made(movement, status, f"/v1/payouts/{payout}/reverse", back, released=False)


async def _transfer(executions: Any, sandbox: Any) -> Made:
    movement = await executions.to_execute("transfer", Target(destination=MERCHANT), 7_300)
    assert await executions.attempt(movement) == "executed"
    transfer = (await executions.execution(movement))["stripe_object_id"]

    def back() -> int:
        found = sandbox.got(f"/v1/transfers/{transfer}/reversals")["data"]
        assert sum(one["amount"] for one in found) in {0, 7_300}
        return len(found)

    return Made(movement, None, f"/v1/transfers/{transfer}/reversals", back, released=True)


TABLE: dict[str, Callable[[Any, Any], Awaitable[Made]]] = {
    "refund that waits for the customer": _refund,
    "payout that is pending": _payout,
    "payout that has left": _payout_that_left,
    "transfer": _transfer,
}
everything_that_can_be_undone = pytest.mark.parametrize("name", TABLE)


@everything_that_can_be_undone
async def test_is_undone_once_however_often_it_is_attempted(
    name: str, executions: Any, undoings: Undoings, sandbox: Any
) -> None:
    made = await TABLE[name](executions, sandbox)
    sandbox.forget()
    assert await undoings.ask(made.movement, made.status) == "intended"
    assert await undoings.ask(made.movement, made.status) == "intended"

    assert [await undoings.attempt(made.movement) for _ in range(3)] == ["succeeded"] * 3

    assert sandbox.money_calls() == [made.path]
    assert made.back() == 1
    (intent,) = await executions.entries(made.movement, "undo_intent")
    (undone,) = await executions.entries(made.movement, "undo")
    assert (intent["reason"], undone["succeeded"]) == ("paid twice", True)
    execution = await executions.execution(made.movement)
    assert execution["decision_state"] == "executed"
    assert execution["movement_state"] == ("released" if made.released else "committed")
    with pytest.raises(NotUndoable, match="undone already"):
        await undoings.ask(made.movement, made.status)


@everything_that_can_be_undone
@pytest.mark.parametrize(
    ("fault", "seconds", "calls"),
    [("status_500_before", 0.0, 2), ("status_500_after", 0.0, 1), ("drop_connection_after", 0.0, 1)],
)
async def test_lost_answer_is_looked_up(
    name: str, fault: str, seconds: float, calls: int, executions: Any, undoings: Undoings, sandbox: Any
) -> None:
    made = await TABLE[name](executions, sandbox)
    sandbox.forget()
    await undoings.ask(made.movement, made.status)
    sandbox.plan_fault(fault, seconds=seconds, path=made.path)

    with pytest.raises(OutcomeUnknown):
        await undoings.attempt(made.movement)
    assert await undoings.attempt(made.movement) == "succeeded"

    assert sandbox.money_calls() == [made.path] * calls
    assert made.back() == 1


async def test_kill_switch_does_not_stop_money_from_coming_back(
    executions: Any, undoings: Undoings, sandbox: Any
) -> None:
    made = await _transfer(executions, sandbox)
    control_id = await executions.kill_switch()
    try:
        await undoings.ask(made.movement, made.status)
        assert await undoings.attempt(made.movement) == "succeeded"
    finally:
        await executions.release(control_id)
    assert made.back() == 1


async def test_what_stripe_has_no_way_for_is_refused_with_the_reason(
    executions: Any, undoings: Undoings, sandbox: Any
) -> None:
    refund = await executions.allowed(sandbox.charge())
    assert await executions.attempt(refund) == "executed"
    fees = sandbox.got("/v1/application_fees?limit=100")["data"]
    fee = next(fee["id"] for fee in fees if fee["amount"] - fee["amount_refunded"] >= 10)
    fee_refund = await executions.to_execute("app_fee_refund", Target(application_fee=fee), 10)
    assert await executions.attempt(fee_refund) == "executed"
    sandbox.forget()

    with pytest.raises(NotUndoable, match="on its way to the customer"):
        await undoings.ask(refund, "succeeded")
    with pytest.raises(NotUndoable, match="cannot be cancelled or taken back"):
        await undoings.ask(fee_refund, None)
    assert sandbox.money_calls() == []


async def test_nothing_is_undone_of_what_was_not_executed(executions: Any, undoings: Undoings, sandbox: Any) -> None:
    waiting = await executions.allowed(sandbox.charge())
    failed = await executions.to_execute("transfer", Target(destination="acct_nowhere"), 100)
    assert await executions.attempt(failed) == "execution_failed"

    for movement in (waiting, failed):
        with pytest.raises(NotUndoable, match="executed nothing"):
            await undoings.ask(movement, "pending")


async def test_payout_that_left_in_the_meantime_is_not_cancelled_and_can_be_asked_to_be_reversed(
    executions: Any, undoings: Undoings, sandbox: Any
) -> None:
    made = await _payout_that_left(executions, sandbox)
    await undoings.ask(made.movement, "pending")  # as Stripe said when it was made

    assert await undoings.attempt(made.movement) == "failed"
    failed = await undoings.row(made.movement)
    assert failed["error_code"] == "payout_not_cancelable"
    assert (await executions.execution(made.movement))["movement_state"] == "committed"

    assert await undoings.ask(made.movement, made.status, "it has left") == "intended"
    assert await undoings.attempt(made.movement) == "succeeded"
    assert made.back() == 1


async def test_without_the_right_to_write_nothing_is_undone(executions: Any, undoings: Undoings, sandbox: Any) -> None:
    made = await _transfer(executions, sandbox)
    sandbox.forget()
    await undoings.ask(made.movement, made.status)
    granted = "UPDATE stripe_connections SET write_actions = {} WHERE id = 'stripe_conn_demo'"
    before = await row("SELECT write_actions FROM stripe_connections WHERE id = 'stripe_conn_demo'")
    assert before is not None
    await rows(granted, ["refund"])
    try:
        assert await undoings.attempt(made.movement) == "failed"
    finally:
        await rows(granted, before["write_actions"])
    assert (await undoings.row(made.movement))["error_code"] == "write_scope_missing"
    assert sandbox.money_calls() == []


async def test_two_attempts_at_once_reverse_once(executions: Any, undoings: Undoings, sandbox: Any) -> None:
    made = await _transfer(executions, sandbox)
    await undoings.ask(made.movement, made.status)

    results = await asyncio.gather(*(undoings.attempt(made.movement) for _ in range(2)), return_exceptions=True)

    assert "succeeded" in results
    assert all(one == "succeeded" or isinstance(one, (OutcomeUnknown, OutcomeUncertain)) for one in results)
    assert await undoings.attempt(made.movement) == "succeeded"
    assert made.back() == 1


async def test_what_was_sealed_is_undone_whatever_the_row_says(
    executions: Any, undoings: Undoings, sandbox: Any
) -> None:
    made = await _transfer(executions, sandbox)
    sandbox.forget()
    await undoings.ask(made.movement, made.status)
    call = json.loads((await undoings.row(made.movement))["call"])
    other = {**call, "operation": "payouts.create", "parameters": {"amount": 9_000, "currency": "usd"}}
    altered = "UPDATE undoings SET idempotency_key = 'another', call = {}::jsonb WHERE decision_id = {}"
    await rows(altered, json.dumps(other), made.movement.decision_id)

    assert await undoings.attempt(made.movement) == "succeeded"

    assert sandbox.money_calls() == [made.path]
    assert made.back() == 1
