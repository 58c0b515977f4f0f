"""Who may do what: the one table. Keys have scopes, people have roles; both come down to permissions."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a route asks for. The value is how the console is told."""

    READ = "read"
    DECIDE = "decide"
    AUTHORIZE = "authorize"
    VOTE = "vote"
    CONTROLS = "controls"
    POLICIES = "policies"
    LEDGER = "ledger"
    KEYS = "keys"
    MEMBERS = "members"
    WEBHOOKS = "webhooks"
    CONNECTIONS = "connections"
    BREAK_GLASS = "break_glass"


SCOPE_OF: Final[dict[Permission, str]] = {
    Permission.DECIDE: "decisions:write",
    Permission.AUTHORIZE: "authorizations:write",
    Permission.VOTE: "approvals:vote",
    Permission.CONTROLS: "controls:write",
    Permission.POLICIES: "policies:write",
    Permission.LEDGER: "ledger:read",
    Permission.KEYS: "admin",
    Permission.MEMBERS: "admin",
    Permission.WEBHOOKS: "admin",
    Permission.CONNECTIONS: "admin",
}
"""The scope a key needs. Every key may read what its own organization and mode decided; none may break the glass."""

ASKING: Final = frozenset({Permission.DECIDE, Permission.AUTHORIZE})
"""To ask for money: what a key does, and no log-in."""

_FINANCE: Final = frozenset({Permission.READ, Permission.VOTE, Permission.CONTROLS, Permission.POLICIES})

_OF_ROLE: Final[dict[str, frozenset[Permission]]] = {
    "viewer": frozenset({Permission.READ}),
    "support": frozenset({Permission.READ}),
    "agent_owner": frozenset({Permission.READ}),
    "auditor": frozenset({Permission.READ, Permission.LEDGER}),
    "finance_manager": _FINANCE,
    "controller": _FINANCE | {Permission.LEDGER, Permission.BREAK_GLASS},
    "admin": frozenset(Permission) - ASKING,
}


def of_roles(roles: Iterable[str]) -> frozenset[Permission]:
    """What a person with these roles may do. An unknown role allows nothing; no role lets a session ask for money."""
    return frozenset().union(*(_OF_ROLE.get(role, frozenset()) for role in roles))


def of_key(scopes: Iterable[str], owner_roles: Iterable[str]) -> frozenset[Permission]:
    """What a key may do: what its scopes say and its owner may as well. To ask for money takes the scope alone."""
    return of_scopes(scopes) & (of_roles(owner_roles) | {Permission.READ} | ASKING)


def of_scopes(scopes: Iterable[str]) -> frozenset[Permission]:
    """What a key with these scopes may do. `admin` is all of them but what a person alone does, logged in."""
    held = frozenset(scopes)
    if "admin" in held:
        return frozenset({Permission.READ, *SCOPE_OF})
    return frozenset({Permission.READ, *(permission for permission, scope in SCOPE_OF.items() if scope in held)})
