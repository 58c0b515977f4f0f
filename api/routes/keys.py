"""`/api/v1/keys`: API keys are made, listed and revoked. A key's secret is shown once and kept as a hash."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, InsufficientScope, requires
from api.fields import decode_by_rules, past_time
from api.intake.text import Identifier, Moment, ShortText
from api.intake.vocabulary import OutcomeStyle
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import SCOPE_OF, Permission
from api.services import services_of
from api.views.people import Person
from axiru.database import rows
from axiru.domain.movement import Mode
from ledger.acts import api_key

Scope = Literal[
    "decisions:write",
    "authorizations:write",
    "approvals:vote",
    "controls:write",
    "policies:write",
    "ledger:read",
    "admin",
]


class KeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key acts for its owner, who can never approve what it asked for: whoever makes it, unless another is named.

    A key of somebody else neither votes nor changes what decides: it has none of the scopes that act in their name. A
    key for an `agent`, by either of its ids, asks as that agent and does nothing else.
    """

    name: ShortText
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=16)]
    mode: Mode
    rate_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    outcome_style: OutcomeStyle = "reference"
    expires_at: Moment | None = None
    owner_member_id: Identifier | None = None
    agent: Identifier | None = None


class KeyAgent(msgspec.Struct, frozen=True):
    """The agent that a key is for."""

    id: str
    agent_id: str


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`hint` is the end of the secret, to tell keys apart; `last_used_at` is right to the minute."""

    id: str
    name: str
    mode: Mode
    scopes: list[str]
    hint: str
    owner: Person
    rate_per_minute: int | None
    outcome_style: OutcomeStyle
    created_at: datetime
    created_by: Person | None
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: Person | None
    agent: KeyAgent | None


class NewKey(KeyView, frozen=True, kw_only=True):
    """`key` is the secret. It cannot be shown again."""

    key: str


class KeyList(msgspec.Struct, frozen=True):
    items: list[KeyView]


@post(
    "/api/v1/keys",
    guards=[requires(Permission.KEYS)],
    status_code=201,
    operation_class=taking(KeyBody),
    security=BEARER,
)
async def create_key(request: Request[Caller, Any, Any]) -> NewKey:
    """Make a key; its secret is in this answer and nowhere else."""
    caller = request.user
    raw = await read_object(request)
    body = decode_by_rules(raw, KeyBody, past_time(raw, "expires_at"))
    if caller.mode is not None and body.mode != caller.mode:
        raise InsufficientScope(
            SCOPE_OF[Permission.KEYS], f"This key is of {caller.mode} mode and makes no keys of the other."
        )
    made = await api_key.make_key(
        api_key.WantedKey(
            name=body.name,
            mode=body.mode,
            scopes=body.scopes,
            owner_member_id=body.owner_member_id or caller.member_id,
            rate_per_minute=body.rate_per_minute,
            outcome_style=body.outcome_style,
            expires_at=body.expires_at,
            agent=body.agent,
        ),
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    found = await rows(f"{_SELECT} AND k.id = {{}}", caller.organization_id, made.id)
    return NewKey(key=made.secret, **_fields(found[0]))


@get("/api/v1/keys", guards=[requires(Permission.KEYS)], security=BEARER)
async def list_keys(request: Request[Caller, Any, Any]) -> KeyList:
    """Every key, revoked ones too, newest first; a key sees those of its own mode."""
    caller = request.user
    found = await rows(
        f"{_SELECT} AND k.mode = ANY({{}}::text[]) ORDER BY k.created_at DESC, k.id DESC",
        caller.organization_id,
        caller.modes,
    )
    return KeyList([KeyView(**_fields(key)) for key in found])


@delete("/api/v1/keys/{key_id:str}", guards=[requires(Permission.KEYS)], security=BEARER)
async def revoke_key(request: Request[Caller, Any, Any], key_id: str) -> None:
    """Refuse this key from now on. Revoking again changes nothing."""
    caller = request.user
    await api_key.revoke_key(
        key_id,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        modes=caller.modes,
        signer=services_of(request).signer,
    )


_SELECT: Final = """
SELECT k.id, k.name, k.mode, k.scopes, k.hint, k.rate_per_minute, k.outcome_style, k.created_at, k.last_used_at,
    k.expires_at, k.revoked_at, k.owner_member_id, o.name AS owner_name, k.created_by, c.name AS created_by_name,
    k.revoked_by, r.name AS revoked_by_name, a.id AS agent, a.agent_id
FROM api_keys k JOIN members o ON o.id = k.owner_member_id LEFT JOIN members c ON c.id = k.created_by
LEFT JOIN members r ON r.id = k.revoked_by LEFT JOIN agents a ON a.id = k.agent WHERE k.organization_id = {}
"""


def _fields(found: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(found)
    told["scopes"] = list(found["scopes"])
    told["owner"] = Person(told.pop("owner_member_id"), told.pop("owner_name"))
    agent_id = told.pop("agent_id")
    told["agent"] = KeyAgent(told["agent"], agent_id) if agent_id else None
    for role in ("created_by", "revoked_by"):
        name = told.pop(f"{role}_name")
        told[role] = Person(told[role], name) if told[role] else None
    return told
