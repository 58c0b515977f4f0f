"""The kill switch, flipped while refunds pour in: no money moves after it has answered, and what it stopped says so."""

import asyncio
import time
from typing import Any, NamedTuple

import asyncpg
import httpx

PER_SECOND = 100
LOAD_SECONDS = 3
FLIPPED_AFTER_SECONDS = 1.5
AMOUNT_CENTS = 100
CHARGES = 10
SETTLED_SECONDS = 60


class Flip(NamedTuple):
    """When the switch had answered, by the clock of this machine, and what it answered."""

    acknowledged_at: float
    control: dict[str, Any]


async def test_no_call_to_stripe_begins_after_the_kill_switch_has_answered(product: Any, controller: Any) -> None:
    charges = [await product.charge() for _ in range(CHARGES)]
    began = time.monotonic()
    flipping = asyncio.create_task(_flip(controller))
    answers = await _offer(product, charges)
    print(f"offered {PER_SECOND}/s, answered {len(answers) / (time.monotonic() - began):.0f}/s")
    flip = await flipping
    try:
        decisions = await _settled(product, charges)
        calls = await _calls(product, charges)
        intents = await _intents_after(product, flip.control["id"])
    finally:
        lifted = await controller.request("DELETE", f"/api/v1/controls/{flip.control['id']}", json={"reason": "over"})
    assert lifted.is_success

    late = [call for call in calls if call["received_at"] > flip.acknowledged_at]
    assert (late, intents) == ([], 0)
    # The load was there before the switch, and went on after it.
    assert len(calls) > 0
    states = {decision["state"] for decision in decisions}
    assert {"executed", "denied"} <= states <= {"executed", "denied", "execution_failed"}
    for decision in decisions:
        if decision["state"] != "executed":
            assert "kill_switch_engaged" in {decision["reason"], decision["error_code"]}
    # A call that was sent is a refund that is shown, once.
    executed = [decision["id"] for decision in decisions if decision["state"] == "executed"]
    assert sorted(call["params"]["metadata"]["axiru_decision_id"] for call in calls) == sorted(executed)
    assert set(flip.control["in_flight"]) <= set(executed)
    # What was not decided in time was not allowed either.
    assert {answer.status_code for answer in answers} <= {200, 500}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 500} <= {"decision_failed"}
    allowed = {answer.json()["decision_id"] for answer in answers if answer.status_code == 200}
    assert allowed <= {decision["id"] for decision in decisions}


async def _offer(product: Any, charges: list[str]) -> list[httpx.Response]:
    """At a fixed rate, whether answers come or not."""
    began = time.monotonic()
    asking = []
    for number in range(PER_SECOND * LOAD_SECONDS):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        body = product.refund(AMOUNT_CENTS, charges[number % len(charges)])
        asking.append(asyncio.create_task(product.caller.post("/api/v1/decisions", json=body)))
    return await asyncio.gather(*asking)


async def _flip(controller: httpx.AsyncClient) -> Flip:
    await asyncio.sleep(FLIPPED_AFTER_SECONDS)
    switch = {"kind": "kill_switch", "scope": {}, "mode": "test", "reason": "a drill"}
    answer = await controller.post("/api/v1/controls", json=switch)
    acknowledged_at = time.time()
    assert answer.status_code == 201, answer.text
    return Flip(acknowledged_at, answer.json())


async def _settled(product: Any, charges: list[str]) -> list[dict[str, Any]]:
    """Every decision about these charges, once nothing more happens to any."""
    connection = await asyncpg.connect(product.stack.database_url)
    try:
        async with asyncio.timeout(SETTLED_SECONDS):
            while True:
                found = await connection.fetch(
                    "SELECT d.id, d.state, d.reason, x.error_code FROM decisions d "
                    "LEFT JOIN executions x ON x.decision_id = d.id WHERE d.charge = ANY($1::text[])",
                    charges,
                )
                if all(decision["state"] in {"executed", "denied", "execution_failed"} for decision in found):
                    return [dict(decision) for decision in found]
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _calls(product: Any, charges: list[str]) -> list[dict[str, Any]]:
    """The refunds that Stripe was asked for, as its journal has them: with the time of their arrival."""
    asked = await product.stripe.get("/_sandbox/requests", params={"method": "POST", "path": "/v1/refunds"})
    return [call for call in asked.raise_for_status().json()["data"] if call["params"].get("charge") in charges]


async def _intents_after(product: Any, control_id: str) -> int:
    """How many intentions to call were sealed behind the control."""
    connection = await asyncpg.connect(product.stack.database_url)
    try:
        count: int = await connection.fetchval(
            """
            SELECT count(*) FROM ledger_entries c JOIN ledger_entries i USING (organization_id, mode)
            WHERE c.kind = 'control' AND convert_from(c.body, 'UTF8')::jsonb -> 'data' ->> 'control_id' = $1
                AND i.kind = 'execution_intent' AND i.seq > c.seq
            """,
            control_id,
        )
    finally:
        await connection.close()
    return count
