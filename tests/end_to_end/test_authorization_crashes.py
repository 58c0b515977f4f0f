"""Agents ask while processes are killed: every question ends in one decision, one token, one use and one count."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

PATH = "/api/v1/authorizations"
REQUESTS = 24


@pytest.fixture
async def backend(product: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An agent's backend."""
    headers = {"Authorization": f"Bearer {product.stack.api_keys['authorizations']}"}
    async with httpx.AsyncClient(base_url=product.stack.api_url, headers=headers, timeout=40) as client:
        yield client


def payment(agent_id: str) -> dict[str, Any]:
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 10_000,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": agent_id, "scopes": ["payments:write"]},
        "idempotency_key": uuid.uuid4().hex,
    }


async def _until_answered(backend: httpx.AsyncClient, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    """Ask again, as a caller does whose answer was lost, until what was asked is decided or refused."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await backend.post(path, json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code < 500:
                return answer
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("part", ["worker", "api"])
async def test_killed_while_agents_ask_each_is_decided_once_with_one_token(
    product: Any, backend: httpx.AsyncClient, part: str
) -> None:
    """Ten of $100 fit under the agent's window of $1,000; no answer that was lost may count twice, or be forgotten."""
    agent = f"agent_{uuid.uuid4().hex}"
    bodies = [payment(agent) for _ in range(REQUESTS)]
    asking = [asyncio.create_task(_until_answered(backend, PATH, body)) for body in bodies]
    await asyncio.sleep(0.1)

    await product.kill(part)

    told = [(await answer).raise_for_status().json() for answer in asking]
    assert Counter(one["outcome"] for one in told) == {"allow": 10, "deny": REQUESTS - 10}
    allowed = [one for one in told if one["outcome"] == "allow"]
    assert [one for one in allowed if "jti" not in one] == []
    assert len({one["jti"] for one in allowed}) == 10
    database = await asyncpg.connect(product.stack.database_url)
    try:
        counted = await database.fetchrow(
            "SELECT count(*) AS movements, sum(units) AS units FROM movements WHERE initiator_id = $1", agent
        )
        decided = await database.fetchrow(
            "SELECT count(*) AS decisions, count(DISTINCT d.id) FILTER (WHERE t.jti IS NOT NULL) AS with_token, "
            "count(t.jti) AS tokens FROM decisions d LEFT JOIN authorization_tokens t ON t.decision_id = d.id "
            "WHERE d.initiator_id = $1",
            agent,
        )
    finally:
        await database.close()
    assert tuple(counted) == (10, 100_000)
    assert tuple(decided) == (REQUESTS, 10, 10)


async def test_api_killed_while_a_token_is_used_leaves_it_used_once(product: Any, backend: httpx.AsyncClient) -> None:
    told = (await backend.post(PATH, json=payment(f"agent_{uuid.uuid4().hex}"))).raise_for_status().json()
    using = [asyncio.create_task(_until_answered(backend, f"{PATH}/{told['jti']}/consume")) for _ in range(16)]

    await product.kill("api")

    answers = [(await answer).status_code for answer in using]
    # The one answer that says 200 may have been lost with the process; the use is sealed once in any case.
    assert set(answers) <= {200, 409}
    assert answers.count(200) <= 1
    assert await product.entries(told["decision_id"]) == ["decision", "token_consumed"]
    settled = await _until_answered(backend, f"{PATH}/{told['jti']}/settlement", {"settlement": "settled"})
    assert settled.status_code == 200
    verified = await product.verify_ledger()
    assert verified.returncode == 0, verified.stdout + verified.stderr
