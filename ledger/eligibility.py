"""Who may vote, read without a lock and by the same rule as the act of voting."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from axiru.database import row
from axiru.domain.electorate import Obstacle, Seat
from ledger.acts.question import read_electorate, read_electorates, read_questions


class Voter(msgspec.Struct, frozen=True):
    """Somebody who may vote now; `on_behalf_of` is the id of the member in whose seat they would."""

    member_id: str
    name: str
    email: str
    notify_by_email: bool
    on_behalf_of: str | None = None


class Standing(msgspec.Struct, frozen=True):
    """Whether one member may vote on one approval, and in whose seat (id and name) they would."""

    cannot_vote_because: str | None
    on_behalf_of: str | None = None
    on_behalf_of_name: str | None = None


async def eligible_voters(approval_id: str) -> tuple[Voter, ...]:
    """Everybody who may vote now; nobody for an approval that there is not."""
    for question in await read_questions([approval_id]):
        electorate = await read_electorate(question, await _now())
        return tuple(
            Voter(elector.id, elector.name, elector.email, elector.notify_by_email, seat.on_behalf_of)
            for elector, seat in electorate.eligible()
        )
    return ()


async def may_vote(approval_id: str, member_id: str) -> str | None:
    """Why they may not, in the words the act would use; None if they may."""
    found = await standings([approval_id], member_id)
    return found[approval_id].cannot_vote_because if found else "There is no such approval."


async def standings(approval_ids: Sequence[str], member_id: str) -> dict[str, Standing]:
    """By approval id, for approvals of one organization; those that there are not are left out."""
    questions = await read_questions(approval_ids)
    electorates = await read_electorates(questions, await _now(), member_id)
    found: dict[str, Standing] = {}
    for question, electorate in zip(questions, electorates, strict=True):
        match electorate.seat(member_id):
            case Seat(on_behalf_of=None):
                found[question.id] = Standing(None)
            case Seat(on_behalf_of=str(absent)):
                found[question.id] = Standing(None, absent, electorate.electors[absent].name)
            case Obstacle(message=message):
                found[question.id] = Standing(message)
    return found


async def _now() -> datetime:
    """The database's clock, which acts go by as well."""
    found = await row("SELECT clock_timestamp() AS now")
    if found is None:
        raise LookupError("the database has no clock")
    now: datetime = found["now"]
    return now
