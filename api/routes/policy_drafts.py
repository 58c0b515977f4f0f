"""`/api/v1/policies/drafts`: policies are written, changed, discarded and published as the next version."""

from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post, put
from msgspec import Meta

from api.auth import Caller, requires
from api.compiling import Text
from api.compiling.refused import PolicyRefused
from api.compiling.shapes import PolicyReading, TextFormat
from api.fields import decode
from api.intake.text import Reason
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.routes.policies import PolicyText
from api.services import services_of
from api.views.known_lists import list_kinds
from api.views.policy_draft import DraftList, DraftView, draft_row, draft_view, open_drafts
from api.views.policy_version import VersionView, version_view
from ledger.acts.drafts import discard_draft, save_draft
from ledger.acts.publish import publish


class DraftBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`note` says why, for whoever is asked to activate it. The text names its policy itself."""

    text: PolicyText
    format: TextFormat
    note: Reason = ""


class DraftChange(DraftBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`revision` is the one that was read: nobody's change is overwritten unseen."""

    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)]


@post(
    "/api/v1/policies/drafts",
    guards=[requires(Permission.POLICIES)],
    status_code=201,
    operation_class=taking(DraftBody),
    security=BEARER,
)
async def create_draft(request: Request[Caller, Any, Any]) -> DraftView:
    """Begin a draft. The text has to load; what the static checks say of it is told and may be mended later."""
    caller = request.user
    body = decode(await read_object(request), DraftBody)
    await _loading(request, body.text, body.format)
    draft = await save_draft(
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        text=body.text,
        format=body.format,
        note=body.note.strip(),
    )
    return await draft_view(draft.id, caller.organization_id, services_of(request).compiler)


@get("/api/v1/policies/drafts", guards=[requires(Permission.READ)], security=BEARER)
async def list_drafts(request: Request[Caller, Any, Any]) -> DraftList:
    """Open drafts, the one changed last first."""
    return DraftList(await open_drafts(request.user.organization_id))


@get("/api/v1/policies/drafts/{draft_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_draft(request: Request[Caller, Any, Any], draft_id: str) -> DraftView:
    """One draft with its text, open or not."""
    return await draft_view(draft_id, request.user.organization_id, services_of(request).compiler)


@put(
    "/api/v1/policies/drafts/{draft_id:str}",
    guards=[requires(Permission.POLICIES)],
    operation_class=taking(DraftChange),
    security=BEARER,
)
async def change_draft(request: Request[Caller, Any, Any], draft_id: str) -> DraftView:
    """Save another text over the revision that was read; who saves becomes one of the authors."""
    caller = request.user
    body = decode(await read_object(request), DraftChange)
    await draft_row(draft_id, caller.organization_id)
    await _loading(request, body.text, body.format)
    await save_draft(
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        text=body.text,
        format=body.format,
        note=body.note.strip(),
        draft_id=draft_id,
        revision=body.revision,
    )
    return await draft_view(draft_id, caller.organization_id, services_of(request).compiler)


@delete("/api/v1/policies/drafts/{draft_id:str}", guards=[requires(Permission.POLICIES)], security=BEARER)
async def remove_draft(request: Request[Caller, Any, Any], draft_id: str) -> None:
    """Discard a draft that was not published. Discarding it again changes nothing."""
    await discard_draft(draft_id, organization_id=request.user.organization_id)


@post(
    "/api/v1/policies/drafts/{draft_id:str}/publish",
    guards=[requires(Permission.POLICIES)],
    status_code=201,
    security=BEARER,
)
async def publish_draft(request: Request[Caller, Any, Any], draft_id: str) -> VersionView:
    """Make the draft the next version of its policy. It looks on until somebody else activates it."""
    caller, services = request.user, services_of(request)
    found = await draft_row(draft_id, caller.organization_id)
    reading = await _loading(request, found["source"], found["format"])
    if any(finding.severity == "error" for finding in reading.findings):
        raise PolicyRefused(reading)
    published = await publish(
        draft_id, organization_id=caller.organization_id, member_id=caller.member_id, signer=services.signer
    )
    return await version_view(caller.organization_id, published.slug, published.version, services.compiler)


async def _loading(request: Request[Caller, Any, Any], text: str, format: TextFormat) -> PolicyReading:
    """What the text comes to. Raises PolicyRefused where it does not load."""
    lists = await list_kinds(request.user.organization_id)
    reading = await services_of(request).compiler.read(Text(text=text, format=format, lists=lists))
    if reading.errors:
        raise PolicyRefused(reading)
    return reading
