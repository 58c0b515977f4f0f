"""Vote: one person's word on one approval, and the two ways an approval ends: enough votes, or its deadline."""

import asyncpg
import msgspec

from axiru import ids
from axiru.database import rows
from axiru.domain.approval import ApprovalState, Ballot, Cast, VoteReceipt, tally
from axiru.domain.electorate import Obstacle, Seat
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act
from ledger.acts.closing import close_approval
from ledger.acts.question import ApprovalClosed, Question, mode_of, read_electorate, read_question
from ledger.acts.recheck import objection_to
from ledger.acts.unaltered import check_unaltered
from ledger.entry import EntrySigner


class NotEligible(AxiruError):
    """This person may not vote on this approval; the message says why."""

    code = "not_eligible"


class ReasonRequired(AxiruError):
    """A denial without a reason."""

    code = "reason_required"


async def cast_vote(ballot: Ballot, *, signer: EntrySigner) -> VoteReceipt:
    """Seal one vote, and the approval's end if it is the last one needed. One denial denies.

    Raises ApprovalNotFound, NotEligible, ApprovalClosed, ReasonRequired; none of them leaves anything written.
    """
    if ballot.verdict == "deny" and not ballot.reason.strip():
        raise ReasonRequired("A denial needs a reason.", field="reason")
    async with act(signer, ballot.organization_id, await mode_of(ballot.approval_id, ballot.organization_id)) as voting:
        question = await read_question(ballot.approval_id)
        seat = await seat_of(question, ballot.member_id, voting)
        await check_unaltered(question, ballot.digest)
        vote = Cast(ballot.member_id, ballot.verdict, list(seat.roles), seat.on_behalf_of)
        vote_id = ids.new_id(ids.VOTE)
        state = tally(question.terms, [*question.cast, vote])
        objection = await objection_to(question.decision_id, voting.now) if state == "approved" else None
        entry = voting.seal(
            "vote",
            {
                "decision_id": question.decision_id,
                "approval_id": question.id,
                "vote_id": vote_id,
                "member_id": ballot.member_id,
                "on_behalf_of": seat.on_behalf_of,
                "roles": vote.roles,
                "stands_in_as": seat.stands_in_as,
                "verdict": ballot.verdict,
                "reason": ballot.reason,
                "door": ballot.door,
                "door_ref": ballot.door_ref,
                "digest": question.digest,
                "approval_state": state,
                "forbidden_by": msgspec.to_builtins(objection),
            },
        )
        await _record(vote_id, vote, question, ballot, voting)
        if state != "pending":
            await close_approval(question, state, voting, objection)
        voting.tell("vote", {"vote_id": vote_id, "approval_id": question.id, "decision_id": question.decision_id})
        return VoteReceipt(
            vote_id, question.id, question.decision_id, state, entry.ledger_id, voting.now, seat.on_behalf_of
        )


async def expire_approval(approval_id: str, *, organization_id: str, mode: Mode, signer: EntrySigner) -> ApprovalState:
    """Close an approval whose deadline has passed, and deny what it asked for; returns its state.

    An approval that was decided, or whose deadline is still to come by the database's clock, stays as it is.
    """
    async with act(signer, organization_id, mode) as expiring:
        question = await read_question(approval_id)
        if question.state != "pending" or expiring.now < question.expires_at:
            return question.state
        expiring.seal(
            "approval_expired",
            {
                "decision_id": question.decision_id,
                "approval_id": approval_id,
                "expires_at": question.expires_at.isoformat(),
            },
        )
        await close_approval(question, "expired", expiring)
        return "expired"


async def seat_of(question: Question, member_id: str, voting: Act) -> Seat:
    """Where a member may vote; read in the act's own transaction, so that a role that was taken away votes no more.

    Raises NotEligible, ApprovalClosed.
    """
    electorate = await read_electorate(question, voting.now, member_id)
    match electorate.seat(member_id):
        case Seat() as seat:
            return seat
        case Obstacle(because, message, closed=True):
            state = because if because == "expired" else question.state
            raise ApprovalClosed(message, state=state, expires_at=question.expires_at.isoformat())
        case Obstacle(because, message):
            elector = electorate.electors.get(member_id)
            raise NotEligible(message, because=because, roles=sorted(elector.roles) if elector else [])


async def _record(vote_id: str, vote: Cast, question: Question, ballot: Ballot, voting: Act) -> None:
    try:
        await rows(
            """
            INSERT INTO votes (id, organization_id, mode, approval_id, member_id, verdict, role, roles, digest, reason,
                door, cast_at, on_behalf_of, door_ref)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}::text[], {}, {}, {}, {}, {}, {})
            """,
            vote_id,
            voting.organization_id,
            voting.mode,
            question.id,
            vote.member_id,
            vote.verdict,
            vote.roles[0],
            vote.roles,
            question.digest,
            ballot.reason,
            ballot.door,
            voting.now,
            vote.on_behalf_of,
            ballot.door_ref,
        )
    except asyncpg.RestrictViolationError as error:
        # The database asks its own clock, a moment after the act did.
        raise ApprovalClosed("This vote came too late.", state=question.state) from error
