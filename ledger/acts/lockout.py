"""Lock-out: after too many wrong passwords in a row a member cannot log in for a while. Log-ins there are go on."""

from datetime import timedelta

import msgspec

from axiru.database import row
from ledger.acts.chain import acts
from ledger.acts.member_record import record
from ledger.acts.second_person import BOTH_MODES
from ledger.entry import EntrySigner


class LockoutTerms(msgspec.Struct, frozen=True):
    """`failures` in a row lock for `lasting`."""

    failures: int
    lasting: timedelta


async def admit_right_password(member_id: str, terms: LockoutTerms) -> bool:
    """Forget earlier failures and let in; False while locked, for as long as that lasts."""
    admitted = await row(
        "UPDATE members SET failed_logins = 0 WHERE id = {} AND disabled_at IS NULL AND failed_logins < {} "
        "AND (locked_until IS NULL OR locked_until <= clock_timestamp()) RETURNING id",
        member_id,
        terms.failures,
    )
    return admitted is not None


async def count_wrong_password(
    member_id: str, organization_id: str, terms: LockoutTerms, *, signer: EntrySigner
) -> None:
    """Count one failure; the last one allowed locks and is sealed. While locked nothing is counted.

    A member of that id need not exist: an e-mail that nobody has takes the same way. A lock that could not be sealed
    is in force all the same, and is sealed by the next failure.
    """
    counted = await row(
        "UPDATE members SET failed_logins = failed_logins + 1 WHERE id = {} "
        "AND (locked_until IS NULL OR locked_until <= clock_timestamp()) RETURNING failed_logins",
        member_id,
    )
    if counted is None or counted["failed_logins"] < terms.failures:
        return
    async with acts(signer, organization_id, BOTH_MODES) as locking:
        until = locking[0].now + terms.lasting
        locked = await row(
            "UPDATE members SET locked_until = {}, failed_logins = 0 WHERE id = {} AND failed_logins >= {} "
            "RETURNING id",
            until,
            member_id,
            terms.failures,
        )
        if locked is not None:
            facts = {"locked_until": until.isoformat(), "failures": terms.failures}
            record(locking, "locked", member_id, by_member_id=None, facts=facts)
