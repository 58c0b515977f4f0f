"""An approval as acts and views find it: what people were asked, and everything that says who may answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from axiru.database import row, rows
from axiru.domain.approval import ApprovalState, Cast
from axiru.domain.electorate import Elector, Electorate, StandIn
from axiru.domain.evaluation import ReviewTerms
from axiru.domain.movement import Mode
from axiru.errors import AxiruError


class ApprovalNotFound(AxiruError):
    """There is no such approval in this organization."""

    code = "not_found"


class ApprovalClosed(AxiruError):
    """The approval's state does not allow it: decided, expired, already voted on, or not what the voter saw."""

    code = "conflict"


class Question(msgspec.Struct, frozen=True):
    """An approval, the entry that sealed its decision, and the votes so far.

    `excluded` never approve it: those who were when it was asked, and who answers now for an agent that it names.
    Neither do those `let_in` since it was asked, by a password link of somebody who was excluded then.
    """

    id: str
    organization_id: str
    mode: Mode
    decision_id: str
    decision_state: str
    state: ApprovalState
    terms: ReviewTerms
    digest: str
    requested_by: str
    excluded: frozenset[str]
    let_in: frozenset[str]
    asked_at: datetime
    expires_at: datetime
    decision_body: bytes
    execute: str
    cast: tuple[Cast, ...]


_QUESTIONS: Final = """
SELECT a.*, a.excluded_member_ids || agent_owners(r) AS excluded, let_in_since(a) AS let_in, d.execute,
    d.state AS decision_state, e.body AS decision_body,
    (SELECT coalesce(json_agg(json_build_object('member_id', v.member_id, 'verdict', v.verdict, 'roles', v.roles,
        'on_behalf_of', v.on_behalf_of) ORDER BY v.cast_at, v.id), '[]')
        FROM votes v WHERE v.approval_id = a.id)::text AS cast
FROM approvals a JOIN decisions d ON d.id = a.decision_id JOIN requests r USING (decision_id)
JOIN ledger_entries e ON e.organization_id = a.organization_id AND e.mode = a.mode AND e.seq = d.seq
WHERE a.id = ANY({}::text[])
"""


async def read_questions(approval_ids: Sequence[str]) -> list[Question]:
    """Those that exist, in no order."""
    return [_question(found) for found in await rows(_QUESTIONS, list(approval_ids))]


async def read_question(approval_id: str) -> Question:
    """Raises ApprovalNotFound."""
    for question in await read_questions([approval_id]):
        return question
    raise ApprovalNotFound("There is no such approval.")


async def mode_of(approval_id: str, organization_id: str) -> Mode:
    """The chain that an approval belongs to. Raises ApprovalNotFound."""
    found = await row("SELECT mode FROM approvals WHERE id = {} AND organization_id = {}", approval_id, organization_id)
    if found is None:
        raise ApprovalNotFound("There is no such approval.")
    mode: Mode = found["mode"]
    return mode


async def read_electorate(question: Question, now: datetime, member_id: str | None = None) -> Electorate:
    """As far as `member_id` is concerned, or whole. Read in an act's transaction, it is what the act finds."""
    (electorate,) = await read_electorates([question], now, member_id)
    return electorate


async def read_electorates(
    questions: Sequence[Question], now: datetime, member_id: str | None = None
) -> list[Electorate]:
    """The electorates of questions of one organization."""
    if not questions:
        return []
    organization_id = questions[0].organization_id
    stand_ins = await rows(
        """
        SELECT from_member_id, to_member_id, created_by, created_at FROM delegations
        WHERE organization_id = {} AND ended_at IS NULL AND starts_at <= {} AND {} < ends_at
            AND ({}::text IS NULL OR to_member_id = {}) ORDER BY starts_at, id
        """,
        organization_id,
        now,
        now,
        member_id,
        member_id,
    )
    concerned = None if member_id is None else [member_id, *(one["from_member_id"] for one in stand_ins)]
    electors = await rows(
        """
        SELECT id, name, email, notify_by_email, roles FROM members
        WHERE organization_id = {} AND disabled_at IS NULL AND ({}::text[] IS NULL OR id = ANY({}::text[])) ORDER BY id
        """,
        organization_id,
        concerned,
        concerned,
    )
    by_id = {elector["id"]: msgspec.convert(elector, Elector) for elector in electors}
    standing_in = tuple(msgspec.convert(one, StandIn) for one in stand_ins)
    return [
        Electorate(
            terms=question.terms,
            state=question.state,
            asked_at=question.asked_at,
            expires_at=question.expires_at,
            now=now,
            requested_by=question.requested_by,
            excluded=question.excluded,
            let_in=question.let_in,
            cast=question.cast,
            electors=by_id,
            stand_ins=standing_in,
        )
        for question in questions
    ]


def _question(found: dict[str, Any]) -> Question:
    terms = msgspec.json.decode(found["terms"], type=ReviewTerms)
    cast = msgspec.json.decode(found["cast"], type=tuple[Cast, ...])
    return msgspec.convert({**found, "terms": terms, "cast": cast}, Question)
