"""What callers get back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from axiru_client.evidence import EvidencePacket
from axiru_client.vocabulary import Execute, Outcome, UnreachableCause


@dataclass(frozen=True, slots=True)
class Unreachable:
    """There is no answer of Axiru's. `detail` is for logs."""

    cause: UnreachableCause
    detail: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A request that waits on this machine's disk until Axiru has answered it.

    `went_alone`: it was not held but went on without an answer, and Axiru is only to hear of it.
    """

    endpoint: str
    idempotency_key: str
    action: str
    body: Mapping[str, Any]
    cause: UnreachableCause
    held_since: float
    last_tried_at: float
    attempts: int
    went_alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to `decide()`: Axiru's, or where it could not be reached (`reachable` is False) what holds then.

    `advisory_failed`: the surface is in shadow, so the caller goes on without advice. `degraded`: the last good
    evidence packet stands in for a decision. `hold` is the record that was written before this was returned.
    `went_alone`: the answer of `retry_holds()` to what had gone on without one, and must not be done again.
    """

    outcome: Outcome
    reachable: bool
    action: str
    idempotency_key: str
    execute: Execute
    reason: str
    message: str
    decision_id: str | None = None
    state: str | None = None
    mode: str | None = None
    surface_mode: str | None = None
    policy_version: str | None = None
    matched_rule: str | None = None
    approver_role: str | None = None
    approval_id: str | None = None
    cached: bool = False
    advisory: Mapping[str, Any] | None = None
    unreachable: Unreachable | None = None
    hold: Hold | None = None
    advisory_failed: bool = False
    degraded: bool = False
    packet: EvidencePacket | None = None
    went_alone: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def may_execute(self) -> bool:
        """Whether the caller may call Stripe now.

        Never where Axiru executes, while somebody is still to approve, or for what went on before it was answered.
        """
        if self.execute != "caller" or self.went_alone:
            return False
        if not self.reachable:
            return self.outcome == "allow"
        # A control that came after the approval makes the outcome a denial, and leaves the state as it was.
        approved = self.outcome == "review" and self.state == "approved"
        return approved or (self.outcome == "allow" and self.state in (None, "allowed", "approved"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization(Decision):
    """The answer to `authorize()`. Where the surface enforces, nothing may settle without `token`."""

    token: str | None = field(default=None, repr=False)
    expires_at: str | None = None

    @property
    def may_execute(self) -> bool:
        """Whether the caller may settle: with a token, or on a surface in shadow."""
        in_shadow = self.surface_mode == "shadow" or self.advisory_failed
        return self.outcome == "allow" and (self.token is not None or in_shadow)
