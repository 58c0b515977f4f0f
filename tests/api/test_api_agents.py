"""Agents: registered by admins and by those who answer for them; nobody gets rid of answering for their own."""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
Refund = Callable[..., dict[str, Any]]
AGENTS = "/api/v1/agents"


def wanted(owner_member_id: str, /, **changes: Any) -> dict[str, Any]:
    agent_id = f"agent-{uuid.uuid4().hex}"
    return {"agent_id": agent_id, "name": "Refund agent", "owner_member_id": owner_member_id, **changes}


async def test_an_agent_is_registered_renamed_and_retired_and_each_is_sealed(
    let_in: LetIn, log_in: LogIn, database: asyncpg.Connection
) -> None:
    owner = await let_in("agent_owner")
    made = await owner.client.post(AGENTS, json=wanted(owner.id))
    assert made.status_code == 201
    path = f"{AGENTS}/{made.json()['id']}"
    assert (await owner.client.patch(path, json={"name": "Night agent"})).json()["name"] == "Night agent"
    for _ in range(2):
        assert (await owner.client.delete(path)).status_code == 204
    (listed,) = [one for one in (await owner.client.get(AGENTS)).json()["items"] if one["id"] == made.json()["id"]]
    assert (listed["owner"]["id"], listed["retired_at"] is None) == (owner.id, False)
    entries = await database.fetch(
        "SELECT mode, convert_from(body, 'UTF8') AS body FROM ledger_entries WHERE kind = 'agent' "
        "AND position(convert_to($1, 'UTF8') IN body) > 0 ORDER BY mode, seq",
        made.json()["id"],
    )
    told = [(entry["mode"], json.loads(entry["body"])["data"]["change"]) for entry in entries]
    assert told == [(mode, change) for mode in ("live", "test") for change in ("registered", "changed", "retired")]


async def test_an_agent_is_found_changed_and_retired_by_the_id_that_requests_carry(let_in: LetIn) -> None:
    owner, stranger = await let_in("agent_owner"), await let_in("agent_owner")
    made = (await owner.client.post(AGENTS, json=wanted(owner.id))).json()
    path = f"{AGENTS}/{made['agent_id']}"
    assert (await owner.client.get(path.upper().replace(AGENTS.upper(), AGENTS))).json()["id"] == made["id"]
    assert (await owner.client.patch(path, json={"name": "Day agent"})).json()["name"] == "Day agent"
    assert (await stranger.client.patch(path, json={"name": "Mine"})).status_code == 403
    assert (await owner.client.delete(path)).status_code == 204
    assert (await owner.client.get(path)).json()["retired_at"] is not None
    for refused in (await owner.client.get(f"{path}x"), await owner.client.delete(f"{path}x")):
        assert (refused.status_code, refused.json()["error"]) == (404, "not_found")


async def test_the_owner_of_an_agent_never_approves_what_it_asked_for_though_it_be_retired(
    let_in: LetIn, caller: httpx.AsyncClient, refund: Refund
) -> None:
    owner = await let_in("agent_owner", "controller")
    made = (await owner.client.post(AGENTS, json=wanted(owner.id))).json()
    await owner.client.delete(f"{AGENTS}/{made['id']}")
    asked = await caller.post("/api/v1/decisions", json=refund(17_500, metadata={"agent_id": made["agent_id"]}))
    answer = await owner.client.post(f"/api/v1/approvals/{asked.json()['approval_id']}/approve", json={})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_no_agent_is_registered_that_looks_like_another(let_in: LetIn) -> None:
    owner = await let_in("agent_owner")
    body = wanted(owner.id)
    known = body["agent_id"]
    assert (await owner.client.post(AGENTS, json=body)).status_code == 201
    for same in (f"\u00a0{known}", f"{known.upper()}\u2003", f"\t{known}\n"):
        answer = await owner.client.post(AGENTS, json=body | {"agent_id": same})
        assert (answer.status_code, answer.json()["state"]) == (409, "registered"), same
    for alike in (f"{known}\u200b", f"\u202e{known}", known.replace("a", "\uff41", 1), known.replace("-", "\u00a0", 1)):
        answer = await owner.client.post(AGENTS, json=body | {"agent_id": alike})
        assert (answer.status_code, answer.json()["field_errors"][0]["field"]) == (400, "agent_id"), alike


async def test_nobody_passes_on_their_own_agent(let_in: LetIn) -> None:
    owner, other = await let_in("agent_owner", "admin"), await let_in("admin")
    made = (await owner.client.post(AGENTS, json=wanted(owner.id))).json()
    path = f"{AGENTS}/{made['id']}"
    refused = await owner.client.patch(path, json={"owner_member_id": other.id})
    assert (refused.status_code, refused.json()["because"]) == (403, "owner")
    await owner.client.delete(path)
    again = wanted(other.id, agent_id=made["agent_id"])
    refused = await owner.client.post(AGENTS, json=again)
    assert (refused.status_code, refused.json()["because"]) == (403, "owner")
    passed_on = await other.client.post(AGENTS, json=again)
    assert (passed_on.status_code, passed_on.json()["id"], passed_on.json()["owner"]["id"]) == (
        201,
        made["id"],
        other.id,
    )


async def test_an_agent_owner_touches_their_own_alone(let_in: LetIn, log_in: LogIn) -> None:
    owner, other, admin = await let_in("agent_owner"), await let_in("agent_owner"), await log_in("admin")
    made = (await admin.post(AGENTS, json=wanted(owner.id))).json()
    for answer in (
        await other.client.patch(f"{AGENTS}/{made['id']}", json={"name": "Mine now"}),
        await other.client.delete(f"{AGENTS}/{made['id']}"),
        await other.client.post(AGENTS, json=wanted(owner.id)),
        await owner.client.patch(f"{AGENTS}/{made['id']}", json={"owner_member_id": other.id}),
        await (await log_in("controller")).post(AGENTS, json=wanted(owner.id)),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_an_id_is_registered_once(let_in: LetIn, log_in: LogIn) -> None:
    owner, admin = await let_in("agent_owner"), await log_in("admin")
    body = wanted(owner.id)
    assert (await admin.post(AGENTS, json=body)).status_code == 201
    answer = await admin.post(AGENTS, json=body)
    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "registered")


async def test_what_is_retired_is_not_changed(let_in: LetIn) -> None:
    owner = await let_in("agent_owner")
    path = f"{AGENTS}/{(await owner.client.post(AGENTS, json=wanted(owner.id))).json()['id']}"
    await owner.client.delete(path)
    answer = await owner.client.patch(path, json={"name": "Back"})
    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "retired")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"agent_id": "", "name": "", "owner_member_id": ""}, ["agent_id", "name", "owner_member_id"]),
        ({"name": "A\tB"}, ["name"]),
        ({"agent_id": " \t"}, ["agent_id"]),
        ({"agent_id": "x" * 256}, ["agent_id"]),
        ({"scopes": [""]}, ["scopes[0]"]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, ["expires_at"]),
        ({"roles": ["admin"]}, ["roles"]),
        ({"owner_member_id": "mem_unknown"}, ["owner_member_id"]),
    ],
)
async def test_an_agent_that_cannot_be_is_refused_with_every_reason(
    log_in: LogIn, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = await (await log_in("admin")).post(AGENTS, json=wanted("mem_x", **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == fields


@pytest.mark.parametrize("expires_at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_an_end_that_no_calendar_has_changes_nothing(let_in: LetIn, expires_at: str) -> None:
    owner = await let_in("agent_owner")
    agent = (await owner.client.post(AGENTS, json=wanted(owner.id))).json()
    answer = await owner.client.patch(f"{AGENTS}/{agent['id']}", json={"name": "Other", "expires_at": expires_at})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [(error["field"], error["code"]) for error in answer.json()["field_errors"]] == [
        ("expires_at", "out_of_range")
    ]
    assert (await owner.client.get(f"{AGENTS}/{agent['id']}")).json() == agent


async def test_an_agent_that_there_is_not_is_not_found(log_in: LogIn) -> None:
    admin = await log_in("admin")
    for ident in ("ag_unknown", "%00", "%25"):
        for answer in (
            await admin.patch(f"{AGENTS}/{ident}", json={"name": "x"}),
            await admin.delete(f"{AGENTS}/{ident}"),
        ):
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
