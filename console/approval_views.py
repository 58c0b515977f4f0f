"""What the API says of approvals, and of what is said and done around them, as the console reads it."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.approval_sheet import BrokenGlass, EarlierRefund, EarlierTotal, EscalationDue, HeldBy, PaymentContext
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Counterparty, Execute, Initiator, Mode
from console.views import Person, ToldAmount

CommentKind = Literal["comment", "question", "answer"]


class VoteView(msgspec.Struct, frozen=True):
    """A vote; `on_behalf_of` names whose seat the voter sat in."""

    vote_id: str
    member: Person
    verdict: str
    cast_at: datetime
    reason: str | None = None
    door: str | None = None
    on_behalf_of: Person | None = None


class GroupMember(msgspec.Struct, frozen=True):
    member_id: str
    name: str | None = None


class ApprovalGroup(msgspec.Struct, frozen=True):
    """`count` different holders of `role` must approve; `approved` have."""

    role: str
    count: int = 1
    approved: tuple[GroupMember, ...] = ()

    @property
    def missing(self) -> int:
        return max(0, self.count - len(self.approved))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request, in the words it came in."""

    action: str
    amount: ToldAmount
    rail: str = "stripe"
    agent: Initiator | None = None
    counterparty: Counterparty = Counterparty()
    stripe_connection_id: str | None = None
    stripe_account_id: str | None = None
    charge: str | None = None
    payment_intent: str | None = None
    customer_id: str | None = None
    customer_email: str | None = None
    customer_tenure_days: int | None = None
    reason_code: str | None = None
    source: str | None = None


class PolicyWord(msgspec.Struct, frozen=True, kw_only=True):
    """Why people are asked."""

    reason: str
    message: str
    matched_rule: str


class ApprovalDiff(msgspec.Struct, frozen=True):
    """What was asked, what policy said, and the exact call that an approval releases (None: the caller executes).

    `evidence` is all that a bank would read, field by field.
    """

    asked: Asked
    policy: PolicyWord
    would_execute: StripeCall | None = None
    in_words: str | None = None
    evidence: tuple[tuple[str, str], ...] = ()


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """An approval as the logged-in member sees it. `digest` names exactly what is approved."""

    approval_id: str
    decision_id: str
    mode: Mode
    state: str
    digest: str
    asked_at: datetime
    expires_at: datetime
    diff: ApprovalDiff
    decision_state: str = ""
    execute: Execute = "caller"
    approver_role: str | None = None
    groups: tuple[ApprovalGroup, ...] = ()
    escalations: tuple[EscalationDue, ...] = ()
    closed_at: datetime | None = None
    requested_by: Person | None = None
    votes: tuple[VoteView, ...] = ()
    payment: PaymentContext | None = None
    earlier: tuple[EarlierRefund, ...] = ()
    earlier_total: tuple[EarlierTotal, ...] = ()
    assignee: Person | None = None
    info_requested_at: datetime | None = None
    comments_count: int = 0
    held_by: HeldBy | None = None
    break_glass: BrokenGlass | None = None
    can_vote: bool = False
    cannot_vote_because: str | None = None
    votes_on_behalf_of: str | None = None


class ApprovalPage(msgspec.Struct, frozen=True):
    items: tuple[ApprovalView, ...]
    next_cursor: str | None = None


class VoteAnswer(msgspec.Struct, frozen=True):
    """A vote as the API sealed it."""

    vote_id: str
    approval_id: str
    decision_id: str
    approval_state: str


class Selected(msgspec.Struct, frozen=True):
    """One of several approvals voted on at once, and the digest it was shown with."""

    approval_id: str
    digest: str


class Refusal(msgspec.Struct, frozen=True):
    error: str
    message: str


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one vote among several; each stands alone."""

    approval_id: str
    ok: bool
    approval_state: str | None = None
    error: Refusal | None = None


class BulkAnswer(msgspec.Struct, frozen=True):
    results: tuple[BulkResult, ...]


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """Something said beside an approval."""

    id: str
    kind: CommentKind
    member: Person
    text: str
    written_at: datetime
    door: str | None = None


class CommentList(msgspec.Struct, frozen=True):
    items: tuple[Comment, ...]
