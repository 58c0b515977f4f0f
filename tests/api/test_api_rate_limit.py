"""How often a key may ask: counted over every endpoint, for each key alone, with a time to come back at."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]


@pytest.fixture
async def slow_key(admin_key: httpx.AsyncClient) -> str:
    """A key for three requests a minute."""
    wanted = {"name": "slow", "scopes": ["decisions:write"], "mode": "test", "rate_per_minute": 3}
    made = await admin_key.post("/api/v1/keys", json=wanted)
    return str(made.json()["key"])


async def test_the_request_over_the_limit_is_told_when_to_come_back(
    http: httpx.AsyncClient, slow_key: str, refund: Refund
) -> None:
    headers = {"Authorization": f"Bearer {slow_key}"}
    answers = [await http.post("/api/v1/decisions", json=refund(), headers=headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json()["error"] == "rate_limited"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60


async def test_every_authenticated_request_counts_whatever_became_of_it(http: httpx.AsyncClient, slow_key: str) -> None:
    headers = {"Authorization": f"Bearer {slow_key}"}
    statuses = [
        (await http.get("/api/v1/decisions", headers=headers)).status_code,
        (await http.post("/api/v1/decisions", content=b"{", headers=headers)).status_code,
        (await http.post("/api/v1/controls", json={}, headers=headers)).status_code,
        (await http.get("/api/v1/decisions", headers=headers)).status_code,
    ]
    assert statuses == [200, 415, 403, 429]
    short = await http.post("/api/decision", json={"org_api_key": slow_key, "amount_cents": 1})
    assert short.status_code == 429


async def test_requests_at_once_do_not_slip_through(http: httpx.AsyncClient, slow_key: str) -> None:
    headers = {"Authorization": f"Bearer {slow_key}"}
    answers = await asyncio.gather(*(http.get("/api/v1/decisions", headers=headers) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 17


async def test_one_key_does_not_use_up_anothers_requests(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, slow_key: str
) -> None:
    for _ in range(4):
        answer = await http.get("/api/v1/decisions", headers={"Authorization": f"Bearer {slow_key}"})
    assert answer.status_code == 429
    assert (await caller.get("/api/v1/decisions")).status_code == 200


async def test_strangers_use_up_nobodys_requests(http: httpx.AsyncClient, slow_key: str) -> None:
    for _ in range(10):
        await http.get("/api/v1/decisions", headers={"Authorization": f"Bearer {slow_key}x"})
    answer = await http.get("/api/v1/decisions", headers={"Authorization": f"Bearer {slow_key}"})
    assert answer.status_code == 200
