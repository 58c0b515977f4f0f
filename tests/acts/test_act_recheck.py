"""What was decided is judged again before money moves: by the policies, controls and windows of that moment."""

from typing import Any

import pytest

from axiru.database import row
from axiru.domain.execution import Blocked, ExecutionResult, Intent
from ledger.acts.control import engage, lift
from ledger.acts.intend import OutcomeUncertain, intend

STRICTER = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: not_now
    when: {amount: {currency: usd, gt: 15000}}
    effect: deny
    reason: refunds_suspended
"""

ASKS_OTHERS = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: ask_finance
    when: {amount: {currency: usd, gt: 100}}
    effect: review
    approvers: {role: finance_manager, count: 2, deadline: 1h}
"""

WINDOW = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: ceiling
    when: {rolling_window: {measure: sum, per: customer, within: 24h, currency: usd, gt: 30000}}
    effect: deny
    reason: customer_ceiling
  - id: large
    when: {amount: {currency: usd, gt: 15000}}
    effect: review
    approvers: {role: controller, deadline: 1h}
"""


@pytest.mark.parametrize("execute", ["caller", "axiru"])
async def test_hard_denial_of_a_new_version_stops_what_people_approve(house: Any, refund: Any, execute: str) -> None:
    receipt = await house.decided(refund(house, 20_000, execute=execute))
    await house.activate(STRICTER)

    vote = await house.vote(receipt.approval_id)

    assert vote.approval_state == "approved"
    (sealed,) = await house.entries("vote")
    assert sealed["data"]["forbidden_by"]["reason"] == "refunds_suspended"
    if execute == "caller":
        found = await row("SELECT state, reason, matched_rule FROM decisions WHERE id = {}", receipt.decision_id)
        assert found == {"state": "denied", "reason": "refunds_suspended", "matched_rule": "policy:refunds:v2"}
    else:
        blocked = await _intend(house, receipt)
        assert isinstance(blocked, Blocked)
        assert (blocked.reason, blocked.matched_rule) == ("refunds_suspended", "policy:refunds:v2")
        (execution,) = await house.entries("execution")
        assert execution["data"]["error_code"] == "refunds_suspended"
        assert execution["data"]["matched_rule"] == "policy:refunds:v2"
    assert await house.movement(receipt.decision_id) == "released"


async def test_version_that_came_after_the_approval_stops_the_call(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 20_000))
    await house.vote(receipt.approval_id)
    await house.activate(STRICTER)

    assert isinstance(await _intend(house, receipt), Blocked)
    assert await house.state(receipt.decision_id) == "execution_failed"


async def test_version_that_asks_others_objects_to_nothing(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 20_000))
    await house.activate(ASKS_OTHERS)

    await house.vote(receipt.approval_id)

    assert await house.state(receipt.decision_id) == "approved"
    assert isinstance(await _intend(house, receipt), Intent)


async def test_own_reservation_does_not_count_against_it_and_others_do(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.activate(WINDOW)
    await house.enforce()
    first, second = [
        await house.decided(refund(house, amount_cents, customer_id="cus_1")) for amount_cents in (20_000, 9_000)
    ]
    assert second.state == "allowed"
    await house.vote(first.approval_id)

    assert isinstance(await _intend(house, first), Intent)

    # What was reserved before the ceiling was lowered counts for what is approved after it.
    lowered = await house.decided(refund(house, 15_500, customer_id="cus_2"))
    assert (await house.decided(refund(house, 14_000, customer_id="cus_2"))).state == "allowed"
    await house.activate(WINDOW.replace("30000", "20000"))
    await house.vote(lowered.approval_id)
    blocked = await _intend(house, lowered)
    assert isinstance(blocked, Blocked)
    assert blocked.reason == "customer_ceiling"


async def test_what_follows_its_decision_at_once_is_not_judged_twice(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 5_000))
    await house.activate(STRICTER.replace("15000", "1000"))

    assert isinstance(await _intend(house, receipt), Intent)


async def test_what_was_held_is_judged_again(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house, 5_000))
    who = {"organization_id": house.id, "member_id": house.members["controller"], "signer": house.signer}
    held = await engage(
        **who,
        kind="hold",
        scope={"decision_id": receipt.decision_id},
        applies_to="test",
        reason="a look",
        expires_at=None,
    )
    await house.activate(STRICTER.replace("15000", "1000"))
    await lift(**who, control_id=held.control_id, reason="fine")

    blocked = await _intend(house, receipt)

    assert isinstance(blocked, Blocked)
    assert blocked.reason == "refunds_suspended"


async def test_freeze_of_an_agent_finds_those_named_in_the_request(house: Any, refund: Any) -> None:
    await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        signer=house.signer,
        kind="freeze",
        scope={"agent_id": "7"},
        applies_to="test",
        reason="a drill",
        expires_at=None,
    )

    for named in ({"extra": {"agent_id": "7"}}, {"extra": {"agent_id": 7}}, {"metadata": {"agent_id": "7"}}):
        assert (await house.decided(refund(house, **named))).reason == "agent_frozen"
    for other in ({"extra": {"agent_id": ["7"]}}, {"extra": {"agent": "7"}}, {"metadata": {"agent_id": "70"}}):
        assert (await house.decided(refund(house, **other))).state == "allowed"


async def test_payment_that_does_not_allow_the_refund_settles_it_without_a_call(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))

    blocked = await _intend(house, receipt, unfit=TOO_MUCH)

    assert isinstance(blocked, Blocked)
    assert (await house.entries("execution_intent"), blocked.reason) == ([], "amount_exceeds_remaining")
    assert await house.state(receipt.decision_id) == "execution_failed"


async def test_payment_may_be_short_because_of_a_call_of_ours_under_way(house: Any, refund: Any) -> None:
    receipt = await house.decided(refund(house))
    await _intend(house, receipt)

    with pytest.raises(OutcomeUncertain):
        await _intend(house, receipt, unfit=TOO_MUCH, uncertain_seconds=60)

    assert await house.state(receipt.decision_id) == "executing"


TOO_MUCH = ExecutionResult(
    False, None, None, "amount_exceeds_remaining", "$1.00 of this payment can still be refunded."
)


async def _intend(house: Any, receipt: Any, unfit: ExecutionResult | None = None, uncertain_seconds: float = 0) -> Any:
    return await intend(
        receipt.decision_id,
        organization_id=house.id,
        mode="test",
        uncertain_seconds=uncertain_seconds,
        signer=house.signer,
        unfit=unfit,
    )
