"""The open approvals that one member may vote on now, in both modes."""

from typing import Final

from axiru.database import rows
from axiru.domain.approval_sheet import ApprovalSheet
from ledger.approval_sheet import read_sheets
from ledger.eligibility import standings

LOOKED_AT: Final = 200


async def waiting_for(organization_id: str, member_id: str) -> list[ApprovalSheet]:
    """Those nearest to their deadline first, among the `LOOKED_AT` that end next."""
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
    return await read_sheets(mine)
