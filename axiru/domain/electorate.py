"""Who may vote on one approval at one moment, and in whose seat. Pure; the act and every view ask only this."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from axiru.domain.approval import ApprovalState, Cast, seats
from axiru.domain.evaluation import ReviewTerms
from axiru.domain.roles import VOTING_ROLES, takes_part


class Elector(msgspec.Struct, frozen=True):
    """A member who is not disabled."""

    id: str
    name: str
    email: str
    notify_by_email: bool
    roles: frozenset[str]


class StandIn(msgspec.Struct, frozen=True):
    """A delegation in force, and who passed the seat on: its holder, or an admin."""

    from_member_id: str
    to_member_id: str
    created_by: str
    created_at: datetime


class Seat(NamedTuple):
    """Where a vote counts: the groups, the escalation's role if it opens them, and whose seat a delegate sits in."""

    roles: tuple[str, ...]
    stands_in_as: str | None
    on_behalf_of: str | None


class Obstacle(NamedTuple):
    """Why somebody may not vote: a code, and the sentence they are told. `closed`: nobody may, or they have already."""

    because: str
    message: str
    closed: bool = False


class Electorate(msgspec.Struct, frozen=True):
    """`electors` and `stand_ins` hold at least what concerns the members who are asked about.

    `excluded` never approve this: who asked, and who answers for the key or the agent that asked. Those they have
    `let_in` since, by a link to set a password, do not either; and nobody sits in a seat that they passed on since.
    """

    terms: ReviewTerms
    state: ApprovalState
    asked_at: datetime
    expires_at: datetime
    now: datetime
    requested_by: str
    excluded: frozenset[str]
    cast: tuple[Cast, ...]
    electors: dict[str, Elector]
    stand_ins: tuple[StandIn, ...]
    let_in: frozenset[str] = frozenset()

    def seat(self, member_id: str) -> Seat | Obstacle:
        """Their own seat first; else that of the first who delegated to them and could vote. Nothing is passed on."""
        if (obstacle := self._obstacle(member_id)) is not None:
            return obstacle
        voted_for = any(vote.on_behalf_of == member_id for vote in self.cast)
        elector = self.electors.get(member_id)
        if elector is not None:
            own = None if voted_for else self._seats(elector)
            if (seat := own or self._seat_of_another(elector)) is not None:
                return seat
        if voted_for:
            return Obstacle("voted", "Somebody has already voted in your place.", closed=True)
        roles = dict.fromkeys(group.role.replace("_", " ") + "s" for group in self.terms.groups)
        wanted = " or ".join(roles) or "nobody"
        return Obstacle("role", f"This approval is for {wanted}.")

    def eligible(self) -> Iterator[tuple[Elector, Seat]]:
        """Everybody who may vote now."""
        for elector in self.electors.values():
            seat = self.seat(elector.id)
            if isinstance(seat, Seat):
                yield elector, seat

    def _obstacle(self, member_id: str) -> Obstacle | None:
        """What keeps a member out whatever their roles are."""
        obstacles = {
            Obstacle(self.state, f"This approval is already {self.state}.", closed=True): self.state != "pending",
            Obstacle("expired", "The deadline has passed.", closed=True): self.now >= self.expires_at,
            Obstacle("voted", "You have already voted on this approval.", closed=True): any(
                vote.member_id == member_id for vote in self.cast
            ),
            Obstacle("requester", "You cannot vote on what you or your key asked for."): member_id == self.requested_by,
            Obstacle("owner", "You cannot vote on what your key or your agent asked for."): member_id in self.excluded,
            Obstacle("let_in", "Who asked for this has let you in since then; somebody else votes on it."): member_id
            in self.let_in,
        }
        return next((obstacle for obstacle, holds in obstacles.items() if holds), None)

    def _seats(self, elector: Elector) -> Seat | None:
        found = seats(self.terms, elector.roles & VOTING_ROLES, asked_at=self.asked_at, now=self.now)
        return Seat(found.roles, found.stands_in_as, None) if found.roles else None

    def _seat_of_another(self, elector: Elector) -> Seat | None:
        """The seat of one who delegated theirs, is a member still, is not excluded, and for whom nobody has voted."""
        taken = self.excluded | self.let_in | {vote.on_behalf_of or vote.member_id for vote in self.cast}
        for stand_in in self.stand_ins:
            absent = self.electors.get(stand_in.from_member_id)
            if stand_in.to_member_id != elector.id or absent is None or absent.id in taken:
                continue
            if stand_in.created_by in self.excluded | self.let_in and stand_in.created_at >= self.asked_at:
                continue
            if takes_part(elector.roles) and (theirs := self._seats(absent)) is not None:
                return theirs._replace(on_behalf_of=absent.id)
        return None
