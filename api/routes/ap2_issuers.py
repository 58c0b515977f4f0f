"""`/api/v1/ap2-issuers`: whose payment mandates (AP2) are taken, by the public key they are signed with."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from joserfc.jwk import ECKey
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, requires
from api.errors import InvalidBody
from api.fields import decode
from api.intake.text import Identifier, Reason, ShortText
from api.json_body import read_object, read_optional_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.people import Person
from axiru.database import rows
from ledger.acts.ap2_issuer import WantedIssuer, distrust_issuer, trust_issuer

_COORDINATE: Final = "^[A-Za-z0-9_-]{43}$"


class IssuerKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A public key for ES256 as a JWK (RFC 7517). A private one is refused."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, Meta(pattern=_COORDINATE)]
    y: Annotated[str, Meta(pattern=_COORDINATE)]
    kid: Identifier | None = None
    alg: Literal["ES256"] | None = None
    use: Literal["sig"] | None = None


class IssuerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`issuer` is the `iss` of its mandates, where they name one."""

    issuer: Identifier
    name: ShortText
    jwk: IssuerKey


class RemovalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why its mandates are taken no more."""

    reason: Reason = ""


class IssuerView(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer; `thumbprint` is that of its key (RFC 7638)."""

    id: str
    issuer: str
    name: str
    jwk: dict[str, str]
    thumbprint: str
    added_by: Person
    added_at: datetime
    removed_by: Person | None
    removed_at: datetime | None
    removed_reason: str | None


class IssuerList(msgspec.Struct, frozen=True):
    items: list[IssuerView]


@get("/api/v1/ap2-issuers", guards=[requires(Permission.READ)], security=BEARER)
async def list_ap2_issuers(request: Request[Caller, Any, Any]) -> IssuerList:
    """Every issuer, removed ones too, newest first."""
    return IssuerList(await _issuers(request.user))


@post(
    "/api/v1/ap2-issuers",
    guards=[requires(Permission.KEYS), may_reach_live],
    status_code=201,
    operation_class=taking(IssuerBody),
    security=BEARER,
)
async def trust_ap2_issuer(request: Request[Caller, Any, Any]) -> IssuerView:
    """Take the mandates that are signed with this key, in both modes."""
    caller = request.user
    body = decode(await read_object(request), IssuerBody)
    jwk = msgspec.to_builtins(body.jwk)
    try:
        thumbprint = ECKey.import_key(jwk).thumbprint()
    except ValueError as error:
        raise InvalidBody.single("jwk", "invalid", "This is no point on P-256.") from error
    issuer_id = await trust_issuer(
        WantedIssuer(issuer=body.issuer, name=body.name, jwk=jwk, thumbprint=thumbprint),
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return (await _issuers(caller, issuer_id))[0]


@delete(
    "/api/v1/ap2-issuers/{issuer_id:str}",
    guards=[requires(Permission.KEYS), may_reach_live],
    operation_class=taking(RemovalBody, required=False),
    security=BEARER,
)
async def remove_ap2_issuer(request: Request[Caller, Any, Any], issuer_id: str) -> None:
    """Take its mandates no more, and let no token be used that was given for one. Again changes nothing."""
    caller = request.user
    body = decode(await read_optional_object(request), RemovalBody)
    await distrust_issuer(
        issuer_id,
        body.reason.strip(),
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )


async def _issuers(caller: Caller, issuer_id: str | None = None) -> list[IssuerView]:
    found = await rows(
        "SELECT i.*, a.name AS added_by_name, r.name AS removed_by_name FROM ap2_issuers i "
        "JOIN members a ON a.id = i.added_by LEFT JOIN members r ON r.id = i.removed_by "
        "WHERE i.organization_id = {} AND i.id = coalesce({}, i.id) ORDER BY i.added_at DESC, i.id DESC",
        caller.organization_id,
        issuer_id,
    )
    return [
        IssuerView(
            id=one["id"],
            issuer=one["issuer"],
            name=one["name"],
            jwk=msgspec.json.decode(one["jwk"], type=dict[str, str]),
            thumbprint=one["thumbprint"],
            added_by=Person(one["added_by"], one["added_by_name"]),
            added_at=one["added_at"],
            removed_by=Person(one["removed_by"], one["removed_by_name"]) if one["removed_by"] else None,
            removed_at=one["removed_at"],
            removed_reason=one["removed_reason"],
        )
        for one in found
    ]
