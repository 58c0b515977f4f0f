"""What Stripe says of a payment, for those who are to decide on its refund: sealed once, and nothing that is secret."""

from typing import Any

import pytest
import stripe

from axiru.database import rows


@pytest.mark.parametrize("execute", ["caller", "axiru"])
async def test_payment_is_shown_sealed_and_told(executions: Any, sandbox: Any, execute: str) -> None:
    charge = sandbox.charge(customer="cus_7", description="Order 7")
    sandbox.refund({"charge": charge, "amount": "1500"}).raise_for_status()
    movement = await executions.waiting(charge, execute=execute)

    await executions.read_payment(movement)

    context = await executions.context(movement)
    assert context is not None
    assert all(context.pop(name).endswith("Z") for name in ("created_at", "read_at"))
    assert context == {
        "amount_cents": 40_000,
        "amount_refunded_cents": 1_500,
        "remaining_cents": 38_500,
        "currency": "usd",
        "status": "succeeded",
        "disputed": False,
        "customer_id": "cus_7",
        "description": "Order 7",
    }
    (sealed,) = await executions.entries(movement, "payment_context")
    assert sealed["payment"]["remaining_cents"] == 38_500
    assert sealed["personal"].keys() == {"payment.customer_id", "payment.description"}
    assert "cus_7" not in str(sealed)
    told = await rows(
        "SELECT payload ->> 'decision_id' AS decision_id FROM outbox WHERE topic = 'context' "
        "AND payload ->> 'decision_id' = {}",
        movement.decision_id,
    )
    assert told == [{"decision_id": movement.decision_id}]


async def test_payment_is_found_by_its_intent(executions: Any, sandbox: Any) -> None:
    movement = await executions.waiting(payment_intent=sandbox.payment_intent(sandbox.charge(amount_cents=20_000)))

    await executions.read_payment(movement)

    context = await executions.context(movement)
    assert context is not None
    assert (context["amount_cents"], context["remaining_cents"]) == (20_000, 20_000)


async def test_reading_again_keeps_what_was_read_first(executions: Any, sandbox: Any) -> None:
    movement = await executions.waiting(charge := sandbox.charge())
    await executions.read_payment(movement)
    first = await executions.context(movement)
    sandbox.refund({"charge": charge, "amount": "100"}).raise_for_status()

    await executions.read_payment(movement)

    assert await executions.context(movement) == first
    assert len(await executions.entries(movement, "payment_context")) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"charge": "ch_nowhere"},
        {"charge": None},
        {"charge": "ch_demo_001", "connection_id": "stripe_conn_of_others"},
    ],
)
async def test_payment_that_cannot_be_read_is_left_unknown(
    executions: Any, sandbox: Any, asked: dict[str, Any]
) -> None:
    movement = await executions.waiting(**asked)

    await executions.read_payment(movement)

    assert await executions.context(movement) is None
    assert await executions.entries(movement, "payment_context") == []


async def test_stripe_that_is_away_is_asked_again(executions: Any, sandbox: Any) -> None:
    movement = await executions.waiting(charge := sandbox.charge())
    sandbox.plan_fault("status_500_before", method="GET", path=f"/v1/charges/{charge}")

    with pytest.raises(stripe.APIError):
        await executions.read_payment(movement)
    await executions.read_payment(movement)

    assert await executions.context(movement) is not None


async def test_nothing_is_shown_beside_an_approval_that_is_over(executions: Any, sandbox: Any) -> None:
    movement = await executions.waiting(sandbox.charge())
    await rows("UPDATE approvals SET state = 'denied' WHERE decision_id = {}", movement.decision_id)

    await executions.read_payment(movement)

    assert await executions.context(movement) is None
