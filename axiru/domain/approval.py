"""Votes: what a person says about one approval, and where that leaves it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from axiru.domain.evaluation import ReviewTerms

Verdict = Literal["approve", "deny"]
Door = Literal["api", "console", "slack", "email", "webhook"]
ApprovalState = Literal["pending", "approved", "denied", "expired"]


class Ballot(msgspec.Struct, frozen=True):
    """A vote to be cast. `digest`, when the voter's door shows one, must be the approval's own.

    `door_ref` is what the door knows the vote by: the id of a signed message.
    """

    approval_id: str
    organization_id: str
    member_id: str
    verdict: Verdict
    reason: str
    door: Door
    digest: str | None = None
    door_ref: str | None = None


class VoteReceipt(msgspec.Struct, frozen=True):
    """A vote as it was sealed, and the approval's state right after it."""

    vote_id: str
    approval_id: str
    decision_id: str
    approval_state: ApprovalState
    ledger_id: str
    cast_at: datetime
    on_behalf_of: str | None = None


class Cast(msgspec.Struct, frozen=True):
    """A vote that was cast: by whom, in whose place, and in which groups it may count."""

    member_id: str
    verdict: Verdict
    roles: list[str]
    on_behalf_of: str | None = None


class Seats(NamedTuple):
    """The groups in which one person's vote counts, those of their own roles first.

    `stands_in_as` is the role of the escalation that lets them vote in the others; None where there is none.
    """

    roles: tuple[str, ...]
    stands_in_as: str | None = None


def seats(terms: ReviewTerms, roles: Collection[str], *, asked_at: datetime, now: datetime) -> Seats:
    """From the moment an escalation is due, whoever holds its role may stand in for any group."""
    own = tuple(group.role for group in terms.groups if group.role in roles)
    others = tuple(group.role for group in terms.groups if group.role not in roles)
    for escalation in terms.escalations:
        due = now >= asked_at + timedelta(seconds=escalation.after_seconds)
        if due and escalation.role in roles and others:
            return Seats(own + others, escalation.role)
    return Seats(own)


def tally(terms: ReviewTerms, cast: Sequence[Cast]) -> ApprovalState:
    """One denial denies. Every place of every group needs a person of its own; no groups are never enough."""
    if any(vote.verdict == "deny" for vote in cast):
        return "denied"
    places = sum(group.count for group in terms.groups)
    return "approved" if places and sum(map(len, filled(terms, cast))) == places else "pending"


def filled(terms: ReviewTerms, cast: Sequence[Cast]) -> tuple[tuple[Cast, ...], ...]:
    """For each group the approvals that fill its places, shared out so that as many places as possible are filled.

    Bipartite matching, by Kuhn: who could fill several places never keeps another out.
    """
    places = [group.role for group in terms.groups for _ in range(group.count)]
    approvals = [vote for vote in cast if vote.verdict == "approve"]
    holder: dict[int, int] = {}

    def seated(voter: int, tried: set[int]) -> bool:
        for place, role in enumerate(places):
            if role in approvals[voter].roles and place not in tried:
                tried.add(place)
                if place not in holder or seated(holder[place], tried):
                    holder[place] = voter
                    return True
        return False

    for voter in range(len(approvals)):
        seated(voter, set())
    groups, place = [], 0
    for group in terms.groups:
        voters = sorted(holder[taken] for taken in range(place, place + group.count) if taken in holder)
        groups.append(tuple(approvals[voter] for voter in voters))
        place += group.count
    return tuple(groups)
