"""Stripe's history over HTTP, with a real worker: pulled with progress, judged, told row by row, or refused."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PACK = {"pack": "refunds-starter"}
ASKED = {"source": "stripe", "stripe_connection_id": "stripe_conn_demo", "policy": PACK}


@pytest.fixture
async def at_stripe(stack: DevJson) -> Any:
    """The demo account's owner at Stripe."""
    headers = {"Authorization": "Bearer sk_test_owner"}
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, headers=headers) as client:
        yield client


async def finished(client: httpx.AsyncClient, started: httpx.Response) -> dict[str, Any]:
    """The replay once it is done or has failed."""
    assert started.status_code == 202, started.text
    async with asyncio.timeout(60):
        while True:
            answer = await client.get(f"/api/v1/replays/{started.json()['id']}")
            shown: dict[str, Any] = answer.raise_for_status().json()
            if shown["state"] in {"done", "failed"}:
                return shown
            await asyncio.sleep(0.1)


async def refunded(at_stripe: httpx.AsyncClient, amount_cents: int) -> str:
    form = {"amount": amount_cents, "currency": "usd", "source": "tok_visa", "customer": f"cus_{uuid.uuid4().hex[:8]}"}
    charge = (await at_stripe.post("/v1/charges", data=form)).raise_for_status().json()
    asked = {"charge": charge["id"], "reason": "requested_by_customer"}
    refund = await at_stripe.post("/v1/refunds", data=asked)
    return str(refund.raise_for_status().json()["id"])


async def test_the_last_days_at_stripe_are_replayed(admin_key: httpx.AsyncClient, at_stripe: httpx.AsyncClient) -> None:
    small, new_customers = await refunded(at_stripe, 1_000), await refunded(at_stripe, 12_000)
    # Stripe tells times in whole seconds, and the period ends with the request.
    await asyncio.sleep(1.1 - time.time() % 1)

    shown = await finished(admin_key, await admin_key.post("/api/v1/replays", json={**ASKED, "title": "Shop"}))

    assert (shown["state"], shown["error"], shown["title"], shown["source"]) == ("done", None, "Shop", "stripe")
    assert shown["stripe_connection_id"] == "stripe_conn_demo"
    pull = shown["pull"]
    assert (pull["stage"], pull["waited_seconds"]) == ("pulled", 0)
    assert pull["pulled"] == shown["rows_done"] == shown["rows_total"] >= 2
    assert datetime.fromisoformat(pull["covered_from"]) >= datetime.fromisoformat(shown["since"])
    period = datetime.fromisoformat(shown["until"]) - datetime.fromisoformat(shown["since"])
    assert period == timedelta(days=90)
    answer = await admin_key.get(f"/api/v1/replays/{shown['id']}/findings", params={"limit": 200})
    found = {each["id"]: each for each in answer.json()["items"]}
    assert small not in found
    assert (found[new_customers]["outcome"], found[new_customers]["rule"]) == ("blocked", "new_customer_high_value")
    assert found[new_customers]["line"] is None


async def test_what_was_pulled_is_deleted_with_the_replay(
    admin_key: httpx.AsyncClient, at_stripe: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    await refunded(at_stripe, 1_000)
    await asyncio.sleep(1.1 - time.time() % 1)
    shown = await finished(admin_key, await admin_key.post("/api/v1/replays", json={**ASKED, "days": 1}))
    kinds = await database.fetch("SELECT DISTINCT kind FROM replay_objects WHERE replay_id = $1", shown["id"])
    assert {each["kind"] for each in kinds} == {"refund", "charge", "customer"}

    assert (await admin_key.delete(f"/api/v1/replays/{shown['id']}")).status_code == 204

    assert await database.fetchval("SELECT count(*) FROM replay_objects WHERE replay_id = $1", shown["id"]) == 0
    assert await database.fetchval("SELECT count(*) FROM replay_pulls WHERE replay_id = $1", shown["id"]) == 0


async def test_no_card_is_kept_of_what_was_pulled(
    admin_key: httpx.AsyncClient, at_stripe: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    await refunded(at_stripe, 1_000)
    await asyncio.sleep(1.1 - time.time() % 1)
    shown = await finished(admin_key, await admin_key.post("/api/v1/replays", json={**ASKED, "days": 1}))
    bodies = await database.fetch("SELECT body::text AS body FROM replay_objects WHERE replay_id = $1", shown["id"])
    told = " ".join(each["body"] for each in bodies)
    assert "last4" not in told
    assert "fingerprint" not in told
    assert "billing_details" not in told


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"stripe_connection_id": None}, "stripe_connection_id", "wrong_type"),
        ({"stripe_connection_id": "stripe_conn_nobody"}, "stripe_connection_id", "unknown_connection"),
        ({"days": 0}, "days", "out_of_range"),
        ({"days": 91}, "days", "out_of_range"),
        ({"days": "90"}, "days", "wrong_type"),
        ({"policy": {"pack": "nobody-knows"}}, "policy.pack", "not_allowed"),
        ({"policy": {}}, "policy", "not_allowed"),
        ({"since": "2026-01-01T00:00:00Z"}, "since", "unknown_field"),
        ({"title": "x" * 201}, "title", "too_long"),
        ({"source": "paypal"}, "source", "not_allowed"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_by_field(
    admin_key: httpx.AsyncClient, change: dict[str, Any], field: str, code: str
) -> None:
    answer = await admin_key.post("/api/v1/replays", json={**ASKED, **change})
    assert answer.status_code == 400
    assert {"field": field, "code": code} in [
        {name: error[name] for name in ("field", "code")} for error in answer.json()["field_errors"]
    ], answer.text


@pytest.mark.parametrize("missing", ["stripe_connection_id", "policy"])
async def test_what_is_missing_is_named(admin_key: httpx.AsyncClient, missing: str) -> None:
    body = {name: value for name, value in ASKED.items() if name != missing}
    answer = await admin_key.post("/api/v1/replays", json=body)
    assert [(error["field"], error["code"]) for error in answer.json()["field_errors"]] == [(missing, "missing")]


async def test_a_connection_of_test_mode_has_no_history_in_live_mode(log_in: LogIn) -> None:
    admin = await log_in("admin")
    answer = await admin.post("/api/v1/replays", params={"mode": "live"}, json=ASKED)
    assert answer.status_code == 400
    assert answer.json()["field_errors"][0]["field"] == "stripe_connection_id"


async def test_a_revoked_connection_is_a_conflict_and_says_so(
    admin_key: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    connection_id = f"stripe_conn_{uuid.uuid4().hex}"
    await database.execute(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) VALUES ($1, 'org_demo', 'test', $2, "
        "'x', '{}', 'usd', false, 'revoked', '{}', now())",
        connection_id,
        f"acct_{connection_id}",
    )
    answer = await admin_key.post("/api/v1/replays", json={**ASKED, "stripe_connection_id": connection_id})
    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "revoked")


@pytest.mark.parametrize("role", ["viewer", "support", "agent_owner"])
async def test_those_who_write_no_policies_pull_nothing(log_in: LogIn, role: str) -> None:
    client = await log_in(role)
    assert (await client.post("/api/v1/replays", json=ASKED)).status_code == 403
