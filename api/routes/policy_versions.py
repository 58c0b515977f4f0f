"""`/api/v1/policies/{slug}/versions/{n}`: what a version says, and what becomes of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from msgspec import Meta

from api.auth import Caller, requires
from api.fields import decode
from api.json_body import read_optional_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.policy_version import VersionSummary, VersionView, find_version, version_view
from ledger.acts.activate import VersionReceipt, activate, retire, shadow_again


class ActivateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Below 100 the version decides this share of the requests, always the same ones, and looks on at the others."""

    percent: Annotated[int, Meta(ge=1, le=100)] = 100


@get("/api/v1/policies/{slug:str}/versions/{version:int}", guards=[requires(Permission.READ)], security=BEARER)
async def get_version(request: Request[Caller, Any, Any], slug: str, version: int) -> VersionView:
    """One version, as YAML and in plain language, rule by rule."""
    return await version_view(request.user.organization_id, slug, version, services_of(request).compiler)


@post(
    "/api/v1/policies/{slug:str}/versions/{version:int}/activate",
    guards=[requires(Permission.POLICIES), may_reach_live],
    status_code=200,
    operation_class=taking(ActivateBody, required=False),
    security=BEARER,
)
async def activate_version(request: Request[Caller, Any, Any], slug: str, version: int) -> VersionSummary:
    """Put the version in force, by somebody other than its authors. A retired one too: that is the way back."""
    body = decode(await read_optional_object(request), ActivateBody)
    return await _after(activate, request, slug, version, percent=body.percent)


@post(
    "/api/v1/policies/{slug:str}/versions/{version:int}/retire",
    guards=[requires(Permission.POLICIES), may_reach_live],
    status_code=200,
    security=BEARER,
)
async def retire_version(request: Request[Caller, Any, Any], slug: str, version: int) -> VersionSummary:
    """Take the version out of sight. One that is in force is retired by somebody other than its authors."""
    return await _after(retire, request, slug, version)


@post(
    "/api/v1/policies/{slug:str}/versions/{version:int}/shadow",
    guards=[requires(Permission.POLICIES), may_reach_live],
    status_code=200,
    security=BEARER,
)
async def shadow_version(request: Request[Caller, Any, Any], slug: str, version: int) -> VersionSummary:
    """Let a retired version look on again."""
    return await _after(shadow_again, request, slug, version)


async def _after(
    act: Callable[..., Awaitable[VersionReceipt]],
    request: Request[Caller, Any, Any],
    slug: str,
    version: int,
    **terms: int,
) -> VersionSummary:
    """The version as it stands once the caller has done `act` to it."""
    caller = request.user
    found = await find_version(caller.organization_id, slug, version)
    await act(
        found.id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
        **terms,
    )
    return await find_version(caller.organization_id, slug, version)
