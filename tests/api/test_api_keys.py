"""Keys: whose they are, what they may do, when they were last used, and that making and revoking them is sealed."""

import asyncio
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


def wanted(**changes: Any) -> dict[str, Any]:
    return {"name": "till", "scopes": ["decisions:write"], "mode": "test", "rate_per_minute": 600, **changes}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def shown(admin: httpx.AsyncClient, key_id: str) -> dict[str, Any]:
    (found,) = [key for key in (await admin.get("/api/v1/keys")).json()["items"] if key["id"] == key_id]
    return dict(found)


async def used_after(time: str, admin: httpx.AsyncClient, key_id: str) -> str:
    """Wait until a use after `time` is written, and give its time."""
    for _ in range(500):
        if (used := (await shown(admin, key_id))["last_used_at"]) and used > time:
            return str(used)
        await asyncio.sleep(0.02)
    pytest.fail("the use was not written")


async def test_a_key_says_whose_it_is_who_made_and_who_revoked_it(
    let_in: LetIn, log_in: LogIn, database: asyncpg.Connection
) -> None:
    admin, owner, other = await let_in("admin"), await let_in("support"), await log_in("admin")
    made = await admin.client.post("/api/v1/keys", json=wanted(owner_member_id=owner.id))
    assert made.status_code == 201
    key = made.json()
    assert (key["owner"]["id"], key["created_by"]["id"], key["revoked_by"], key["last_used_at"]) == (
        owner.id,
        admin.id,
        None,
        None,
    )
    for _ in range(2):
        assert (await other.delete(f"/api/v1/keys/{key['id']}")).status_code == 204
    revoked = await shown(other, key["id"])
    assert revoked["revoked_by"]["name"] == "Demo admin"
    entries = await database.fetch(
        "SELECT mode, convert_from(body, 'UTF8') AS body FROM ledger_entries WHERE kind = 'api_key' "
        "AND position(convert_to($1, 'UTF8') IN body) > 0 ORDER BY seq",
        key["id"],
    )
    sealed = [(entry["mode"], json.loads(entry["body"])["data"]) for entry in entries]
    assert [(mode, data["change"]) for mode, data in sealed] == [("test", "created"), ("test", "revoked")]
    assert sealed[0][1]["scopes"] == ["decisions:write"]
    assert not any(key["key"] in entry["body"] for entry in entries)


async def test_when_a_key_was_used_is_written_behind_the_answer_and_once_a_minute(
    http: httpx.AsyncClient, admin_key: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    key = (await admin_key.post("/api/v1/keys", json=wanted())).json()
    asked = [http.get("/api/v1/decisions?limit=1", headers=bearer(key["key"])) for _ in range(8)]
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
    first = await used_after("", admin_key, key["id"])
    await http.get("/api/v1/decisions?limit=1", headers=bearer(key["key"]))
    assert (await shown(admin_key, key["id"]))["last_used_at"] == first
    await database.execute("UPDATE api_keys SET last_used_at = now() - interval '2 minutes' WHERE id = $1", key["id"])
    await http.get("/api/v1/decisions?limit=1", headers=bearer(key["key"]))
    assert await used_after(first, admin_key, key["id"]) > first


@pytest.mark.parametrize("scope", ["approvals:vote", "controls:write", "policies:write", "admin"])
async def test_nobody_makes_a_key_that_acts_in_the_name_of_another(let_in: LetIn, log_in: LogIn, scope: str) -> None:
    owner, admin = await let_in("controller"), await log_in("admin")
    body = wanted(scopes=["decisions:write", scope], owner_member_id=owner.id)
    answer = await admin.post("/api/v1/keys", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == ["owner_member_id"]


async def test_an_owner_who_is_nobody_here_is_refused(
    let_in: LetIn, log_in: LogIn, database: asyncpg.Connection
) -> None:
    admin, gone = await log_in("admin"), await let_in("support")
    await admin.patch(f"/api/v1/members/{gone.id}", json={"disabled": True})
    organization_id, stranger = f"org_{uuid.uuid4().hex}", f"mem_{uuid.uuid4().hex}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Other', now())", organization_id)
    await database.execute(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ($1, $2, $3, 'Stranger', '', '{support}', now())",
        stranger,
        organization_id,
        f"{stranger}@other.example",
    )
    told = set()
    for owner in (gone.id, stranger, "mem_unknown"):
        answer = await admin.post("/api/v1/keys", json=wanted(owner_member_id=owner))
        assert answer.status_code == 400
        told.add(json.dumps({**answer.json(), "request_id": ""}))
    assert len(told) == 1


async def test_neither_the_owner_nor_the_maker_of_a_key_approves_what_it_asked_for(
    let_in: LetIn, http: httpx.AsyncClient, refund: Refund
) -> None:
    maker, owner = await let_in("admin", "controller"), await let_in("controller")
    key = (await maker.client.post("/api/v1/keys", json=wanted(owner_member_id=owner.id))).json()["key"]
    asked = (await http.post("/api/v1/decisions", json=refund(17_500), headers=bearer(key))).json()
    for person in (maker, owner):
        answer = await person.client.post(f"/api/v1/approvals/{asked['approval_id']}/approve", json={})
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_a_key_does_no_more_than_its_owner_may_now(let_in: LetIn, log_in: LogIn, http: httpx.AsyncClient) -> None:
    owner, admin = await let_in("admin"), await log_in("admin")
    body = wanted(scopes=["admin", "decisions:write"])
    key = (await owner.client.post("/api/v1/keys", json=body)).json()["key"]
    assert (await http.get("/api/v1/keys", headers=bearer(key))).status_code == 200
    await admin.patch(f"/api/v1/members/{owner.id}", json={"roles": ["support"]})
    for path in ("/api/v1/keys", "/api/v1/deliveries"):
        answer = await http.get(path, headers=bearer(key))
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert (await http.get("/api/v1/decisions?limit=1", headers=bearer(key))).status_code == 200


async def test_an_expired_key_is_refused(
    http: httpx.AsyncClient, admin_key: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    key = (await admin_key.post("/api/v1/keys", json=wanted(expires_at="2999-01-01T00:00:00Z"))).json()
    assert (await http.get("/api/v1/decisions?limit=1", headers=bearer(key["key"]))).status_code == 200
    await database.execute("UPDATE api_keys SET expires_at = now() WHERE id = $1", key["id"])
    assert (await http.get("/api/v1/decisions?limit=1", headers=bearer(key["key"]))).status_code == 401


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (
            {"name": "", "scopes": [], "mode": "both", "rate_per_minute": 0},
            ["mode", "name", "rate_per_minute", "scopes"],
        ),
        ({"scopes": ["everything"]}, ["scopes[0]"]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"expires_at": "2999-01-01T00:00:00"}, ["expires_at"]),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, ["expires_at"]),
        ({"expires_at": "2020-01-01T00:00:00Z", "scopes": ["everything"]}, ["scopes[0]", "expires_at"]),
        ({"owner_member_id": ""}, ["owner_member_id"]),
        ({"secret": "chosen"}, ["secret"]),
    ],
)
async def test_a_key_that_cannot_be_is_refused_with_every_reason(
    admin_key: httpx.AsyncClient, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = await admin_key.post("/api/v1/keys", json=wanted(**changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == fields


async def test_a_key_of_the_other_mode_is_neither_seen_nor_revoked(admin_key: httpx.AsyncClient, log_in: LogIn) -> None:
    admin = await log_in("admin")
    live = (await admin.post("/api/v1/keys", json=wanted(mode="live"))).json()["id"]
    for ident in (live, "key_unknown", "%25", "'"):
        assert (await admin_key.delete(f"/api/v1/keys/{ident}")).status_code == 404
    assert live not in {key["id"] for key in (await admin_key.get("/api/v1/keys")).json()["items"]}
    assert (await shown(admin, live))["revoked_at"] is None
    assert (await admin.delete(f"/api/v1/keys/{live}")).status_code == 204
