"""What each role and each key scope lets people do, in plain words."""

from collections.abc import Mapping
from typing import Final

ROLES: Final[Mapping[str, tuple[str, str]]] = {
    "viewer": ("Viewer", "Sees decisions, policies and controls. Changes nothing."),
    "support": ("Support", "Sees what a viewer sees, and answers questions about requests."),
    "finance_manager": (
        "Finance manager",
        "Approves what policies route to finance managers, writes policies, and holds, freezes and stops.",
    ),
    "controller": (
        "Controller",
        "Approves what policies route to controllers, writes policies, holds, freezes and stops, reads the ledger.",
    ),
    "admin": ("Admin", "All of that, and manages members, keys, integrations and settings."),
    "agent_owner": ("Agent owner", "Answers for agents, and never approves what their own agents asked for."),
    "auditor": ("Auditor", "Reads everything, the ledger too. Changes nothing."),
}
"""In this order they are offered."""

SCOPES: Final[Mapping[str, tuple[str, str]]] = {
    "decisions:write": ("Ask for decisions", "Asks whether refunds and other movements may happen."),
    "authorizations:write": ("Ask for authorizations", "Gets tokens for agents' payments, and consumes them."),
    "approvals:vote": ("Vote on approvals", "Approves and denies in the owner's name, with the owner's roles."),
    "controls:write": ("Use controls", "Holds, freezes and engages the kill switch, and lifts them again."),
    "policies:write": ("Write policies", "Drafts, publishes and promotes policies and lists."),
    "ledger:read": ("Read the ledger", "Reads entries, proofs and exports."),
    "admin": ("Everything", "All of these, and managing members, keys and integrations."),
}
OWN_SCOPES: Final = frozenset({"approvals:vote", "controls:write", "policies:write", "admin"})
"""They act in the owner's name, so only the owner can make a key with one of them."""


def role_label(role: str) -> str:
    """A role's name; one this console has no words for is shown as it is."""
    return ROLES[role][0] if role in ROLES else role
