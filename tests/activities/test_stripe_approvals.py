"""Stripe asks its own people first: nothing is called twice, what is shown is true, and controls take it back."""

from typing import Any

import msgspec
import pytest

from activities.stripe import approvals
from activities.stripe.sending import OutcomeUnknown
from axiru.database import row
from axiru.domain.movement import Target

DAYS_TO_EXPIRY = 14


class Asking:
    """A movement that Stripe's people are asked about, and what they can do."""

    def __init__(self, sandbox: Any, executions: Any, movement: Any) -> None:
        self._sandbox = sandbox
        self._executions = executions
        self.movement = movement

    async def approval(self) -> dict[str, Any] | None:
        found = await row(
            "SELECT state, stripe_approval FROM executions WHERE decision_id = {}", self.movement.decision_id
        )
        assert found is not None
        return msgspec.json.decode(found["stripe_approval"]) if found["stripe_approval"] else None

    async def review(self, *, approved: bool, reason: str | None = None) -> None:
        asked = await self.approval()
        assert asked is not None
        body = {"approved": approved, **({"reason": reason} if reason else {})}
        self._sandbox.told(f"/_sandbox/approval_requests/{asked['id']}", body)

    def status(self, approval_id: str) -> str:
        return str(self._sandbox.got(f"/v2/core/approval_requests/{approval_id}")["status"])


@pytest.fixture(params=["refund", "payout", "transfer"])
async def asking(request: pytest.FixtureRequest, executions: Any, sandbox: Any) -> Asking:
    path, target = {
        "refund": ("/v1/refunds", Target(charge=sandbox.charge())),
        "payout": ("/v1/payouts", Target()),
        "transfer": ("/v1/transfers", Target(destination="acct_demo_merchant_1")),
    }[request.param]
    movement = await executions.to_execute(request.param, target, 5_000)
    sandbox.forget()
    sandbox.plan_fault("approval_required", path=path)
    assert await executions.attempt(movement) == "requires_approval"
    return Asking(sandbox, executions, movement)


async def test_what_stripe_asks_about_is_shown_and_not_called_again(
    asking: Asking, executions: Any, sandbox: Any
) -> None:
    assert [await executions.attempt(asking.movement) for _ in range(2)] == ["requires_approval"] * 2

    assert len(sandbox.money_calls()) == 1
    execution = await executions.execution(asking.movement)
    assert (execution["state"], execution["decision_state"]) == ("requires_approval", "executing")
    assert execution["movement_state"] == "reserved"
    asked = await asking.approval()
    assert asked is not None
    assert asked["status"] == "requires_review"
    assert asked["dashboard_url"].endswith(asked["id"])
    (sealed,) = await executions.entries(asking.movement, "stripe_approval")
    assert sealed["approval"]["id"] == asked["id"]


async def test_what_stripes_people_approve_is_executed_by_stripe_alone(
    asking: Asking, executions: Any, sandbox: Any
) -> None:
    await asking.review(approved=True)

    assert await executions.attempt(asking.movement) == "executed"

    assert len([path for path in sandbox.money_calls() if path.startswith("/v1/")]) == 1
    execution = await executions.execution(asking.movement)
    assert execution["stripe_object_id"].startswith(("re_", "po_", "tr_"))
    assert execution["movement_state"] == "committed"


async def test_what_they_reject_has_failed_with_their_reason(asking: Asking, executions: Any) -> None:
    await asking.review(approved=False, reason="not this quarter")

    assert await executions.attempt(asking.movement) == "execution_failed"

    execution = await executions.execution(asking.movement)
    assert execution["error_code"] == "stripe_approval_rejected"
    assert "not this quarter" in execution["error_message"]
    assert execution["movement_state"] == "released"


async def test_nobody_answers_in_time(executions: Any, sandbox: Any) -> None:
    movement = await executions.to_execute("payout", Target(), 5_000)
    sandbox.plan_fault("approval_required", path="/v1/payouts")
    assert await executions.attempt(movement) == "requires_approval"
    sandbox.advance_clock(24 * DAYS_TO_EXPIRY + 1)

    assert await executions.attempt(movement) == "execution_failed"
    assert (await executions.execution(movement))["error_code"] == "stripe_approval_expired"


async def test_kill_switch_takes_the_question_back(asking: Asking, executions: Any) -> None:
    asked = await asking.approval()
    assert asked is not None
    control_id = await executions.kill_switch()
    try:
        assert await executions.attempt(asking.movement) == "execution_failed"
    finally:
        await executions.release(control_id)

    assert asking.status(asked["id"]) == "canceled"
    assert (await executions.execution(asking.movement))["error_code"] == "kill_switch_engaged"


async def test_held_it_is_taken_back_and_asked_anew_once_released(
    asking: Asking, executions: Any, sandbox: Any
) -> None:
    asked = await asking.approval()
    assert asked is not None
    control_id = await executions.hold(asking.movement)

    assert await executions.attempt(asking.movement) == "held"
    assert asking.status(asked["id"]) == "canceled"
    await executions.release(control_id)

    assert await executions.attempt(asking.movement) == "executed"
    assert len(sandbox.money_calls()) == 3  # asked, taken back, made
    execution = await executions.execution(asking.movement)
    assert (execution["state"], execution["stripe_approval"]) == ("succeeded", None)


async def test_approval_that_came_before_the_control_is_what_counts(asking: Asking, executions: Any) -> None:
    await asking.review(approved=True)
    control_id = await executions.kill_switch()
    try:
        assert await executions.attempt(asking.movement) == "executed"
    finally:
        await executions.release(control_id)


async def test_answer_that_was_lost_on_its_way_is_asked_for_under_the_same_key(executions: Any, sandbox: Any) -> None:
    movement = await executions.to_execute("payout", Target(), 5_000)
    sandbox.forget()
    sandbox.plan_fault("status_500_before", path="/v1/payouts")
    with pytest.raises(OutcomeUnknown):
        await executions.attempt(movement)
    sandbox.plan_fault("approval_required", path="/v1/payouts")

    assert await executions.attempt(movement) == "requires_approval"


class ApprovalOfAnotherShape(msgspec.Struct):
    """What a later preview might say instead."""

    request: str


async def test_question_that_cannot_be_read_is_not_taken_for_a_refusal(
    executions: Any, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    movement = await executions.to_execute("payout", Target(), 5_000)
    sandbox.plan_fault("approval_required", path="/v1/payouts")
    with monkeypatch.context() as changed:
        changed.setattr(approvals, "StripeApproval", ApprovalOfAnotherShape)
        with pytest.raises(OutcomeUnknown):
            await executions.attempt(movement)

    execution = await executions.execution(movement)
    assert (execution["decision_state"], execution["movement_state"]) == ("executing", "reserved")
    newest = sandbox.got("/v2/core/approval_requests")["data"][0]
    sandbox.told(f"/_sandbox/approval_requests/{newest['id']}", {"approved": True})
    assert await executions.attempt(movement) == "executed"
