"""The worker is killed while Stripe answers: each movement is made once, and undone once.

`make torture` kills it during every action; every day one and an undoing are enough, for all take the same way.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from length import length

MERCHANT = "acct_demo_merchant_1"
ACTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "payout": ("payout", {"amount_cents": 5_100}, "/v1/payouts"),
    "transfer": ("transfer", {"amount_cents": 5_200, "destination": MERCHANT}, "/v1/transfers"),
    "application fee": (
        "app_fee_refund",
        {"amount_cents": 40, "application_fee": "fee_demo_004"},
        "/v1/application_fees/fee_demo_004/refunds",
    ),
}


@pytest.fixture(autouse=True)
async def enforced(enforce: Any) -> AsyncIterator[None]:
    """Axiru stands before these actions, as long as a test runs."""
    async with enforce("payout", "transfer", "app_fee_refund"):
        yield


@pytest.mark.parametrize("name", list(ACTIONS)[: length(1, len(ACTIONS))])
async def test_worker_killed_during_the_call_makes_it_once(name: str, product: Any) -> None:
    action, intent, path = ACTIONS[name]
    fault = {"kind": "hang_seconds", "path": path, "seconds": 5}
    (await product.stripe.post("/_sandbox/faults", json=fault)).raise_for_status()
    called = await _calls(product, path)

    decision = await _ask(product, action, intent)
    await _until_called(product, path, called)
    await product.kill("worker")

    settled = await product.settled(decision["decision_id"])
    assert settled["state"] == "executed"
    listed = (await product.stripe.get(path, params={"limit": 100})).json()["data"]
    made = [one["id"] for one in listed if one["metadata"] == {"axiru_decision_id": decision["decision_id"]}]
    assert made == [settled["execution"]["stripe_object_id"]]


async def test_worker_killed_while_a_transfer_is_reversed_reverses_it_once(product: Any) -> None:
    action, intent, _ = ACTIONS["transfer"]
    decision = await product.settled((await _ask(product, action, intent))["decision_id"])
    path = f"/v1/transfers/{decision['execution']['stripe_object_id']}/reversals"
    fault = {"kind": "hang_seconds", "path": path, "seconds": 5}
    (await product.stripe.post("/_sandbox/faults", json=fault)).raise_for_status()
    controller = await product.log_in("controller")
    undo = f"/api/v1/decisions/{decision['decision_id']}/undo"
    (await controller.post(undo, json={"reason": "sent twice"})).raise_for_status()
    await controller.aclose()
    await _until_called(product, path, 0)
    await product.kill("worker")

    async with asyncio.timeout(60):
        while True:
            detail = (await product.caller.get(f"/api/v1/decisions/{decision['decision_id']}")).json()
            if detail["undo"]["state"] == "succeeded":
                break
            await asyncio.sleep(0.2)
    (reversal,) = (await product.stripe.get(path)).json()["data"]
    assert (reversal["id"], reversal["amount"]) == (detail["undo"]["stripe_object_id"], 5_200)


async def _ask(product: Any, action: str, intent: dict[str, Any]) -> dict[str, Any]:
    body = {
        "action": action,
        "intent": {"currency": "usd", "stripe_connection_id": "stripe_conn_demo", **intent},
        "idempotency_key": uuid.uuid4().hex,
        "execute": "axiru",
    }
    answer = await product.caller.post("/api/v1/decisions", json=body)
    decision: dict[str, Any] = answer.raise_for_status().json()
    return decision


async def _calls(product: Any, path: str) -> int:
    asked = await product.stripe.get("/_sandbox/requests", params={"method": "POST", "path": path})
    return len(asked.json()["data"])


async def _until_called(product: Any, path: str, before: int) -> None:
    async with asyncio.timeout(20):
        while True:
            if await _calls(product, path) > before:
                return
            await asyncio.sleep(0.05)
