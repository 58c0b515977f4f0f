"""The roles a member of an organization may hold: the names that policies ask for and permissions are given to."""

from typing import Final

ROLES: Final = frozenset(
    {"viewer", "support", "finance_manager", "controller", "admin", "agent_owner", "auditor"},
)
"""Every role there is. A policy that asks for another could never be approved."""

VOTING_ROLES: Final = frozenset({"finance_manager", "controller", "admin"})
"""The roles whose members may approve. What asks only others waits until it expires."""
