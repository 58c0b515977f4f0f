"""The keys of tokens over HTTP: what anybody reads, what an admin sees, and a revocation that everybody feels."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from click.testing import CliRunner
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from axiru.cli.commands import axiru
from axiru.dev.dev_json import DevJson
from axiru.dev.home import Home
from axiru.ids import MEMBER, new_id, new_session_token
from axiru.settings import Settings
from axiru.vault import Vault, key_id_of
from ledger.signing import vault_context

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PUBLIC_MEMBERS = {"kty", "crv", "x", "y", "kid", "use", "alg"}


@pytest.fixture
async def agent(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30) as client:
        yield client


async def test_anybody_reads_public_keys_and_nothing_else(http: httpx.AsyncClient) -> None:
    answer = await http.get("/axiru-jwks.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "max-age=300"
    assert answer.json()["keys"]
    for key in answer.json()["keys"]:
        assert key.keys() == PUBLIC_MEMBERS
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")

    head = await http.head("/axiru-jwks.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["cache-control"] == "max-age=300"


async def test_the_list_says_which_key_signs(admin_key: httpx.AsyncClient, agent: httpx.AsyncClient) -> None:
    keys = (await admin_key.get("/api/v1/token-keys")).json()["items"]
    (signing,) = [key for key in keys if key["state"] == "signing"]
    assert signing["revoked_at"] is None
    token = (await agent.post("/api/v1/authorizations", json=_payment())).json()["authorization_token"]
    assert (await _verified(agent, token)).header["kid"] == signing["kid"]


async def test_a_revoked_key_is_refused_everywhere_and_replays_give_another_token(
    log_in: LogIn, agent: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    admin = await log_in("admin")
    body = _payment()
    first = (await agent.post("/api/v1/authorizations", json=body)).json()
    kid = (await _verified(agent, first["authorization_token"])).header["kid"]

    answer = await admin.post(f"/api/v1/token-keys/{kid}/revoke", json={"reason": "its private half was seen"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["key"]["state"] == "revoked"
    published = {key["kid"] for key in (await agent.get("/axiru-jwks.json")).json()["keys"]}
    assert kid not in published
    assert answer.json()["replaced_by"] in published
    refused = await agent.post(f"/api/v1/authorizations/{first['jti']}/consume")
    assert (refused.status_code, refused.json()["error"], refused.json()["state"]) == (409, "conflict", "revoked")
    again = (await agent.post("/api/v1/authorizations", json=body)).json()
    assert (again["decision_id"], again["cached"]) == (first["decision_id"], True)
    assert again["jti"] != first["jti"]
    assert (await _verified(agent, again["authorization_token"])).header["kid"] == answer.json()["replaced_by"]
    assert (await agent.post(f"/api/v1/authorizations/{again['jti']}/consume")).status_code == 200
    sealed = await database.fetch("SELECT mode FROM ledger_entries WHERE kind = 'token_key' ORDER BY seq DESC LIMIT 2")
    assert {entry["mode"] for entry in sealed} == {"live", "test"}

    repeated = await admin.post(f"/api/v1/token-keys/{kid}/revoke", json={"reason": "again"})
    assert (repeated.status_code, repeated.json()["replaced_by"]) == (200, None)
    assert repeated.json()["key"]["revoked_reason"] == "its private half was seen"


async def test_a_revocation_while_many_ask_costs_nobody_an_answer(log_in: LogIn, agent: httpx.AsyncClient) -> None:
    admin = await log_in("admin")
    asking = [asyncio.create_task(agent.post("/api/v1/authorizations", json=_payment())) for _ in range(30)]
    await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    keys = (await admin.get("/api/v1/token-keys")).json()["items"]
    (signing,) = [key["kid"] for key in keys if key["state"] == "signing"]
    revoked = await admin.post(f"/api/v1/token-keys/{signing}/revoke", json={"reason": "a test"})

    answers = [await task for task in asking]

    assert revoked.status_code == 200
    assert {answer.status_code for answer in answers} == {200}
    assert all("authorization_token" in answer.json() for answer in answers)


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 1}, {"reason": "x", "kid": "y"}])
async def test_a_revocation_needs_a_reason_and_nothing_else(log_in: LogIn, body: dict[str, Any]) -> None:
    admin = await log_in("admin")
    before = (await admin.get("/axiru-jwks.json")).json()
    kid = before["keys"][-1]["kid"]
    answer = await admin.post(f"/api/v1/token-keys/{kid}/revoke", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await admin.get("/axiru-jwks.json")).json() == before


async def test_only_an_admin_revokes(http: httpx.AsyncClient, agent: httpx.AsyncClient, log_in: LogIn) -> None:
    kid = (await http.get("/axiru-jwks.json")).json()["keys"][-1]["kid"]
    path, body = f"/api/v1/token-keys/{kid}/revoke", {"reason": "because"}
    assert (await http.post(path, json=body)).status_code == 401
    assert (await agent.post(path, json=body)).status_code == 403
    assert (await (await log_in("controller")).post(path, json=body)).status_code == 403
    assert (await http.get("/api/v1/token-keys")).status_code == 401
    unknown = await (await log_in("admin")).post("/api/v1/token-keys/unknown/revoke", json=body)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "not_found")
    assert kid in {key["kid"] for key in (await http.get("/axiru-jwks.json")).json()["keys"]}


async def test_an_admin_of_an_organization_that_does_not_operate_this_revokes_nothing(
    http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    """The keys are everybody's: one organization's admin would have the tokens of all others refused."""
    kid = (await http.get("/axiru-jwks.json")).json()["keys"][-1]["kid"]
    organization_id, member_id, issued = f"org_{uuid.uuid4().hex[:12]}", new_id(MEMBER), new_session_token()
    now = datetime.now(UTC)
    await database.execute("INSERT INTO organizations VALUES ($1, 'Another', $2)", organization_id, now)
    await database.execute(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ($1, $2, $3, 'Admin', 'none', '{admin}', $4)",
        member_id,
        organization_id,
        f"{organization_id}@another.example",
        now,
    )
    await database.execute(
        "INSERT INTO sessions (token_hash, organization_id, member_id, created_at, last_seen_at, expires_at) "
        "VALUES ($1, $2, $3, $4, $4, $5)",
        issued.secret_hash,
        organization_id,
        member_id,
        now,
        now + timedelta(minutes=5),
    )
    http.headers["Authorization"] = f"Bearer {issued.secret}"

    refused = await http.post(f"/api/v1/token-keys/{kid}/revoke", json={"reason": "because"})

    assert (refused.status_code, refused.json()["error"], refused.json()["because"]) == (
        403,
        "not_eligible",
        "operator",
    )
    seen = (await http.get("/api/v1/token-keys")).json()
    assert seen["may_revoke"] is False
    assert kid in {key["kid"] for key in seen["items"] if key["state"] != "revoked"}


async def test_the_list_says_who_may_revoke(log_in: LogIn) -> None:
    for role, may_revoke in (("admin", True), ("controller", False)):
        assert (await (await log_in(role)).get("/api/v1/token-keys")).json()["may_revoke"] is may_revoke


async def test_private_halves_are_sealed_at_rest(stack: DevJson, database: asyncpg.Connection) -> None:
    vault = Vault.from_settings(Settings(vault_key_file=str(Home(Path(stack.home)).vault_key())))
    found = await database.fetch("SELECT key_id, private_ciphertext FROM signing_keys WHERE purpose = 'token'")
    assert found
    for key in found:
        assert key_id_of(key["private_ciphertext"]) == vault.current_key_id
        assert vault.open(key["private_ciphertext"], context=vault_context(key["key_id"])).startswith(b"0")


async def test_an_operator_rehearses_publishes_and_revokes_from_the_command_line(
    stack: DevJson, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    async def published() -> list[str]:
        return [key["kid"] for key in (await http.get("/axiru-jwks.json")).json()["keys"]]

    before = await published()
    assert (await _keys(stack, "--jwks", "--rehearse"))[0] == 0
    assert await published() == before

    code, said = await _keys(stack, "--jwks")
    assert (code, await _keys(stack, "--jwks")) == (0, (0, said)), "one that waits already is the next"
    (coming,) = set(await published()) - set(before)
    assert coming in said

    code, said = await _keys(stack, "--jwks", "--revoke", coming, "--reason", "a test")
    assert code == 0, said
    assert "signs instead" not in said
    assert await published() == before
    sealed = await database.fetch(
        "SELECT mode, body FROM ledger_entries WHERE kind = 'token_key' AND position($1 in "
        "convert_from(body, 'UTF8')) > 0 AND organization_id = $2 ORDER BY mode",
        coming,
        stack.organization_id,
    )
    assert [entry["mode"] for entry in sealed] == ["live", "test"]
    for entry in sealed:
        assert json.loads(entry["body"])["data"] == {
            "kid": coming,
            "change": "revoked",
            "reason": "a test",
            "replaced_by": None,
            "by_member_id": None,
        }
    assert await _keys(stack, "--jwks", "--revoke", coming, "--reason", "again") == (
        0,
        f"{coming} was revoked before: no token of it is taken any more\n",
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--jwks", "--vault"), 2),
        (("--jwks", "--revoke", "x"), 2),
        (("--jwks", "--reason", "x"), 2),
        (("--jwks", "--revoke", "x", "--reason", " "), 2),
        (("--vault", "--revoke", "x", "--reason", "y"), 2),
        (("--jwks", "--rehearse", "--revoke", "x", "--reason", "y"), 2),
        (("--jwks", "--revoke", "unknown", "--reason", "y"), 1),
    ],
)
def test_a_command_that_says_too_little_or_too_much_changes_nothing(
    stack: DevJson, arguments: tuple[str, ...], code: int
) -> None:
    told = CliRunner().invoke(axiru, ["keys", "rotate", *arguments, "--home", stack.home])
    assert told.exit_code == code, told.output


async def _keys(stack: DevJson, *arguments: str) -> tuple[int, str]:
    told = await asyncio.to_thread(CliRunner().invoke, axiru, ["keys", "rotate", *arguments, "--home", stack.home])
    return told.exit_code, told.output


async def _verified(http: httpx.AsyncClient, token: str) -> jwt.Token:
    keys = KeySet.import_key_set((await http.get("/axiru-jwks.json")).json())
    return jwt.decode(token, keys, algorithms=["ES256"])


def _payment() -> dict[str, Any]:
    key = uuid.uuid4().hex
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 100,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{key}", "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": "acct_1", "country": "US"},
        "idempotency_key": key,
    }


async def test_a_key_that_this_vault_did_not_seal_is_never_published(
    stack: DevJson, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    """Whoever has the database's password, and no more, has no key that verifiers would take."""
    before = (await http.get("/axiru-jwks.json")).json()
    foreign = ECKey.generate_key("P-256", private=True, auto_kid=False)
    kid = foreign.thumbprint()
    public = {**foreign.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
    ours = await database.fetchval("SELECT private_ciphertext FROM signing_keys WHERE purpose = 'token' LIMIT 1")
    app = await asyncpg.connect(stack.database_url)
    try:
        for sealed in (foreign.as_der(private=True), ours):
            await app.execute(
                "SELECT add_token_key($1, $2::jsonb, $3, interval '30 days', 300)", kid, json.dumps(public), sealed
            )
            assert await app.fetchval("SELECT count(*) FROM signing_keys WHERE key_id = $1", kid) == 1
            assert (await http.get("/axiru-jwks.json")).json() == before
            await database.execute("DELETE FROM signing_keys WHERE key_id = $1", kid)
    finally:
        await database.execute("DELETE FROM signing_keys WHERE key_id = $1", kid)
        await app.close()
