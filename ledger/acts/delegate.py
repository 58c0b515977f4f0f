"""Delegate: while one is out of office, somebody else sits in their seat. Sealed in both modes, which it holds for."""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.roles import VOTING_ROLES
from axiru.errors import AxiruError
from ledger.acts.chain import acts, salted
from ledger.acts.participant import check_takes_part, roles_of
from ledger.acts.second_person import BOTH_MODES
from ledger.acts.vote import NotEligible
from ledger.entry import EntrySigner

LONGEST: Final = timedelta(days=90)


class DelegationRefused(AxiruError):
    """There is no such seat to pass on, nobody to pass it to, or not for such a time; `field` says which."""

    code = "invalid_request"


class DelegationNotFound(AxiruError):
    """There is no such delegation in this organization."""

    code = "not_found"


class DelegationOver(AxiruError):
    """The delegation was ended before, or its time has passed."""

    code = "conflict"


class DelegationReceipt(msgspec.Struct, frozen=True):
    """A delegation as it was sealed."""

    delegation_id: str
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    ledger_ids: tuple[str, ...]


async def delegate(
    *,
    organization_id: str,
    member_id: str,
    from_member_id: str,
    to_member_id: str,
    starts_at: datetime | None,
    ends_at: datetime,
    reason: str,
    signer: EntrySigner,
) -> DelegationReceipt:
    """Pass a seat on for a time of at most 90 days, from now on or from `starts_at`.

    Everybody passes on their own; an admin passes on others', and never to themself. Nobody who only looks on sits in
    a seat. Raises NotEligible, DelegationRefused.
    """
    if from_member_id == to_member_id:
        raise DelegationRefused("Nobody stands in for themself.", field="to_member_id")
    async with acts(signer, organization_id, BOTH_MODES) as delegating:
        now = delegating[0].now
        await _check_may(member_id, from_member_id, to_member_id, organization_id)
        begins = max(starts_at or now, now)
        if ends_at <= begins or ends_at - begins > LONGEST:
            raise DelegationRefused("A delegation ends after it begins, within 90 days.", field="ends_at")
        delegation_id = ids.new_id(ids.DELEGATION)
        facts = {
            "delegation_id": delegation_id,
            "action": "begin",
            "member_id": member_id,
            "from_member_id": from_member_id,
            "to_member_id": to_member_id,
            "starts_at": begins.isoformat(),
            "ends_at": ends_at.isoformat(),
        }
        sealed = [one.seal("delegation", facts, personal=salted({"reason": reason})) for one in delegating]
        await rows(
            """
            INSERT INTO delegations (id, organization_id, from_member_id, to_member_id, reason, starts_at, ends_at,
                created_by, created_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})
            """,
            delegation_id,
            organization_id,
            from_member_id,
            to_member_id,
            reason,
            begins,
            ends_at,
            member_id,
            now,
        )
    return DelegationReceipt(delegation_id, begins, ends_at, None, tuple(entry.ledger_id for entry in sealed))


async def end_delegation(
    delegation_id: str, *, organization_id: str, member_id: str, signer: EntrySigner
) -> DelegationReceipt:
    """End it before its time: for whoever passed the seat on, whoever sits in it, and admins.

    Votes that were cast stay cast. Raises DelegationNotFound, DelegationOver, NotEligible.
    """
    async with acts(signer, organization_id, BOTH_MODES) as ending:
        now = ending[0].now
        found = await _delegation(delegation_id, organization_id)
        roles = await roles_of(member_id, organization_id)
        if member_id not in {found["from_member_id"], found["to_member_id"]} and "admin" not in roles:
            raise NotEligible("Only an admin ends the delegation of others.", because="role")
        if found["ended_at"] is not None or found["ends_at"] <= now:
            raise DelegationOver("This delegation is over.", state="ended")
        facts = {"delegation_id": delegation_id, "action": "end", "member_id": member_id}
        sealed = [one.seal("delegation", facts) for one in ending]
        await rows("UPDATE delegations SET ended_at = {} WHERE id = {}", now, delegation_id)
    ledger_ids = tuple(entry.ledger_id for entry in sealed)
    return DelegationReceipt(delegation_id, found["starts_at"], found["ends_at"], now, ledger_ids)


async def _check_may(member_id: str, from_member_id: str, to_member_id: str, organization_id: str) -> None:
    acting = await roles_of(member_id, organization_id)
    if member_id != from_member_id and ("admin" not in acting or member_id == to_member_id):
        raise NotEligible("You pass on your own seat, or as an admin somebody's to somebody else.", because="role")
    try:
        roles = await roles_of(from_member_id, organization_id)
    except NotEligible as error:
        raise DelegationRefused("There is no such member.", field="from_member_id") from error
    if not roles & VOTING_ROLES:
        raise DelegationRefused("Who has no role that approves has no seat to pass on.", field="from_member_id")
    try:
        await check_takes_part(to_member_id, organization_id)
    except NotEligible as error:
        raise DelegationRefused(error.message, field="to_member_id") from error


async def _delegation(delegation_id: str, organization_id: str) -> dict[str, Any]:
    found = await row(
        "SELECT * FROM delegations WHERE id = {} AND organization_id = {}", delegation_id, organization_id
    )
    if found is None:
        raise DelegationNotFound("There is no such delegation.")
    return found
