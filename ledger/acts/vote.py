"""Vote: one person's word on one approval, and the two ways an approval ends: enough votes, or its deadline."""

from datetime import datetime
from typing import Any

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.approval import ApprovalState, Ballot, Seats, VoteReceipt, seats
from axiru.domain.control import ControlHit
from axiru.domain.evaluation import ReviewTerms
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act
from ledger.acts.control import forbidden_now
from ledger.acts.ruling import execution_digest
from ledger.entry import EntrySigner, parse_body


class ApprovalNotFound(AxiruError):
    """There is no such approval in this organization."""

    code = "not_found"


class NotEligible(AxiruError):
    """This person may not vote on this approval; the message says why."""

    code = "not_eligible"


class ApprovalClosed(AxiruError):
    """The approval's state does not allow the vote: decided, expired, already voted on, or not what the voter saw."""

    code = "conflict"


class ReasonRequired(AxiruError):
    """A denial without a reason."""

    code = "reason_required"


class Question(msgspec.Struct, frozen=True):
    """An approval as its vote finds it, behind the lock."""

    id: str
    decision_id: str
    state: ApprovalState
    terms: ReviewTerms
    digest: str
    requested_by: str
    asked_at: datetime
    expires_at: datetime
    decision_body: bytes
    execute: str


class Cast(msgspec.Struct, frozen=True):
    """A vote that was cast before."""

    member_id: str
    verdict: str
    roles: list[str]


async def cast_vote(ballot: Ballot, *, signer: EntrySigner) -> VoteReceipt:
    """Seal one vote, and the approval's end if it is the last one needed. One denial denies.

    Raises ApprovalNotFound, NotEligible, ApprovalClosed, ReasonRequired; none of them leaves anything written.
    """
    if ballot.verdict == "deny" and not ballot.reason.strip():
        raise ReasonRequired("A denial needs a reason.", field="reason")
    async with act(signer, ballot.organization_id, await _mode_of(ballot)) as voting:
        question = await _question(ballot.approval_id)
        cast = await _cast(ballot.approval_id)
        _check_open(question, ballot, cast, voting.now)
        seated = _seats(question, ballot, await _roles_of(ballot), voting.now)
        roles = list(seated.roles)
        vote_id = ids.new_id(ids.VOTE)
        state = _tally(question.terms, [*cast, Cast(ballot.member_id, ballot.verdict, roles)])
        hit = await forbidden_now(question.decision_id) if state == "approved" else None
        entry = voting.seal(
            "vote",
            {
                "decision_id": question.decision_id,
                "approval_id": question.id,
                "vote_id": vote_id,
                "member_id": ballot.member_id,
                "roles": roles,
                "stands_in_as": seated.stands_in_as,
                "verdict": ballot.verdict,
                "reason": ballot.reason,
                "door": ballot.door,
                "digest": question.digest,
                "approval_state": state,
                "forbidden_by": msgspec.to_builtins(hit),
            },
        )
        await rows(
            """
            INSERT INTO votes (id, organization_id, mode, approval_id, member_id, verdict, role, roles, digest, reason,
                door, cast_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}::text[], {}, {}, {}, {})
            """,
            vote_id,
            voting.organization_id,
            voting.mode,
            question.id,
            ballot.member_id,
            ballot.verdict,
            roles[0],
            roles,
            question.digest,
            ballot.reason,
            ballot.door,
            voting.now,
        )
        if state != "pending":
            await _close(question, state, voting, hit if question.execute == "caller" else None)
        voting.tell("vote", {"vote_id": vote_id, "approval_id": question.id, "decision_id": question.decision_id})
        return VoteReceipt(vote_id, question.id, question.decision_id, state, entry.ledger_id, voting.now)


async def expire_approval(approval_id: str, *, organization_id: str, mode: Mode, signer: EntrySigner) -> ApprovalState:
    """Close an approval whose deadline has passed, and deny what it asked for; returns its state.

    An approval that was decided, or whose deadline is still to come by the database's clock, stays as it is.
    """
    async with act(signer, organization_id, mode) as expiring:
        question = await _question(approval_id)
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
        await _close(question, "expired", expiring)
        return "expired"


async def approval_state(approval_id: str) -> ApprovalState:
    """Where an approval stands, from its table."""
    return (await _question(approval_id)).state


async def _close(question: Question, state: ApprovalState, closing: Act, hit: ControlHit | None = None) -> None:
    """End the approval. What the caller would execute and a control forbids is denied: nobody checks it again."""
    await rows("UPDATE approvals SET state = {}, closed_at = {} WHERE id = {}", state, closing.now, question.id)
    decision_state = "denied" if hit else state
    await rows(
        "UPDATE decisions SET state = {}, updated_at = {} WHERE id = {}",
        decision_state,
        closing.now,
        question.decision_id,
    )
    if hit is not None:
        await rows(
            "UPDATE decisions SET reason = {}, message = {}, matched_rule = {} WHERE id = {}",
            hit.reason,
            hit.message,
            f"control:{hit.control_id}",
            question.decision_id,
        )
    if decision_state != "approved":
        await rows("UPDATE movements SET state = 'released' WHERE decision_id = {}", question.decision_id)
    closing.tell("approval", {"approval_id": question.id, "decision_id": question.decision_id, "state": state})
    closing.tell("decision", {"decision_id": question.decision_id, "state": decision_state})


def _check_open(question: Question, ballot: Ballot, cast: list[Cast], now: datetime) -> None:
    if question.state != "pending":
        raise ApprovalClosed(f"This approval is already {question.state}.", state=question.state)
    if now >= question.expires_at:
        raise ApprovalClosed("The deadline has passed.", state="expired", expired_at=question.expires_at.isoformat())
    if any(vote.member_id == ballot.member_id for vote in cast):
        raise ApprovalClosed("You have already voted on this approval.", state=question.state)
    sealed = parse_body(question.decision_body).data
    if execution_digest(sealed) != question.digest or sealed["approval"]["digest"] != question.digest:
        raise ApprovalClosed("What would be executed is not what was sealed; nobody can approve it.", state="altered")
    if ballot.digest is not None and ballot.digest != question.digest:
        raise ApprovalClosed("This is not what would be executed now.", state=question.state, digest=question.digest)


def _seats(question: Question, ballot: Ballot, roles: list[str], now: datetime) -> Seats:
    """The groups the member votes in, those of their own roles first. Raises NotEligible."""
    if ballot.member_id == question.requested_by:
        raise NotEligible("You cannot vote on what you or your key asked for.", because="requester")
    seated = seats(question.terms, roles, asked_at=question.asked_at, now=now)
    if not seated.roles:
        wanted = " or ".join(group.role for group in question.terms.groups) or "nobody"
        raise NotEligible(f"This approval is for {wanted}.", because="role", roles=roles)
    return seated


def _tally(terms: ReviewTerms, cast: list[Cast]) -> ApprovalState:
    """One denial denies. Every place of every group needs a person of its own; no groups are never enough."""
    if any(vote.verdict == "deny" for vote in cast):
        return "denied"
    places = [group.role for group in terms.groups for _ in range(group.count)]
    return "approved" if places and _all_filled(places, cast) else "pending"


def _all_filled(places: list[str], cast: list[Cast]) -> bool:
    """Whether the approvals can be shared out so that each place has one of its role (bipartite matching, by Kuhn)."""
    holder: dict[int, int] = {}

    def seated(voter: int, tried: set[int]) -> bool:
        for place, role in enumerate(places):
            if role in cast[voter].roles and place not in tried:
                tried.add(place)
                if place not in holder or seated(holder[place], tried):
                    holder[place] = voter
                    return True
        return False

    for voter in range(len(cast)):
        seated(voter, set())
    return len(holder) == len(places)


async def _mode_of(ballot: Ballot) -> Mode:
    found = await row(
        "SELECT mode FROM approvals WHERE id = {} AND organization_id = {}", ballot.approval_id, ballot.organization_id
    )
    if found is None:
        raise ApprovalNotFound("There is no such approval.")
    mode: Mode = found["mode"]
    return mode


async def _question(approval_id: str) -> Question:
    found = await row(
        """
        SELECT a.*, e.body AS decision_body, d.execute FROM approvals a JOIN decisions d ON d.id = a.decision_id
        JOIN ledger_entries e ON e.organization_id = a.organization_id AND e.mode = a.mode AND e.seq = d.seq
        WHERE a.id = {}
        """,
        approval_id,
    )
    if found is None:
        raise ApprovalNotFound("There is no such approval.")
    terms = msgspec.json.decode(found["terms"], type=ReviewTerms)
    fields: dict[str, Any] = {**found, "terms": terms}
    return msgspec.convert(fields, Question)


async def _cast(approval_id: str) -> list[Cast]:
    found = await rows(
        "SELECT member_id, verdict, roles FROM votes WHERE approval_id = {} ORDER BY cast_at", approval_id
    )
    return [msgspec.convert(vote, Cast) for vote in found]


async def _roles_of(ballot: Ballot) -> list[str]:
    """Read in the vote's own transaction, so that a role that was taken away does not vote any more."""
    found = await row(
        "SELECT roles FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
        ballot.member_id,
        ballot.organization_id,
    )
    return list(found["roles"]) if found else []
