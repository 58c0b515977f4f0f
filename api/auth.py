"""Who is asking. Keys and log-ins are both Bearer tokens, looked up by their SHA-256 in one statement each.

The order is fixed: who are you, how often have you asked, may you do this; only then is a body read. A caller without a
key learns nothing about what a body should look like.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api import permissions
from api.deadline import within
from api.errors import InvalidBody, NotFound
from api.last_use import note_use
from api.permissions import SCOPE_OF, Permission
from api.rate_limit import CountingOutOfReach
from api.services import Services, services_of
from axiru.database import row
from axiru.domain.approval import Door
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.ids import hash_secret

SESSION_REQUESTS_PER_MINUTE: Final = 1_200
_KEY_PREFIX: Final = "ak_"
_SESSION_PREFIX: Final = "st_"
_LONGEST_TOKEN: Final = 256
BACKGROUND_HEADER: Final = "axiru-background"
"""What a page's own refreshes carry: nobody is there, so they keep no log-in awake."""


class MissingAuthorization(AxiruError):
    """No Authorization header, or an empty one."""

    code = "missing_authorization"


class InvalidAuthorizationScheme(AxiruError):
    """The Authorization header does not use the Bearer scheme (RFC 6750 §2.1)."""

    code = "invalid_authorization_scheme"


class InvalidApiKey(AxiruError):
    """The token is unknown, revoked or expired; which of them is not told."""

    code = "invalid_api_key"


class InsufficientScope(AxiruError):
    """The caller is known and may not do this; the scope that would allow it is named."""

    code = "insufficient_scope"

    def __init__(self, scope: str, message: str | None = None, **facts: str) -> None:
        super().__init__(message or f"This needs the scope {scope}.", required_scope=scope, **facts)


class DefaultConnection(msgspec.Struct, frozen=True):
    """The organization's Stripe connection of the key's mode for requests that name none."""

    id: str
    currency: str
    write_actions: tuple[str, ...]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A key or a person at a console. A key acts for the member who owns it and sees one mode; a log-in sees both.

    `agent_id` is the agent that a key is for, which then asks for nothing but in its name.
    """

    organization_id: str
    organization_name: str
    member_id: str
    member_name: str
    member_email: str
    roles: tuple[str, ...]
    permissions: frozenset[Permission]
    subject: str
    requests_per_minute: int
    outcome_style: str
    api_key_id: str | None = None
    agent_id: str | None = None
    mode: Mode | None = None
    default_connection: DefaultConnection | None = None
    token_hash: str = ""
    session_expires_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def key_mode(self) -> Mode:
        """The mode of a key. A log-in has none: it never comes where this is asked."""
        if self.mode is None:
            raise RuntimeError("a log-in asked for something of one mode")
        return self.mode

    @property
    def modes(self) -> list[Mode]:
        """The modes that are seen: a key's own, or both."""
        return [self.mode] if self.mode else ["live", "test"]

    def mode_of_list(self, asked: Mode | None) -> Mode | None:
        """The only mode that is shown: a key's own, or what a log-in asks for; None is both.

        Raises InvalidBody where a key is asked for the other: an answer of its own mode would look like that one's.
        """
        if self.mode is not None and asked not in {None, self.mode}:
            raise InvalidBody.single("mode", "not_allowed", f"This key sees {self.mode} mode only.")
        return self.mode or asked

    def shown_mode(self, asked: Mode | None) -> Mode:
        """As `mode_of_list`, for what is shown of one mode: test, where a log-in names none."""
        return self.mode_of_list(asked) or "test"

    @property
    def door(self) -> Door:
        return "console" if self.api_key_id is None else "api"


class Guard:
    """Lets through who may do `permission`, and puts the caller where `request.user` finds it.

    Raises MissingAuthorization, InvalidAuthorizationScheme, InvalidApiKey, RateLimited, InsufficientScope.
    """

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        services = services_of(connection)
        token = bearer_token(connection.headers.get("authorization", ""))
        background = connection.headers.get(BACKGROUND_HEADER, "").strip().lower() == "true"
        caller = await within(
            services.settings.decide_timeout_seconds, identify(token, services, background=background)
        )
        try:
            await admit(caller, self.permission, services)
        except CountingOutOfReach:
            # Fail closed means the other way round here: a control stops money, and must not wait for a counter.
            if self.permission is not Permission.CONTROLS or dict(connection.scope).get("method") != "POST":
                raise
            require(self.permission, caller)
        _refuse_nul(connection)
        connection.scope["user"] = caller


def requires(permission: Permission) -> Guard:
    """The guard of a route."""
    return Guard(permission)


def _refuse_nul(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """PostgreSQL's text holds no U+0000 (neither does JSON here): no id has one, and nothing can be found by one."""
    if "\x00" in connection.scope["path"]:
        raise NotFound
    if b"%00" in connection.scope["query_string"]:
        raise InvalidBody.single("query", "malformed", "A query has no U+0000 in it.")


async def admit(caller: Caller, permission: Permission, services: Services) -> None:
    """Count this request, then check that the caller may make it. Raises RateLimited, InsufficientScope."""
    await services.rate_limit.hit(caller.subject, per_minute=caller.requests_per_minute)
    require(permission, caller)


def require(permission: Permission, caller: Caller) -> None:
    """Raises InsufficientScope naming the scope that is missing."""
    if permission not in caller.permissions:
        if permission not in SCOPE_OF:
            require_person(caller)
        # Who is logged in has roles; a scope is something to look for on a key.
        message = "None of your roles may do this." if caller.api_key_id is None else None
        raise InsufficientScope(SCOPE_OF.get(permission, permission.value), message)


def require_scope(permission: Permission, caller: Caller) -> None:
    """A key needs the scope; which person may is for the act to say, with the reason why not.

    Raises InsufficientScope.
    """
    if caller.api_key_id is not None:
        require(permission, caller)


def require_mode(permission: Permission, caller: Caller, asked: str | None) -> None:
    """A key changes nothing but its own mode, whatever scopes it has. Raises InsufficientScope."""
    if caller.mode is not None and asked not in {None, caller.mode}:
        raise InsufficientScope(
            SCOPE_OF[permission], f"This key is of {caller.mode} mode and changes nothing else.", key_mode=caller.mode
        )


def require_person(caller: Caller) -> None:
    """Raises InsufficientScope for a key: some things a person does, logged in, or nobody."""
    if caller.api_key_id is not None:
        raise InsufficientScope("session", "Only a person who is logged in does this, never a key.")


def bearer_token(header: str) -> str:
    """The token of an Authorization header. Raises MissingAuthorization, InvalidAuthorizationScheme."""
    if not header.strip():
        raise MissingAuthorization("Send your API key as Authorization: Bearer ak_….")
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidAuthorizationScheme("The Authorization header must use the Bearer scheme.")
    return token.strip()


async def identify(token: str, services: Services, *, background: bool = False) -> Caller:
    """The caller behind a token, who was seen now unless it asks in the background. Raises InvalidApiKey."""
    known = None
    if len(token) <= _LONGEST_TOKEN:
        if token.startswith(_KEY_PREFIX):
            known = await _key(token, services.settings.rate_per_minute)
        elif token.startswith(_SESSION_PREFIX):
            known = await _session(token, services.settings.session_idle_minutes)
    if known is None:
        raise InvalidApiKey("This API key is unknown, revoked or expired.")
    if known.api_key_id is not None:
        note_use("api_keys", known.api_key_id, known.last_used_at)
    elif not background:
        note_use("sessions", known.token_hash, known.last_used_at)
    return known


async def _key(secret: str, default_per_minute: int) -> Caller | None:
    found = await row(
        """
        SELECT k.id, k.organization_id, k.mode, k.scopes, k.owner_member_id, k.rate_per_minute, k.outcome_style,
            k.last_used_at, m.name, m.email, m.roles, o.name AS organization_name, c.id AS connection_id,
            c.default_currency, c.write_actions, a.agent_id
        FROM api_keys k
        JOIN members m ON m.id = k.owner_member_id AND m.disabled_at IS NULL
        JOIN organizations o ON o.id = k.organization_id
        LEFT JOIN stripe_connections c
            ON c.organization_id = k.organization_id AND c.mode = k.mode AND c.is_default AND c.status = 'active'
        LEFT JOIN agents a ON a.id = k.agent
        WHERE k.secret_hash = {} AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
        """,
        hash_secret(secret),
    )
    if found is None:
        return None
    return Caller(
        organization_id=found["organization_id"],
        organization_name=found["organization_name"],
        member_id=found["owner_member_id"],
        member_name=found["name"],
        member_email=found["email"],
        roles=tuple(found["roles"]),
        permissions=permissions.of_key(found["scopes"], found["roles"]),
        subject=f"key/{found['id']}",
        requests_per_minute=found["rate_per_minute"] or default_per_minute,
        outcome_style=found["outcome_style"],
        api_key_id=found["id"],
        agent_id=found["agent_id"],
        mode=found["mode"],
        default_connection=DefaultConnection(
            found["connection_id"], found["default_currency"], tuple(found["write_actions"])
        )
        if found["connection_id"]
        else None,
        last_used_at=found["last_used_at"],
    )


async def _session(token: str, idle_minutes: int) -> Caller | None:
    token_hash = hash_secret(token)
    found = await row(
        """
        SELECT s.organization_id, s.member_id, s.expires_at, s.last_seen_at, m.name, m.email, m.roles,
            o.name AS organization_name
        FROM sessions s
        JOIN members m ON m.id = s.member_id AND m.disabled_at IS NULL
        JOIN organizations o ON o.id = s.organization_id
        WHERE s.token_hash = {} AND s.revoked_at IS NULL AND s.expires_at > now()
            AND s.last_seen_at > now() - make_interval(mins => {})
        """,
        token_hash,
        idle_minutes,
    )
    if found is None:
        return None
    return Caller(
        organization_id=found["organization_id"],
        organization_name=found["organization_name"],
        member_id=found["member_id"],
        member_name=found["name"],
        member_email=found["email"],
        roles=tuple(found["roles"]),
        permissions=permissions.of_roles(found["roles"]),
        subject=f"session/{token_hash}",
        requests_per_minute=SESSION_REQUESTS_PER_MINUTE,
        outcome_style="reference",
        token_hash=token_hash,
        session_expires_at=found["expires_at"],
        last_used_at=found["last_seen_at"],
    )
