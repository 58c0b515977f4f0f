"""Fail open: payout programmes that may go on while Axiru cannot be reached; named one by one, for a time, sealed."""

from datetime import datetime

import asyncpg

from axiru import ids
from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import act
from ledger.acts.second_person import check_member
from ledger.entry import EntrySigner


class ProgrammeListed(AxiruError):
    """This programme may go on already in this currency; take it off the list first."""

    code = "conflict"


class ProgrammeNotFound(AxiruError):
    """There is no such programme on the list."""

    code = "not_found"


async def allow_programme(
    programme: str,
    *,
    organization_id: str,
    mode: Mode,
    member_id: str,
    currency: str,
    max_amount_cents: int,
    reason: str,
    expires_at: datetime,
    signer: EntrySigner,
) -> str:
    """Put a programme on the list, each payout up to `max_amount_cents`; returns its id.

    Raises ProgrammeListed, and NotEligible for who is no member any more.
    """
    listed_id = ids.new_id(ids.FAIL_OPEN)
    async with act(signer, organization_id, mode) as allowing:
        await check_member(member_id, organization_id)
        # One whose time is over makes room for the next.
        await rows(
            "UPDATE fail_open_programmes SET removed_at = expires_at WHERE organization_id = {} AND mode = {} "
            "AND programme = {} AND currency = {} AND removed_at IS NULL AND expires_at <= {}",
            *(organization_id, mode, programme, currency, allowing.now),
        )
        try:
            await rows(
                "INSERT INTO fail_open_programmes (id, organization_id, mode, programme, currency, max_amount_cents, "
                "reason, added_by, added_at, expires_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
                *(listed_id, organization_id, mode, programme, currency, max_amount_cents, reason, member_id),
                *(allowing.now, expires_at),
            )
        except asyncpg.UniqueViolationError as error:
            raise ProgrammeListed("This programme is on the list already.", state="listed") from error
        allowing.seal(
            "fail_open",
            {
                "fail_open_id": listed_id,
                "action": "allow",
                "programme": programme,
                "currency": currency,
                "max_amount_cents": max_amount_cents,
                "reason": reason,
                "expires_at": expires_at.isoformat(),
                "member_id": member_id,
            },
        )
        allowing.tell("surface", {"fail_open_id": listed_id, "programme": programme, "listed": True})
    return listed_id


async def remove_programme(
    listed_id: str, *, organization_id: str, modes: list[Mode], member_id: str, signer: EntrySigner
) -> None:
    """Take a programme off the list; doing so again changes nothing. Callers learn of it with their next document.

    Raises ProgrammeNotFound.
    """
    found = await row(
        "SELECT mode, programme FROM fail_open_programmes WHERE id = {} AND organization_id = {} "
        "AND mode = ANY({}::text[])",
        *(listed_id, organization_id, modes),
    )
    if found is None:
        raise ProgrammeNotFound("There is no such programme on the list.")
    async with act(signer, organization_id, found["mode"]) as removing:
        removed = await rows(
            "UPDATE fail_open_programmes SET removed_by = {}, removed_at = {} WHERE id = {} AND removed_at IS NULL "
            "RETURNING id",
            *(member_id, removing.now, listed_id),
        )
        if removed:
            facts = {"fail_open_id": listed_id, "programme": found["programme"]}
            removing.seal("fail_open", {**facts, "action": "remove", "member_id": member_id})
            removing.tell("surface", {**facts, "listed": False})
