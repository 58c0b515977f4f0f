"""The tools as the official JavaScript SDK sees them, over streamable HTTP and over `axiru mcp`."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from axiru.dev.dev_json import DevJson

Body = Callable[..., dict[str, Any]]
CLIENT = Path(__file__).parents[1] / "mcp_client"
NODE = Path(sys.executable).parent / "node"
TOOLS = ["axiru.authorizations.create", "axiru.decisions.create", "axiru.decisions.get"]


async def ask(asked: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(NODE, "call.mjs"), cwd=CLIENT, env=os.environ | {"ASKED": json.dumps(asked)}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(said)
    return told


@pytest.fixture(params=["http", "stdio"])
def door(request: pytest.FixtureRequest, stack: DevJson) -> Any:
    """How a key gets in: over HTTP, or through `axiru mcp`."""

    def of(key: str) -> dict[str, Any]:
        if request.param == "http":
            return {"url": f"{stack.api_url}/mcp", "headers": {"Authorization": f"Bearer {key}"}}
        environment = {"AXIRU_API_URL": stack.api_url, "AXIRU_API_KEY": key}
        return {"command": sys.executable, "args": ["-P", "-m", "axiru.cli", "mcp"], "env": environment}

    return of


async def test_a_client_nobody_here_wrote_lists_asks_and_looks_up(
    stack: DevJson, door: Any, refund: Body, payment: Body
) -> None:
    small, large = refund(1_000), refund(20_000)
    calls = [
        {"name": "axiru.decisions.create", "arguments": small},
        {"name": "axiru.decisions.create", "arguments": small},
        {"name": "axiru.decisions.create", "arguments": large},
        {"name": "axiru.decisions.create", "arguments": refund(12_000, context={"customer_tenure_days": 1})},
        {"name": "axiru.authorizations.create", "arguments": payment(500)},
        {"name": "axiru.authorizations.create", "arguments": payment(50_001)},
        {"name": "axiru.decisions.create", "arguments": {"intent": {}}},
        {"name": "axiru.decisions.get", "arguments": {"decision_id": "ed_unknown"}},
    ]

    told = await ask({**door(stack.api_keys["admin"]), "calls": calls})

    assert told["server"]["name"] == "axiru", told
    assert sorted(tool["name"] for tool in told["tools"]) == TOOLS
    allowed, again, review, denied, paid, refused, wrong, unknown = told["results"]
    assert allowed["structuredContent"]["outcome"] == "allow"
    assert again["structuredContent"] == {**allowed["structuredContent"], "cached": True}
    assert review["structuredContent"]["outcome"] == "review"
    assert denied["structuredContent"]["outcome"] == "deny"
    assert json.loads(denied["content"][0]["text"]) == denied["structuredContent"]
    assert paid["structuredContent"]["authorization_token"].count(".") == 2
    assert refused["structuredContent"]["outcome"] == "deny"
    assert "authorization_token" not in refused["structuredContent"]
    assert wrong["isError"]
    fields = {error["field"] for error in json.loads(wrong["content"][0]["text"])["field_errors"]}
    assert fields >= {"intent.amount_cents", "intent.currency", "idempotency_key"}
    assert unknown["isError"]
    assert json.loads(unknown["content"][0]["text"])["error"] == "not_found"

    found = await ask(
        {
            **door(stack.api_keys["decisions"]),
            "calls": [
                {
                    "name": "axiru.decisions.get",
                    "arguments": {"decision_id": review["structuredContent"]["decision_id"]},
                }
            ],
        }
    )
    (looked_up,) = found["results"]
    assert looked_up["structuredContent"]["state"] == "pending_approval"
    assert looked_up["structuredContent"]["outcome"] == "review"


async def test_fifty_calls_at_once_decide_once_for_each_key(
    stack: DevJson, door: Any, http: httpx.AsyncClient, refund: Body
) -> None:
    bodies = [refund(1_000) for _ in range(10)]
    calls = [{"name": "axiru.decisions.create", "arguments": bodies[number % 10]} for number in range(50)]

    told = await ask({**door(stack.api_keys["decisions"]), "calls": calls, "at_once": True})

    answers = [result["structuredContent"] for result in told["results"]]
    assert {answer["outcome"] for answer in answers} == {"allow"}
    assert len({answer["decision_id"] for answer in answers}) == 10
    assert sum("cached" not in answer for answer in answers) == 10


async def test_an_unknown_key_gets_no_further_than_the_door(door: Any) -> None:
    told = await ask({**door("ak_test_nobody"), "calls": []})
    assert "invalid_api_key" in told["thrown"] or "unknown, revoked or expired" in told["thrown"]
