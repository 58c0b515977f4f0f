"""The member who acts beside an approval, read in the act's own transaction."""

from axiru.database import row
from axiru.domain.roles import takes_part
from ledger.acts.vote import NotEligible


async def roles_of(member_id: str, organization_id: str) -> frozenset[str]:
    """The roles of a member who is not disabled. Raises NotEligible for anybody else."""
    found = await row(
        "SELECT roles FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
        member_id,
        organization_id,
    )
    if found is None:
        raise NotEligible("This is for members of the organization.", because="member", member_id=member_id)
    return frozenset(found["roles"])


async def check_takes_part(member_id: str, organization_id: str) -> frozenset[str]:
    """Their roles. Raises NotEligible for a member who only looks on."""
    roles = await roles_of(member_id, organization_id)
    if not takes_part(roles):
        raise NotEligible("Viewers and auditors only look on.", because="role", member_id=member_id)
    return roles
