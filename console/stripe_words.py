"""Connections, surfaces and Stripe's events in the words of people who work in finance."""

from collections.abc import Mapping
from typing import Final

from axiru.domain.movement import Mode
from console.components.badge import Look
from console.sessions import Session
from console.stripe_views import Agreement, Connection, ConnectionStatus, EventState

NEEDED_PERMISSION: Final = "connections"
NOT_PERMITTED: Final = "Your role may look at connections. Admins connect accounts and say what may be done with them."
LEAST_AGREEMENT_PERCENT: Final = 98
"""Below it, and where nothing was compared, to enforce takes a reason of its own."""

STATUS_LOOKS: Final[Mapping[ConnectionStatus, Look]] = {
    "active": Look("Active", "check", "good"),
    "revoked": Look("Revoked at Stripe", "alert", "failed"),
    "disconnected": Look("Disconnected", "pause", "neutral"),
}
STATUS_SENTENCES: Final[Mapping[ConnectionStatus, str]] = {
    "active": "",
    "revoked": "Axiru reads nothing from this account any more and calls nothing on it; requests over this connection "
    "are not executed. Connect it again to go on.",
    "disconnected": "The connection was ended here. Axiru reads nothing from this account any more and calls nothing "
    "on it. What was decided stays in the ledger.",
}
EVENT_LOOKS: Final[Mapping[EventState, Look]] = {
    "received": Look("Waiting", "clock", "waiting"),
    "processed": Look("Processed", "check", "good"),
    "ignored": Look("Nothing to do", "pause", "neutral"),
    "failed": Look("Failed", "alert", "failed"),
}
EVENT_DETAILS: Final[Mapping[str, str]] = {
    "bypass": "never asked: flagged as bypass",
    "matched": "belongs to a decision",
    "known": "known already",
}
"""What came of an event, where the API's word is not plain enough."""
EVENT_STATES: Final[Mapping[str, str]] = {
    "": "All",
    "received": "Waiting",
    "processed": "Processed",
    "ignored": "Nothing to do",
    "failed": "Failed",
}
MODE_LABELS: Final[Mapping[Mode, str]] = {"test": "Test mode", "live": "Live mode"}
ACTION_NAMES: Final[Mapping[str, str]] = {
    "refund": "Refunds",
    "payout": "Payouts",
    "transfer": "Transfers",
    "app_fee_refund": "Application fee refunds",
    "dispute": "Disputes",
}


def may_connect(session: Session) -> bool:
    return NEEDED_PERMISSION in session.permissions


def action_name(action: str) -> str:
    """`Refunds`; an action this console has no name for is shown as it is, readable."""
    return ACTION_NAMES.get(action, action.replace("_", " ").capitalize())


def agreement_sentence(agreement: Agreement) -> str:
    """`96.4 % of 1,204 decisions in 7 days agree.`, or that nothing has been compared."""
    if agreement.rate_percent is None or not agreement.decisions:
        return f"Nothing compared in the last {agreement.days} days."
    noun = "decision" if agreement.decisions == 1 else "decisions"
    return (
        f"{percent_text(agreement.rate_percent)} of {agreement.decisions:,} {noun} in {agreement.days} days agree "
        "between the live policy and its shadow."
    )


def percent_text(percent: float) -> str:
    """To one decimal, rounded down: 99.96 must not read as 100."""
    tenths = int(percent * 10 + 1e-9)
    return f"{tenths / 10:.1f} %" if tenths % 10 else f"{tenths // 10} %"


def needs_override(agreement: Agreement) -> bool:
    """Whether to enforce takes saying why all the same: live and shadow differ too much, or were not compared."""
    return agreement.rate_percent is None or agreement.rate_percent < LEAST_AGREEMENT_PERCENT


def default_of(connections: tuple[Connection, ...]) -> Connection | None:
    """The connection that requests without one go over, or the first that works."""
    active = [connection for connection in connections if connection.status == "active"]
    return next((connection for connection in active if connection.is_default), active[0] if active else None)
