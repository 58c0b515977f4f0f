"""`/api/v1/keys`: API keys are made, listed and revoked. A key's secret is shown once and kept as a hash."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, InsufficientScope, requires
from api.errors import InvalidBody, NotFound
from api.fields import decode
from api.intake.text import ShortText
from api.intake.vocabulary import OutcomeStyle
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import SCOPE_OF, Permission
from api.views.people import Person
from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.ids import API_KEY, new_api_key, new_id

_HINT_CHARACTERS: Final = 4

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
    """A key acts for whoever makes it: that member can never approve what the key asked for."""

    name: ShortText
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=16)]
    mode: Mode
    rate_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    outcome_style: OutcomeStyle = "reference"
    expires_at: datetime | None = None


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`hint` is the end of the secret, to tell keys apart."""

    id: str
    name: str
    mode: Mode
    scopes: list[str]
    hint: str
    owner: Person
    rate_per_minute: int | None
    outcome_style: OutcomeStyle
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


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
    body = decode(await read_object(request), KeyBody)
    now = datetime.now(UTC)
    if body.expires_at is not None and (body.expires_at.tzinfo is None or body.expires_at <= now):
        raise InvalidBody.single("expires_at", "out_of_range", "This must be a time to come, with its zone.")
    if caller.mode is not None and body.mode != caller.mode:
        raise InsufficientScope(
            SCOPE_OF[Permission.KEYS], f"This key is of {caller.mode} mode and makes no keys of the other."
        )
    issued, key_id = new_api_key(body.mode), new_id(API_KEY)
    await rows(
        """
        INSERT INTO api_keys (id, organization_id, mode, name, secret_hash, hint, scopes, owner_member_id,
            rate_per_minute, outcome_style, created_at, expires_at)
        VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
        """,
        key_id,
        caller.organization_id,
        body.mode,
        body.name,
        issued.secret_hash,
        issued.secret[-_HINT_CHARACTERS:],
        sorted(set(body.scopes)),
        caller.member_id,
        body.rate_per_minute,
        body.outcome_style,
        now,
        body.expires_at,
    )
    found = await rows(f"{_SELECT} AND k.id = {{}}", caller.organization_id, key_id)
    return NewKey(key=issued.secret, **_fields(found[0]))


@get("/api/v1/keys", guards=[requires(Permission.KEYS)], security=BEARER)
async def list_keys(request: Request[Caller, Any, Any]) -> KeyList:
    """Every key, revoked ones too, newest first; a key sees those of its own mode."""
    caller = request.user
    found = await rows(
        f"{_SELECT} AND k.mode = ANY({{}}::text[]) ORDER BY k.created_at DESC, k.id DESC",
        caller.organization_id,
        [caller.mode] if caller.mode else ["live", "test"],
    )
    return KeyList([KeyView(**_fields(key)) for key in found])


@delete("/api/v1/keys/{key_id:str}", guards=[requires(Permission.KEYS)], security=BEARER)
async def revoke_key(request: Request[Caller, Any, Any], key_id: str) -> None:
    """Refuse this key from now on. Revoking again changes nothing."""
    caller = request.user
    revoked = await row(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) "
        "WHERE id = {} AND organization_id = {} AND mode = ANY({}::text[]) RETURNING id",
        key_id,
        caller.organization_id,
        [caller.mode] if caller.mode else ["live", "test"],
    )
    if revoked is None:
        raise NotFound


_SELECT: Final = """
SELECT k.id, k.name, k.mode, k.scopes, k.hint, k.owner_member_id, m.name AS owner_name, k.rate_per_minute,
    k.outcome_style, k.created_at, k.expires_at, k.revoked_at
FROM api_keys k JOIN members m ON m.id = k.owner_member_id WHERE k.organization_id = {}
"""


def _fields(found: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in found.items() if name not in {"owner_member_id", "owner_name"}}
    return {**plain, "scopes": list(found["scopes"]), "owner": Person(found["owner_member_id"], found["owner_name"])}
