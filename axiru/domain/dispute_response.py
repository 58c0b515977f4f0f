"""What is to be done about a dispute, and when: by its deadline, counted backwards. Pure."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from axiru.domain.dispute import ANSWERABLE
from axiru.domain.movement import Mode

REMINDED_AHEAD = 4
"""People are told so many lead times before the deadline, so that they can still decide before the last word."""

WITHOUT_A_GOOD_PACKET = 4
"""Where no packet was ever good, Axiru waits for its inputs until this part of the lead time is left."""

ASKED_ALONE_AT_MOST = 5
"""So many decisions of Axiru's own a dispute, when Stripe refuses one after the other."""

Why = Literal["decision_failed", "execution_failed", "approval_unanswered", "stopped_by_a_control", "inputs_degraded"]
"""How Axiru, or what it needs, let a dispute go unanswered."""

Because = Literal[
    "under_way", "denied", "nobody_asked", "control", "not_enforced", "no_packet", "too_early", "refused_by_stripe"
]
"""Why Axiru does not answer by itself."""


class DisputeInput(msgspec.Struct, frozen=True):
    """What the workflow of a dispute is started with: ids only."""

    dispute_id: str
    organization_id: str
    mode: Mode

    @property
    def workflow_id(self) -> str:
        """The one place where it is built."""
        return f"dispute:{self.organization_id}:{self.mode}:{self.dispute_id}"


class DisputePlan(msgspec.Struct, frozen=True):
    """Where a dispute stands, and the moments at which something has to be done about it."""

    status: str
    due_at: datetime | None
    remind_at: datetime | None
    last_word_at: datetime | None
    degraded: bool

    @property
    def is_open(self) -> bool:
        """Whether Stripe still takes evidence, as far as is known."""
        return self.status in ANSWERABLE


class LastWord(msgspec.Struct, frozen=True):
    """The decision that Axiru asked for by itself, or why it did not."""

    decision_id: str | None = None
    because: Because | None = None


class AskedAbout(msgspec.Struct, frozen=True):
    """One request to submit evidence for the dispute; `state` None where nobody has decided it, or could.

    `being_decided`: by Axiru itself, or so young that its decision may be on its way. `by_control`: who denied it.
    """

    state: str | None
    by_axiru: bool
    being_decided: bool
    by_control: bool


def plan_of(status: str, due_at: datetime | None, *, lead: timedelta, degraded: bool) -> DisputePlan:
    """The moments of a dispute whose evidence is due at `due_at`; none where it is never due."""
    if due_at is None:
        return DisputePlan(status, None, None, None, degraded)
    return DisputePlan(status, due_at, due_at - REMINDED_AHEAD * lead, due_at - lead, degraded)


def why_alone(asked: list[AskedAbout], *, packet_degraded: bool) -> Why | Because:
    """Why Axiru has to answer by itself, or why not, from what was asked so far, the oldest first.

    A denial by a person or by policy is never overridden, unless a later request was let through.
    """
    unasked: Why | Because = "inputs_degraded" if packet_degraded else "nobody_asked"
    standing = unasked
    for one in asked:
        match one.state:
            case "allowed" | "approved" | "executing" | "held":
                return "under_way"
            case None if one.being_decided:
                return "under_way"
            case "executed":
                standing = unasked  # the bank had its answer, and asks for another
            case "execution_failed":
                standing = "execution_failed"
            case "denied" if not one.by_control:
                standing = "denied"
            case _ if standing == "denied":
                pass
            case None:
                standing = "decision_failed"
            case "denied":
                standing = "stopped_by_a_control"
            case _:
                standing = "approval_unanswered"
    alone = sum(one.by_axiru for one in asked)
    return "refused_by_stripe" if standing == "execution_failed" and alone >= ASKED_ALONE_AT_MOST else standing
