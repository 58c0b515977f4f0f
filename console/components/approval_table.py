"""The inbox as a table: what each approval is about, what it still needs and until when, and which are selected."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from axiru.domain.movement import payee_of
from console.approval_views import ApprovalView
from console.components.badge import Look
from console.components.money import amount_text, in_short
from console.components.timestamp import utc_text
from console.components.wording import payment_name, role_name
from console.payment_warnings import payment_warnings

LOOKS: Final = {
    "pending": Look("Open", "clock", "waiting"),
    "approved": Look("Approved", "check", "good"),
    "denied": Look("Denied", "cross", "bad"),
    "expired": Look("Expired", "clock", "neutral"),
}


class ApprovalTable(Element, component="approval_table.js"):
    """j/k and the arrows move, Enter opens, x selects. What is selected survives every update that leaves it open.

    `on_select` gets the ids of those selected, only ones that are shown and may be voted on.
    """

    def __init__(self, caption: str, on_select: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__()
        self._on_select = on_select
        self._open: frozenset[str] = frozenset()
        self.props.update({"caption": caption, "rows": [], "cleared": 0})
        self.on("choose", self._chosen)

    def show(self, approvals: Iterable[ApprovalView]) -> None:
        shown = tuple(approvals)
        self._open = frozenset(approval.approval_id for approval in shown if approval.can_vote)
        self.props["rows"] = [_row(approval) for approval in shown]

    def clear_selection(self) -> None:
        self.props["cleared"] += 1

    def _chosen(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, list):
            self._on_select(tuple(one for one in event.args if isinstance(one, str) and one in self._open))


def needs_text(approval: ApprovalView) -> str:
    """`1 controller, 2 of 3 finance managers`: the approvals that are still missing, of how many."""
    missing = [group for group in approval.groups if group.missing]
    return ", ".join(
        f"{group.missing}{f' of {group.count}' if group.approved else ''} "
        f"{role_name(group.role)}{'' if (group.count if group.approved else group.missing) == 1 else 's'}"
        for group in missing
    )


def _row(approval: ApprovalView) -> dict[str, Any]:
    asked, look = approval.diff.asked, LOOKS.get(approval.state, Look(approval.state, "clock", "neutral"))
    pending = approval.state == "pending"
    return {
        "id": approval.approval_id,
        "href": f"/decisions/{approval.decision_id}",
        "amount": in_short(amount_text(asked.amount)),
        "whole": amount_text(asked.amount),
        "movement": payment_name(asked.rail, asked.action),
        "target": asked.charge or asked.payment_intent or payee_of(asked.rail, asked.counterparty),
        "customer": asked.customer_id or (asked.agent.id if asked.agent else None),
        "why": approval.diff.policy.message or approval.diff.policy.reason,
        "asker": asker_text(approval),
        "asked": utc_text(approval.asked_at),
        "needs": needs_text(approval) if pending else "",
        "people": _people(approval),
        "deadline": utc_text(approval.expires_at if pending else approval.closed_at or approval.expires_at),
        "pending": pending,
        "marks": _marks(approval),
        "state": {"label": look.label, "icon": look.icon, "tone": look.tone},
        "votable": approval.can_vote,
        "obstacle": approval.cannot_vote_because or "You may not vote on this.",
    }


def asker_text(approval: ApprovalView) -> str:
    """An agent by its id, whoever's key it asked with."""
    if (agent := approval.diff.asked.agent) is not None:
        return agent.id
    return approval.requested_by.shown if approval.requested_by else "somebody"


def _people(approval: ApprovalView) -> str:
    """Who looks after it while it is open, and afterwards who has decided it."""
    if approval.state == "pending":
        return f"Assigned to {approval.assignee.shown}" if approval.assignee else ""
    if approval.break_glass is not None and approval.break_glass.state == "used":
        return f"Glass broken by {approval.break_glass.opened_by.name}"
    verdict = "approve" if approval.state == "approved" else "deny"
    return ", ".join(vote.member.shown for vote in approval.votes if vote.verdict == verdict)


def _marks(approval: ApprovalView) -> list[dict[str, str]]:
    marks = []
    if approval.held_by is not None:
        marks.append({"label": "Held", "icon": "pause", "tone": "waiting", "title": approval.held_by.reason})
    if approval.state != "pending":
        return marks
    if approval.votes_on_behalf_of:
        title = f"You vote in the place of {approval.votes_on_behalf_of}, who is out of office."
        marks.append({"label": f"For {approval.votes_on_behalf_of}", "icon": "flag", "tone": "neutral", "title": title})
    warnings = payment_warnings(approval)
    if warnings:
        marks.append({"label": "Check payment", "icon": "alert", "tone": "waiting", "title": " ".join(warnings)})
    if approval.info_requested_at is not None:
        title = "Somebody has asked for information and waits for an answer."
        marks.append({"label": "Question open", "icon": "alert", "tone": "busy-still", "title": title})
    if any(escalation.due_at <= datetime.now(UTC) for escalation in approval.escalations):
        roles = ", ".join(role_name(escalation.role) for escalation in approval.escalations)
        marks.append({"label": "Escalated", "icon": "flag", "tone": "neutral", "title": f"To {roles}."})
    return marks
