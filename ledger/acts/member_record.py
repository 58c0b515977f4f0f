"""What every act on members shares: who may, and how the change is sealed and told. In the clear it names nobody."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from axiru.database import row
from axiru.errors import AxiruError
from ledger.acts.chain import Act, salted
from ledger.acts.vote import NotEligible

MemberChange = Literal[
    "invited",
    "renamed",
    "roles_changed",
    "disabled",
    "enabled",
    "locked",
    "unlocked",
    "password_link",
    "password_set",
    "notification_changed",
]


class MemberNotFound(AxiruError):
    """There is no such member in this organization."""

    code = "not_found"


async def check_admin(member_id: str, organization_id: str) -> None:
    """Read in the act's own transaction, so that two admins cannot disarm each other. Raises NotEligible."""
    found = await row(
        "SELECT id FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL "
        "AND 'admin' = ANY(roles)",
        member_id,
        organization_id,
    )
    if found is None:
        raise NotEligible("Only an admin of the organization does this.", because="role")


def record(
    acting: Sequence[Act],
    change: MemberChange,
    member_id: str,
    *,
    by_member_id: str | None,
    facts: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """Seal one change in every chain and tell it; returns the entries' ids. Names and e-mails go in as commitments."""
    ledger_ids = []
    for one in acting:
        data = {"member_id": member_id, "change": change, "by_member_id": by_member_id, **(facts or {})}
        ledger_ids.append(one.seal("member", data, personal=salted(personal or {})).ledger_id)
        one.tell("member", {"member_id": member_id, "change": change})
    return tuple(ledger_ids)


def tell_granted(acting: Sequence[Act], member_id: str, roles: Sequence[str]) -> None:
    """Whoever may approve money is everybody's business: told apart from the change itself."""
    for one in acting:
        one.tell("member", {"member_id": member_id, "change": "role_granted", "roles": list(roles)})
