"""Who looks after an approval. It says nothing about who may vote."""

from collections.abc import Callable
from typing import Final

from console.approval_views import ApprovalView
from console.carrying_out import carried_out
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.select_field import SelectField
from console.components.text import Text, block
from console.detail_views import DecisionDetail
from console.pages.decision_discussion import READ_ONLY_ROLES, may_take_part
from console.sessions import Session

NOBODY: Final = ""


class Assignment:
    """One line: who it is, and a button that asks for somebody else."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._approval: ApprovalView | None = None
        self._line = block("div", "panel-body assignment")
        with self._line:
            self._name = Text("p", "")
            self._assign = Button("Assign…", self._ask, "quiet")
        self._dialog = ConfirmDialog("Who looks after it?", "Assign", self._act, "primary")

    def show(self, decision: DecisionDetail) -> None:
        approval = self._approval = decision.approval
        if approval is None:
            return
        pending = approval.state == "pending"
        self._line.set_visibility(pending or approval.assignee is not None)
        self._name.set_text(f"Assigned to {approval.assignee.shown}" if approval.assignee else "Assigned to nobody")
        self._assign.set_visibility(pending and may_take_part(self._session))

    async def _ask(self) -> None:
        await carried_out(self._session, self._offer, self._dialog.refuse)

    async def _offer(self) -> None:
        members = (await self._session.people.members()).items
        able = [member for member in members if not member.disabled and not READ_ONLY_ROLES.issuperset(member.roles)]
        options = {NOBODY: "Nobody", **{member.id: member.name for member in able}}
        present = self._approval.assignee.id if self._approval and self._approval.assignee else self._session.member.id
        self._dialog.content.clear()
        with self._dialog.content:
            self._chosen = SelectField("Member", options, present if present in options else NOBODY)
            Text("p", "They find it under “Assigned to me”. Who may vote stays as it is.", "muted")
        self._dialog.open()

    async def _act(self) -> None:
        approval, chosen = self._approval, self._chosen.value
        if approval is None:
            return
        api = self._session.approvals
        if await carried_out(
            self._session, lambda: api.assign(approval.approval_id, chosen or None), self._dialog.refuse
        ):
            self._dialog.close()
            self._changed()
