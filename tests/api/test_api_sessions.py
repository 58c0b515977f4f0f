"""Log-ins: they end when idle and when old, one by one or all but this; too many wrong passwords lock the next."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson
from axiru.ids import hash_secret
from axiru.settings import Settings

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
FAILURES = Settings().login_failures
IDLE_MINUTES = Settings().session_idle_minutes
WRONG = "E-mail or password is wrong."


def session_hash(client: httpx.AsyncClient) -> str:
    return hash_secret(client.headers["Authorization"].removeprefix("Bearer "))


async def seen_minutes_ago(database: asyncpg.Connection, client: httpx.AsyncClient, minutes: float) -> None:
    await database.execute(
        "UPDATE sessions SET last_seen_at = now() - make_interval(secs => $2) WHERE token_hash = $1",
        session_hash(client),
        minutes * 60,
    )


async def seconds_since_seen(database: asyncpg.Connection, client: httpx.AsyncClient) -> float:
    return float(
        await database.fetchval(
            "SELECT extract(epoch FROM now() - last_seen_at) FROM sessions WHERE token_hash = $1", session_hash(client)
        )
    )


async def until_seen(database: asyncpg.Connection, client: httpx.AsyncClient) -> None:
    """Wait until the use that was noted behind an answer is written."""
    for _ in range(500):
        if await seconds_since_seen(database, client) < 30:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the use was not written")


async def failed(database: asyncpg.Connection, member_id: str, times: int) -> None:
    """As if that many passwords had been wrong before."""
    await database.execute("UPDATE members SET failed_logins = $2 WHERE id = $1", member_id, times)


async def test_an_idle_log_in_ends(let_in: LetIn, database: asyncpg.Connection) -> None:
    person = (await let_in("viewer")).client
    await seen_minutes_ago(database, person, IDLE_MINUTES + 0.1)
    answer = await person.get("/api/v1/sessions/current")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_api_key")
    assert await seconds_since_seen(database, person) > IDLE_MINUTES * 60


async def test_use_keeps_a_log_in_awake_and_is_written_once_a_minute(
    let_in: LetIn, database: asyncpg.Connection
) -> None:
    person = (await let_in("viewer")).client
    await seen_minutes_ago(database, person, IDLE_MINUTES - 1)
    assert (await person.get("/api/v1/sessions/current")).json()["idle_minutes"] == IDLE_MINUTES
    await until_seen(database, person)
    await seen_minutes_ago(database, person, 0.5)
    before = await database.fetchval("SELECT last_seen_at FROM sessions WHERE token_hash = $1", session_hash(person))
    for _ in range(3):
        assert (await person.get("/api/v1/sessions/current")).status_code == 200
    after = await database.fetchval("SELECT last_seen_at FROM sessions WHERE token_hash = $1", session_hash(person))
    assert after == before


async def test_what_a_page_asks_by_itself_keeps_no_log_in_awake(let_in: LetIn, database: asyncpg.Connection) -> None:
    person = (await let_in("viewer")).client
    await seen_minutes_ago(database, person, 10)
    for value in ("true", "True", "TRUE"):
        answer = await person.get("/api/v1/sessions/current", headers={"Axiru-Background": value})
        assert answer.status_code == 200
    assert await seconds_since_seen(database, person) > 9 * 60
    assert (await person.get("/api/v1/sessions/current", headers={"Axiru-Background": "no"})).status_code == 200
    await until_seen(database, person)


async def test_a_log_in_ends_at_its_time_however_busy(let_in: LetIn, database: asyncpg.Connection) -> None:
    person = (await let_in("viewer")).client
    await database.execute(
        "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE token_hash = $1", session_hash(person)
    )
    assert (await person.get("/api/v1/sessions/current")).status_code == 401


async def test_a_person_sees_their_log_ins_and_ends_another(let_in: LetIn, http: httpx.AsyncClient) -> None:
    person = await let_in("viewer")
    other = await http.post("/api/v1/sessions", json={"email": person.email, "password": person.password})
    elsewhere = {"Authorization": f"Bearer {other.json()['token']}"}
    listed = (await person.client.get("/api/v1/sessions")).json()["items"]
    assert [session["current"] for session in listed] == [False, True]
    assert all(session["id"].startswith("ss_") for session in listed)

    assert (await person.client.delete(f"/api/v1/sessions/{listed[0]['id']}")).status_code == 204

    assert (await http.get("/api/v1/sessions/current", headers=elsewhere)).status_code == 401
    assert [session["current"] for session in (await person.client.get("/api/v1/sessions")).json()["items"]] == [True]


async def test_nobody_sees_or_ends_the_log_ins_of_others(let_in: LetIn, admin_key: httpx.AsyncClient) -> None:
    one, other = await let_in("admin"), await let_in("viewer")
    (theirs,) = (await other.client.get("/api/v1/sessions")).json()["items"]
    for ident in (theirs["id"], "ss_unknown", "%25", "'"):
        answer = await one.client.delete(f"/api/v1/sessions/{ident}")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert (await other.client.get("/api/v1/sessions/current")).status_code == 200
    for answer in (await admin_key.get("/api/v1/sessions"), await admin_key.delete("/api/v1/sessions/ss_x")):
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_too_many_wrong_passwords_lock_the_log_in_and_not_who_is_in(
    let_in: LetIn, log_in: LogIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    person, admin = await let_in("viewer"), await log_in("admin")
    await failed(database, person.id, FAILURES - 1)
    right = {"email": person.email, "password": person.password}

    last = await http.post("/api/v1/sessions", json={**right, "password": "wrong"})
    locked = await http.post("/api/v1/sessions", json=right)

    nobody = await http.post("/api/v1/sessions", json={**right, "email": f"{uuid.uuid4().hex}@demo.example"})
    for answer in (last, locked, nobody):
        assert (answer.status_code, answer.json()["error"], answer.json()["message"]) == (
            401,
            "invalid_credentials",
            WRONG,
        )
        assert set(answer.json()) == {"error", "message", "request_id"}
    assert (await person.client.get("/api/v1/sessions/current")).status_code == 200
    (shown,) = [one for one in (await admin.get("/api/v1/members")).json()["items"] if one["id"] == person.id]
    assert shown["locked_until"] is not None
    told = await database.fetchval(
        "SELECT count(*) FROM outbox WHERE topic = 'member' AND payload ->> 'member_id' = $1 "
        "AND payload ->> 'change' = 'locked'",
        person.id,
    )
    assert told == 2  # once in each mode's chain

    unlocked = await admin.patch(f"/api/v1/members/{person.id}", json={"unlock": True})
    assert unlocked.json()["locked_until"] is None
    assert (await http.post("/api/v1/sessions", json=right)).status_code == 200


async def test_a_lock_ends_by_itself_and_the_count_begins_anew(
    let_in: LetIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    person = await let_in("viewer")
    right = {"email": person.email, "password": person.password}
    await failed(database, person.id, FAILURES - 1)
    await http.post("/api/v1/sessions", json={**right, "password": "wrong"})
    until = await database.fetchval("SELECT locked_until FROM members WHERE id = $1", person.id)
    await http.post("/api/v1/sessions", json={**right, "password": "wrong"})
    assert await database.fetchval("SELECT locked_until FROM members WHERE id = $1", person.id) == until
    await database.execute("UPDATE members SET locked_until = now() - interval '1 second' WHERE id = $1", person.id)
    assert (await http.post("/api/v1/sessions", json={**right, "password": "wrong"})).status_code == 401
    assert await database.fetchval("SELECT failed_logins FROM members WHERE id = $1", person.id) == 1
    assert (await http.post("/api/v1/sessions", json=right)).status_code == 200
    assert await database.fetchval("SELECT failed_logins FROM members WHERE id = $1", person.id) == 0


async def test_guesses_at_once_are_each_counted(
    let_in: LetIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    person = await let_in("viewer")
    await failed(database, person.id, FAILURES - 3)
    guesses = [http.post("/api/v1/sessions", json={"email": person.email, "password": "no"}) for _ in range(6)]
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}
    locks = await database.fetchval(
        "SELECT count(*) FROM ledger_entries WHERE kind = 'member' AND mode = 'live' "
        "AND position(convert_to($1, 'UTF8') IN body) > 0 AND position(convert_to('\"locked\"', 'UTF8') IN body) > 0",
        person.id,
    )
    assert locks == 1


async def test_wrong_guesses_at_the_present_password_lock_as_well(
    let_in: LetIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    person = await let_in("viewer")
    await failed(database, person.id, FAILURES - 1)
    guess = {"current": "guess", "password": "a long new passphrase"}
    assert (await person.client.put("/api/v1/members/me/password", json=guess)).status_code == 400
    known = {"current": person.password, "password": "a long new passphrase"}
    assert (await person.client.put("/api/v1/members/me/password", json=known)).status_code == 400
    answer = await http.post("/api/v1/sessions", json={"email": person.email, "password": person.password})
    assert answer.status_code == 401


async def test_a_link_from_an_admin_ends_a_lock(
    let_in: LetIn, log_in: LogIn, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    person, admin = await let_in("viewer"), await log_in("admin")
    await database.execute("UPDATE members SET locked_until = now() + interval '1 hour' WHERE id = $1", person.id)
    link = (await admin.post(f"/api/v1/members/{person.id}/password-link")).json()["password_link"]
    body = {"token": link.partition("token=")[2], "password": "a long new passphrase"}
    assert (await http.post("/api/v1/password", json=body)).status_code == 204
    body = {"email": person.email, "password": "a long new passphrase"}
    assert (await http.post("/api/v1/sessions", json=body)).status_code == 200


async def test_a_wrong_password_takes_as_long_whoever_has_the_address(
    let_in: LetIn, http: httpx.AsyncClient, stack: DevJson
) -> None:
    """Not to the millisecond: to the order of the hash, which is what tells an address that exists from one that
    does not."""
    person = await let_in("viewer")

    async def fastest(email: str) -> float:
        took = []
        for _ in range(4):
            began = asyncio.get_running_loop().time()
            await http.post("/api/v1/sessions", json={"email": email, "password": "wrong"})
            took.append(asyncio.get_running_loop().time() - began)
        return min(took)

    known, unknown = await fastest(person.email), await fastest(f"{uuid.uuid4().hex}@demo.example")
    assert 0.4 < known / unknown < 2.5


@pytest.mark.parametrize("body", [{}, {"email": 1, "password": []}, {"email": "a", "password": "b", "otp": "1"}])
async def test_a_log_in_that_is_none_names_every_field(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await http.post("/api/v1/sessions", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["field_errors"]
