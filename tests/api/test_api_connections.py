"""Connections over HTTP: who sees them, who changes them, what is granted where, and how they end."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson
from axiru.dev.sandbox.books import API_VERSION
from axiru.dev.sandbox.installations import CLIENT_ID_TEST
from axiru.dev.sandbox.webhooks import signature

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
ACTIONS = ["refund", "payout", "transfer", "app_fee_refund", "dispute"]


class Shop:
    """An account of the test's own, connected as an admin connects it."""

    def __init__(self, admin: httpx.AsyncClient, stack: DevJson) -> None:
        self.admin = admin
        self.stack = stack
        self.account = f"acct_{uuid.uuid4().hex[:12]}"
        self.id = ""

    async def connect(self) -> str:
        url = (await self.admin.post("/api/v1/connections/install", json={"mode": "test"})).json()["url"]
        async with httpx.AsyncClient(timeout=30) as browser:
            page = httpx.URL((await browser.get(url)).headers["location"])
            form = {**dict(page.params), "account": self.account, "decision": "approve"}
            agreed = await browser.post(str(page.copy_with(query=None)), data=form)
            back = await browser.get(agreed.headers["location"])
        self.id = httpx.URL(back.headers["location"]).params["connected"]
        return self.id

    @property
    def path(self) -> str:
        return f"/api/v1/connections/{self.id}"

    async def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.admin.get(self.path)).raise_for_status().json()
        return found

    async def granted(self) -> list[str]:
        return [action["action"] for action in (await self.shown())["actions"] if action["granted"]]

    async def grant(self, action: str, client: httpx.AsyncClient | None = None, **body: Any) -> httpx.Response:
        given = {"action": action, "reason": "the pilot went well", **body}
        return await (client or self.admin).post(f"{self.path}/grants", json=given)

    async def uninstall(self) -> None:
        async with httpx.AsyncClient(base_url=self.stack.stripe_api_base) as stripe:
            answer = await stripe.post("/_sandbox/oauth/uninstall", json={"account": self.account})
            assert answer.json() == {"uninstalled": True}

    async def exchanges_of_tokens(self) -> int:
        async with httpx.AsyncClient(base_url=self.stack.stripe_api_base) as stripe:
            found = (await stripe.get("/_sandbox/requests", params={"path": "/v1/oauth/token"})).json()["data"]
            return len(found)

    async def charge(self) -> str:
        async with httpx.AsyncClient(base_url=self.stack.stripe_api_base) as stripe:
            headers = {"Authorization": "Bearer sk_test_owner", "Stripe-Account": self.account}
            form = {"amount": "40000", "currency": "usd", "source": "tok_visa"}
            answer = await stripe.post("/v1/charges", data=form, headers=headers)
            return str(answer.raise_for_status().json()["id"])


@pytest.fixture
async def shop(log_in: LogIn, stack: DevJson, database: asyncpg.Connection) -> AsyncIterator[Shop]:
    made = Shop(await log_in("admin"), stack)
    await made.connect()
    yield made
    await database.execute("DELETE FROM surfaces WHERE stripe_connection_id = $1", made.id)
    await made.admin.patch("/api/v1/connections/stripe_conn_demo", json={"is_default": True})
    await made.admin.post(f"{made.path}/disconnect", json={"reason": "the test is over"})


async def enforce(shop: Shop, action: str, surface_mode: str = "enforce") -> None:
    body = {
        "surface": f"stripe.{action}",
        "stripe_connection_id": shop.id,
        "mode": "test",
        "surface_mode": surface_mode,
        "reason": "a test",
        "override_reason": "a test",
    }
    (await shop.admin.put("/api/v1/surfaces", json=body)).raise_for_status()


async def foreign(
    database: asyncpg.Connection, connection_id: str, organization_id: str, mode: str = "test", status: str = "active"
) -> None:
    """A connection that nobody made through the API."""
    await database.execute(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) "
        "VALUES ($1, $2, $3, $1, '', '{}', 'usd', false, $4, '{}', now())",
        connection_id,
        organization_id,
        mode,
        status,
    )


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


async def test_connections_of_a_mode_are_listed(caller: httpx.AsyncClient, log_in: LogIn, shop: Shop) -> None:
    for client in (caller, await log_in("viewer")):
        items = (await client.get("/api/v1/connections")).raise_for_status().json()["items"]
        by_id = {one["id"]: one for one in items}
        assert {"stripe_conn_demo", "stripe_conn_abc123", shop.id} <= by_id.keys()
        assert {one["mode"] for one in items} == {"test"}
        demo = by_id["stripe_conn_demo"]
        assert (demo["is_default"], demo["status"], demo["stripe_account_id"]) == (True, "active", "acct_demo")
        assert [action["action"] for action in demo["actions"]] == ACTIONS
        assert all(action["granted"] for action in demo["actions"])
        assert not any(action["granted"] for action in by_id["stripe_conn_abc123"]["actions"])
        assert "ciphertext" not in json.dumps(items)


async def test_key_sees_its_own_mode_only(caller: httpx.AsyncClient, shop: Shop, database: asyncpg.Connection) -> None:
    # What the other mode has is not there, by list or by name.
    assert {one["mode"] for one in (await caller.get("/api/v1/connections")).json()["items"]} == {"test"}
    live = f"stripe_conn_{uuid.uuid4().hex}"
    await foreign(database, live, "org_demo", mode="live", status="revoked")
    assert (await caller.get(f"/api/v1/connections/{live}")).status_code == 404
    assert (await shop.admin.get(f"/api/v1/connections/{live}")).status_code == 200


async def test_connection_of_others_is_not_there(shop: Shop, database: asyncpg.Connection) -> None:
    other = f"org_{uuid.uuid4().hex[:12]}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Somebody else', now())", other)
    await foreign(database, other, other)
    because = {"reason": "because"}
    for connection_id in (other, "stripe_conn_of_nobody"):
        path = f"/api/v1/connections/{connection_id}"
        answers = [
            await shop.admin.get(path),
            await shop.admin.patch(path, json={"name": "Mine"}),
            await shop.admin.post(f"{path}/grants", json={"action": "refund", **because}),
            await shop.admin.delete(f"{path}/grants/refund"),
            await shop.admin.post(f"{path}/disconnect", json=because),
        ]
        assert [(one.status_code, one.json()["error"]) for one in answers] == [(404, "not_found")] * 5
    assert await database.fetchval("SELECT status FROM stripe_connections WHERE id = $1", other) == "active"


async def test_only_admins_change_connections(shop: Shop, log_in: LogIn) -> None:
    for role in ("viewer", "support", "agent_owner", "finance_manager", "controller"):
        person = await log_in(role)
        attempts = [
            await person.patch(shop.path, json={"name": "Mine"}),
            await shop.grant("refund", person),
            await person.delete(f"{shop.path}/grants/refund"),
            await person.post(f"{shop.path}/disconnect", json={"reason": "because"}),
            await person.post("/api/v1/connections/install", json={"mode": "test"}),
        ]
        assert [(one.status_code, one.json()["error"]) for one in attempts] == [(403, "insufficient_scope")] * 5
        assert (await person.get(shop.path)).status_code == 200
    assert (await shop.shown())["status"] == "active"


async def test_key_needs_the_scope_admin(
    shop: Shop, caller: httpx.AsyncClient, admin_key: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    assert (await shop.grant("refund", caller)).status_code == 403
    assert (await shop.grant("refund", http)).status_code == 401
    assert (await shop.grant("refund", admin_key)).status_code == 200
    assert await shop.granted() == ["refund"]


async def test_action_is_granted_where_it_is_enforced_and_sealed(shop: Shop, database: asyncpg.Connection) -> None:
    refused = await shop.grant("transfer")
    assert (refused.status_code, refused.json()["error"], refused.json()["surface"]) == (
        409,
        "conflict",
        "stripe.transfer",
    )
    assert await shop.granted() == []

    await enforce(shop, "transfer")
    granted = await shop.grant("transfer", reason="  the pilot went well ")
    assert granted.status_code == 200
    assert await shop.granted() == ["transfer"]
    assert granted.json()["actions"] == (await shop.shown())["actions"]
    sealed = json.loads(
        await database.fetchval(
            "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' FROM ledger_entries WHERE kind = 'connection' "
            "AND organization_id = 'org_demo' AND mode = 'test' ORDER BY seq DESC LIMIT 1"
        )
    )
    assert (sealed["connection_id"], sealed["change"], sealed["action"]) == (shop.id, "granted", "transfer")
    assert sealed["reason"] == "the pilot went well"


async def test_connections_own_surface_in_shadow_goes_before_that_of_all(shop: Shop) -> None:
    await enforce(shop, "refund", "shadow")
    assert (await shop.grant("refund")).status_code == 409
    (shown,) = [one for one in (await shop.shown())["actions"] if one["action"] == "refund"]
    assert (shown["surface_mode"], shown["granted"]) == ("shadow", False)


async def test_grant_is_taken_back_at_once_and_as_often_as_one_likes(shop: Shop) -> None:
    (await shop.grant("refund")).raise_for_status()
    for _ in range(2):
        answer = await shop.admin.delete(f"{shop.path}/grants/refund")
        assert answer.status_code == 200
        assert await shop.granted() == []
    assert (await shop.admin.delete(f"{shop.path}/grants/everything")).status_code == 404


async def test_what_is_not_granted_is_not_executed(
    shop: Shop, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    charge = await shop.charge()

    def asked() -> dict[str, Any]:
        return refund(execute="axiru", intent={"stripe_connection_id": shop.id, "charge": charge})

    refused = await caller.post("/api/v1/decisions", json=asked())
    assert refused.status_code == 400
    assert refused.json()["field_errors"][0]["code"] == "write_scope_missing"

    (await shop.grant("refund")).raise_for_status()
    done = await caller.post("/api/v1/decisions?wait=20", json=asked())
    assert done.json()["state"] == "executed", done.text

    await shop.admin.delete(f"{shop.path}/grants/refund")
    refused = await caller.post("/api/v1/decisions", json=asked())
    assert refused.json()["field_errors"][0]["code"] == "write_scope_missing"


async def test_grant_takes_an_action_and_a_reason(shop: Shop) -> None:
    for body, field in (
        ({"action": "everything"}, "action"),
        ({"action": None}, "action"),
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "x" * 2_001}, "reason"),
        ({"more": 1}, "more"),
    ):
        given = {"action": "refund", "reason": "because", **body}
        answer = await shop.admin.post(f"{shop.path}/grants", json=given)
        assert (answer.status_code, answer.json()["field_errors"][0]["field"]) == (400, field)
    assert await shop.granted() == []


async def test_connection_is_renamed(shop: Shop) -> None:
    answer = await shop.admin.patch(shop.path, json={"name": "  Our shop in Köln "})
    assert answer.status_code == 200
    assert (await shop.shown())["name"] == "Our shop in Köln"


async def test_nothing_else_of_a_connection_is_changed(shop: Shop) -> None:
    before = await shop.shown()
    for body in (
        {},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": 7},
        {"is_default": False},
        {"is_default": "true"},
        {"status": "active"},
        {"write_actions": ["refund"]},
    ):
        answer = await shop.admin.patch(shop.path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert await shop.shown() | {"events": before["events"]} == before


async def test_default_goes_to_another_connection(shop: Shop) -> None:
    assert (await shop.admin.patch(shop.path, json={"is_default": True})).json()["is_default"] is True
    items = (await shop.admin.get("/api/v1/connections", params={"mode": "test"})).json()["items"]
    assert [one["id"] for one in items if one["is_default"]] == [shop.id]


async def test_disconnecting_ends_it_here_and_at_stripe(
    shop: Shop, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]], database: asyncpg.Connection
) -> None:
    (await shop.grant("refund")).raise_for_status()
    answer = await shop.admin.post(f"{shop.path}/disconnect", json={"reason": "the shop was sold"})

    assert answer.status_code == 200
    assert answer.json()["deauthorized"] is True
    shown = answer.json()["connection"]
    assert (shown["status"], shown["status_reason"]) == ("disconnected", "the shop was sold")
    assert shown["token_expires_at"] is None
    assert await shop.granted() == []
    stored = await database.fetchrow("SELECT * FROM stripe_connections WHERE id = $1", shop.id)
    assert stored is not None
    assert stored["refresh_ciphertext"] is None
    body = refund(execute="axiru", intent={"stripe_connection_id": shop.id, "charge": "ch_1"})
    refused = await caller.post("/api/v1/decisions", json=body)
    assert refused.json()["field_errors"][0]["code"] == "unknown_connection"
    assert (await shop.grant("refund")).status_code == 409
    again = await shop.admin.post(f"{shop.path}/disconnect", json={"reason": "again"})
    assert (again.status_code, again.json()["deauthorized"]) == (200, False)
    assert again.json()["connection"]["status_reason"] == "the shop was sold"


async def test_disconnecting_needs_a_reason(shop: Shop) -> None:
    for reason in ("", "  ", None):
        answer = await shop.admin.post(f"{shop.path}/disconnect", json={"reason": reason})
        assert (answer.status_code, answer.json()["field_errors"][0]["field"]) == (400, "reason")
    assert (await shop.shown())["status"] == "active"


async def test_uninstalling_at_stripe_revokes_says_so_and_connecting_again_brings_it_back(
    shop: Shop, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    (await shop.grant("refund")).raise_for_status()
    await shop.uninstall()

    async def revoked() -> bool:
        return bool((await shop.shown())["status"] == "revoked")

    await until(revoked)
    shown = await shop.shown()
    assert shown["status_reason"]
    assert shown["status_changed_at"] is not None
    before = await shop.exchanges_of_tokens()
    body = refund(execute="axiru", intent={"stripe_connection_id": shop.id, "charge": "ch_1"})
    refused = await caller.post("/api/v1/decisions", json=body)
    assert refused.json()["field_errors"][0]["code"] == "unknown_connection"
    assert await shop.exchanges_of_tokens() == before

    connection_id = shop.id
    assert await shop.connect() == connection_id
    assert ((await shop.shown())["status"], (await shop.shown())["status_reason"]) == ("active", None)
    assert await shop.granted() == ["refund"]
    body = refund(execute="axiru", intent={"stripe_connection_id": shop.id, "charge": await shop.charge()})
    done = await caller.post("/api/v1/decisions?wait=20", json=body)
    assert done.json()["state"] == "executed", done.text


async def test_late_word_of_an_end_does_not_end_what_was_connected_again(
    shop: Shop, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    """Events come in any order: one from before the account was connected says nothing of the access it has now."""
    event = {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "account": shop.account,
        "api_version": API_VERSION,
        "created": int(time.time()) - 60,
        "livemode": False,
        "type": "account.application.deauthorized",
        "data": {"object": {"id": CLIENT_ID_TEST, "object": "application", "name": "Axiru"}},
    }
    body = json.dumps(event).encode()
    signed = signature(body, shop.stack.stripe_webhook_secret, timestamp=int(time.time()))
    headers = {"Content-Type": "application/json", "Stripe-Signature": signed}
    assert (await http.post("/webhooks/stripe", content=body, headers=headers)).status_code == 200

    async def processed() -> bool:
        state = await database.fetchval("SELECT state FROM stripe_events WHERE id = $1", event["id"])
        return bool(state == "processed")

    await until(processed)
    assert (await shop.shown())["status"] == "active"
    detail = await database.fetchval("SELECT detail FROM stripe_events WHERE id = $1", event["id"])
    assert detail == "was connected again since"


async def test_token_at_its_end_is_exchanged_by_whoever_needs_it(
    shop: Shop,
    caller: httpx.AsyncClient,
    refund: Callable[..., dict[str, Any]],
    database: asyncpg.Connection,
) -> None:
    """The API looks the charge up and the worker executes, in two processes; the tokens are exchanged once."""
    (await shop.grant("refund")).raise_for_status()
    charge = await shop.charge()
    await database.execute(
        "UPDATE stripe_connections SET token_expires_at = now() + interval '5 seconds' WHERE id = $1", shop.id
    )
    before = await shop.exchanges_of_tokens()

    body = refund(execute="axiru", intent={"stripe_connection_id": shop.id, "charge": charge})
    done = await caller.post("/api/v1/decisions?wait=20", json=body)

    assert done.json()["state"] == "executed", done.text
    assert await shop.exchanges_of_tokens() == before + 1


async def test_changes_of_connections_are_told_as_events(shop: Shop) -> None:
    heard: list[dict[str, Any]] = []
    async with shop.admin.stream("GET", "/api/v1/events", params={"mode": "test"}, timeout=30) as stream:
        lines = stream.aiter_lines()
        async for line in lines:
            if line.startswith(":"):
                break
        (await shop.grant("refund")).raise_for_status()
        await shop.admin.delete(f"{shop.path}/grants/refund")
        event = ""
        async with asyncio.timeout(20):
            async for line in lines:
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                if line.startswith("data:") and event == "connection":
                    told = json.loads(line.removeprefix("data:"))
                    if told["connection_id"] == shop.id:
                        heard.append(told)
                if len(heard) == 2:
                    break
    assert heard == [
        {"connection_id": shop.id, "status": "active", "change": "granted"},
        {"connection_id": shop.id, "status": "active", "change": "grant_revoked"},
    ]
