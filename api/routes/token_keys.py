"""The keys that tokens are verified with: the public set, and what an admin sees and revokes."""

from datetime import timedelta
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post, route
from litestar.openapi.datastructures import ResponseSpec

from api.auth import Caller, requires
from api.errors import NotFound
from api.fields import blank_reason, decode_by_rules
from api.intake.text import Reason
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from axiru.settings import Settings
from ledger.acts.token_key import RevokingAdmin, revoke_token_key
from ledger.acts.vote import NotEligible
from ledger.token_keys import KeyTimes, TokenKey, published, token_keys

_KEPT_SECONDS: Final = 300
_JWK_SET: Final = "application/jwk-set+json"


class RevocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why the key may not be trusted any more."""

    reason: Reason


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """A JWK set (RFC 7517 §5): `kty` EC, `crv` P-256, `x`, `y`, `kid`, `use` sig, `alg` ES256."""

    keys: list[dict[str, str]]


class TokenKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """`may_revoke`: whether the caller revokes them here; otherwise whoever operates the installation does."""

    items: list[TokenKey]
    may_revoke: bool


class TokenKeyRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """`replaced_by`: the key that signs since, where the revoked one did."""

    key: TokenKey
    replaced_by: str | None


@route(
    "/axiru-jwks.json",
    http_method=["GET", "HEAD"],
    status_code=200,
    exclude_from_auth=True,
    responses={
        200: ResponseSpec(
            KeySet, generate_examples=False, media_type=_JWK_SET, description="What tokens are verified with"
        )
    },
)
async def show_token_keys(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A JWK set (RFC 7517). A key is in it before it signs, and stays for as long as a token of it may be met."""
    services = services_of(request)
    settings = services.settings
    # Whoever keeps the set for as long as it says has met every key before its first token.
    kept_seconds = min(_KEPT_SECONDS, settings.token_key_lead_seconds)
    return Response(
        msgspec.json.encode({"keys": await published(services.vault, _tail(settings))}),
        media_type=_JWK_SET,
        headers={"Cache-Control": f"max-age={kept_seconds}"},
    )


@get("/api/v1/token-keys", guards=[requires(Permission.READ)], security=BEARER)
async def list_token_keys(request: Request[Caller, Any, Any]) -> TokenKeyList:
    """The keys in the public set, and those that were revoked, the oldest first."""
    caller, settings = request.user, services_of(request).settings
    may_revoke = Permission.CONNECTIONS in caller.permissions and _operates(caller, settings)
    return TokenKeyList(items=await token_keys(_tail(settings)), may_revoke=may_revoke)


@post(
    "/api/v1/token-keys/{kid:str}/revoke",
    guards=[requires(Permission.CONNECTIONS), may_reach_live],
    status_code=200,
    operation_class=taking(RevocationBody),
    security=BEARER,
)
async def revoke_one_token_key(request: Request[Caller, Any, Any], kid: str) -> TokenKeyRevocation:
    """Take a key out of the set and out of use, at once and everywhere: no token of it is consumed any more.

    It concerns every organization, so only admins of the one that operates the installation do it.
    """
    caller, services = request.user, services_of(request)
    raw = await read_object(request)
    body = decode_by_rules(raw, RevocationBody, blank_reason(raw, "A revocation needs a reason."))
    if not _operates(caller, services.settings):
        raise NotEligible("The operator of this installation revokes token keys.", because="operator")
    revoked = await revoke_token_key(
        kid,
        body.reason.strip(),
        by=RevokingAdmin(caller.organization_id, caller.member_id),
        vault=services.vault,
        times=KeyTimes.from_settings(services.settings),
        signer=services.signer,
    )
    for key in await token_keys(_tail(services.settings)):
        if key.kid == kid:
            return TokenKeyRevocation(key=key, replaced_by=revoked.replaced_by)
    raise NotFound


def _operates(caller: Caller, settings: Settings) -> bool:
    return caller.organization_id == settings.operator_organization


def _tail(settings: Settings) -> timedelta:
    return KeyTimes.from_settings(settings).tail
