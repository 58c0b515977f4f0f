"""`/api/v1/approvals`: what waits for people, and their votes."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.params import QueryParameter
from msgspec import Meta

from api.auth import Caller, require_scope, requires
from api.errors import NotFound
from api.fields import decode
from api.intake.answer import Audit
from api.intake.text import Identifier, Reason
from api.json_body import read_object, read_optional_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.telling import tell_workflow
from api.views.approval import ApprovalPage, ApprovalView, Wanted, find_approval, find_approvals, require_approval
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from axiru.domain.approval import ApprovalState, Ballot, Verdict, VoteReceipt
from axiru.errors import AxiruError
from ledger.acts.vote import ReasonRequired, cast_vote
from workflows.money_movement import MoneyMovement


class VoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`reason` is required to deny. With `digest` the vote counts only for exactly what the voter was shown."""

    reason: Reason | None = None
    digest: str | None = None


class BulkItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One approval among several, and the digest it was shown with."""

    approval_id: Identifier
    digest: Identifier


class BulkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same word on several approvals; each is a vote of its own, for exactly what was shown."""

    verdict: Verdict
    items: Annotated[list[BulkItem], Meta(min_length=1, max_length=100)]
    reason: Reason | None = None


class BulkError(msgspec.Struct, frozen=True):
    error: str
    message: str


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """`error` says why this vote was refused; the others stand."""

    approval_id: str
    ok: bool
    approval_state: ApprovalState | None = None
    error: BulkError | None = None


class BulkAnswer(msgspec.Struct, frozen=True):
    """One result for each item, in their order."""

    results: list[BulkResult]


class VoteAnswer(msgspec.Struct, frozen=True):
    """The vote as it was sealed, and where it leaves the approval."""

    vote_id: str
    approval_id: str
    decision_id: str
    approval_state: ApprovalState
    audit: Audit


@get("/api/v1/approvals", guards=[requires(Permission.READ)], security=BEARER)
async def list_approvals(
    request: Request[Caller, Any, Any],
    wanted_state: Annotated[ApprovalState | None, QueryParameter(name="state")] = None,
    mode: ModeFilter = None,
    mine: bool = False,
    assigned_to: Literal["me"] | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> ApprovalPage:
    """Approvals, newest first, each with the full diff of what would be executed. `mine`: I may vote on it now."""
    caller = request.user
    wanted = Wanted(
        mode=caller.shown_mode(mode),
        state=wanted_state,
        mine=mine,
        assignee_member_id=caller.member_id if assigned_to else None,
    )
    return await find_approvals(caller, wanted, limit=limit, after=Cursor.parse(cursor) if cursor else None)


@get("/api/v1/approvals/{approval_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_approval(request: Request[Caller, Any, Any], approval_id: str) -> ApprovalView:
    """One approval, and whether the caller may vote on it."""
    return await find_approval(approval_id, request.user)


@post(
    "/api/v1/approvals/{approval_id:str}/approve",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(VoteBody, required=False),
    security=BEARER,
)
async def approve(request: Request[Caller, Any, Any], approval_id: str) -> VoteAnswer:
    """Vote for it. Counts once a person, for exactly what was sealed, before the deadline."""
    return await _vote(request, approval_id, "approve")


@post(
    "/api/v1/approvals/{approval_id:str}/deny",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(VoteBody),
    security=BEARER,
)
async def deny(request: Request[Caller, Any, Any], approval_id: str) -> VoteAnswer:
    """Vote against it, with a reason. One denial denies."""
    return await _vote(request, approval_id, "deny")


@post(
    "/api/v1/approvals/bulk",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(BulkBody),
    security=BEARER,
)
async def vote_on_several(request: Request[Caller, Any, Any]) -> BulkAnswer:
    """Vote on up to a hundred, one after the other; what is refused for one leaves the others alone."""
    caller = request.user
    require_scope(Permission.VOTE, caller)
    body = decode(await read_object(request), BulkBody)
    if body.verdict == "deny" and not (body.reason or "").strip():
        raise ReasonRequired("A denial needs a reason.", field="reason")
    results = []
    for item in body.items:
        try:
            receipt = await _cast(request, item.approval_id, body.verdict, body.reason, item.digest)
        except AxiruError as error:
            told = BulkError(error.code, NotFound().message if error.code == "not_found" else error.message)
            results.append(BulkResult(approval_id=item.approval_id, ok=False, error=told))
        else:
            results.append(BulkResult(approval_id=item.approval_id, ok=True, approval_state=receipt.approval_state))
    return BulkAnswer(results)


async def _vote(request: Request[Caller, Any, Any], approval_id: str, verdict: Verdict) -> VoteAnswer:
    require_scope(Permission.VOTE, request.user)
    body = decode(await read_optional_object(request), VoteBody)
    receipt = await _cast(request, approval_id, verdict, body.reason, body.digest)
    return VoteAnswer(
        receipt.vote_id,
        receipt.approval_id,
        receipt.decision_id,
        receipt.approval_state,
        Audit(receipt.cast_at, receipt.ledger_id),
    )


async def _cast(
    request: Request[Caller, Any, Any], approval_id: str, verdict: Verdict, reason: str | None, digest: str | None
) -> VoteReceipt:
    caller, services = request.user, services_of(request)
    await require_approval(approval_id, caller)
    receipt = await cast_vote(
        Ballot(
            approval_id=approval_id,
            organization_id=caller.organization_id,
            member_id=caller.member_id,
            verdict=verdict,
            reason=(reason or "").strip(),
            door=caller.door,
            digest=digest,
        ),
        signer=services.signer,
    )
    tell_workflow(receipt.decision_id, MoneyMovement.vote_recorded, receipt.vote_id, services)
    return receipt
