"""Every operation on Stripe, exactly once, whatever Stripe and the network do: one table, one suite."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from activities.stripe.registry import OPERATIONS
from activities.stripe.sending import OutcomeUnknown
from axiru import ids
from axiru.database import rows
from axiru.domain.evidence import digest_of
from axiru.domain.movement import Target
from ledger.acts import control
from ledger.acts.intend import OutcomeUncertain

AMOUNT_CENTS = 5_000
MERCHANT = "acct_demo_merchant_1"
BANK = "ba_demo_usd"
DAY_SECONDS = 24 * 3600


class Asked(NamedTuple):
    """What an allowed decision of one operation asks for, and how to count what it did."""

    action: str
    target: Target
    amount_cents: int
    path: str
    done: Callable[[str], int]


def _marked(found: list[dict[str, Any]], decision_id: str) -> int:
    return sum(one["metadata"].get("axiru_decision_id") == decision_id for one in found)


async def _refund(sandbox: Any) -> Asked:
    charge = sandbox.charge()
    return Asked(
        "refund", Target(charge=charge), AMOUNT_CENTS, "/v1/refunds", lambda it: _marked(sandbox.refunds(charge), it)
    )


async def _payout(sandbox: Any) -> Asked:
    def done(decision_id: str) -> int:
        return _marked(sandbox.got("/v1/payouts?limit=100")["data"], decision_id)

    return Asked("payout", Target(destination=BANK), AMOUNT_CENTS, "/v1/payouts", done)


async def _payout_cancel(sandbox: Any) -> Asked:
    payout = sandbox.posted("/v1/payouts", amount="7000", currency="usd")["id"]

    def done(_: str) -> int:
        return int(sandbox.got(f"/v1/payouts/{payout}")["status"] == "canceled")

    target = Target(payout=payout, payout_action="cancel")
    return Asked("payout", target, 7_000, f"/v1/payouts/{payout}/cancel", done)


async def _payout_reverse(sandbox: Any) -> Asked:
    payout = sandbox.posted("/v1/payouts", amount="7000", currency="usd")["id"]
    for _ in range(10):
        if sandbox.got(f"/v1/payouts/{payout}")["status"] in {"in_transit", "paid"}:
            break
        sandbox.advance_clock(24)

    def done(decision_id: str) -> int:
        reversals = [p for p in sandbox.got("/v1/payouts?limit=100")["data"] if p["original_payout"] == payout]
        assert all(one["amount"] == -7_000 for one in reversals)
        return _marked(reversals, decision_id)

    target = Target(payout=payout, payout_action="reverse")
    return Asked("payout", target, 7_000, f"/v1/payouts/{payout}/reverse", done)


async def _transfer(sandbox: Any) -> Asked:
    def done(decision_id: str) -> int:
        return _marked(sandbox.got(f"/v1/transfers?transfer_group={decision_id}")["data"], decision_id)

    return Asked("transfer", Target(destination=MERCHANT), AMOUNT_CENTS, "/v1/transfers", done)


async def _transfer_of_a_charge(sandbox: Any) -> Asked:
    """Its charge has a group already, which no other may replace."""
    charge = sandbox.charge(transfer_group=f"ORDER_{ids.new_id('x')}")

    def done(decision_id: str) -> int:
        found = sandbox.got(f"/v1/transfers?destination={MERCHANT}&limit=100")["data"]
        return _marked([one for one in found if one["source_transaction"] == charge], decision_id)

    return Asked("transfer", Target(destination=MERCHANT, charge=charge), AMOUNT_CENTS, "/v1/transfers", done)


async def _transfer_reverse(sandbox: Any) -> Asked:
    transfer = sandbox.posted("/v1/transfers", amount="9000", currency="usd", destination=MERCHANT)["id"]
    path = f"/v1/transfers/{transfer}/reversals"
    return Asked(
        "transfer", Target(transfer=transfer), AMOUNT_CENTS, path, lambda it: _marked(sandbox.got(path)["data"], it)
    )


async def _application_fee(sandbox: Any) -> Asked:
    """Each of the seeded fees is of $10; one whose whole amount is left."""
    fees = sandbox.got("/v1/application_fees?limit=100")["data"]
    fee = next(fee["id"] for fee in fees if fee["amount"] - fee["amount_refunded"] >= 50)
    path = f"/v1/application_fees/{fee}/refunds"
    return Asked(
        "app_fee_refund", Target(application_fee=fee), 50, path, lambda it: _marked(sandbox.got(path)["data"], it)
    )


async def _dispute_of(sandbox: Any) -> dict[str, Any]:
    return dict(sandbox.told("/_sandbox/disputes", {"charge": sandbox.charge()}))


async def _evidence(sandbox: Any) -> Asked:
    dispute = await _dispute_of(sandbox)
    evidence = {"uncategorized_text": "The customer had it in May."}
    packet, digest = ids.new_id("evp"), digest_of(evidence)
    await rows(
        "INSERT INTO disputes (organization_id, mode, id, stripe_connection_id, stripe_account_id, charge, "
        "amount_cents, currency, reason, status, opened_at, updated_at) VALUES ('org_demo', 'test', {}, "
        "'stripe_conn_demo', 'acct_demo', {}, {}, 'usd', 'general', 'needs_response', clock_timestamp(), "
        "clock_timestamp())",
        *(dispute["id"], dispute["charge"], dispute["amount"]),
    )
    await rows(
        "INSERT INTO evidence_packets (id, organization_id, mode, dispute_id, version, evidence, sources, missing, "
        "digest, degraded, built_by, built_at) VALUES ({}, 'org_demo', 'test', {}, 1, {}::jsonb, {}::jsonb, "
        "ARRAY[]::text[], {}, false, 'a test', clock_timestamp())",
        packet,
        dispute["id"],
        '{"uncategorized_text": "The customer had it in May."}',
        '{"charge": null, "decisions": [], "facts": {}}',
        digest,
    )

    def done(_: str) -> int:
        return int(sandbox.got(f"/v1/disputes/{dispute['id']}")["evidence_details"]["submission_count"])

    target = Target(dispute=dispute["id"], dispute_action="submit_evidence", packet=packet, packet_digest=digest)
    return Asked("dispute", target, dispute["amount"], f"/v1/disputes/{dispute['id']}", done)


async def _dispute_close(sandbox: Any) -> Asked:
    dispute = await _dispute_of(sandbox)

    def done(_: str) -> int:
        return int(sandbox.got(f"/v1/disputes/{dispute['id']}")["status"] == "lost")

    target = Target(dispute=dispute["id"], dispute_action="close")
    return Asked("dispute", target, dispute["amount"], f"/v1/disputes/{dispute['id']}/close", done)


TABLE: dict[str, tuple[str, Callable[[Any], Awaitable[Asked]]]] = {
    "refund": ("refunds.create", _refund),
    "payout": ("payouts.create", _payout),
    "payout taken back while pending": ("payouts.cancel", _payout_cancel),
    "payout taken back after it left": ("payouts.reverse", _payout_reverse),
    "transfer": ("transfers.create", _transfer),
    "transfer of a charge": ("transfers.create", _transfer_of_a_charge),
    "transfer reversed": ("transfers.reverse", _transfer_reverse),
    "application fee": ("application_fees.refund", _application_fee),
    "evidence": ("disputes.submit_evidence", _evidence),
    "dispute closed": ("disputes.close", _dispute_close),
}

every_operation = pytest.mark.parametrize("name", TABLE)


def test_table_has_every_operation_that_a_decision_can_ask_for() -> None:
    assert {operation for operation, _ in TABLE.values()} == OPERATIONS.keys() - {"refunds.cancel"}


async def _asked(name: str, executions: Any, sandbox: Any) -> tuple[Asked, Any]:
    asked = await TABLE[name][1](sandbox)
    movement = await executions.to_execute(asked.action, asked.target, asked.amount_cents)
    sandbox.forget()
    return asked, movement


@every_operation
async def test_is_done_once_however_often_it_is_executed(name: str, executions: Any, sandbox: Any) -> None:
    asked, movement = await _asked(name, executions, sandbox)

    states = [await executions.attempt(movement) for _ in range(3)]

    assert states == ["executed"] * 3
    assert asked.done(movement.decision_id) == 1
    assert sandbox.money_calls() == [asked.path]
    execution = await executions.execution(movement)
    assert (execution["state"], execution["decision_state"]) == ("succeeded", "executed")
    assert execution["stripe_object_id"]
    assert execution["movement_state"] == "committed"


@every_operation
@pytest.mark.parametrize(
    ("fault", "seconds", "calls"),
    [
        ("status_500_before", 0.0, 2),
        ("status_500_after", 0.0, 1),
        ("drop_connection_after", 0.0, 1),
        ("status_429", 0.0, 2),
        ("hang_seconds", 2.0, 1),
    ],
)
async def test_lost_answer_is_looked_up_and_nothing_is_done_twice(
    name: str, fault: str, seconds: float, calls: int, executions: Any, sandbox: Any
) -> None:
    asked, movement = await _asked(name, executions, sandbox)
    sandbox.plan_fault(fault, seconds=seconds, path=asked.path)

    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    assert (await executions.execution(movement))["state"] == "calling"

    assert await executions.attempt(movement) == "executed"
    assert asked.done(movement.decision_id) == 1
    assert sandbox.money_calls() == [asked.path] * calls


async def test_keys_that_stripe_has_forgotten_do_nothing_twice(executions: Any, sandbox: Any) -> None:
    lost = {}
    for name in TABLE:
        asked, movement = await _asked(name, executions, sandbox)
        sandbox.plan_fault("drop_connection_after", path=asked.path)
        with pytest.raises(OutcomeUnknown):
            await executions.attempt(movement)
        lost[name] = asked, movement
    sandbox.forget()
    sandbox.advance_clock(25)

    for name, (asked, movement) in lost.items():
        assert await executions.attempt(movement) == "executed", name
        assert asked.done(movement.decision_id) == 1, name
    assert sandbox.money_calls() == []


@every_operation
async def test_two_attempts_at_once_do_it_once(name: str, executions: Any, sandbox: Any) -> None:
    asked, movement = await _asked(name, executions, sandbox)

    results = await asyncio.gather(*(executions.attempt(movement) for _ in range(2)), return_exceptions=True)

    assert "executed" in results
    assert await executions.attempt(movement) == "executed"
    assert asked.done(movement.decision_id) == 1


@every_operation
async def test_what_is_held_is_not_done_until_it_is_released(name: str, executions: Any, sandbox: Any) -> None:
    asked, movement = await _asked(name, executions, sandbox)
    control_id = await executions.hold(movement)

    assert await executions.attempt(movement) == "held"
    assert sandbox.money_calls() == []
    await executions.release(control_id)

    assert await executions.attempt(movement) == "executed"
    assert asked.done(movement.decision_id) == 1


@every_operation
async def test_kill_switch_comes_before_the_call_and_tells_what_an_earlier_one_did(
    name: str, executions: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.0)
    stopped, not_called = await _asked(name, executions, sandbox)
    lost, called = await _asked(name, executions, sandbox)
    sandbox.plan_fault("drop_connection_after", path=lost.path)
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(called)
    sandbox.forget()
    control_id = await executions.kill_switch()
    try:
        assert await executions.attempt(not_called) == "execution_failed"
        assert await executions.attempt(called) == "executed"
    finally:
        await executions.release(control_id)

    assert sandbox.money_calls() == []
    assert (await executions.execution(not_called))["error_code"] == "kill_switch_engaged"
    assert lost.done(called.decision_id) == 1
    if stopped.path != lost.path or name in {"payout", "transfer", "refund", "application fee"}:
        assert stopped.done(not_called.decision_id) == 0


@pytest.mark.parametrize(
    ("action", "target", "amount_cents", "code"),
    [
        ("payout", Target(payout="po_nowhere", payout_action="cancel"), 7_000, "resource_missing"),
        ("payout", Target(payout="po_demo_001", payout_action="cancel"), 25_000, "payout_not_cancelable"),
        ("payout", Target(payout="po_demo_001", payout_action="reverse"), 24_999, "amount_mismatch"),
        ("payout", Target(destination="ba_nowhere"), 7_000, "resource_missing"),
        ("payout", Target(), 90_000_000_000, "balance_insufficient"),
        ("transfer", Target(destination="acct_nowhere"), 7_000, "resource_missing"),
        ("transfer", Target(transfer="tr_demo_001"), 10_001, "amount_exceeds_remaining"),
        ("transfer", Target(transfer="tr_demo_003"), 5_000, "currency_mismatch"),
        ("transfer", Target(transfer="tr_nowhere"), 5_000, "resource_missing"),
        ("app_fee_refund", Target(application_fee="fee_demo_005"), 1_001, "amount_exceeds_remaining"),
        ("app_fee_refund", Target(application_fee="fee_nowhere"), 100, "resource_missing"),
    ],
)
async def test_what_cannot_be_done_fails_with_its_reason_and_releases_the_budget(
    action: str, target: Target, amount_cents: int, code: str, executions: Any, sandbox: Any
) -> None:
    movement = await executions.to_execute(action, target, amount_cents)

    assert await executions.attempt(movement) == "execution_failed"

    execution = await executions.execution(movement)
    assert (execution["error_code"], execution["movement_state"]) == (code, "released")
    (sealed,) = await executions.entries(movement, "execution")
    assert (sealed["succeeded"], sealed["error_code"]) == (False, code)


async def test_nothing_is_said_of_a_call_that_nobody_can_look_for_any_more(executions: Any, sandbox: Any) -> None:
    """The connection ends while an answer is lost: the money may have moved."""
    asked, movement = await _asked("transfer", executions, sandbox)
    sandbox.plan_fault("drop_connection_after", path=asked.path)
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    ended = "UPDATE stripe_connections SET status = {} WHERE id = 'stripe_conn_demo'"
    await rows(ended, "revoked")
    try:
        await asyncio.sleep(2 * 1 + 0.1)  # a call is taken to be over after two time-outs
        with pytest.raises((OutcomeUnknown, OutcomeUncertain)):
            await executions.attempt(movement)
        assert (await executions.execution(movement))["state"] == "calling"
    finally:
        await rows(ended, "active")

    assert await executions.attempt(movement) == "executed"
    assert asked.done(movement.decision_id) == 1


@pytest.mark.parametrize("name", ["refund", "payout", "transfer of a charge", "transfer reversed", "application fee"])
async def test_what_somebody_else_made_in_the_name_of_a_decision_is_not_taken_for_its_own(
    name: str, executions: Any, sandbox: Any
) -> None:
    """Whoever may write on the account can write metadata: of another amount, it is not what was decided."""
    asked, movement = await _asked(name, executions, sandbox)
    sandbox.plan_fault("status_500_before", path=asked.path)
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    call = json.loads((await executions.execution(movement))["call"])["parameters"]
    path_names = {"application_fee"} | ({"transfer"} if "reversed" in name else set())
    form = {key: str(value) for key, value in call.items() if key not in path_names | {"metadata"}}
    mark = {"metadata[axiru_decision_id]": movement.decision_id}
    theirs = sandbox.posted(asked.path, **{**form, "amount": str(asked.amount_cents // 2), **mark})

    assert await executions.attempt(movement) == "executed"

    made = (await executions.execution(movement))["stripe_object_id"]
    assert made != theirs["id"]
    assert asked.done(movement.decision_id) == 2
