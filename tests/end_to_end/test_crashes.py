"""`kill -9` of every part that matters, at the worst moment: nothing is lost, and no refund is made twice."""

import asyncio
import contextlib
import signal
import time
from typing import Any

import httpx
import psutil
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.service import RPCError

VOTE_SECONDS = 3
"""Slack waits no longer for the answer to a click."""


async def test_worker_killed_while_an_approval_waits(product: Any, controller: Any) -> None:
    waiting = await product.ask(17_500, charge := await product.charge())

    await product.kill("worker")
    await _approve(controller, waiting)

    assert (await product.settled(waiting["decision_id"]))["state"] == "executed"
    assert len(await product.refunds(charge)) == 1
    assert await product.entries(waiting["decision_id"]) == ["decision", "vote", "execution_intent", "execution"]


async def test_vote_while_no_worker_runs_is_executed_by_the_next(product: Any, controller: Any) -> None:
    waiting = await product.ask(17_500, charge := await product.charge())
    worker = psutil.Process(product.signal("worker", signal.SIGSTOP))

    await _approve(controller, waiting)
    worker.kill()

    assert (await product.settled(waiting["decision_id"]))["state"] == "executed"
    assert len(await product.refunds(charge)) == 1


async def test_worker_killed_while_stripe_is_being_called(product: Any) -> None:
    charges = {"delay_before_seconds": await product.charge(), "hang_seconds": await product.charge()}
    asked = []
    for fault, charge in charges.items():
        await product.plan_fault(fault, seconds=2)
        asked.append(await product.ask(1_000, charge))
        await _until_called(product, charge)

    await product.kill("worker")

    for decision, charge in zip(asked, charges.values(), strict=True):
        settled = await product.settled(decision["decision_id"])
        (refund,) = await product.refunds(charge)
        assert (settled["state"], settled["execution"]["stripe_object_id"]) == ("executed", refund["id"])
        assert await product.entries(decision["decision_id"]) == ["decision", "execution_intent", "execution"]


async def test_requests_during_the_loss_of_postgresql_are_decided_once(product: Any) -> None:
    charge = await product.charge()
    bodies = [product.refund(100, charge) for _ in range(30)]
    asking = asyncio.create_task(_ask_until_decided(product, bodies))

    await product.kill("postgres")

    answered, refusals = await asyncio.wait_for(asking, 60)
    assert refusals > 0
    for decision_id in answered:
        assert (await product.settled(decision_id))["state"] == "executed"
        assert (await product.entries(decision_id)).count("decision") == 1
    assert len(set(answered)) == len(bodies)
    made = [refund["metadata"]["axiru_decision_id"] for refund in await _all_refunds(product, charge)]
    assert sorted(made) == sorted(answered)
    assert (await product.verify_ledger()).returncode == 0


async def test_database_that_neither_answers_nor_hangs_up_decides_nothing(product: Any) -> None:
    body = product.refund(100, charge := await product.charge())
    server = psutil.Process(product.pid("postgres"))
    silenced = [server, *server.children()]
    for process in silenced:
        process.suspend()
    try:
        answer = await asyncio.wait_for(product.caller.post("/api/v1/decisions", json=body), 25)
    finally:
        for process in silenced:
            process.resume()

    assert (answer.status_code, answer.json()["error"]) == (500, "decision_failed")
    decided = (await product.caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    assert (await product.settled(decided["decision_id"]))["state"] == "executed"
    assert len(await product.refunds(charge)) == 1


async def test_votes_and_kill_switch_work_while_temporal_is_away(product: Any, controller: Any) -> None:
    waiting = await product.ask(17_500, charge := await product.charge())
    temporal = psutil.Process(product.signal("temporal", signal.SIGSTOP))
    try:
        began = time.monotonic()
        await _approve(controller, waiting)
        assert time.monotonic() - began < VOTE_SECONDS
        switch = {"kind": "kill_switch", "scope": {}, "mode": "test", "reason": "a drill"}
        engaged = await controller.post("/api/v1/controls", json=switch)
        lifted = await controller.request(
            "DELETE", f"/api/v1/controls/{engaged.json()['id']}", json={"reason": "the drill is over"}
        )
        assert (engaged.status_code, lifted.is_success) == (201, True)
    finally:
        temporal.kill()

    assert (await product.settled(waiting["decision_id"]))["state"] == "executed"
    assert len(await product.refunds(charge)) == 1
    assert (await product.ask(100, charge))["outcome"] == "allowed"


async def test_what_failed_for_its_caller_is_not_done_until_it_is_asked_for_again(product: Any) -> None:
    body = product.refund(1_000, charge := await product.charge())
    worker = psutil.Process(product.signal("worker", signal.SIGSTOP))
    try:
        failed = await product.caller.post("/api/v1/decisions", json=body)
    finally:
        worker.resume()

    assert (failed.status_code, failed.json()["error"]) == (500, "decision_failed")
    decision_id = await product.decision_id_of(body)
    await _until_the_worker_has_seen(product, decision_id)
    assert await product.entries(decision_id) == []
    again = (await product.caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    assert (again["decision_id"], again["outcome"]) == (decision_id, "allowed")
    assert (await product.settled(decision_id))["state"] == "executed"
    assert len(await product.refunds(charge)) == 1


async def test_approval_whose_workflow_was_lost_is_executed_by_a_new_one(product: Any, controller: Any) -> None:
    waiting = await product.ask(17_500, charge := await product.charge())
    temporal = await Client.connect(product.stack.temporal_address, namespace=product.stack.temporal_namespace)
    await temporal.get_workflow_handle(waiting["decision_id"]).terminate("lost")

    await _approve(controller, waiting)

    assert (await product.settled(waiting["decision_id"]))["state"] == "executed"
    assert len(await product.refunds(charge)) == 1


async def _approve(controller: httpx.AsyncClient, waiting: dict[str, Any]) -> None:
    answer = await controller.post(f"/api/v1/approvals/{waiting['approval_id']}/approve", json={"reason": ""})
    assert answer.raise_for_status().json()["approval_state"] == "approved"


async def _ask_until_decided(product: Any, bodies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """As the error advises: again with the same key, until there is a decision. The ids, and how often there was none.

    Any other answer than an allowed decision or `decision_failed` fails the test.
    """
    decision_ids: list[str] = []
    refusals = 0
    for body in bodies:
        while (answer := await product.caller.post("/api/v1/decisions", json=body)).status_code != 200:
            assert (answer.status_code, answer.json()["error"]) == (500, "decision_failed")
            refusals += 1
            await asyncio.sleep(0.05)
        assert answer.json()["outcome"] == "allowed"
        decision_ids.append(answer.json()["decision_id"])
    return decision_ids, refusals


async def _all_refunds(product: Any, charge: str) -> list[dict[str, Any]]:
    found = await product.stripe.get("/v1/refunds", params={"charge": charge, "limit": 100})
    refunds: list[dict[str, Any]] = found.json()["data"]
    return refunds


async def _until_called(product: Any, charge: str) -> None:
    async with asyncio.timeout(10):
        while True:
            if await product.refund_calls(charge):
                return
            await asyncio.sleep(0.05)


async def _until_the_worker_has_seen(product: Any, decision_id: str) -> None:
    """The first workflow task is over: what the worker would do of itself, it has done."""
    temporal = await Client.connect(product.stack.temporal_address, namespace=product.stack.temporal_namespace)
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RPCError):
                async for event in temporal.get_workflow_handle(decision_id).fetch_history_events():
                    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                        return
            await asyncio.sleep(0.05)
