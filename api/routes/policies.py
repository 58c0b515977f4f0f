"""`/api/v1/policies`: the policies there are, and what a text would say as one."""

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from msgspec import Meta

from api.auth import Caller, requires
from api.compiling import PolicyReading, Text
from api.compiling.shapes import TextFormat
from api.fields import decode
from api.json_body import MAX_BODY_BYTES, read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.known_lists import list_kinds
from api.views.page import ModeFilter
from api.views.policy_overview import PolicyList, PolicyOverview, find_policies, policy_overview

PolicyText = Annotated[str, Meta(max_length=MAX_BODY_BYTES, description="YAML, or sentences of the plain language")]


class CompileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    text: PolicyText
    format: TextFormat


@post(
    "/api/v1/policies/compile",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(CompileBody),
    security=BEARER,
)
async def compile_policy_text(request: Request[Caller, Any, Any]) -> PolicyReading:
    """Read a policy without keeping it: what it says in the other form, or where it goes wrong."""
    body = decode(await read_object(request), CompileBody)
    lists = await list_kinds(request.user.organization_id)
    return await services_of(request).compiler.read(Text(text=body.text, format=body.format, lists=lists))


@get("/api/v1/policies", guards=[requires(Permission.READ)], security=BEARER)
async def list_policies(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> PolicyList:
    """Every policy with the versions that decide or look on, and its open drafts."""
    caller = request.user
    return await find_policies(caller.organization_id, caller.shown_mode(mode))


@get("/api/v1/policies/{slug:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_policy(request: Request[Caller, Any, Any], slug: str, mode: ModeFilter = None) -> PolicyOverview:
    """One policy with every version."""
    caller = request.user
    return await policy_overview(caller.organization_id, slug, caller.shown_mode(mode))
