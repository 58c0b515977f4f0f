"""The API's answers as the console reads them. Unknown fields are ignored, wrong types are refused, never repaired."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from axiru.domain.decision import Advisory, DecisionState, SurfaceMode
from axiru.domain.movement import Amount, Execute, Mode
from console.budget_views import WindowOfDecisions


class ToldAmount(Amount, frozen=True):
    """An amount whose units are known to be a whole number."""

    units: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,78}$")]


class Counts(msgspec.Struct, frozen=True):
    """As how much a decision counts in windows."""

    state: str
    units: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+$")]


class Person(msgspec.Struct, frozen=True):
    """Somebody by name; the API may know only the id."""

    id: str
    name: str | None = None

    @property
    def shown(self) -> str:
        return self.name or self.id


class Member(msgspec.Struct, frozen=True):
    """Who is logged in, and for which organization."""

    id: str
    email: str
    organization_id: str
    name: str = ""
    roles: tuple[str, ...] = ()
    organization_name: str = ""


class LoggedIn(msgspec.Struct, frozen=True):
    """Answer of `POST /api/v1/sessions`; the token is a secret and goes no further than the session store."""

    token: str
    expires_at: datetime
    member: Member


class CurrentSession(msgspec.Struct, frozen=True):
    """Answer of `GET /api/v1/sessions/current`."""

    member: Member
    expires_at: datetime
    permissions: tuple[str, ...] = ()


class ExecutionError(msgspec.Struct, frozen=True):
    code: str | None = None
    message: str | None = None


class StripeApproval(msgspec.Struct, frozen=True, kw_only=True):
    """Stripe's own request for approval: the account's rules there want a person to agree in its dashboard."""

    id: str
    status: str | None = None
    dashboard_url: str | None = None


class Execution(msgspec.Struct, frozen=True):
    """Who calls Stripe and how far that is; `status` None while nothing was attempted."""

    by: Execute
    stripe_object_id: str | None = None
    status: str | None = None
    error: ExecutionError | None = None
    attempts: int = 0
    stripe_approval: StripeApproval | None = None


class AuditRef(msgspec.Struct, frozen=True):
    ledger_id: str
    logged_at: datetime


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """One decision as the list and the page show it."""

    decision_id: str
    mode: Mode
    state: DecisionState
    outcome: str
    amount: ToldAmount
    action: str
    rail: str
    rail_action: str
    received_at: datetime
    execution: Execution
    reason: str = ""
    message: str = ""
    matched_rule: str | None = None
    matched_rule_id: str | None = None
    rule_kind: str | None = None
    policy_version: str | None = None
    approver_role: str | None = None
    approval_id: str | None = None
    surface_mode: SurfaceMode = "enforce"
    execute: Execute = "caller"
    advisory: Advisory | None = None
    stripe_connection_id: str | None = None
    charge: str | None = None
    customer_id: str | None = None
    initiator_id: str | None = None
    counterparty_id: str | None = None
    source: str | None = None
    requested_by: Person | None = None
    bypass: bool = False
    counts: Counts | None = None
    decided_at: datetime | None = None
    updated_at: datetime | None = None
    audit: AuditRef | None = None


class TimelineEvent(msgspec.Struct, frozen=True):
    """One sealed step in words."""

    at: datetime
    kind: str
    summary: str
    actor: Person | None = None
    seq: int | None = None
    ledger_id: str | None = None


class LedgerEntryView(msgspec.Struct, frozen=True):
    """One entry as it was sealed; `body` is what was hashed, hashes and signature are text."""

    seq: int
    kind: str
    sealed_at: datetime
    prev_hash: str
    entry_hash: str
    signature: str
    body: dict[str, Any]
    ledger_id: str | None = None


class DecisionPage(msgspec.Struct, frozen=True):
    """`window` is what the window holds that was asked for."""

    items: tuple[DecisionView, ...]
    next_cursor: str | None = None
    window: WindowOfDecisions | None = None


class PayoutPause(msgspec.Struct, frozen=True, kw_only=True):
    """How far Stripe's automatic payouts of a frozen account are stopped, and what their schedule was before."""

    state: str
    detail: str | None = None
    schedule_before: dict[str, Any] | None = None


class ControlView(msgspec.Struct, frozen=True, kw_only=True):
    """A kill switch, freeze, hold or mark, of a person or a circuit breaker.

    `in_flight` are calls that had begun when it took effect.
    """

    id: str
    kind: str
    mode: str
    reason: str
    engaged_at: datetime
    in_force: bool
    scope: dict[str, Any] = {}
    engaged_by: Person | None = None
    breaker: Person | None = None
    expires_at: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: Person | None = None
    lifted_reason: str | None = None
    in_flight: tuple[str, ...] = ()
    payout_pause: PayoutPause | None = None


class ControlList(msgspec.Struct, frozen=True):
    items: tuple[ControlView, ...]
