"""`/api/v1/lists`: the lists that policies look into are proposed by one person and put in force by another."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from msgspec import Meta

from api.auth import Caller, requires
from api.fields import decode
from api.intake.text import Reason
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.value_list import (
    ListPage,
    ListVersionSummary,
    ListVersionView,
    ListView,
    find_list_version,
    find_lists,
    list_version_view,
    list_view,
)
from axiru.errors import AxiruError
from ledger.acts.lists import activate_list, propose_list

Values = Annotated[list[str], Meta(description="Each once; in whatever order and spelling they come")]


class ProposalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All values of the next version: what is not among them is no longer in the list."""

    values: Values
    note: Reason = ""


class ListBody(ProposalBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new list with its first version."""

    slug: Annotated[str, Meta(max_length=64, description="lower-case letters, digits and _")]
    kind: Literal["customer", "country", "account", "text"]
    description: Reason = ""


class ListExists(AxiruError):
    """There is a list of this name; its next version is proposed at its own address."""

    code = "conflict"


@get("/api/v1/lists", guards=[requires(Permission.READ)], security=BEARER)
async def list_lists(request: Request[Caller, Any, Any]) -> ListPage:
    """Every list with the version in force and the newest one."""
    return await find_lists(request.user.organization_id)


@post(
    "/api/v1/lists",
    guards=[requires(Permission.POLICIES)],
    status_code=201,
    operation_class=taking(ListBody),
    security=BEARER,
)
async def create_list(request: Request[Caller, Any, Any]) -> ListView:
    """Begin a list and propose its first version. Policies look into it once somebody else has activated that."""
    caller = request.user
    body = decode(await read_object(request), ListBody)
    if body.slug in {each.slug for each in (await find_lists(caller.organization_id)).items}:
        raise ListExists(f"There is a list {body.slug}; propose its next version.", slug=body.slug)
    await _propose(request, body.slug, body.kind, body, body.description)
    return await list_view(caller.organization_id, body.slug)


@get("/api/v1/lists/{slug:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_list(request: Request[Caller, Any, Any], slug: str) -> ListView:
    """One list with every version."""
    return await list_view(request.user.organization_id, slug)


@post(
    "/api/v1/lists/{slug:str}/versions",
    guards=[requires(Permission.POLICIES)],
    status_code=201,
    operation_class=taking(ProposalBody),
    security=BEARER,
)
async def propose_list_version(request: Request[Caller, Any, Any], slug: str) -> ListVersionView:
    """Propose the values that the list shall have."""
    caller = request.user
    known = await list_view(caller.organization_id, slug)
    body = decode(await read_object(request), ProposalBody)
    version = await _propose(request, slug, known.kind, body)
    return await list_version_view(caller.organization_id, slug, version)


@get("/api/v1/lists/{slug:str}/versions/{version:int}", guards=[requires(Permission.READ)], security=BEARER)
async def get_list_version(request: Request[Caller, Any, Any], slug: str, version: int) -> ListVersionView:
    """One version with its values, beside those in force."""
    return await list_version_view(request.user.organization_id, slug, version)


@post(
    "/api/v1/lists/{slug:str}/versions/{version:int}/activate",
    guards=[requires(Permission.POLICIES), may_reach_live],
    status_code=200,
    security=BEARER,
)
async def activate_list_version(request: Request[Caller, Any, Any], slug: str, version: int) -> ListVersionSummary:
    """Put the version in force, by somebody other than its authors. A retired one too: that is the way back."""
    caller = request.user
    found = await find_list_version(caller.organization_id, slug, version)
    await activate_list(
        found.id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await find_list_version(caller.organization_id, slug, version)


async def _propose(
    request: Request[Caller, Any, Any], slug: str, kind: str, body: ProposalBody, description: str = ""
) -> int:
    caller = request.user
    receipt = await propose_list(
        slug,
        kind,
        body.values,
        body.note.strip(),
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
        description=description.strip(),
    )
    return receipt.version
