"""Members: let in by a link that works once, changed by admins and never by themselves, sealed in both modes."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
NEW_PASSWORD = "another long passphrase"


def invitation(**changes: Any) -> dict[str, Any]:
    return {"email": f"{uuid.uuid4().hex}@demo.example", "name": "Nia Okafor", "roles": ["viewer"], **changes}


async def sealed(database: asyncpg.Connection, member_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Mode, change and facts of every entry about a member, in order."""
    found = await database.fetch(
        "SELECT mode, convert_from(body, 'UTF8') AS body FROM ledger_entries WHERE kind = 'member' "
        "AND position(convert_to($1, 'UTF8') IN body) > 0 ORDER BY mode, seq",
        member_id,
    )
    read = [(entry["mode"], json.loads(entry["body"])["data"]) for entry in found]
    return [(mode, data["change"], data) for mode, data in read]


async def told(database: asyncpg.Connection, member_id: str) -> list[str]:
    """The changes that were told of a member, in one mode."""
    found = await database.fetch(
        "SELECT payload ->> 'change' AS change FROM outbox WHERE topic = 'member' AND mode = 'test' "
        "AND payload ->> 'member_id' = $1 ORDER BY seq, position",
        member_id,
    )
    return [row["change"] for row in found]


def link_token(answer: httpx.Response) -> str:
    return str(answer.raise_for_status().json()["password_link"]).partition("token=")[2]


async def test_an_invited_member_sets_their_own_password_once(
    log_in: LogIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    admin = await log_in("admin")
    body = invitation(roles=["controller", "viewer", "controller"])
    invited = await admin.post("/api/v1/members", json={**body, "email": f"  {body['email'].upper()} "})
    assert invited.status_code == 201
    member = invited.json()["member"]
    assert (member["email"], member["roles"], member["password_set"]) == (
        body["email"],
        ["controller", "viewer"],
        False,
    )
    token = link_token(invited)
    stored = await database.fetchval("SELECT token_hash FROM password_links WHERE member_id = $1", member["id"])
    assert token not in stored
    early = await http.post("/api/v1/sessions", json={"email": body["email"], "password": "no member has this e-mail"})
    assert (early.status_code, early.json()["error"]) == (401, "invalid_credentials")

    first = await http.post("/api/v1/password", json={"token": token, "password": NEW_PASSWORD})
    again = await http.post("/api/v1/password", json={"token": token, "password": "and yet another one"})

    assert (first.status_code, again.status_code, again.json()["error"]) == (204, 401, "invalid_credentials")
    logged_in = await http.post("/api/v1/sessions", json={"email": body["email"], "password": NEW_PASSWORD})
    assert logged_in.json()["member"]["id"] == member["id"]
    entries = await sealed(database, member["id"])
    assert [(mode, change) for mode, change, _ in entries] == [
        (mode, change) for mode in ("live", "test") for change in ("invited", "password_link", "password_set")
    ]
    assert await told(database, member["id"]) == ["invited", "role_granted", "password_link", "password_set"]


async def test_no_name_and_no_address_is_sealed_in_the_clear(log_in: LogIn, database: asyncpg.Connection) -> None:
    body = invitation(name=f"Ada {uuid.uuid4().hex}")
    invited = (await (await log_in("admin")).post("/api/v1/members", json=body)).json()["member"]
    for _, _, data in await sealed(database, invited["id"]):
        assert body["email"] not in str(data)
        assert body["name"] not in str(data)
    values = await database.fetch("SELECT value FROM personal_values WHERE path IN ('email', 'name')")
    assert {body["email"], body["name"]} <= {json.loads(row["value"]) for row in values}


async def test_a_link_is_used_by_one_of_many_at_once(log_in: LogIn, http: httpx.AsyncClient) -> None:
    token = link_token(await (await log_in("admin")).post("/api/v1/members", json=invitation()))
    bodies = [{"token": token, "password": f"passphrase number {number}"} for number in range(5)]
    answers = await asyncio.gather(*(http.post("/api/v1/password", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401, 401, 401]


async def test_a_newer_link_ends_the_older_and_a_late_one_is_refused(
    log_in: LogIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    admin = await log_in("admin")
    invited = await admin.post("/api/v1/members", json=invitation())
    path = f"/api/v1/members/{invited.json()['member']['id']}/password-link"
    newer = await admin.post(path)
    assert newer.status_code == 201
    late = await admin.post(path)
    await database.execute(
        "UPDATE password_links SET expires_at = now() - interval '1 second' WHERE member_id = $1 AND used_at IS NULL",
        invited.json()["member"]["id"],
    )
    for token in (link_token(invited), link_token(newer), link_token(late), "lt_unknown", "\ud7ff"):
        answer = await http.post("/api/v1/password", json={"token": token, "password": NEW_PASSWORD})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")


async def test_setting_a_password_by_link_ends_every_log_in(
    let_in: LetIn, log_in: LogIn, http: httpx.AsyncClient
) -> None:
    person = await let_in("viewer")
    admin = await log_in("admin")
    token = link_token(await admin.post(f"/api/v1/members/{person.id}/password-link"))
    assert (await person.client.get("/api/v1/sessions/current")).status_code == 200
    await http.post("/api/v1/password", json={"token": token, "password": NEW_PASSWORD})
    assert (await person.client.get("/api/v1/sessions/current")).json()["error"] == "invalid_api_key"
    old = await http.post("/api/v1/sessions", json={"email": person.email, "password": person.password})
    assert old.status_code == 401


async def test_an_own_password_is_changed_by_who_knows_it_and_keeps_this_log_in_alone(
    let_in: LetIn, http: httpx.AsyncClient
) -> None:
    person = await let_in("support")
    other = await http.post("/api/v1/sessions", json={"email": person.email, "password": person.password})
    elsewhere = {"Authorization": f"Bearer {other.json()['token']}"}
    wrong = await person.client.put("/api/v1/members/me/password", json={"current": "no", "password": NEW_PASSWORD})
    assert (wrong.status_code, [error["field"] for error in wrong.json()["field_errors"]]) == (400, ["current"])
    short = await person.client.put("/api/v1/members/me/password", json={"current": "", "password": "short"})
    assert [error["field"] for error in short.json()["field_errors"]] == ["current", "password"]

    body = {"current": person.password, "password": NEW_PASSWORD}
    assert (await person.client.put("/api/v1/members/me/password", json=body)).status_code == 204

    assert (await person.client.get("/api/v1/sessions/current")).status_code == 200
    assert (await http.get("/api/v1/sessions/current", headers=elsewhere)).status_code == 401
    assert (
        await http.post("/api/v1/sessions", json={"email": person.email, "password": NEW_PASSWORD})
    ).status_code == 200


async def test_nobody_raises_disables_or_unlocks_themselves(
    let_in: LetIn, log_in: LogIn, database: asyncpg.Connection
) -> None:
    admin = await let_in("admin")
    path = f"/api/v1/members/{admin.id}"
    await database.execute("UPDATE members SET failed_logins = 3 WHERE id = $1", admin.id)
    for body in ({"roles": ["admin", "controller"]}, {"roles": ["viewer"]}, {"disabled": True}, {"unlock": True}):
        answer = await admin.client.patch(path, json=body)
        assert (answer.status_code, answer.json()["error"], answer.json()["because"]) == (403, "not_eligible", "self")
    link = await admin.client.post(f"{path}/password-link")
    assert (link.status_code, link.json()["because"]) == (403, "self")
    assert (await admin.client.patch(path, json={"name": "Ada", "roles": ["admin"]})).json()["name"] == "Ada"


async def test_two_admins_cannot_both_disarm_each_other(let_in: LetIn) -> None:
    one, other = await let_in("admin"), await let_in("admin")
    answers = await asyncio.gather(
        one.client.patch(f"/api/v1/members/{other.id}", json={"roles": ["viewer"]}),
        other.client.patch(f"/api/v1/members/{one.id}", json={"roles": ["viewer"]}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 403]


async def test_a_disabled_member_is_out_at_once_with_their_keys(
    let_in: LetIn, log_in: LogIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    person, admin = await let_in("admin"), await log_in("admin")
    wanted = {"name": "till", "scopes": ["decisions:write"], "mode": "test"}
    key = (await person.client.post("/api/v1/keys", json=wanted)).json()["key"]
    pending = await admin.post(f"/api/v1/members/{person.id}/password-link")
    disabled = await admin.patch(f"/api/v1/members/{person.id}", json={"disabled": True})
    assert disabled.json()["disabled"] is True
    assert (await person.client.get("/api/v1/members")).json()["error"] == "invalid_api_key"
    headers = {"Authorization": f"Bearer {key}"}
    assert (await http.get("/api/v1/decisions", headers=headers)).json()["error"] == "invalid_api_key"
    for path, body in (
        ("/api/v1/password", {"token": link_token(pending), "password": NEW_PASSWORD}),
        ("/api/v1/sessions", {"email": person.email, "password": person.password}),
    ):
        assert (await http.post(path, json=body)).json()["error"] == "invalid_credentials"
    assert (await admin.post(f"/api/v1/members/{person.id}/password-link")).status_code == 404

    again = await admin.patch(f"/api/v1/members/{person.id}", json={"disabled": False})
    assert again.json()["disabled"] is False
    assert (await person.client.get("/api/v1/members")).status_code == 401
    changes = [change for mode, change, _ in await sealed(database, person.id) if mode == "live"]
    assert changes[-3:] == ["password_link", "disabled", "enabled"]


async def test_giving_a_voting_role_is_told_apart_and_nothing_is_sealed_twice(
    let_in: LetIn, log_in: LogIn, database: asyncpg.Connection
) -> None:
    person, admin = await let_in("viewer"), await log_in("admin")
    path = f"/api/v1/members/{person.id}"
    before = len(await told(database, person.id))
    for roles in (["support"], ["support", "controller"], ["controller", "support"], ["support"]):
        assert (await admin.patch(path, json={"roles": roles})).status_code == 200
    assert (await told(database, person.id))[before:] == [
        "roles_changed",
        "roles_changed",
        "role_granted",
        "roles_changed",
    ]
    changed = [data for mode, change, data in await sealed(database, person.id) if change == "roles_changed"]
    assert (changed[1]["roles_before"], changed[1]["roles"]) == (["support"], ["controller", "support"])


async def test_who_does_not_manage_members_sees_names_and_roles_and_their_own_record(let_in: LetIn) -> None:
    person = await let_in("support")
    listed = {member["id"]: member for member in (await person.client.get("/api/v1/members")).json()["items"]}
    assert listed[person.id]["email"] == person.email
    del listed[person.id]
    assert all(member["name"] and member["roles"] for member in listed.values())
    hidden = ("email", "password_set", "locked_until", "last_seen", "notify_by_email", "created_at")
    assert all(member[name] is None for member in listed.values() for name in hidden)


async def test_a_member_says_whether_mails_come(let_in: LetIn, admin_key: httpx.AsyncClient) -> None:
    person = await let_in("viewer")
    answer = await person.client.patch("/api/v1/members/me", json={"notify_by_email": False})
    assert (answer.status_code, answer.json()["notify_by_email"]) == (200, False)
    refused = await admin_key.patch("/api/v1/members/me", json={"notify_by_email": False})
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")


async def test_an_address_is_taken_in_whichever_spelling(log_in: LogIn) -> None:
    admin = await log_in("admin")
    answer = await admin.post("/api/v1/members", json=invitation(email=" CONTROLLER@demo.example"))
    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "taken")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "not an address", "name": "", "roles": []}, ["email", "name", "roles"]),
        ({"roles": ["treasurer", "admin"]}, ["roles[0]"]),
        ({"roles": "admin"}, ["roles"]),
        ({"email": "a@b"}, ["email"]),
        ({"email": "a\r\nBcc: x@y.example@demo.example"}, ["email"]),
        ({"email": "<a@b.example>"}, ["email"]),
        ({"name": " \t "}, ["name"]),
        ({"name": "A\nB"}, ["name"]),
        ({"name": "N" * 101}, ["name"]),
        ({"password": "chosen by an admin"}, ["password"]),
        ({"id": "mem_1", "organization_id": "org_1"}, ["id", "organization_id"]),
    ],
)
async def test_an_invitation_that_cannot_be_is_refused_with_every_reason(
    log_in: LogIn, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = await (await log_in("admin")).post("/api/v1/members", json=invitation(**changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == fields


async def test_nul_and_half_characters_are_no_json(log_in: LogIn) -> None:
    admin = await log_in("admin")
    for raw in (rb'{"name": "\u0000"}', rb'{"name": "\ud800"}'):
        for method, path in (("POST", "/api/v1/members"), ("PATCH", "/api/v1/members/mem_x")):
            answer = await admin.request(method, path, content=raw, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_json")
    assert (await admin.patch("/api/v1/members/%00", json={})).status_code == 404


async def test_members_of_other_organizations_do_not_exist(log_in: LogIn, database: asyncpg.Connection) -> None:
    admin = await log_in("admin")
    organization_id, stranger = f"org_{uuid.uuid4().hex}", f"mem_{uuid.uuid4().hex}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Other', now())", organization_id)
    await database.execute(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ($1, $2, $3, 'Stranger', '', '{controller}', now())",
        stranger,
        organization_id,
        f"{stranger}@other.example",
    )
    for method, path, body in (
        ("PATCH", "/api/v1/members/{}", {"roles": ["viewer"]}),
        ("POST", "/api/v1/members/{}/password-link", {}),
    ):
        answers = [await admin.request(method, path.format(ident), json=body) for ident in (stranger, "mem_unknown")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in answers}) == 1
    listed = (await admin.get("/api/v1/members")).json()["items"]
    assert stranger not in {member["id"] for member in listed}


async def test_a_key_of_test_mode_lets_nobody_in_once_live_money_follows(
    admin_key: httpx.AsyncClient, log_in: LogIn, stack: DevJson
) -> None:
    admin = await log_in("admin")
    live = (await admin.post("/api/v1/keys", json={"name": "l", "scopes": ["decisions:write"], "mode": "live"})).json()
    try:
        answer = await admin_key.post("/api/v1/members", json=invitation(roles=["controller"]))
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        assert answer.json()["required_scope"] == "admin"
    finally:
        await admin.delete(f"/api/v1/keys/{live['id']}")
