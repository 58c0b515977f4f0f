"""The one thing every door shows of an approval: what was asked, why, and exactly what would be executed."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from axiru.domain.approval import ApprovalState, Door, Verdict
from axiru.domain.decision import DecisionState
from axiru.domain.evaluation import RuleHit
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Amount, Counterparty, Execute, Initiator, Mode, Target


class Named(msgspec.Struct, frozen=True):
    """A member, by id and by the name that people know."""

    id: str
    name: str


class PaymentContext(msgspec.Struct, frozen=True, kw_only=True):
    """Stripe's word on the payment when people were asked; nothing of the card or the bank account.

    `remaining_cents` is what can still be refunded.
    """

    amount_cents: int
    amount_refunded_cents: int
    remaining_cents: int
    currency: str
    status: str
    created_at: datetime
    disputed: bool
    customer_id: str | None = None
    description: str | None = None
    read_at: datetime


class EarlierRefund(msgspec.Struct, frozen=True):
    """Another refund of the same customer or charge that was made, or may still be."""

    decision_id: str
    amount_cents: int
    currency: str
    state: DecisionState
    reason_code: str | None
    decided_at: datetime


class EarlierTotal(msgspec.Struct, frozen=True):
    """What was let through to the same customer or charge, in one currency."""

    currency: str
    amount_cents: int
    count: int


class GroupNeeded(msgspec.Struct, frozen=True):
    """`count` different people for `role`; `approved` are the names of those whose approvals fill its places."""

    role: str
    count: int
    approved: tuple[str, ...]


class EscalationDue(msgspec.Struct, frozen=True):
    """From `due_at` on, who holds `role` may stand in for any group."""

    role: str
    due_at: datetime


class SheetVote(msgspec.Struct, frozen=True):
    """`on_behalf_of` is in whose place a delegate voted."""

    vote_id: str
    member: Named
    on_behalf_of: Named | None
    verdict: Verdict
    reason: str
    door: Door
    cast_at: datetime


class HeldBy(msgspec.Struct, frozen=True):
    """The hold on the request, and why."""

    control_id: str
    reason: str


class BrokenGlass(msgspec.Struct, frozen=True):
    """The newest attempt to approve past quorum and roles."""

    break_glass_id: str
    state: Literal["open", "used", "withdrawn"]
    alone: bool
    reason: str
    opened_by: Named
    confirmed_by: Named | None
    expires_at: datetime


class ApprovalSheet(msgspec.Struct, frozen=True, kw_only=True):
    """`amount` is what is to be moved, of whatever asset; `amount_cents` says it too where that is a currency.

    `agent` is who asks for an authorization, which the caller's settling code uses; None for a decision.
    `requested_by` owns the key that asked. `would_execute` is the very call that was sealed, None where the caller
    executes; `evidence` is the text of the packet that it names, field by field; `payment` is None until Stripe has
    been asked. `earlier` are at most ten of the last 90 days, newest first; `earlier_total` counts all of them that
    were let through.
    """

    approval_id: str
    decision_id: str
    organization_id: str
    organization_name: str
    mode: Mode
    state: ApprovalState
    decision_state: DecisionState
    digest: str
    execute: Execute
    asked_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    requested_by: Named
    approver_role: str | None

    rail: str = "stripe"
    action: str
    amount: Amount
    amount_cents: int | None
    currency: str
    exponent: int
    agent: Initiator | None = None
    counterparty: Counterparty = Counterparty()
    stripe_connection_id: str | None
    stripe_account_id: str | None
    charge: str | None
    payment_intent: str | None
    target: Target = Target()
    customer_id: str | None
    customer_email: str | None
    customer_tenure_days: int | None
    reason_code: str | None
    source: str | None
    extra: dict[str, Any]
    metadata: dict[str, str]

    reason: str
    message: str
    matched_rule: str
    hits: tuple[RuleHit, ...]
    flags: tuple[RuleHit, ...]

    would_execute: StripeCall | None
    evidence: tuple[tuple[str, str], ...] = ()
    payment: PaymentContext | None
    earlier: tuple[EarlierRefund, ...]
    earlier_total: tuple[EarlierTotal, ...]

    groups: tuple[GroupNeeded, ...]
    escalations: tuple[EscalationDue, ...]
    votes: tuple[SheetVote, ...]
    assignee: Named | None
    info_requested_at: datetime | None
    comments_count: int
    held_by: HeldBy | None
    break_glass: BrokenGlass | None
