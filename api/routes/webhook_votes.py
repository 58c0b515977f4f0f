"""`POST /webhooks/approvals/{id}`: the vote of a member whose system answers for them, signed by Standard Webhooks."""

import hashlib
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from msgspec import Meta

from api.errors import InvalidBody
from api.fields import decode
from api.intake.text import Reason
from api.json_body import parse_strictly, read_bytes
from api.openapi import taking
from api.received_once import Received, keep_answer, received_before
from api.services import services_of
from api.telling import tell_workflow
from api.webhook_signature import SignedMessage, signed_by
from axiru.database import row
from axiru.domain.approval import ApprovalState, Ballot, Verdict
from ledger.acts.question import ApprovalClosed
from ledger.acts.vote import cast_vote
from workflows.money_movement import MoneyMovement


class SignedVoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`digest` binds the vote to what the voter was shown. `approval_id`, if sent, must be the one in the path."""

    verdict: Verdict
    reason: Reason = ""
    digest: Annotated[str, Meta(max_length=128)] | None = None
    approval_id: str | None = None


class SignedVoteAnswer(msgspec.Struct, frozen=True):
    """The vote as it was sealed, and where it left the approval."""

    vote_id: str
    approval_id: str
    decision_id: str
    approval_state: ApprovalState
    cast_at: datetime


@post("/webhooks/approvals/{approval_id:str}", status_code=200, operation_class=taking(SignedVoteBody))
async def vote_by_webhook(request: Request[Any, Any, Any], approval_id: str) -> SignedVoteAnswer:
    """Vote as the member whom the signing endpoint votes for. A message that comes again gets the first answer."""
    services = services_of(request)
    raw = await read_bytes(request)
    message = await signed_by(approval_id, raw, request.headers, services.vault)
    await services.rate_limit.hit(f"webhook/{message.endpoint_id}", per_minute=services.settings.rate_per_minute)
    body = _read(raw)
    if body.approval_id not in {None, approval_id}:
        raise InvalidBody.single("approval_id", "not_allowed", "This message is about another approval.")
    asked = Received(about=approval_id, body_sha256=hashlib.sha256(raw).hexdigest())
    before = await received_before(_door(message), message.id, asked)
    if before is not None:
        return msgspec.convert(before, SignedVoteAnswer)
    answer = await _cast(request, message, approval_id, body)
    await keep_answer(_door(message), message.id, asked, msgspec.to_builtins(answer))
    return answer


def _read(raw: bytes) -> SignedVoteBody:
    value = parse_strictly(raw)
    if not isinstance(value, dict):
        raise InvalidBody.single("body", "wrong_type", "The body must be a JSON object.")
    return decode(value, SignedVoteBody)


async def _cast(
    request: Request[Any, Any, Any], message: SignedMessage, approval_id: str, body: SignedVoteBody
) -> SignedVoteAnswer:
    services = services_of(request)
    ballot = Ballot(
        approval_id=approval_id,
        organization_id=message.organization_id,
        member_id=message.member_id,
        verdict=body.verdict,
        reason=body.reason.strip(),
        door="webhook",
        digest=body.digest,
        door_ref=message.id,
    )
    try:
        receipt = await cast_vote(ballot, signer=services.signer)
    except ApprovalClosed:
        # Its answer may have been lost, or two of one message may have come at once: then the vote is there.
        if (cast := await _vote_of(ballot)) is not None:
            return cast
        raise
    tell_workflow(receipt.decision_id, MoneyMovement.vote_recorded, receipt.vote_id, services)
    return SignedVoteAnswer(
        receipt.vote_id, receipt.approval_id, receipt.decision_id, receipt.approval_state, receipt.cast_at
    )


async def _vote_of(ballot: Ballot) -> SignedVoteAnswer | None:
    found = await row(
        """
        SELECT v.id AS vote_id, a.id AS approval_id, a.decision_id, a.state AS approval_state, v.cast_at
        FROM votes v JOIN approvals a ON a.id = v.approval_id
        WHERE v.approval_id = {} AND v.member_id = {} AND v.door = 'webhook' AND v.door_ref = {}
        """,
        ballot.approval_id,
        ballot.member_id,
        ballot.door_ref,
    )
    return msgspec.convert(found, SignedVoteAnswer) if found else None


def _door(message: SignedMessage) -> str:
    """Ids are the endpoint's own: two endpoints may use the same."""
    return f"webhook/{message.endpoint_id}"
