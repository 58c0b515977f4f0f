"""The permission table against every route there is: a route without its guard, or with the wrong one, fails here.

What a route asks for stands in its guard; who has it stands in `api/permissions.py`. The walk asks every route as every
role and with every scope, and compares. Routes that are open, and those that check more than their guard, are listed
here with the reason; a new route is on neither list and has to hold by itself.
"""

import secrets
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from api.app import create_app
from api.auth import Guard
from api.permissions import ASKING, SCOPE_OF, Permission, of_key, of_roles
from axiru.dev.dev_json import DevJson
from axiru.domain.roles import ROLES
from axiru.ids import hash_secret, new_api_key, new_session_token
from axiru.settings import Settings
from ledger.acts.chain import chain_id
from ledger.entry import genesis_hash

OPEN = {
    ("HEAD", "/axiru-jwks.json"): "as for GET",
    ("GET", "/axiru-jwks.json"): "the public halves of the keys that sign tokens, for whoever verifies one",
    ("POST", "/api/decision"): "the key is in the body",
    ("POST", "/api/v1/sessions"): "the log-in itself",
    ("POST", "/api/v1/password"): "the link's token is in the body",
    ("POST", "/webhooks/approvals/{approval_id}"): "signed",
    ("POST", "/webhooks/wallet-policy/{policy_id}"): "signed",
    ("POST", "/webhooks/stripe"): "signed by Stripe",
    ("GET", "/stripe/install"): "the ticket is in the address, or an admin's Bearer token beside it",
    ("POST", "/stripe/install"): "the ticket is in the form",
    ("GET", "/stripe/callback"): "Stripe's state and the cookie of the browser that began",
    ("GET", "/permissions"): "what anybody is asked for at Stripe",
    ("POST", "/slack/interactions"): "signed by Slack",
    ("POST", "/slack/commands"): "signed by Slack",
    ("POST", "/slack/events"): "signed by Slack",
    ("GET", "/email/approvals/{token}"): "the link's token is in the path",
    ("HEAD", "/email/approvals/{token}"): "the link's token is in the path",
    ("POST", "/email/approvals/{token}"): "the link's token is in the path",
    ("GET", "/healthz"): "liveness, nothing of any organization",
    ("GET", "/readyz"): "readiness, nothing of any organization",
    ("GET", "/metrics"): "for the operator's Prometheus",
    ("GET", "/schema"): "the description of the API",
    ("GET", "/schema/{path}"): "the description of the API",
    ("GET", "/schema/openapi.json"): "the description of the API",
}
"""Routes that ask for no log-in and no key, and why."""

VOTING_KEYS = "which person may is for the act to say, with the reason; a key needs the scope approvals:vote"
SPEAKING_KEYS = "as for a vote; the key that asked may answer for itself as well, and no approval here was asked for"
ADMIN_KEYS = "an agent_owner does it for their own agents, as the act says; a key needs the scope admin"
PERSONS = "people only, about themselves"
EVIDENCE = "for keys that ask for decisions, and for people who see to controls"
READING = "changes nothing that is kept"
ENDPOINTS = "for those who set endpoints up, and for members who may let one vote for them; a key needs admin"
OWN_ENDPOINTS = "as for reading them; asked when the body and the endpoint are known"

CHECKED_WITHIN = {
    ("POST", "/api/v1/approvals/{approval_id}/approve"): VOTING_KEYS,
    ("POST", "/api/v1/approvals/{approval_id}/deny"): VOTING_KEYS,
    ("POST", "/api/v1/approvals/bulk"): VOTING_KEYS,
    ("POST", "/api/v1/approvals/{approval_id}/assign"): VOTING_KEYS,
    ("POST", "/api/v1/approvals/{approval_id}/comments"): SPEAKING_KEYS,
    ("POST", "/api/v1/delegations"): VOTING_KEYS,
    ("DELETE", "/api/v1/delegations/{delegation_id}"): VOTING_KEYS,
    ("POST", "/api/v1/agents"): ADMIN_KEYS,
    ("PATCH", "/api/v1/agents/{agent_id}"): ADMIN_KEYS,
    ("DELETE", "/api/v1/agents/{agent_id}"): ADMIN_KEYS,
    ("GET", "/api/v1/sessions"): PERSONS,
    ("DELETE", "/api/v1/sessions/current"): "a key has no log-in: there is nothing to end",
    ("DELETE", "/api/v1/sessions/{session_id}"): PERSONS,
    ("PATCH", "/api/v1/members/me"): PERSONS,
    ("PUT", "/api/v1/members/me/password"): PERSONS,
    ("POST", "/mcp"): "each tool asks for the scope that its own endpoint asks for",
    ("POST", "/api/v1/policies/compile"): READING,
    ("POST", "/api/v1/policies/templates/{name}"): READING,
    ("GET", "/api/v1/webhooks"): ENDPOINTS,
    ("PATCH", "/api/v1/webhooks/{endpoint_id}"): OWN_ENDPOINTS,
    ("POST", "/api/v1/webhooks/{endpoint_id}/rotate"): OWN_ENDPOINTS,
    ("POST", "/api/v1/disputes/{dispute_id}/packets"): EVIDENCE,
    ("POST", "/api/v1/slack/link-codes"): PERSONS,
    ("GET", "/api/v1/slack/link"): PERSONS,
    ("DELETE", "/api/v1/slack/link"): PERSONS,
}
"""Routes that write on no more than the right to read, or that refuse what their guard lets through; and why."""

KEYS_NEED: dict[str, frozenset[Permission]] = {
    VOTING_KEYS: frozenset({Permission.VOTE}),
    SPEAKING_KEYS: frozenset({Permission.VOTE}),
    ADMIN_KEYS: frozenset({Permission.MEMBERS}),
    PERSONS: frozenset(),
    ENDPOINTS: frozenset({Permission.WEBHOOKS}),
    EVIDENCE: frozenset({Permission.DECIDE, Permission.CONTROLS}),
}
"""Of those, what a key needs besides: one of these permissions; none of them is enough where the set is empty."""

PEOPLE_NEED = {
    ENDPOINTS: frozenset({Permission.WEBHOOKS, Permission.VOTE}),
    EVIDENCE: frozenset({Permission.CONTROLS}),
}
"""The same of people."""

SCOPES = (*sorted(set(SCOPE_OF.values())), "authorizations:write")
ENDS_THE_LOG_IN = ("DELETE", "/api/v1/sessions/current")


class Route(NamedTuple):
    method: str
    path: str
    permission: Permission | None

    @property
    def place(self) -> tuple[str, str]:
        return self.method, self.path


def routes() -> Iterator[Route]:
    """Every route of the app, with what its guard asks for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how handlers spell their parameters is not what is asked here
        app = create_app(Settings(database_url="postgresql://nowhere", redis_url="redis://nowhere"))
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            asked = [guard.permission for guard in handler.resolve_guards() if isinstance(guard, Guard)]
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield Route(method, route.path_format, asked[0] if asked else None)


ALL = tuple(routes())
GUARDED = tuple(route for route in ALL if route.permission is not None and route.place != ENDS_THE_LOG_IN)


class Organization(NamedTuple):
    """An organization of the test's own, so that nothing which is let through changes anybody else's."""

    sessions: dict[str, str]
    keys: dict[str, str]


@pytest.fixture(scope="module")
async def organization(stack: DevJson) -> Organization:
    connection = await asyncpg.connect(stack.database_admin_url)
    organization_id = f"org_{secrets.token_hex(6)}"
    await connection.execute("INSERT INTO organizations VALUES ($1, 'Table', now())", organization_id)
    for mode in ("live", "test"):
        await connection.execute(
            "INSERT INTO chain_heads (chain, organization_id, mode, seq, entry_hash) VALUES ($1, $2, $3, 0, $4)",
            chain_id(organization_id, mode),
            organization_id,
            mode,
            genesis_hash(organization_id, mode),
        )
    sessions, keys = {}, {}
    for role in sorted(ROLES):
        member_id = f"mem_{uuid.uuid4().hex}"
        await connection.execute(
            "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
            "VALUES ($1, $2, $3, $4, '', $5, now())",
            member_id,
            organization_id,
            f"{member_id}@table.example",
            role,
            [role],
        )
        issued = new_session_token()
        await connection.execute(
            "INSERT INTO sessions (token_hash, organization_id, member_id, created_at, last_seen_at, expires_at) "
            "VALUES ($1, $2, $3, now(), now(), now() + interval '1 hour')",
            issued.secret_hash,
            organization_id,
            member_id,
        )
        sessions[role] = issued.secret
        if role == "admin":
            for scope in SCOPES:
                key = new_api_key("test")
                await connection.execute(
                    "INSERT INTO api_keys (id, organization_id, mode, name, secret_hash, hint, scopes, "
                    "owner_member_id, rate_per_minute, outcome_style, created_at) "
                    "VALUES ($1, $2, 'test', $3, $4, 'hint', $5, $6, 100000, 'reference', now())",
                    f"key_{uuid.uuid4().hex}",
                    organization_id,
                    scope,
                    hash_secret(key.secret),
                    [scope],
                    member_id,
                )
                keys[scope] = key.secret
    await connection.close()
    return Organization(sessions, keys)


@pytest.fixture
async def asker(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as client:
        yield client


async def told(asker: httpx.AsyncClient, route: Route, token: str = "") -> tuple[int, str]:
    """Status and error of asking for nothing in particular, in a body that no route takes: whatever is let through
    does nothing. Of a stream only the head is read."""
    path = route.path
    path = path.replace("{version}", "1")
    while "{" in path:
        path = path[: path.index("{")] + "unknown" + path[path.index("}") + 1 :]
    headers = {"Content-Type": "text/plain"} | ({"Authorization": f"Bearer {token}"} if token else {})
    content = None if route.method in {"GET", "HEAD", "DELETE"} else b"nothing"
    async with asker.stream(route.method, path, headers=headers, content=content) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, ""
        await answer.aread()
        body: Any = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        return answer.status_code, body.get("error", "") if isinstance(body, dict) else ""


async def differing(
    asker: httpx.AsyncClient, token: str, held: frozenset[Permission], needed: dict[str, frozenset[Permission]]
) -> dict[tuple[str, str], tuple[int, str]]:
    """The routes that answer otherwise than the table says."""
    found = {}
    for route in GUARDED:
        besides = needed.get(CHECKED_WITHIN.get(route.place, ""))
        opened = route.permission in held and (besides is None or bool(besides & held))
        answer = await told(asker, route, token)
        if (answer == (403, "insufficient_scope")) is opened or answer[0] in {401, 429, 500}:
            found[route.place] = answer
    return found


def test_every_route_has_a_guard_or_a_reason_to_have_none() -> None:
    unguarded = {route.place for route in ALL if route.permission is None}
    assert unguarded - set(OPEN) == set()
    assert {route.place for route in ALL if route.permission is not None} & set(OPEN) == set()


def test_what_changes_something_asks_for_more_than_reading_or_says_why() -> None:
    lenient = {
        route.place for route in ALL if route.permission is Permission.READ and route.method not in {"GET", "HEAD"}
    }
    assert lenient - set(CHECKED_WITHIN) == set()


async def test_nobody_comes_in_without_a_token(stack: DevJson, asker: httpx.AsyncClient) -> None:
    wrong = {route.place: await told(asker, route) for route in GUARDED}
    assert {place: answer for place, answer in wrong.items() if answer != (401, "missing_authorization")} == {}


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_opens_what_the_table_says_and_nothing_else(
    organization: Organization, asker: httpx.AsyncClient, role: str
) -> None:
    assert await differing(asker, organization.sessions[role], of_roles([role]), PEOPLE_NEED) == {}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_what_the_table_says_and_nothing_else(
    organization: Organization, asker: httpx.AsyncClient, scope: str
) -> None:
    assert await differing(asker, organization.keys[scope], of_key([scope], ["admin"]), KEYS_NEED) == {}


def test_no_key_may_break_the_glass() -> None:
    assert Permission.BREAK_GLASS not in of_key(SCOPES, ROLES)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_key_may_do_no_more_than_its_owner(role: str) -> None:
    assert of_key(["admin"], [role]) <= of_roles([role]) | ASKING


def test_no_role_lets_a_person_ask_for_money() -> None:
    assert not ASKING & of_roles(ROLES)
