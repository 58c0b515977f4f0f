"""The running product over HTTP: callers with keys, people with log-ins, bodies without a mistake."""

import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

TIMEOUT_SECONDS = 30
AUTHORITIES = ssl.create_default_context()
"""Read once, and not for every client: no test speaks TLS."""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def client_of(stack: DevJson, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=TIMEOUT_SECONDS, verify=AUTHORITIES)


@pytest.fixture
async def http(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with client_of(stack) as client:
        yield client


@pytest.fixture
async def caller(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """A backend with the demo key for decisions."""
    headers = bearer(stack.api_keys["decisions"])
    async with client_of(stack, headers) as client:
        yield client


@pytest.fixture
async def admin_key(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """A backend with the demo key that may do everything."""
    headers = bearer(stack.api_keys["admin"])
    async with client_of(stack, headers) as client:
        yield client


LogIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def session_tokens() -> dict[str, str]:
    """Of the first log-in of every role, for the tests that do not end it: checking a password is slow on purpose."""
    return {}


@pytest.fixture
async def log_in(stack: DevJson, session_tokens: dict[str, str]) -> AsyncIterator[LogIn]:
    """A client that is the first demo user of a role; with `fresh`, by a log-in of its own, which the test may end."""
    opened: list[httpx.AsyncClient] = []

    async def as_role(role: str, *, fresh: bool = False) -> httpx.AsyncClient:
        client = client_of(stack)
        opened.append(client)
        token = None if fresh else session_tokens.get(role)
        if token is None:
            user = next(user for user in stack.users if role in user.roles)
            answer = await client.post("/api/v1/sessions", json={"email": user.email, "password": user.password})
            token = str(answer.raise_for_status().json()["token"])
        if not fresh:
            session_tokens.setdefault(role, token)
        client.headers.update(bearer(token))
        return client

    yield as_role
    for client in opened:
        await client.aclose()


class Person(NamedTuple):
    """A member of the tests' own, logged in as `client`."""

    id: str
    email: str
    password: str
    client: httpx.AsyncClient


LetIn = Callable[..., Awaitable[Person]]


@pytest.fixture
async def let_in(stack: DevJson, log_in: LogIn) -> AsyncIterator[LetIn]:
    """Invites somebody with these roles, who sets a password of their own and logs in."""
    opened: list[httpx.AsyncClient] = []
    admin = await log_in("admin")

    async def with_roles(*roles: str) -> Person:
        login, password = uuid.uuid4().hex, f"a passphrase {uuid.uuid4().hex}"
        email = f"{login}@demo.example"
        body = {"email": email, "name": f"Member {login[:6]}", "roles": roles or ["viewer"]}
        invited = (await admin.post("/api/v1/members", json=body)).raise_for_status().json()
        client = client_of(stack)
        opened.append(client)
        token = invited["password_link"].partition("token=")[2]
        (await client.post("/api/v1/password", json={"token": token, "password": password})).raise_for_status()
        answer = await client.post("/api/v1/sessions", json={"email": email, "password": password})
        client.headers.update(bearer(answer.raise_for_status().json()["token"]))
        return Person(invited["member"]["id"], email, password, client)

    yield with_roles
    for client in opened:
        await client.aclose()


@pytest.fixture
async def database(stack: DevJson) -> AsyncIterator[asyncpg.Connection]:
    """The database as its owner: for what no endpoint makes, and for what was sealed."""
    connection = await asyncpg.connect(stack.database_admin_url)
    yield connection
    await connection.close()


@pytest.fixture
def refund() -> Callable[..., dict[str, Any]]:
    """A body of `POST /api/v1/decisions` with a fresh idempotency key; by default an amount nobody has to approve."""

    def body(amount_cents: int = 1_000, *, context: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
        intent = {"kind": "refund", "amount_cents": amount_cents, "currency": "usd", **top.pop("intent", {})}
        facts = {"customer_tenure_days": 400, "reason_code": "duplicate_charge", **(context or {})}
        return {"intent": intent, "context": facts, "idempotency_key": uuid.uuid4().hex, **top}

    return body


@pytest.fixture
async def backend(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """An agent's backend with the demo key for authorizations."""
    headers = bearer(stack.api_keys["authorizations"])
    async with client_of(stack, headers) as client:
        yield client


@pytest.fixture
def payment() -> Callable[..., dict[str, Any]]:
    """A body of `POST /api/v1/authorizations` with a fresh idempotency key, of an agent nobody else's window counts."""

    def body(amount_cents: int = 25_000, *, agent_id: str | None = None, **top: Any) -> dict[str, Any]:
        return {
            "rail": "stripe_daa",
            "rail_action": "agent_payment",
            "amount_cents": amount_cents,
            "currency": "usd",
            "initiator": {"kind": "agent", "id": agent_id or f"agent_{uuid.uuid4().hex}", "scopes": ["payments:write"]},
            "counterparty": {"stripe_account_id": "acct_1Abc", "country": "US"},
            "idempotency_key": uuid.uuid4().hex,
            **top,
        }

    return body


PolicyInForce = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def policies_of(log_in: LogIn) -> AsyncIterator[PolicyInForce]:
    """Publishes a policy text, and activates it unless it only looks on. At the end of a test its versions retire."""
    author, second = await log_in("finance_manager"), await log_in("controller")
    published: list[str] = []

    async def put(text: str, *, active: bool = True) -> dict[str, Any]:
        body = {"text": text, "format": "yaml"}
        draft = await author.post("/api/v1/policies/drafts", json=body)
        assert draft.status_code == 201, draft.text
        made = await author.post(f"/api/v1/policies/drafts/{draft.json()['id']}/publish")
        assert made.status_code == 201, made.text
        version: dict[str, Any] = made.json()
        path = f"/api/v1/policies/{version['slug']}/versions/{version['version']}"
        published.append(path)
        if active:
            (await second.post(f"{path}/activate", json={})).raise_for_status()
        return version

    yield put
    for path in reversed(published):
        if (await author.get(path)).json()["status"] != "retired":
            (await second.post(f"{path}/retire")).raise_for_status()
