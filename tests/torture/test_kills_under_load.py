"""Parts of a running stack are killed one by one while refunds are asked for: none is lost, none is paid twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from axiru.dev.dev_json import DevJson

PARTS = ("postgres", "valkey", "temporal", "stripe", "api", "worker")
CHARGES = [f"ch_demo_{number:03}" for number in range(1, 21)]
CALLERS = 4
RECOVERY_SECONDS = 90.0
# An answer that got lost is asked for again with the same key, as a careful caller does.
RETRY_SECONDS = 0.5


async def test_kills_lose_no_decision_and_pay_no_refund_twice(
    start_stack: Callable[..., Any], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed, kills = pytestconfig.getoption("--torture-seed"), pytestconfig.getoption("--torture-kills")
    print(f"--torture-seed {seed} --torture-kills {kills}")
    chance = random.Random(seed)  # noqa: S311 - chance to be repeated, not a secret
    process = start_stack(tmp_path / "home")
    stack: DevJson = process.ready()
    over = asyncio.Event()
    decided: dict[str, str] = {}

    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30, headers=_key(stack)) as http:
        callers = [asyncio.create_task(_ask(http, f"caller-{number}", decided, over)) for number in range(CALLERS)]
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            await _kill(process, chance.choice(PARTS), http)
        over.set()
        await asyncio.gather(*callers)
        states = {decision_id: await _final_state(http, decision_id) for decision_id in decided.values()}

    assert len(set(decided.values())) == len(decided) > 0
    assert Counter(states.values()) == {"executed": len(decided)}
    refunds = [
        refund["metadata"]["axiru_decision_id"] for charge in CHARGES for refund in await _refunds(stack, charge)
    ]
    assert Counter(refunds) == Counter(decided.values())
    assert _verify(stack) == 0
    assert process.stop() == 0


async def _ask(http: httpx.AsyncClient, caller: str, decided: dict[str, str], over: asyncio.Event) -> None:
    """Ask for one refund of a dollar after the other, each until it is answered."""
    number = 0
    while not over.is_set():
        number += 1
        key = f"{caller}-{number}"
        body = {
            "idempotency_key": key,
            "execute": "axiru",
            "intent": {
                "kind": "refund",
                "amount_cents": 100,
                "currency": "usd",
                "charge": CHARGES[number % len(CHARGES)],
                "stripe_connection_id": "stripe_conn_demo",
            },
            "context": {"customer_id": f"cus_{key}", "customer_tenure_days": 400, "reason_code": "duplicate"},
        }
        while key not in decided:
            try:
                answer = await http.post("/api/v1/decisions", json=body)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                decided[key] = answer.json()["decision_id"]
            else:
                await asyncio.sleep(RETRY_SECONDS)
        await asyncio.sleep(0.1)


async def _kill(process: Any, part: str, http: httpx.AsyncClient) -> None:
    """Kill one part, and wait until the stack has started it again and is ready."""
    before = getattr(process.dev_json().pids, part)
    os.kill(before[0] if isinstance(before, list) else before, signal.SIGKILL)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while getattr(process.dev_json().pids, part) == before or not await _ready(http):
        assert time.monotonic() < deadline, f"{part} did not come back:\n{process.said()}"
        await asyncio.sleep(0.1)


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


async def _final_state(http: httpx.AsyncClient, decision_id: str) -> str:
    answer = await http.get(f"/api/v1/decisions/{decision_id}", params={"wait": 25})
    return str(answer.json()["state"])


async def _refunds(stack: DevJson, charge: str) -> list[dict[str, Any]]:
    """Every refund of the charge in the sandbox, page by page."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, auth=("sk_test_torture", "")) as stripe:
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = (await stripe.get("/v1/refunds", params={"charge": charge, "limit": 100, **after})).json()
            found += page["data"]
            if not page["has_more"]:
                return found


def _verify(stack: DevJson) -> int:
    command = [sys.executable, "-P", "-m", "axiru.cli", "ledger", "verify"]
    return subprocess.run(command, env=os.environ | {"AXIRU_DATABASE_URL": stack.database_url}, check=False).returncode  # noqa: S603


def _key(stack: DevJson) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
