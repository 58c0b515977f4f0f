"""Passwords: set by a link that works once, or changed by whoever knows the present one."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, post, put
from msgspec import Meta

from api.auth import Caller, require_person, requires
from api.errors import InvalidBody
from api.fields import decode
from api.json_body import read_object
from api.login import InvalidCredentials, hashed, verified_member
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from ledger.acts.password import check_link, set_by_link, set_own

LINKS_PER_ADDRESS: Final = 60

NewPassword = Annotated[str, Meta(min_length=12, max_length=1_024, description="12 characters or more")]


class LinkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`token` is what the link ends in."""

    token: Annotated[str, Meta(min_length=1, max_length=256)]
    password: NewPassword


class OwnBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    current: Annotated[str, Meta(min_length=1, max_length=1_024)]
    password: NewPassword


@post("/api/v1/password", status_code=204, operation_class=taking(LinkBody))
async def set_password(request: Request[Any, Any, Any]) -> None:
    """Set a password by a link. Every log-in of the member ends, and a lock-out too."""
    services = services_of(request)
    address = request.client.host if request.client else ""
    await services.rate_limit.hit(f"password/address/{address}", per_minute=LINKS_PER_ADDRESS)
    body = decode(await read_object(request), LinkBody)
    await check_link(body.token)
    await set_by_link(body.token, await hashed(body.password), signer=services.signer)


@put(
    "/api/v1/members/me/password",
    guards=[requires(Permission.READ)],
    status_code=204,
    operation_class=taking(OwnBody),
    security=BEARER,
)
async def change_password(request: Request[Caller, Any, Any]) -> None:
    """Change one's own password. Every other log-in ends; wrong guesses count as at a log-in."""
    caller, services = request.user, services_of(request)
    require_person(caller)
    body = decode(await read_object(request), OwnBody)
    address = request.client.host if request.client else ""
    try:
        await verified_member(caller.member_email, body.current, address, services)
    except InvalidCredentials as error:
        # The log-in is good, so 401 would be the wrong word.
        raise InvalidBody.single("current", "invalid", "This is not your present password.") from error
    await set_own(
        caller.member_id,
        await hashed(body.password),
        organization_id=caller.organization_id,
        kept_session_hash=caller.token_hash,
        signer=services.signer,
    )
