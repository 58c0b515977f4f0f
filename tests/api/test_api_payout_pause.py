"""Freezing an account over HTTP also stops its payouts at Stripe, after it is in force, and says how that went."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
ACCOUNT = "acct_demo_merchant_2"
WEEKLY = {"interval": "weekly", "weekly_payout_days": ["friday"]}


@pytest.fixture
async def merchant(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """The second merchant at Stripe."""
    headers = {"Authorization": "Bearer sk_test_owner", "Stripe-Account": ACCOUNT}
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, headers=headers) as client:
        yield client


async def schedule(merchant: httpx.AsyncClient) -> dict[str, Any]:
    settings = (await merchant.get("/v1/balance_settings")).raise_for_status().json()
    told: dict[str, Any] = settings["payments"]["payouts"]["schedule"]
    return told


async def freeze(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    body = {"kind": "freeze", "mode": "test", "reason": "a drill", "scope": {"stripe_account_id": ACCOUNT}, **more}
    return await client.post("/api/v1/controls", json=body)


async def lifted(client: httpx.AsyncClient, control_id: str) -> dict[str, Any]:
    answer = await client.request("DELETE", f"/api/v1/controls/{control_id}", json={"reason": "over"})
    shown: dict[str, Any] = answer.raise_for_status().json()
    return shown


async def paused(client: httpx.AsyncClient, control_id: str, state: str) -> dict[str, Any]:
    """What is told of the pause once it is in `state`."""
    async with asyncio.timeout(20):
        while True:
            items = (await client.get("/api/v1/controls")).raise_for_status().json()["items"]
            told: dict[str, Any] = next(each for each in items if each["id"] == control_id)["payout_pause"]
            if told["state"] == state:
                return told
            await asyncio.sleep(0.1)


async def test_a_frozen_account_is_not_paid_out_until_it_is_thawed(log_in: LogIn, merchant: httpx.AsyncClient) -> None:
    controller = await log_in("controller")
    assert await schedule(merchant) == WEEKLY

    control = (await freeze(controller)).raise_for_status().json()
    assert (control["in_force"], control["payout_pause"]["state"]) == (True, "pausing")
    told = await paused(controller, control["id"], "paused")
    assert (told["schedule_before"], told["stripe_connection_id"]) == (WEEKLY, "stripe_conn_demo")
    assert await schedule(merchant) == {"interval": "manual"}

    thawed = await lifted(controller, control["id"])
    assert thawed["payout_pause"]["state"] in {"restoring", "restored"}
    await paused(controller, control["id"], "restored")
    assert await schedule(merchant) == WEEKLY


async def test_a_freeze_may_leave_payouts_alone(log_in: LogIn, merchant: httpx.AsyncClient) -> None:
    controller = await log_in("controller")
    control = (await freeze(controller, pause_payouts=False)).raise_for_status().json()
    assert control["payout_pause"] is None
    await lifted(controller, control["id"])
    assert await schedule(merchant) == WEEKLY


async def test_a_pause_that_cannot_be_leaves_the_freeze_in_force_and_says_why(log_in: LogIn) -> None:
    controller = await log_in("controller")
    control = (await freeze(controller, mode="live", pause_payouts=True)).raise_for_status().json()
    try:
        assert control["in_force"]
        assert control["payout_pause"]["state"] == "failed"
        assert "No active Stripe connection" in control["payout_pause"]["detail"]
    finally:
        await lifted(controller, control["id"])


@pytest.mark.parametrize(
    "control",
    [
        {"kind": "kill_switch", "scope": {}},
        {"kind": "freeze", "scope": {"customer_id": "cus_1"}},
        {"kind": "mark_for_review", "scope": {"stripe_account_id": ACCOUNT}},
    ],
)
async def test_no_other_control_pauses_payouts(log_in: LogIn, control: dict[str, Any]) -> None:
    controller = await log_in("controller")
    answer = await freeze(controller, **control, pause_payouts=True)
    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["field_errors"]] == [
        ("pause_payouts", "not_allowed")
    ]


@pytest.mark.parametrize("wrong", ["yes", 1, []])
async def test_a_pause_is_asked_for_by_true_or_false(log_in: LogIn, wrong: Any) -> None:
    answer = await freeze(await log_in("controller"), pause_payouts=wrong)
    assert answer.status_code == 400
    assert answer.json()["field_errors"][0]["field"] == "pause_payouts"


async def test_the_stream_tells_of_a_pause_as_of_a_control(log_in: LogIn) -> None:
    controller = await log_in("controller")
    async with controller.stream("GET", "/api/v1/events", timeout=30) as stream:
        lines = stream.aiter_lines()
        assert "connected" in await anext(lines)
        control = (await freeze(controller)).raise_for_status().json()
        events = []
        async with asyncio.timeout(20):
            async for line in lines:
                events.append(line)
                if '"paused"' in line and control["id"] in line:
                    break
        assert "event: control" in events[-2]
    await lifted(controller, control["id"])
    await paused(controller, control["id"], "restored")
