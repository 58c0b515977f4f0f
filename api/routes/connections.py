"""`/api/v1/connections`: the Stripe accounts of an organization, and what Axiru may do with each."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, delete, get, patch, post
from msgspec import Meta

from api.auth import Caller, requires
from api.errors import InvalidBody, NotFound
from api.fields import blank_reason, decode, decode_by_rules
from api.intake.text import Reason
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.connection import ConnectionList, ConnectionView, find_connection, find_connections
from api.views.page import ModeFilter
from axiru.errors import ConfigurationInvalid
from axiru.stripe_oauth import deauthorize
from ledger.acts.connection import change_connection, disconnect
from ledger.acts.connection_record import WriteAction
from ledger.acts.grant import grant_action, revoke_grant


class ConnectionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be different. The default is given to another connection, never taken from all."""

    name: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    is_default: Literal[True] | None = None


class GrantBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The kind of movement that Axiru may make, and why."""

    action: WriteAction
    reason: Reason


class DisconnectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why the account is let go of."""

    reason: Reason


class DisconnectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`deauthorized`: Stripe says that it took the app's access back. Where false, uninstall it in Stripe as well."""

    connection: ConnectionView
    deauthorized: bool


@get("/api/v1/connections", guards=[requires(Permission.READ)], security=BEARER)
async def list_connections(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> ConnectionList:
    """The connections of one mode; a key sees its own."""
    caller = request.user
    return await find_connections(caller.organization_id, caller.shown_mode(mode))


@get("/api/v1/connections/{connection_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_connection(request: Request[Caller, Any, Any], connection_id: str) -> ConnectionView:
    """One connection."""
    return await _found(request, connection_id)


@patch(
    "/api/v1/connections/{connection_id:str}",
    guards=[requires(Permission.CONNECTIONS)],
    operation_class=taking(ConnectionBody),
    security=BEARER,
)
async def change_one_connection(request: Request[Caller, Any, Any], connection_id: str) -> ConnectionView:
    """Rename it, or make it the one that requests without a connection are about."""
    caller = request.user
    raw = await read_object(request)
    body = decode(raw, ConnectionBody)
    if not raw:
        raise InvalidBody.single("body", "missing", "Say what is to be different: name or is_default.")
    if body.name is not None and not body.name.strip():
        raise InvalidBody.single("name", "missing", "A name has more than spaces.")
    await _found(request, connection_id)
    await change_connection(
        connection_id,
        name=body.name.strip() if body.name is not None else None,
        make_default=body.is_default is True,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await _found(request, connection_id)


@post(
    "/api/v1/connections/{connection_id:str}/grants",
    guards=[requires(Permission.CONNECTIONS)],
    status_code=200,
    operation_class=taking(GrantBody),
    security=BEARER,
)
async def grant_one_action(request: Request[Caller, Any, Any], connection_id: str) -> ConnectionView:
    """Let Axiru make this kind of movement here. 409 unless its surface is enforced for this connection."""
    caller = request.user
    raw = await read_object(request)
    body = decode_by_rules(raw, GrantBody, blank_reason(raw, "Say why."))
    await _found(request, connection_id)
    await grant_action(
        connection_id,
        body.action,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        reason=body.reason.strip(),
        signer=services_of(request).signer,
    )
    return await _found(request, connection_id)


@delete(
    "/api/v1/connections/{connection_id:str}/grants/{action:str}",
    guards=[requires(Permission.CONNECTIONS)],
    status_code=200,
    security=BEARER,
)
async def revoke_one_grant(request: Request[Caller, Any, Any], connection_id: str, action: str) -> ConnectionView:
    """Use this permission no more. What was not granted stays that way."""
    caller = request.user
    try:
        named = msgspec.convert(action, WriteAction)
    except msgspec.ValidationError as error:
        raise NotFound from error
    await _found(request, connection_id)
    await revoke_grant(
        connection_id,
        named,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await _found(request, connection_id)


@post(
    "/api/v1/connections/{connection_id:str}/disconnect",
    guards=[requires(Permission.CONNECTIONS)],
    status_code=200,
    operation_class=taking(DisconnectBody),
    security=BEARER,
)
async def disconnect_one(request: Request[Caller, Any, Any], connection_id: str) -> DisconnectAnswer:
    """End it here, and ask Stripe to take the access back. It ends here whatever Stripe says."""
    caller, services = request.user, services_of(request)
    raw = await read_object(request)
    body = decode_by_rules(raw, DisconnectBody, blank_reason(raw, "Say why."))
    found = await _found(request, connection_id)
    ended = await disconnect(
        connection_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        reason=body.reason.strip(),
        vault=services.vault,
        signer=services.signer,
    )
    told = False
    if ended and found.token_expires_at is not None:
        try:
            told = await deauthorize(services.settings, found.mode, found.stripe_account_id)
        except ConfigurationInvalid:
            told = False
    return DisconnectAnswer(connection=await _found(request, connection_id), deauthorized=told)


async def _found(request: Request[Caller, Any, Any], connection_id: str) -> ConnectionView:
    """Raises NotFound; for a key, one of the other mode is not there."""
    return await find_connection(connection_id, request.user.organization_id, request.user.mode)
