"""Discussion: what people say to each other beside an approval, and who is to look at it. No deadline ever moves."""

from datetime import datetime
from typing import Literal, assert_never

import msgspec

from axiru import ids
from axiru.database import rows
from axiru.domain.approval import Door
from ledger.acts.chain import Act, act, salted
from ledger.acts.participant import check_takes_part, roles_of
from ledger.acts.question import ApprovalClosed, Question, mode_of, read_question
from ledger.acts.vote import ReasonRequired, seat_of
from ledger.entry import EntrySigner

CommentKind = Literal["comment", "question", "answer"]


class CommentReceipt(msgspec.Struct, frozen=True):
    """Something that was said, as it was sealed."""

    comment_id: str
    approval_id: str
    decision_id: str
    kind: CommentKind
    ledger_id: str
    written_at: datetime


async def comment(
    approval_id: str,
    *,
    organization_id: str,
    member_id: str,
    kind: CommentKind,
    text: str,
    door: Door,
    signer: EntrySigner,
) -> CommentReceipt:
    """Seal a commitment to what somebody says. A question asks for information until anybody answers.

    Questions are for who may vote now; the rest is for all who take part, and an answer for the requester besides.
    Raises ApprovalNotFound, NotEligible, ApprovalClosed, ReasonRequired.
    """
    if not text.strip():
        raise ReasonRequired("There is nothing to read in this.", field="text")
    async with act(signer, organization_id, await mode_of(approval_id, organization_id)) as speaking:
        question = await read_question(approval_id)
        await _check_may_say(kind, question, member_id, speaking)
        comment_id = ids.new_id(ids.COMMENT)
        facts = {
            "decision_id": question.decision_id,
            "approval_id": approval_id,
            "comment_id": comment_id,
            "kind": kind,
            "member_id": member_id,
            "door": door,
        }
        entry = speaking.seal("approval_comment", facts, personal=salted({"text": text}))
        await rows(
            """
            INSERT INTO approval_comments (id, organization_id, mode, approval_id, member_id, kind, text, door, seq,
                written_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {})
            """,
            comment_id,
            organization_id,
            question.mode,
            approval_id,
            member_id,
            kind,
            text,
            door,
            entry.seq,
            speaking.now,
        )
        if kind != "comment":
            asked_at = speaking.now if kind == "question" else None
            await rows("UPDATE approvals SET info_requested_at = {} WHERE id = {}", asked_at, approval_id)
        _tell(speaking, question, kind, comment_id=comment_id)
        return CommentReceipt(comment_id, approval_id, question.decision_id, kind, entry.ledger_id, speaking.now)


async def assign(
    approval_id: str, *, organization_id: str, member_id: str, assignee_id: str | None, signer: EntrySigner
) -> str:
    """Say who is to look at an approval, or that nobody is any more; returns the entry's id. It gives nobody a vote.

    Raises ApprovalNotFound, NotEligible, ApprovalClosed.
    """
    async with act(signer, organization_id, await mode_of(approval_id, organization_id)) as assigning:
        question = await read_question(approval_id)
        _check_pending(question)
        await check_takes_part(member_id, organization_id)
        if assignee_id is not None:
            await check_takes_part(assignee_id, organization_id)
        facts = {
            "decision_id": question.decision_id,
            "approval_id": approval_id,
            "member_id": member_id,
            "assignee_id": assignee_id,
        }
        entry = assigning.seal("approval_assigned", facts)
        await rows(
            "UPDATE approvals SET assignee_member_id = {}, assigned_by = {}, assigned_at = {} WHERE id = {}",
            assignee_id,
            member_id,
            assigning.now,
            approval_id,
        )
        _tell(assigning, question, "assignment")
        return entry.ledger_id


async def _check_may_say(kind: CommentKind, question: Question, member_id: str, speaking: Act) -> None:
    match kind:
        case "question":
            await seat_of(question, member_id, speaking)
        case "answer" if member_id == question.requested_by:
            await roles_of(member_id, question.organization_id)
        case "comment" | "answer":
            await check_takes_part(member_id, question.organization_id)
        case _:
            assert_never(kind)


def _check_pending(question: Question) -> None:
    if question.state != "pending":
        raise ApprovalClosed(f"This approval is already {question.state}.", state=question.state)


def _tell(telling: Act, question: Question, kind: str, **more: str) -> None:
    payload = {"approval_id": question.id, "decision_id": question.decision_id, "kind": kind, **more}
    telling.tell("discussion", payload)
