"""The families of events that a webhook may ask for, what a delivery tells, and how it stands, in words."""

from collections.abc import Mapping
from typing import Final

from console.components.badge import Look

FAMILIES: Final[Mapping[str, tuple[str, str]]] = {
    "*": ("Everything", "Whatever is added later, too."),
    "approval.*": ("Approvals", "Requested, votes, approved, denied, expired, reminders, escalations, comments."),
    "decision.*": ("Decisions", "Allowed, denied, held, waiting for approval, expired."),
    "authorization.*": ("Authorizations", "An agent's question answered; its token issued, used, settled."),
    "execution.*": ("Executions", "Begun, done, failed, waiting for Stripe's own approval."),
    "undo.*": ("Undoing", "Asked for, undone, not undone."),
    "bypass.*": ("Bypasses", "A movement was made on Stripe without asking."),
    "budget.*": ("Budgets", "A budget fills up, or has stopped something."),
    "dispute.*": ("Disputes", "Opened, evidence built, staged, submitted, due soon, closed."),
    "control.*": ("Controls", "Holds, freezes and the kill switch, engaged and lifted; payouts paused."),
    "breaker.*": ("Circuit breakers", "A breaker tripped."),
    "break_glass.*": ("Break-glass", "Asked for, used, withdrawn."),
    "connection.*": ("Connections", "Connected, revoked at Stripe, disconnected, granted to."),
    "member.*": ("Members", "Somebody was locked out."),
}
EVENTS: Final[Mapping[str, str]] = {
    "approval.requested": "Approval requested",
    "approval.pending": "Approval requested",
    "approval.vote": "Vote cast",
    "approval.approved": "Approved",
    "approval.denied": "Denied",
    "approval.expired": "Approval expired",
    "approval.reminder": "Reminder to vote",
    "approval.escalated": "Approval escalated",
    "approval.escalation": "Approval escalated",
    "approval.comment": "Comment",
    "approval.question": "Information asked for",
    "approval.answer": "Question answered",
    "approval.assigned": "Approval assigned",
    "approval.assignment": "Approval assigned",
    "approval.context": "Payment read from Stripe",
    "approval.control": "Request held",
    "approval.release": "Hold released",
    "approval.execution": "Execution",
    "decision.allowed": "Decision: allowed",
    "decision.denied": "Decision: denied",
    "decision.pending_approval": "Decision: needs approval",
    "decision.approved": "Decision: approved",
    "decision.expired": "Decision: expired",
    "decision.held": "Decision: held",
    "authorization.approved": "Authorization: approved",
    "authorization.denied": "Authorization: denied",
    "authorization.expired": "Authorization: nobody decided",
    "authorization.issued": "Token issued",
    "authorization.consumed": "Token used",
    "authorization.settled": "Payment of an agent settled",
    "authorization.failed": "Payment of an agent failed",
    "execution.executing": "Execution begun",
    "execution.executed": "Executed",
    "execution.execution_failed": "Execution failed",
    "execution.requires_approval": "Stripe asks its own people",
    "undo.intended": "Undoing asked for",
    "undo.succeeded": "Undone",
    "undo.failed": "Not undone",
    "bypass.detected": "Seen on Stripe, never asked",
    "budget.threshold_reached": "Budget nearly used up",
    "budget.exhausted": "Budget used up",
    "dispute.opened": "Dispute opened",
    "dispute.closed": "Dispute closed",
    "dispute.packet_built": "Evidence built",
    "dispute.staged": "Evidence on Stripe, not submitted",
    "dispute.submitted": "Evidence submitted",
    "dispute.degraded": "Evidence sent while degraded",
    "dispute.due_soon": "Answer to a dispute due soon",
    "dispute.past_due": "Dispute past its deadline",
    "control.engaged": "Control engaged",
    "control.lifted": "Control lifted",
    "control.payouts_paused": "Payouts of a frozen account stopped",
    "control.payouts_restored": "Payouts of a thawed account back on schedule",
    "control.payouts_failed": "Payout schedule could not be changed",
    "breaker.tripped": "Circuit breaker tripped",
    "break_glass.open": "Break-glass asked for",
    "break_glass.used": "Glass broken",
    "break_glass.withdrawn": "Break-glass withdrawn",
    "connection.connected": "Stripe account connected",
    "connection.reconnected": "Stripe account connected again",
    "connection.revoked": "Access taken back at Stripe",
    "connection.disconnected": "Stripe account disconnected",
    "connection.granted": "Action granted",
    "connection.grant_revoked": "Grant taken back",
    "member.locked": "Log-in locked",
    "member.role_granted": "Role granted",
    "slack.home": "App Home brought up to date",
    "slack.alarm": "Alarm",
    "ping": "Test message",
}
"""By the name a delivery's event has in its channel; Slack names some after what changed the message."""
CHANNELS: Final[Mapping[str, str]] = {"": "All", "webhook": "Webhook", "slack": "Slack", "email": "E-mail"}
STATES: Final[Mapping[str, str]] = {
    "": "Any state",
    "pending": "Waiting",
    "delivered": "Delivered",
    "failed": "Given up",
}
STATE_LOOKS: Final[Mapping[str, Look]] = {
    "pending": Look("Waiting", "clock", "waiting"),
    "delivered": Look("Delivered", "check", "good"),
    "failed": Look("Given up", "alert", "failed"),
}


def family_text(subscription: str) -> str:
    """`Approvals` for `approval.*`; a single event by its own name."""
    return FAMILIES[subscription][0] if subscription in FAMILIES else subscription


def event_text(event: str) -> str:
    """`Approval requested` for `approval.requested`; what has no name here, by its own in plain letters."""
    return EVENTS.get(event) or event.replace(".", ": ", 1).replace("_", " ").capitalize()
