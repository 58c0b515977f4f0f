"""`/api/v1/policies/templates`: the template library, and a template with one's own values."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from msgspec import Meta

from api.auth import Caller, requires
from api.compiling import PolicyReading, Template
from api.errors import NotFound
from api.fields import decode
from api.json_body import read_optional_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.known_lists import list_kinds
from api.views.policy_template import TemplateList, TemplateSummary, TemplateView, templates


class TemplateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`parameters` left out keep their defaults; `slug` names the policy, instead of the template's name."""

    parameters: dict[str, Any] = {}
    slug: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,63}$(?!\\n)")] | None = None


@get("/api/v1/policies/templates", guards=[requires(Permission.READ)], security=BEARER)
async def list_templates() -> TemplateList:
    """Every template with its parameters."""
    return TemplateList(list((await asyncio.to_thread(templates)).values()))


@get("/api/v1/policies/templates/{name:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_template(request: Request[Caller, Any, Any], name: str) -> TemplateView:
    """One template, as its defaults make it."""
    shown = await _shipped(name)
    read = await _filled_in(request, name, TemplateBody())
    return TemplateView(
        **msgspec.structs.asdict(shown),
        yaml=read.yaml,
        plain=read.plain,
        errors=read.errors,
        findings=read.findings,
        rules=read.rules,
    )


@post(
    "/api/v1/policies/templates/{name:str}",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(TemplateBody, required=False),
    security=BEARER,
)
async def fill_in_template(request: Request[Caller, Any, Any], name: str) -> PolicyReading:
    """The template's policy with values of one's own, ready to become a draft. Keeps nothing."""
    await _shipped(name)
    return await _filled_in(request, name, decode(await read_optional_object(request), TemplateBody))


async def _shipped(name: str) -> TemplateSummary:
    shipped = (await asyncio.to_thread(templates)).get(name)
    if shipped is None:
        raise NotFound
    return shipped


async def _filled_in(request: Request[Caller, Any, Any], name: str, body: TemplateBody) -> PolicyReading:
    lists = await list_kinds(request.user.organization_id)
    job = Template(name=name, values=body.parameters, slug=body.slug, lists=lists)
    return await services_of(request).compiler.read(job)
