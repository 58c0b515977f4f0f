"""`/api/v1/approvals/{id}/comments` and `/assign`: what people say beside an approval, and who is to look at it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from msgspec import Meta

from api.auth import Caller, InsufficientScope, require_scope, requires
from api.errors import FieldError, InvalidBody
from api.fields import decode
from api.intake.text import Identifier
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import SCOPE_OF, Permission
from api.services import services_of
from api.views.approval import ApprovalView, find_approval, require_approval
from api.views.people import Person
from axiru.database import row, rows
from axiru.domain.approval import Door
from ledger.acts.discussion import CommentKind, assign, comment


class CommentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question asks for information, until somebody answers. No deadline moves."""

    kind: CommentKind
    text: Annotated[str, Meta(min_length=1, max_length=4_000)]


class AssignBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is to look at it; null for nobody. It gives nobody a vote."""

    member_id: Identifier | None


class CommentView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: CommentKind
    member: Person
    text: str
    door: Door
    written_at: datetime


class CommentList(msgspec.Struct, frozen=True):
    """Oldest first."""

    items: list[CommentView]


@get("/api/v1/approvals/{approval_id:str}/comments", guards=[requires(Permission.READ)], security=BEARER)
async def list_comments(request: Request[Caller, Any, Any], approval_id: str) -> CommentList:
    """What was said beside an approval."""
    await require_approval(approval_id, request.user)
    return await _comments(approval_id)


@post(
    "/api/v1/approvals/{approval_id:str}/comments",
    guards=[requires(Permission.READ)],
    status_code=201,
    operation_class=taking(CommentBody),
    security=BEARER,
)
async def write_comment(request: Request[Caller, Any, Any], approval_id: str) -> CommentView:
    """Say something, ask, or answer. Who may vote asks; who asked for the money answers."""
    caller = request.user
    if caller.api_key_id is not None and Permission.VOTE not in caller.permissions:
        await _check_asked(approval_id, caller)
    body = decode(await read_object(request), CommentBody)
    if not body.text.strip():
        raise InvalidBody([FieldError("text", "missing", "There is nothing to read in this.")])
    await require_approval(approval_id, caller)
    receipt = await comment(
        approval_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        kind=body.kind,
        text=body.text.strip(),
        door=caller.door,
        signer=services_of(request).signer,
    )
    return CommentView(
        id=receipt.comment_id,
        kind=receipt.kind,
        member=Person(caller.member_id, caller.member_name),
        text=body.text.strip(),
        door=caller.door,
        written_at=receipt.written_at,
    )


@post(
    "/api/v1/approvals/{approval_id:str}/assign",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(AssignBody),
    security=BEARER,
)
async def assign_approval(request: Request[Caller, Any, Any], approval_id: str) -> ApprovalView:
    """Ask one person to look after it, or take that back."""
    caller = request.user
    require_scope(Permission.VOTE, caller)
    body = decode(await read_object(request), AssignBody)
    await require_approval(approval_id, caller)
    await assign(
        approval_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        assignee_id=body.member_id,
        signer=services_of(request).signer,
    )
    return await find_approval(approval_id, caller)


async def _check_asked(approval_id: str, caller: Caller) -> None:
    """The backend that asked answers for itself; any other key speaks only where it may vote.

    What a key says is said in its owner's name, so one that is for an agent says nothing. Raises InsufficientScope.
    """
    asked = await row(
        "SELECT 1 AS found FROM approvals WHERE id = {} AND requested_by = {}", approval_id, caller.member_id
    )
    if Permission.DECIDE not in caller.permissions or caller.agent_id is not None or asked is None:
        raise InsufficientScope(SCOPE_OF[Permission.VOTE])


async def _comments(approval_id: str) -> CommentList:
    found = await rows(
        """
        SELECT c.*, m.name FROM approval_comments c JOIN members m ON m.id = c.member_id
        WHERE c.approval_id = {} ORDER BY c.written_at, c.id
        """,
        approval_id,
    )
    return CommentList(
        [
            CommentView(
                id=one["id"],
                kind=one["kind"],
                member=Person(one["member_id"], one["name"]),
                text=one["text"],
                door=one["door"],
                written_at=one["written_at"],
            )
            for one in found
        ]
    )
