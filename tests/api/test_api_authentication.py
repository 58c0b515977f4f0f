"""Who may come in, what they are told when not, and that nobody sees what is another organization's."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson
from axiru.ids import IssuedSecret, new_api_key

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[..., Awaitable[httpx.AsyncClient]]
WRONG_HEADERS = {
    "": "missing_authorization",
    "Basic YTpi": "invalid_authorization_scheme",
    "ak_test_0000": "invalid_authorization_scheme",
    "Bearer": "invalid_api_key",
    "Bearer ak_test_00000000000000000000000000000000": "invalid_api_key",
    "Bearer st_00000000000000000000000000000000": "invalid_api_key",
    "Bearer sk_test_123": "invalid_api_key",
    "Bearer " + "ak_" + "x" * 5_000: "invalid_api_key",
}


async def insert_key(database: asyncpg.Connection, organization_id: str, owner: str, **columns: Any) -> IssuedSecret:
    issued = new_api_key("test")
    row = {
        "id": f"key_{uuid.uuid4().hex}",
        "organization_id": organization_id,
        "mode": "test",
        "name": "a test's key",
        "secret_hash": issued.secret_hash,
        "hint": issued.secret[-4:],
        "scopes": ["admin"],
        "owner_member_id": owner,
        "outcome_style": "reference",
        **columns,
    }
    names, places = ", ".join(row), ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await database.execute(f"INSERT INTO api_keys ({names}, created_at) VALUES ({places}, now())", *row.values())  # noqa: S608
    return issued


@pytest.mark.parametrize(("header", "code"), WRONG_HEADERS.items())
async def test_wrong_authorization_is_told_apart(http: httpx.AsyncClient, header: str, code: str) -> None:
    answer = await http.post("/api/v1/decisions", content=b"not even JSON", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_no_authorization_header_is_missing_authorization(http: httpx.AsyncClient) -> None:
    for path in ("/api/v1/decisions", "/api/v1/approvals", "/api/v1/controls", "/api/v1/events", "/api/v1/keys"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (401, "missing_authorization")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ({}, "missing_authorization"),
        ({"org_api_key": None}, "missing_authorization"),
        ({"org_api_key": ""}, "missing_authorization"),
        ({"org_api_key": 7}, "invalid_api_key"),
        ({"org_api_key": "sk_live_0000"}, "invalid_api_key"),
        ({"org_api_key": "st_0000"}, "invalid_api_key"),
    ],
)
async def test_the_key_in_a_body_is_checked_alike(http: httpx.AsyncClient, key: dict[str, Any], code: str) -> None:
    answer = await http.post("/api/decision", json={"amount_cents": "wrong", **key})
    assert (answer.status_code, answer.json()["error"]) == (401, code)


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_revoked_and_expired_keys_are_unknown(
    http: httpx.AsyncClient, stack: DevJson, database: asyncpg.Connection, column: str
) -> None:
    owner = await database.fetchval("SELECT id FROM members WHERE 'admin' = ANY(roles) LIMIT 1")
    past = await database.fetchval("SELECT now() - interval '1 second'")
    issued = await insert_key(database, stack.organization_id, owner, **{column: past})
    answer = await http.get("/api/v1/decisions", headers={"Authorization": f"Bearer {issued.secret}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_api_key")


async def test_keys_are_made_shown_once_and_revoked(http: httpx.AsyncClient, admin_key: httpx.AsyncClient) -> None:
    wanted = {"name": "till", "scopes": ["decisions:write"], "mode": "test", "outcome_style": "integration"}
    made = await admin_key.post("/api/v1/keys", json=wanted)
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    assert (await http.get("/api/v1/decisions", headers=headers)).status_code == 200
    listed = (await admin_key.get("/api/v1/keys")).json()["items"]
    (shown,) = [key for key in listed if key["id"] == made.json()["id"]]
    assert "key" not in shown
    assert made.json()["key"].endswith(shown["hint"])
    assert (await admin_key.delete(f"/api/v1/keys/{shown['id']}")).status_code == 204
    assert (await http.get("/api/v1/decisions", headers=headers)).json()["error"] == "invalid_api_key"


async def test_a_key_makes_no_key_of_the_other_mode(admin_key: httpx.AsyncClient) -> None:
    answer = await admin_key.post("/api/v1/keys", json={"name": "x", "scopes": ["admin"], "mode": "live"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


LISTS_OF_ONE_MODE = (
    *("approvals", "breakers", "budgets", "connections", "controls", "decisions", "deliveries", "disputes", "events"),
    *("fail-open", "fail-safe", "policies", "replays", "stripe-events", "surfaces"),
)


@pytest.mark.parametrize("path", LISTS_OF_ONE_MODE)
async def test_a_key_that_is_asked_for_the_other_mode_does_not_answer_with_its_own(
    admin_key: httpx.AsyncClient, path: str
) -> None:
    answer = await admin_key.get(f"/api/v1/{path}", params={"mode": "live"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == ["mode"]


async def test_a_key_that_would_change_the_other_mode_is_told_which_one_it_is_of(admin_key: httpx.AsyncClient) -> None:
    control = {"kind": "kill_switch", "scope": {}, "mode": "live", "reason": "drill"}
    surface = {"surface": "stripe.adjustment", "surface_mode": "shadow", "mode": "live", "reason": "drill"}
    for answer in (
        await admin_key.post("/api/v1/controls", json=control),
        await admin_key.put("/api/v1/surfaces", json=surface),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        assert answer.json()["key_mode"] == "test"


async def test_a_missing_scope_is_named_before_the_body_is_read(http: httpx.AsyncClient, stack: DevJson) -> None:
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    refused = {
        "/api/v1/decisions": "decisions:write",
        "/api/v1/controls": "controls:write",
        "/api/v1/approvals/ap_x/approve": "approvals:vote",
        "/api/v1/keys": "admin",
    }
    for path, scope in refused.items():
        answer = await http.post(path, content=b"\xff", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        assert scope in answer.json()["message"]


async def test_people_do_not_ask_for_money(log_in: LogIn, refund: Refund) -> None:
    admin = await log_in("admin")
    answer = await admin.post("/api/v1/decisions", json=refund())
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_another_organizations_ids_do_not_exist(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, database: asyncpg.Connection, refund: Refund
) -> None:
    decided = (await caller.post("/api/v1/decisions", json=refund(17_500))).json()
    other, stranger = f"org_{uuid.uuid4().hex}", f"mem_{uuid.uuid4().hex}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Other', now())", other)
    await database.execute(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ($1, $2, $3, 'Stranger', '', '{controller}', now())",
        stranger,
        other,
        f"{stranger}@example.com",
    )
    headers = {"Authorization": f"Bearer {(await insert_key(database, other, stranger)).secret}"}
    approval = f"/api/v1/approvals/{decided['approval_id']}"
    for method, path, unknown in (
        ("GET", f"/api/v1/decisions/{decided['decision_id']}", "/api/v1/decisions/ed_unknown"),
        ("GET", approval, "/api/v1/approvals/ap_unknown"),
        ("POST", f"{approval}/approve", "/api/v1/approvals/ap_unknown/approve"),
        ("POST", f"{approval}/deny", "/api/v1/approvals/ap_unknown/deny"),
    ):
        told = []
        for target in (path, unknown):
            body = {"reason": "because"} if method == "POST" else None
            answer = await http.request(method, target, headers=headers, json=body)
            told.append((answer.status_code, {**answer.json(), "request_id": None}))
        assert told[0] == told[1]
        assert told[0][0] == 404
    assert (await http.get("/api/v1/decisions", headers=headers)).json()["items"] == []


@pytest.mark.parametrize("email", ["controller@demo.example", "nobody@demo.example"])
async def test_a_wrong_log_in_says_not_what_was_wrong(http: httpx.AsyncClient, email: str) -> None:
    answer = await http.post("/api/v1/sessions", json={"email": email, "password": "wrong"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials")
    assert answer.json()["message"] == "E-mail or password is wrong."


async def test_guessing_a_password_is_slowed_down(http: httpx.AsyncClient) -> None:
    body = {"email": f"{uuid.uuid4().hex}@demo.example", "password": "guess"}
    answers = [await http.post("/api/v1/sessions", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_a_session_is_known_until_it_is_logged_out(log_in: LogIn) -> None:
    person = await log_in("controller", fresh=True)
    known = (await person.get("/api/v1/sessions/current")).json()
    assert known["member"]["roles"] == ["controller"]
    assert {"read", "vote", "controls"} <= set(known["permissions"])
    assert (await person.delete("/api/v1/sessions/current")).status_code == 204
    assert (await person.get("/api/v1/sessions/current")).json()["error"] == "invalid_api_key"
