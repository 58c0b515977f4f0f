"""One decision with all that belongs to it, as the console reads it."""

from datetime import datetime

import msgspec

from axiru.domain.control import ControlHit
from axiru.domain.evaluation import Evaluation
from axiru.domain.movement import Ovt
from console.approval_views import ApprovalView
from console.authorization_views import AgreementOfVersions, TokenView
from console.views import DecisionView, ExecutionError, LedgerEntryView, Person, TimelineEvent


class PolicySnapshot(msgspec.Struct, frozen=True):
    """The version that decided."""

    slug: str
    version: int


class ShadowWord(msgspec.Struct, frozen=True, kw_only=True):
    """What a version that only looked on would have said, beside what the live one did; no rule: its default."""

    slug: str
    version: int
    outcome: str
    reason: str
    agrees: bool
    live_outcome: str
    live_reason: str
    matched_rule_id: str | None = None
    live_rule_id: str | None = None


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """Whether Stripe can take back what was executed: `how`, or `why_not`; with a `state` once somebody asked."""

    possible: bool
    how: str | None = None
    why_not: str | None = None
    state: str | None = None
    stripe_object_id: str | None = None
    error: ExecutionError | str | None = None
    reason: str | None = None
    requested_by: Person | None = None
    requested_at: datetime | None = None

    @property
    def error_text(self) -> str:
        if isinstance(self.error, str):
            return self.error
        return (self.error.message or self.error.code or "") if self.error else ""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen on Stripe of a movement, and why it belongs to this decision, or to nobody's request."""

    stripe_object_id: str
    why: str
    status: str | None = None
    observed_at: datetime | None = None


class DecisionDetail(DecisionView, frozen=True, kw_only=True):
    """A decision with everything that led to it and followed from it; `forbidden_by` is what stops it now.

    `fingerprint` is the request's; `token` and `agreement` of versions are there for authorizations.
    """

    ovt: Ovt
    evaluation: Evaluation | None = None
    timeline: tuple[TimelineEvent, ...] = ()
    approval: ApprovalView | None = None
    ledger: tuple[LedgerEntryView, ...] = ()
    forbidden_by: ControlHit | None = None
    shadows: tuple[ShadowWord, ...] = ()
    fingerprint: str = ""
    token: TokenView | None = None
    agreement: AgreementOfVersions = AgreementOfVersions()
    undo: Undo | None = None
    observed: Observed | None = None
    policy: PolicySnapshot | None = None

    @property
    def policy_name(self) -> str | None:
        """Which of several policies decided, also where it was by its default."""
        return f"{self.policy.slug} v{self.policy.version}" if self.policy else self.policy_version
