"""The vote: who is asked, who has answered, and the two buttons, with a reason whenever they cannot be used."""

from collections.abc import Callable
from typing import Any

from axiru.domain.approval import Verdict
from axiru.domain.call_words import IRREVERSIBLE, call_sentence
from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.approval_views import ApprovalView
from console.authorization_views import is_authorization
from console.components.button import Button
from console.components.code_value import code_value
from console.components.confirm_dialog import ConfirmDialog
from console.components.key_value import fact, key_value, key_values
from console.components.money import amount_text
from console.components.text import Text, block
from console.components.text_field import TextField
from console.components.wording import payment_name
from console.detail_views import DecisionDetail
from console.pages.decision_authorization import paid_to
from console.pages.decision_context import warnings
from console.pages.decision_head import forbidden_text
from console.pages.vote_assignment import Assignment
from console.pages.vote_standing import standing
from console.sessions import Session


class VotePanel:
    """The approval of one decision. What the person types survives every live update; the vote goes out once.

    The digest that is sent is the one on the page when the person decided, so that a vote for something that has
    changed since is refused by the API instead of counted for what was never seen.
    """

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._decision: DecisionDetail | None = None
        self._confirmed: ApprovalView | None = None
        self._shown: Any = None
        self._panel = block("section", "panel vote", aria_label="Approval")
        with self._panel:
            Text("h2", "Approval")
            self._standing = block("div", "panel-body", aria_live="polite")
            self._assignment = Assignment(session, changed)
            self._form = block("div", "panel-body vote-form")
            with self._form:
                self._seat = Text("p", "", "muted")
                self._reason = TextField(
                    "Reason", hint="Required to deny. Sealed in the ledger with your vote.", rows=2
                )
                with block("div", "vote-buttons"):
                    self._approve = Button("Approve…", self._ask, "primary")
                    self._deny = Button("Deny", self._cast_denial, "danger")
                self._why_not = Text("p", "", "muted")
                self._refusal = Text("p", "", "refusal")
                self._refusal.props["role"] = "alert"
        self._dialog = ConfirmDialog("Approve this movement?", "Approve", self._cast_approval, "primary")
        self._panel.set_visibility(False)

    def show(self, decision: DecisionDetail) -> None:
        """Show where the approval stands; hidden for a decision that nobody has to approve."""
        approval = decision.approval
        self._decision = decision
        self._panel.set_visibility(approval is not None)
        self._assignment.show(decision)
        if approval is None or approval == self._shown:
            return
        self._shown = approval
        self._standing.clear()
        with self._standing:
            standing(approval)
        self._form.set_visibility(approval.state == "pending")
        why_not = "" if approval.can_vote else approval.cannot_vote_because or "You may not vote on this."
        self._approve.block(bool(why_not), why_not)
        self._deny.block(bool(why_not), why_not)
        self._reason.set_visibility(not why_not)
        self._why_not.set_text(why_not)
        seat = approval.votes_on_behalf_of
        self._seat.set_text(f"You vote in the place of {seat}, who is out of office." if seat else "")

    async def _ask(self) -> None:
        decision = self._decision
        if decision is None or decision.approval is None:
            return
        self._confirmed = decision.approval
        self._dialog.content.clear()
        with self._dialog.content:
            _what_happens(decision, decision.approval)
        self._dialog.confirm.set_text(f"Approve {amount_text(decision.amount)}")
        self._dialog.open()

    async def _cast_approval(self) -> None:
        if self._confirmed is not None and await self._cast("approve", self._confirmed, self._dialog.refuse):
            self._dialog.close()

    async def _cast_denial(self) -> None:
        if not self._reason.value.strip():
            self._reason.refuse("Say why you deny this: the caller and the ledger are told.")
            return
        if self._decision is not None and self._decision.approval is not None:
            await self._cast("deny", self._decision.approval, self._refusal.set_text)

    async def _cast(self, verdict: Verdict, approval: ApprovalView, refuse: Callable[[str], object]) -> bool:
        refuse("")
        try:
            await self._session.approvals.vote(
                approval.approval_id, verdict, reason=self._reason.value.strip(), digest=approval.digest
            )
        except SessionEnded:
            self._session.end()
            return False
        except AxiruError as error:
            refuse(error.message)
            self._changed()
            return False
        self._changed()
        return True


def _what_happens(decision: DecisionDetail, approval: ApprovalView) -> None:
    call = approval.diff.would_execute
    forbidden = decision.forbidden_by
    if forbidden is not None and forbidden.reason != "request_held":
        stopped = forbidden_text(forbidden, decision.execution)
        Text("p", f"{stopped}. Approved now, it ends without money moving.", "refusal")
    else:
        held, token = decision.state == "held", is_authorization(decision.ovt)
        Text("p", _what_follows(approval, held=held, token=token))
    for sentence in warnings(decision):
        Text("p", sentence, "refusal")
    with key_values("key-values-wide"):
        key_value("Amount", amount_text(decision.amount))
        key_value("Movement", payment_name(decision.rail, decision.rail_action))
        if is_authorization(decision.ovt):
            key_value("Agent", decision.ovt.initiator.id)
            key_value("Paid to", paid_to(decision.ovt))
        elif call is not None:
            key_value("In words", call_sentence(call))
        else:
            key_value("Target", decision.charge or decision.ovt.target.payment_intent)
        if decision.customer_id:
            key_value("Customer", decision.customer_id)
        if call is not None:
            key_value("On", f"{call.stripe_connection_id} ({call.stripe_account_id})")
        with fact("Digest"):
            code_value(approval.digest, "digest")
    if approval.diff.evidence:
        Text("h3", "The evidence that would be submitted")
        with key_values("key-values-wide"):
            for name, text in approval.diff.evidence:
                key_value(name, text)
    if approval.votes_on_behalf_of:
        Text("p", f"You vote in the place of {approval.votes_on_behalf_of}, who is out of office.", "muted")


def _what_follows(approval: ApprovalView, *, held: bool, token: bool) -> str:
    """What an approval leads to, and what it still waits for besides."""
    alone = sum(group.missing for group in approval.groups) <= 1
    then = "Then" if alone else "Once everybody who is needed has approved,"
    if held:
        return "It is held: approved or not, nothing is executed before somebody releases it."
    if token:
        return f"{then} the agent's backend can fetch a token for exactly this payment, within 24 hours."
    call = approval.diff.would_execute
    if call is None:
        return f"{then} the caller is told that it may go on; Axiru itself calls nobody."
    return f"{then} Axiru makes exactly this call to Stripe. {IRREVERSIBLE[call.operation]}"
