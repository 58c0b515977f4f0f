"""`/api/v1/sessions`: a person logs in, is told who they are, and logs out."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, require_person, requires
from api.errors import NotFound
from api.fields import decode
from api.intake.text import Email
from api.json_body import read_object
from api.login import InvalidCredentials, verified_member
from api.openapi import BEARER, taking
from api.permissions import Permission, of_roles
from api.services import services_of
from axiru.database import row, rows
from axiru.ids import new_session_token


class LogInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    email: Email
    password: Annotated[str, Meta(min_length=1, max_length=1_024)]


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    email: str
    name: str
    roles: list[str]
    organization_id: str
    organization_name: str


class NewSession(msgspec.Struct, frozen=True):
    """`token` is a Bearer token like a key; it is shown this once."""

    token: str
    expires_at: datetime
    member: MemberView
    permissions: list[Permission]


class CurrentSession(msgspec.Struct, frozen=True):
    """Ends at `expires_at`, and before that once it was not used for `idle_minutes`."""

    member: MemberView
    expires_at: datetime
    permissions: list[Permission]
    idle_minutes: int


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """`id` names a log-in and opens nothing; `current` is the one that asks. `last_seen_at` is right to the minute."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class SessionList(msgspec.Struct, frozen=True):
    items: list[SessionView]


@post("/api/v1/sessions", status_code=200, operation_class=taking(LogInBody))
async def log_in(request: Request[Any, Any, Any]) -> NewSession:
    """Trade e-mail and password for a token of limited life."""
    services = services_of(request)
    body = decode(await read_object(request), LogInBody)
    address = request.client.host if request.client else ""
    member = await verified_member(body.email, body.password, address, services)
    issued = new_session_token()
    now = datetime.now(UTC)
    expires_at = now + timedelta(hours=services.settings.session_hours)
    # The row is held, so that no log-in begins with a password that is being changed, or while its member is disabled.
    begun = await row(
        """
        INSERT INTO sessions (token_hash, organization_id, member_id, created_at, last_seen_at, expires_at)
        SELECT {}, organization_id, id, {}, {}, {} FROM members
        WHERE id = {} AND password_hash = {} AND disabled_at IS NULL FOR SHARE RETURNING token_hash
        """,
        issued.secret_hash,
        now,
        now,
        expires_at,
        member.id,
        member.password_hash,
    )
    if begun is None:
        raise InvalidCredentials("E-mail or password is wrong.")
    view = MemberView(**{name: getattr(member, name) for name in MemberView.__struct_fields__})
    return NewSession(issued.secret, expires_at, view, sorted(of_roles(member.roles)))


@get("/api/v1/sessions/current", guards=[requires(Permission.READ)], security=BEARER)
async def current_session(request: Request[Caller, Any, Any]) -> CurrentSession:
    """Who is logged in, until when, and what they may do."""
    caller = request.user
    if caller.session_expires_at is None:
        raise NotFound
    view = MemberView(
        id=caller.member_id,
        email=caller.member_email,
        name=caller.member_name,
        roles=list(caller.roles),
        organization_id=caller.organization_id,
        organization_name=caller.organization_name,
    )
    idle_minutes = services_of(request).settings.session_idle_minutes
    return CurrentSession(view, caller.session_expires_at, sorted(caller.permissions), idle_minutes)


@get("/api/v1/sessions", guards=[requires(Permission.READ)], security=BEARER)
async def list_sessions(request: Request[Caller, Any, Any]) -> SessionList:
    """The caller's own log-ins that are good now, newest first."""
    caller = request.user
    require_person(caller)
    found = await rows(
        # Enough of the token's SHA-256 to tell log-ins apart; the token itself cannot be found from it.
        "SELECT 'ss_' || left(token_hash, 24) AS id, created_at, last_seen_at, expires_at, token_hash = {} AS current "
        "FROM sessions WHERE member_id = {} AND revoked_at IS NULL AND expires_at > now() "
        "AND last_seen_at > now() - make_interval(mins => {}) ORDER BY created_at DESC, token_hash",
        caller.token_hash,
        caller.member_id,
        services_of(request).settings.session_idle_minutes,
    )
    return SessionList([SessionView(**session) for session in found])


@delete("/api/v1/sessions/{session_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def end_session(request: Request[Caller, Any, Any], session_id: str) -> None:
    """End one of one's own log-ins. Again changes nothing."""
    caller = request.user
    require_person(caller)
    ended = await row(
        "UPDATE sessions SET revoked_at = coalesce(revoked_at, now()) "
        "WHERE 'ss_' || left(token_hash, 24) = {} AND member_id = {} RETURNING token_hash",
        session_id,
        caller.member_id,
    )
    if ended is None:
        raise NotFound


@delete("/api/v1/sessions/current", guards=[requires(Permission.READ)], security=BEARER)
async def log_out(request: Request[Caller, Any, Any]) -> None:
    """End this log-in; its token is refused from now on."""
    caller = request.user
    if caller.session_expires_at is None:
        raise NotFound
    await row("UPDATE sessions SET revoked_at = now() WHERE token_hash = {}", caller.token_hash)
