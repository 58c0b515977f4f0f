"""Sixty-four at once under one ceiling: every cent is spent once, and none beyond it."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from axiru.dev.dev_json import DevJson

AT_ONCE = 64
DAILY_CENTS = 100_000
"""What the demo policy lets an agent spend in 24 hours."""
CUSTOMER_CENTS = 90_000


@pytest.fixture
async def backend(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {stack.api_keys['admin']}"}
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=60, limits=limits) as client:
        yield client


def payment(agent: str, cents: int) -> dict[str, Any]:
    """A body of `POST /api/v1/authorizations`."""
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": agent, "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": "acct_1Abc", "country": "US"},
        "idempotency_key": uuid.uuid4().hex,
    }


async def ask(client: httpx.AsyncClient, path: str, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All at once; every one is answered. Who is told to come back later does, as any client has to."""

    async def one(body: dict[str, Any]) -> httpx.Response:
        while (answer := await client.post(f"/api/v1/{path}", json=body)).status_code == 429:  # noqa: ASYNC110
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        return answer

    answers = await asyncio.gather(*(one(body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers][:3]
    return [answer.json() for answer in answers]


async def used(client: httpx.AsyncClient, subject: str) -> dict[str, Any]:
    (found,) = (await client.get("/api/v1/budgets", params={"subject": subject})).raise_for_status().json()["items"]
    assert int(found["used_units"]) + int(found["remaining_units"]) == int(found["ceiling_units"])
    return dict(found)


async def check_by_the_ledger(stack: DevJson, told: Sequence[dict[str, Any]], ceiling: int) -> int:
    """In the order in which they were sealed, each was allowed exactly if it fitted. Returns what was spent."""
    database = await asyncpg.connect(stack.database_url)
    try:
        found = await database.fetch(
            "SELECT body FROM ledger_entries WHERE kind = 'decision' AND organization_id = $1 "
            "AND decision_id = ANY($2::text[]) ORDER BY seq",
            stack.organization_id,
            sorted({each["decision_id"] for each in told}),
        )
    finally:
        await database.close()
    held = 0
    for entry in found:
        data = msgspec.json.decode(entry["body"])["data"]
        cents = int(data["ovt"]["amount"]["units"])
        assert held in data["windows"].values()
        assert data["outcome"] == ("allow" if held + cents <= ceiling else "deny")
        held += cents if data["outcome"] == "allow" else 0
    assert len(found) == len({each["decision_id"] for each in told})
    return held


async def test_equal_amounts_fill_the_ceiling_and_no_more(stack: DevJson, backend: httpx.AsyncClient) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    told = await ask(backend, "authorizations", [payment(agent, 2_500) for _ in range(AT_ONCE)])
    assert sorted(each["outcome"] for each in told) == ["allow"] * 40 + ["deny"] * 24
    assert {each["reason"] for each in told if each["outcome"] == "deny"} == {"axiru.deny.rolling_window_exceeded"}
    assert await check_by_the_ledger(stack, told, DAILY_CENTS) == DAILY_CENTS
    found = await used(backend, agent)
    assert (found["used_cents"], found["remaining_cents"], found["used_percent"]) == (DAILY_CENTS, 0, 100)


async def test_the_same_requests_again_and_again_count_once(stack: DevJson, backend: httpx.AsyncClient) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    bodies = [payment(agent, 9_000 + number) for number in range(AT_ONCE // 4)]
    told = await ask(backend, "authorizations", bodies * 4)
    assert len({each["decision_id"] for each in told}) == len(bodies)
    spent = await check_by_the_ledger(stack, told, DAILY_CENTS)
    assert (await used(backend, agent))["used_cents"] == spent


@pytest.mark.parametrize("seed", [1, 2])
async def test_authorizations_and_refunds_at_once_each_keep_to_their_ceiling(
    stack: DevJson, backend: httpx.AsyncClient, product: Any, enforce: Any, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - amounts, not secrets
    agent, customer = f"agent_{uuid.uuid4().hex}", f"cus_{uuid.uuid4().hex}"
    context = {"customer_id": customer, "customer_tenure_days": 412, "reason_code": "duplicate_charge"}
    payments = [payment(agent, chance.randint(1, 9_999)) for _ in range(AT_ONCE // 2)]
    refunds = [
        product.refund(chance.randint(1, 9_999), f"ch_{number}", context=context, execute="caller")
        for number in range(AT_ONCE // 2)
    ]
    async with enforce("refund"), _customer_ceiling(product, customer):
        paid, refunded = await asyncio.gather(
            ask(backend, "authorizations", payments), ask(backend, "decisions", refunds)
        )
        assert {each["outcome"] for each in refunded} == {"allowed", "denied"}
        assert (await used(backend, customer))["used_cents"] == await check_by_the_ledger(
            stack, refunded, CUSTOMER_CENTS
        )
    assert {each["outcome"] for each in paid} == {"allow", "deny"}
    assert (await used(backend, agent))["used_cents"] == await check_by_the_ledger(stack, paid, DAILY_CENTS)


@contextlib.asynccontextmanager
async def _customer_ceiling(product: Any, customer: str) -> AsyncIterator[None]:
    """A budget for the refunds of one customer, in force meanwhile."""
    slug = f"ceiling-{uuid.uuid4().hex[:12]}"
    window = f"{{measure: sum, per: customer, within: 1h, currency: usd, gt: {CUSTOMER_CENTS}}}"
    when = f"{{all: [{{context: {{customer_id: {customer}}}}}, {{rolling_window: {window}}}]}}"
    rule = f"{{id: ceiling, when: {when}, effect: deny, when_missing: skip}}"
    text = f"policy: {slug}\nschema: 2\napplies_to: {{rail: stripe, rail_action: refund}}\nrules: [{rule}]\n"
    author, second = await product.log_in("finance"), await product.log_in("controller")
    try:
        draft = (await author.post("/api/v1/policies/drafts", json={"text": text, "format": "yaml"})).json()
        (await author.post(f"/api/v1/policies/drafts/{draft['id']}/publish")).raise_for_status()
        path = f"/api/v1/policies/{slug}/versions/1"
        (await second.post(f"{path}/activate", json={})).raise_for_status()
        yield
        (await second.post(f"{path}/retire")).raise_for_status()
    finally:
        await author.aclose()
        await second.aclose()
