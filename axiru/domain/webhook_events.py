"""The names of what webhooks tell, and which of them a row of the outbox is."""

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, get_args

EventName = Literal[
    "approval.requested",
    "approval.vote",
    "approval.approved",
    "approval.denied",
    "approval.expired",
    "approval.reminder",
    "approval.escalated",
    "approval.comment",
    "approval.question",
    "approval.answer",
    "approval.assigned",
    "decision.allowed",
    "decision.denied",
    "decision.pending_approval",
    "decision.approved",
    "decision.expired",
    "decision.held",
    "authorization.approved",
    "authorization.denied",
    "authorization.expired",
    "authorization.issued",
    "authorization.consumed",
    "authorization.settled",
    "authorization.failed",
    "execution.executing",
    "execution.executed",
    "execution.execution_failed",
    "execution.requires_approval",
    "undo.intended",
    "undo.succeeded",
    "undo.failed",
    "control.engaged",
    "control.lifted",
    "control.payouts_paused",
    "control.payouts_restored",
    "control.payouts_failed",
    "breaker.tripped",
    "break_glass.open",
    "break_glass.used",
    "break_glass.withdrawn",
    "member.locked",
    "bypass.detected",
    "budget.threshold_reached",
    "budget.exhausted",
    "connection.connected",
    "connection.reconnected",
    "connection.revoked",
    "connection.disconnected",
    "connection.granted",
    "connection.grant_revoked",
    "dispute.opened",
    "dispute.closed",
    "dispute.packet_built",
    "dispute.staged",
    "dispute.submitted",
    "dispute.degraded",
    "dispute.due_soon",
    "dispute.past_due",
    "ping",
]
EVENTS: Final[tuple[str, ...]] = get_args(EventName)
SUBSCRIPTIONS: Final = frozenset({"*", *EVENTS, *(f"{name.partition('.')[0]}.*" for name in EVENTS if "." in name)})
"""What an endpoint may ask for: one event, a family of them (`approval.*`), or all."""


def event_of(topic: str, payload: Mapping[str, Any]) -> str | None:
    """The event that a message of the outbox is to the outside; None for what is ours alone."""
    match topic:
        case "approval":
            name = "approval.requested" if payload["state"] == "pending" else f"approval.{payload['state']}"
        case "vote":
            name = "approval.vote"
        case "notice":
            name = "approval.escalated" if payload["kind"] == "escalation" else "approval.reminder"
        case "discussion":
            name = "approval.assigned" if payload["kind"] == "assignment" else f"approval.{payload['kind']}"
        case "control":
            name = "control.engaged" if payload["in_force"] else "control.lifted"
        case "payout_pause":
            name = f"control.payouts_{payload['state']}"
        case "breaker":
            # Accepting a proposal engages a control, which is told as such.
            name = "breaker.tripped" if payload["state"] in {"proposed", "engaged"} else ""
        case "bypass":
            name = "bypass.detected" if "webhook" in payload["alerts"] else ""
        case "member" | "connection":
            name = f"{topic}.{payload['change']}"
        case "decision" | "authorization" | "execution" | "undo" | "break_glass" | "dispute" | "budget":
            name = f"{topic}.{payload['state']}"
        case _:
            return None
    return name if name in EVENTS else None


def subscribed(subscriptions: Collection[str], event: str) -> bool:
    """Whether an endpoint with these subscriptions is told of the event. A ping comes to whoever asked for it."""
    return event == "ping" or not {"*", event, f"{event.partition('.')[0]}.*"}.isdisjoint(subscriptions)
