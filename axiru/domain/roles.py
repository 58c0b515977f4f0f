"""The roles a member of an organization may hold: the names that policies ask for and permissions are given to."""

from collections.abc import Collection
from typing import Final

ROLES: Final = frozenset(
    {"viewer", "support", "finance_manager", "controller", "admin", "agent_owner", "auditor"},
)
"""Every role there is. A policy that asks for another could never be approved."""

VOTING_ROLES: Final = frozenset({"finance_manager", "controller", "admin"})
"""The roles whose members may approve. What asks only others waits until it expires."""

_ONLY_READ: Final = frozenset({"viewer", "auditor"})


def takes_part(roles: Collection[str]) -> bool:
    """Whether a member with these roles may comment, be assigned to and stand in for others, and not only look on."""
    return bool(set(roles) & ROLES - _ONLY_READ)
