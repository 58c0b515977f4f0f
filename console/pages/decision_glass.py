"""Break-glass: approving one movement past the people whom policy asks for. Asked twice, always sealed."""

from collections.abc import Callable
from typing import Any, Final

from axiru.domain.approval_sheet import BrokenGlass
from console.approval_views import ApprovalView
from console.carrying_out import carried_out
from console.components.button import Button
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.disclosure import more
from console.components.key_value import key_value, key_values
from console.components.money import amount_text
from console.components.question import Question
from console.components.text import Text, block
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.control_views import BreakGlassMode
from console.detail_views import DecisionDetail
from console.sessions import Session

NEEDED_PERMISSION: Final = "break_glass"
_WHAT_IT_DOES: Final = (
    "Approves this one movement without the votes that policy asks for.",
    "Controls, denials by policy and what is left to refund still bind.",
    "Your name and reason are sealed in the ledger, and everybody who may approve is told at once.",
)
_NEXT: Final[dict[BreakGlassMode, str]] = {
    "off": "",
    "two_people": "A second controller or admin has to confirm it within 15 minutes.",
    "one_with_alarm": "A second controller or admin confirms it within 15 minutes, or you go alone.",
}


class Glass:
    """Shown to those who may use it, while an approval is open and was not asked for by themselves."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._mode: BreakGlassMode | None = None
        self._approval: ApprovalView | None = None
        self._asked: ApprovalView | None = None
        self._shown: Any = None
        self._question = Question(session, changed)
        self._panel = block("section", "panel glass", aria_label="Break glass")
        self._dialog = ConfirmDialog("Break the glass?", "Break glass", self._break, "danger")
        self._panel.set_visibility(False)

    async def show(self, decision: DecisionDetail) -> None:
        """Raises what reading the organization's settings raises."""
        approval = self._approval = decision.approval
        if NEEDED_PERMISSION not in self._session.permissions or approval is None or approval.state != "pending":
            self._panel.set_visibility(False)
            return
        if self._mode is None:
            self._mode = (await self._session.controls.organization()).break_glass
        own = approval.requested_by is not None and approval.requested_by.id == self._session.member.id
        opened = approval.break_glass if approval.break_glass and approval.break_glass.state == "open" else None
        self._panel.set_visibility(opened is not None or (self._mode != "off" and not own))
        wanted = (approval.approval_id, opened, own)
        if wanted == self._shown:
            return
        self._shown = wanted
        self._panel.clear()
        with self._panel, block("div", "panel-body"):
            if opened is None:
                self._offer(self._mode)
            else:
                self._show_open(opened, own=own)

    def _offer(self, mode: BreakGlassMode) -> None:
        with more("Break glass, in an emergency"), block("div", "glass-offer"):
            with block("ul", "plain-list"):
                for sentence in (*_WHAT_IT_DOES, _NEXT[mode]):
                    Text("li", sentence)
            Button("Break glass…", self._ask, "danger")

    def _show_open(self, glass: BrokenGlass, *, own: bool) -> None:
        mine = glass.opened_by.id == self._session.member.id
        with block("p", "glass-word"):
            Text("strong", f"{'You have' if mine else f'{glass.opened_by.name} has'} asked to break the glass")
        Text("p", glass.reason, "quoted")
        with block("p", "muted"):
            Text("span", "Lapses ")
            Timestamp(glass.expires_at, "distance")
            Text("span", " unless a second controller or admin confirms it.")
        if mine:
            Button("Withdraw…", self._ask_to_withdraw)
        elif not own:
            Button("Confirm…", self._ask_to_confirm, "danger")

    async def _ask(self) -> None:
        self._asked = approval = self._approval
        if approval is None:
            return
        self._dialog.content.clear()
        with self._dialog.content:
            Text("p", f"{_WHAT_IT_DOES[0]} {_WHAT_IT_DOES[2]}")
            _what(approval)
            if self._mode == "one_with_alarm":
                options = {"two": "With a second person", "alone": "Alone, with an alarm"}
                self._alone = Choice("How", options, "two")
            else:
                Text("p", _NEXT["two_people"])
            self._reason = TextField("Reason", hint="What the emergency is. The ledger keeps it.", rows=2)
        self._dialog.open()

    async def _break(self) -> None:
        approval, reason = self._asked, self._reason.value.strip()
        if approval is None:
            return
        if not reason:
            self._reason.refuse("Say what the emergency is: the reason is kept in the ledger.")
            return
        alone = self._mode == "one_with_alarm" and self._alone.value == "alone"
        api = self._session.approvals

        async def act() -> None:
            await api.break_glass(approval.approval_id, reason=reason, digest=approval.digest, alone=alone)

        if await carried_out(self._session, act, self._dialog.refuse):
            self._dialog.close()
        self._changed()

    async def _ask_to_confirm(self) -> None:
        approval = self._approval
        if approval is None or approval.break_glass is None:
            return
        glass_id = approval.break_glass.break_glass_id
        amount = amount_text(approval.diff.asked.amount)
        self._question.ask(
            "Confirm breaking the glass?",
            (
                f"{amount}{_of(approval)} is approved at once, without the votes that policy asks for.",
                f"{approval.break_glass.opened_by.name} says: {approval.break_glass.reason}",
                "Your name is sealed in the ledger beside theirs.",
            ),
            f"Approve {amount}",
            lambda reason: self._session.controls.end_glass(glass_id, "confirm", reason=reason),
        )

    async def _ask_to_withdraw(self) -> None:
        approval = self._approval
        if approval is None or approval.break_glass is None:
            return
        glass_id = approval.break_glass.break_glass_id
        self._question.ask(
            "Withdraw it?",
            ("The approval goes on as policy has it. That you asked stays in the ledger.",),
            "Withdraw",
            lambda reason: self._session.controls.end_glass(glass_id, "withdraw", reason=reason),
            weight="primary",
        )


def _what(approval: ApprovalView) -> None:
    asked = approval.diff.asked
    with key_values("key-values-wide"):
        key_value("Amount", amount_text(asked.amount))
        key_value("Target", asked.charge or asked.payment_intent)
        if asked.customer_id:
            key_value("Customer", asked.customer_id)


def _of(approval: ApprovalView) -> str:
    asked = approval.diff.asked
    target = asked.charge or asked.payment_intent
    return f"{f' of {target}' if target else ''}{f' for {asked.customer_id}' if asked.customer_id else ''}"
