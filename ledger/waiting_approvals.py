"""The open approvals that one member may vote on now, in both modes."""

from typing import Final, NamedTuple

from axiru.database import rows
from axiru.domain.approval_sheet import ApprovalSheet
from ledger.approval_sheet import read_sheets
from ledger.eligibility import standings

LOOKED_AT: Final = 200


class Waiting(NamedTuple):
    """`sheets` of those nearest to their deadline first, and how many `others` there are."""

    sheets: list[ApprovalSheet]
    others: int = 0


async def waiting_for(organization_id: str, member_id: str, *, most: int) -> Waiting:
    """What waits for one member, among the `LOOKED_AT` approvals that end next; only `most` sheets are read."""
    found = await rows(
        """
        SELECT id FROM approvals WHERE organization_id = {} AND state = 'pending' AND expires_at > clock_timestamp()
        ORDER BY expires_at, id LIMIT {}
        """,
        organization_id,
        LOOKED_AT,
    )
    standing = await standings([approval["id"] for approval in found], member_id)
    mine = [approval["id"] for approval in found if standing[approval["id"]].cannot_vote_because is None]
    return Waiting(await read_sheets(mine[:most]), len(mine[most:]))
