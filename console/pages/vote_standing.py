"""Where an approval stands: who is still needed, until when, who may step in, and what was voted."""

from datetime import UTC, datetime
from typing import Final

from axiru.domain.approval_sheet import BrokenGlass
from console.approval_views import ApprovalGroup, ApprovalView, VoteView
from console.components.badge import Look, badge
from console.components.icon import icon
from console.components.key_value import fact, key_value, key_values
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.components.wording import role_name, with_article

_CLOSED: Final = {
    "approved": Look("Approved", "check", "good"),
    "denied": Look("Denied by a person", "cross", "bad"),
    "expired": Look("Expired without enough votes", "clock", "neutral"),
}
_DOORS: Final = {"slack": "in Slack", "email": "by e-mail", "webhook": "by webhook", "api": "by API"}


def standing(approval: ApprovalView) -> None:
    pending = approval.state == "pending"
    if not pending:
        closed = _CLOSED.get(approval.state, Look(approval.state, "clock", "neutral"))
        badge(closed.label, closed.tone, closed.icon)
    if approval.break_glass is not None and approval.break_glass.state == "used":
        _broken(approval.break_glass)
    with block("ul", "groups"):
        for group in approval.groups:
            _group(group, pending=pending)
    with key_values():
        if approval.requested_by is not None:
            agent = approval.diff.asked.agent
            key_value("Asked by", agent.id if agent else approval.requested_by.shown)
            if agent is not None:
                key_value("With a key of", approval.requested_by.shown)
        if pending:
            with fact("Expires"):
                Timestamp(approval.expires_at, "distance")
                Text("span", ", then it is denied")
    if pending and approval.escalations:
        _ladder(approval)
    if pending and approval.info_requested_at is not None:
        with block("p", "flag forbidden"):
            icon("alert")
            Text("span", "Somebody has asked for information and waits for an answer. The deadline does not move.")
    for vote in approval.votes:
        _vote(vote)


def _group(group: ApprovalGroup, *, pending: bool) -> None:
    with block("li", "group-done" if not group.missing else ""):
        icon("check-circle" if not group.missing else "clock" if pending else "cross")
        with block("div"):
            needed = f"{group.count} {role_name(group.role)}{'' if group.count == 1 else 's'}"
            # Nobody is waited for any more once it is closed, by a denial or a broken glass say.
            alone = f"Needs {needed}" if pending else f"{needed} {'was' if group.count == 1 else 'were'} asked for"
            Text("p", f"Has {len(group.approved)} of {needed}" if group.approved else alone)
            if group.approved:
                Text("p", ", ".join(member.name or member.member_id for member in group.approved), "muted")


def _ladder(approval: ApprovalView) -> None:
    """Each step from when it is due; a step that is due stands in for every group."""
    now = datetime.now(UTC)
    with block("ol", "ladder", aria_label="Escalation"):
        for step in sorted(approval.escalations, key=lambda step: step.due_at):
            due = step.due_at <= now
            with block("li", "ladder-due" if due else ""):
                role = with_article(role_name(step.role))
                Text("span", f"{'Escalated' if due else 'Escalates'} to {role} ")
                Timestamp(step.due_at, "short" if due else "distance")


def _vote(vote: VoteView) -> None:
    with block("div", "cast-vote"):
        with block("p"):
            Text("strong", vote.member.shown)
            if vote.on_behalf_of is not None:
                Text("span", f" for {vote.on_behalf_of.shown}")
            Text("span", " approved " if vote.verdict == "approve" else " denied ")
            Timestamp(vote.cast_at)
            if vote.door in _DOORS:
                Text("span", f" {_DOORS[vote.door]}", "muted")
        if vote.reason:
            Text("p", vote.reason, "quoted")


def _broken(glass: BrokenGlass) -> None:
    with block("div", "flag glass-used"):
        icon("alert")
        with block("div"):
            confirmed = f", confirmed by {glass.confirmed_by.name}" if glass.confirmed_by else ", alone"
            Text("p", f"The glass was broken by {glass.opened_by.name}{confirmed}.")
            Text("p", glass.reason)
