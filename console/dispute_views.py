"""What the API says of disputes and of the evidence gathered for them."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.decision import DecisionState
from axiru.domain.movement import Mode
from console.views import Person


class EvidencePacket(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the evidence: text fields of Stripe's, never changed once built. `missing` would still help.

    `facts` were given by people and callers, and go on into every later version. `last_good` is what would be sent now.
    """

    id: str
    version: int
    evidence: dict[str, str]
    digest: str
    degraded: bool
    built_at: datetime
    built_by: Person
    facts: dict[str, str] = {}
    missing: tuple[str, ...] = ()
    last_good: bool = False
    decision_ids: tuple[str, ...] = ()
    staged_at: datetime | None = None
    submitted_at: datetime | None = None
    submitted_by_decision: str | None = None
    submitted_degraded: bool = False


class DisputeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute as Stripe last told of it. Without `evidence_due_by` there is no deadline, or none is known."""

    id: str
    mode: Mode
    amount_cents: int
    currency: str
    reason: str
    state: Literal["open", "past_due", "answered", "closed"]
    status: str
    opened_at: datetime
    charge: str | None = None
    stripe_connection_id: str | None = None
    stripe_account_id: str | None = None
    evidence_due_by: datetime | None = None
    submission_count: int = 0
    updated_at: datetime | None = None
    packet_version: int | None = None
    degraded: bool | None = None
    staged: bool = False
    submitted: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the bank still takes an answer."""
        return self.state == "open"


class DisputeDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about the dispute itself; `by_axiru` where nobody else asked before the deadline."""

    decision_id: str
    dispute_action: str
    state: DecisionState
    message: str
    decided_at: datetime
    by_axiru: bool = False


class Dispute(DisputeSummary, frozen=True, kw_only=True):
    """With every version of its evidence, the newest first; `wanted` are the fields that weigh against its reason."""

    wanted: tuple[str, ...] = ()
    decisions: tuple[DisputeDecision, ...] = ()
    packets: tuple[EvidencePacket, ...] = ()


class DisputePage(msgspec.Struct, frozen=True):
    items: tuple[DisputeSummary, ...]
    next_cursor: str | None = None
