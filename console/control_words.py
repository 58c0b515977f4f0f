"""Controls in the words of people who work in finance."""

from collections.abc import Mapping
from typing import Final

from axiru.domain.movement import SURFACES
from console.sessions import Session
from console.views import ControlView

KINDS: Final = {"kill_switch": "Kill switch", "freeze": "Freeze", "hold": "Hold", "mark_for_review": "Mark for review"}
FROZEN: Final[Mapping[str, str]] = {
    "customer_id": "Customer",
    "stripe_account_id": "Merchant (connected account)",
    "agent_id": "Agent",
    "source": "Source",
    "surface": "Surface",
    "stripe_connection_id": "Stripe connection",
}
EXAMPLES: Final = {
    "customer_id": "cus_…",
    "stripe_account_id": "acct_…",
    "agent_id": "refund-agent-1",
    "source": "zendesk",
    "stripe_connection_id": "stripe_conn_…",
}
SURFACE_NAMES: Final[Mapping[str, str]] = {surface: surface for surface in sorted(SURFACES)}
NEEDED_PERMISSION: Final = "controls"
NOT_PERMITTED: Final = "Your role may look at controls, not use them. Finance managers, controllers and admins may."
_SUBJECTS: Final = {
    "customer_id": "Customer",
    "stripe_account_id": "Merchant",
    "agent_id": "Agent",
    "source": "Source",
    "surface": "Surface",
    "stripe_connection_id": "Connection",
    "decision_id": "Decision",
}
_RELATIONS: Final = {
    "customer_id": "for customer",
    "stripe_account_id": "on account",
    "agent_id": "by agent",
    "source": "from source",
    "surface": "on",
    "stripe_connection_id": "over connection",
}


def may_control(session: Session) -> bool:
    return NEEDED_PERMISSION in session.permissions


def subject_name(field: str) -> str:
    """`Customer` for `customer_id`; a field this console has no word for is shown as it is."""
    return _SUBJECTS.get(field, field.replace("_", " "))


def subject_text(scope: Mapping[str, str]) -> str:
    """`customer cus_1`; empty for what is about everything."""
    return ", ".join(f"{subject_name(field).lower()} {value}" for field, value in scope.items())


def requests_text(scope: Mapping[str, str]) -> str:
    """`request by agent refund-1`: what a freeze of this scope is about, to follow `every` or `no`."""
    return " ".join(["request", *(f"{_RELATIONS.get(field, field)} {value}" for field, value in scope.items())])


def by_whom(control: ControlView) -> str:
    """The person who engaged it, or the breaker that did."""
    if control.engaged_by is not None:
        return control.engaged_by.shown
    return f"Circuit breaker {control.breaker.shown}" if control.breaker else "Unknown"
