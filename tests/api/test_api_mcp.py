"""`/mcp`: who asks is known before anything is read, and every tool is the HTTP API's own intake."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from api.routes.mcp import origin_of
from axiru.dev.dev_json import DevJson

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
SENT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def message(name: str, arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


async def call(http: httpx.AsyncClient, name: str, arguments: Any, **headers: str) -> Any:
    """A tool's result: what is structured, or the error that its text holds."""
    answer = await http.post("/mcp", json=message(name, arguments), headers={**SENT, **headers})
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    return json.loads(result["content"][0]["text"]) if result.get("isError") else result["structuredContent"]


def without_nulls(schema: Any) -> Any:
    """A schema as the OpenAPI document writes it, which says nothing of a default that is null."""
    match schema:
        case dict():
            return {name: without_nulls(part) for name, part in schema.items() if part is not None}
        case list():
            return [without_nulls(part) for part in schema]
        case _:
            return schema


@pytest.fixture
def python_client(stack: DevJson) -> Callable[..., Client]:
    def of(key: str, mode: Any) -> Client:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {stack.api_keys[key]}"}, timeout=30)
        return Client(streamable_http_client(f"{stack.api_url}/mcp", http_client=http), mode=mode)

    return of


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_either_era_lists_and_calls(
    python_client: Callable[..., Client], refund: Refund, mode: str
) -> None:
    async with python_client("decisions", mode) as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        asked = await client.call_tool("axiru.decisions.create", refund())
        assert asked.structured_content is not None
        found = await client.call_tool(
            "axiru.decisions.get", {"decision_id": asked.structured_content["decision_id"], "wait_seconds": 5}
        )

    assert asked.structured_content["outcome"] == "allow"
    assert found.structured_content is not None
    assert found.structured_content["state"] == "allowed"
    hints = {name: tool.annotations for name, tool in listed.items()}
    for name in ("axiru.decisions.create", "axiru.authorizations.create"):
        assert (hints[name].read_only_hint, hints[name].idempotent_hint) == (False, True)
        assert (hints[name].destructive_hint, hints[name].open_world_hint) == (True, True)
    looks_up = hints["axiru.decisions.get"]
    assert (looks_up.read_only_hint, looks_up.destructive_hint, looks_up.open_world_hint) == (True, False, False)


async def test_tools_take_what_the_http_api_takes(http: httpx.AsyncClient, caller: httpx.AsyncClient) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    listed = (await caller.post("/mcp", json=listing, headers=SENT)).json()["result"]["tools"]
    takes = {tool["name"]: tool["inputSchema"] for tool in listed}
    paths = (await http.get("/schema")).json()["paths"]

    def told(path: str) -> Any:
        return paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert without_nulls(takes["axiru.decisions.create"]) == told("/api/v1/decisions")
    authorizations = told("/api/v1/authorizations")
    shapes = authorizations.get("anyOf", [authorizations])
    merged = takes["axiru.authorizations.create"]
    assert merged["properties"].keys() == set().union(*(shape["properties"] for shape in shapes))
    assert set(merged["required"]) == set.intersection(*(set(shape["required"]) for shape in shapes))
    assert all(schema["type"] == "object" for schema in takes.values())


async def test_a_decision_by_mcp_and_by_http_is_one_decision(caller: httpx.AsyncClient, refund: Refund) -> None:
    body = refund(20_000)
    asked = await call(caller, "axiru.decisions.create", body, **{"Axiru-Outcome-Style": "reference"})
    again = (await caller.post("/api/v1/decisions", json=body)).json()

    assert (asked["outcome"], again["outcome"]) == ("review", "pending_approval")
    assert (again["decision_id"], again["cached"]) == (asked["decision_id"], True)
    assert asked.keys() == again.keys() - {"cached"}
    assert asked["mode"] == "test"
    other = await call(caller, "axiru.decisions.create", {**body, "intent": {**body["intent"], "amount_cents": 1}})
    assert other["error"] == "idempotency_mismatch"


async def test_an_authorization_comes_with_its_token_and_replays_with_the_same(stack: DevJson) -> None:
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30) as agent:
        body = _payment(500)
        asked = await call(agent, "axiru.authorizations.create", body)
        again = await call(agent, "axiru.authorizations.create", body)
        refused = await call(agent, "axiru.authorizations.create", _payment(50_001))

        assert (asked["outcome"], again["cached"], again["jti"]) == ("allow", True, asked["jti"])
        assert (refused["outcome"], refused["reason"]) == ("deny", "axiru.deny.agent_payment_cap_exceeded")
        assert "authorization_token" not in refused
        used = await agent.post(f"/api/v1/authorizations/{asked['jti']}/consume")
        assert used.status_code == 200


@pytest.mark.parametrize("body", [b"{}", b"not json", b'{"a":1,"a":2}', b"[" * 100_000, b"\xff", b"x" * 300_000])
@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (None, "missing_authorization"),
        ("Basic YTpi", "invalid_authorization_scheme"),
        ("Bearer ak_test_unknown", "invalid_api_key"),
    ],
)
async def test_without_a_key_no_body_is_judged(
    http: httpx.AsyncClient, body: bytes, authorization: str | None, error: str
) -> None:
    headers = SENT | ({"Authorization": authorization} if authorization else {})
    answer = await http.post("/mcp", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_key_is_refused_at_its_next_message(
    http: httpx.AsyncClient, admin_key: httpx.AsyncClient, refund: Refund
) -> None:
    wanted = {"name": "brief", "scopes": ["decisions:write"], "mode": "test"}
    made = (await admin_key.post("/api/v1/keys", json=wanted)).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert (await call(http, "axiru.decisions.create", refund(), **headers))["outcome"] == "allow"

    await admin_key.delete(f"/api/v1/keys/{made['id']}")

    answer = await http.post("/mcp", json=message("axiru.decisions.create", refund()), headers=SENT | headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("arguments", [{}, {"rail": 1}, {"nothing": {"of": ["this", "fits"]}}])
async def test_a_scope_is_asked_for_before_arguments_are_looked_at(
    caller: httpx.AsyncClient, log_in: LogIn, arguments: dict[str, Any]
) -> None:
    error = await call(caller, "axiru.authorizations.create", arguments)
    assert (error["error"], error["required_scope"]) == ("insufficient_scope", "authorizations:write")
    person = await log_in("admin")
    assert (await call(person, "axiru.decisions.create", arguments))["error"] == "insufficient_scope"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}', 400, "invalid_json"),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"axiru.decisions.create","arguments":'
            b'{"intent":{"amount_cents":1,"amount_cents":100000}}}}',
            400,
            "invalid_json",
        ),
        (b'{"a":' * 70 + b"1" + b"}" * 70, 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b'{"method":"\\u0000"}', 400, "invalid_json"),
        (b'{"id":9007199254740993}', 400, "invalid_json"),
        (b'{"a":"\xff"}', 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]', 400, "invalid_request"),
        (b'{"pad":"' + b"x" * 262_144 + b'"}', 413, "payload_too_large"),
    ],
)
async def test_bytes_that_are_refused_elsewhere_are_refused_here(
    caller: httpx.AsyncClient, body: bytes, status: int, error: str
) -> None:
    answer = await caller.post("/mcp", content=body, headers=SENT)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1, "method": "no/such/method"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call"},
        message("axiru.decisions.create", []),
        message("axiru.nothing", {}),
        {"jsonrpc": "2.0", "id": {"not": "an id"}, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
    ],
)
async def test_messages_that_are_none_decide_nothing_and_break_nothing(
    caller: httpx.AsyncClient, told: dict[str, Any]
) -> None:
    answer = await asyncio.wait_for(caller.post("/mcp", json=told, headers=SENT), 10)
    assert answer.status_code < 500
    assert "result" not in (answer.json() if answer.content else {})


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1, "method": 1},
    ],
)
async def test_what_is_no_message_is_named_so_and_no_fault_of_parameters(
    caller: httpx.AsyncClient, told: dict[str, Any]
) -> None:
    answer = await caller.post("/mcp", json=told, headers=SENT)
    assert answer.status_code == 400
    assert answer.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": "This is no message of JSON-RPC 2.0."},
    }


async def test_an_unknown_decision_and_another_organizations_are_not_found(caller: httpx.AsyncClient) -> None:
    assert (await call(caller, "axiru.decisions.get", {"decision_id": "ed_nothing"}))["error"] == "not_found"
    wrong = await call(caller, "axiru.decisions.get", {"decision_id": 1, "wait_seconds": 61, "more": 1})
    assert {error["field"] for error in wrong["field_errors"]} == {"decision_id", "wait_seconds", "more"}


async def test_every_message_counts_towards_the_keys_rate(
    http: httpx.AsyncClient, admin_key: httpx.AsyncClient
) -> None:
    wanted = {"name": "slow", "scopes": ["decisions:write"], "mode": "test", "rate_per_minute": 2}
    key = (await admin_key.post("/api/v1/keys", json=wanted)).json()["key"]
    headers = SENT | {"Authorization": f"Bearer {key}"}
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answers = [await http.post("/mcp", json=listing, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_real_host_names_are_answered_and_pages_of_other_sites_are_not(
    stack: DevJson, caller: httpx.AsyncClient
) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for host in ("api.axiru.example", "localhost:1", "[::1]"):
        assert (await caller.post("/mcp", json=listing, headers=SENT | {"Host": host})).status_code == 200
    for origin in (stack.api_url, stack.console_url):
        assert (await caller.post("/mcp", json=listing, headers=SENT | {"Origin": origin})).status_code == 200
    near = (f"{stack.api_url}.evil.example", f"{stack.api_url}1", stack.api_url.replace("http:", "https:"))
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://[", "", *near):
        answer = await caller.post("/mcp", json=listing, headers=SENT | {"Origin": origin})
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible"), origin


def test_an_origin_that_is_none_is_not_that_of_a_console_that_there_is_not() -> None:
    assert [origin_of(said) for said in ("null", "", "  ", "http://[", "file://")] == [None] * 5
    assert origin_of("https://console.example") == origin_of("https://CONSOLE.example:443/") is not None


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_no_session_to_listen_to_or_to_end(caller: httpx.AsyncClient, method: str) -> None:
    answer = await caller.request(method, "/mcp", headers=SENT)
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")


async def test_media_types_other_than_json_are_refused(caller: httpx.AsyncClient) -> None:
    answer = await caller.post("/mcp", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")


def _payment(amount_cents: int) -> dict[str, Any]:
    key = uuid.uuid4().hex
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": amount_cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{key}", "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": "acct_1", "country": "US"},
        "idempotency_key": key,
    }
