"""What a policy said about one movement, with the evidence that lets the answer be derived again."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Outcome(StrEnum):
    """What policy wants. Precedence is deny over review over allow, whatever the order of the rules."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """0 is the severest."""
        return (Outcome.DENY, Outcome.REVIEW, Outcome.ALLOW).index(self)


class ApproverGroup(msgspec.Struct, frozen=True):
    """`count` different members who hold `role`."""

    role: str
    count: int = 1


class Escalation(msgspec.Struct, frozen=True):
    """Once `after_seconds` have passed without a decision, members who hold `role` may stand in for any group."""

    after_seconds: int
    role: str


class ReviewTerms(msgspec.Struct, frozen=True):
    """Who has to approve, and until when.

    Every group must be filled by different people; an empty tuple approves nobody. `escalations` and
    `reminders_seconds`, both counted from when people were asked, are sorted by time.
    """

    groups: tuple[ApproverGroup, ...]
    deadline_seconds: int = 86_400
    escalations: tuple[Escalation, ...] = ()
    reminders_seconds: tuple[int, ...] = ()


class RuleHit(msgspec.Struct, frozen=True):
    """One rule that matched, or could not be decided because `missing` facts were absent."""

    rule_id: str
    rule_kind: str
    effect: str
    priority: int
    reason: str
    message: str
    missing: tuple[str, ...] = ()


class Evaluation(msgspec.Struct, frozen=True):
    """The outcome, the rule that named it, every other hit, and the facts that were read.

    `matched_rule_id` and `rule_kind` are None when nothing matched and the policy's default decided.
    `flags` hold policy drift: hits of effect `flag`, which never change the outcome. `judged_as` is there where this is
    the evaluation of an agent above the one that asks; `facts` are then what they are for that agent.
    """

    outcome: Outcome
    reason: str
    message: str
    policy_slug: str
    policy_hash: str
    matched_rule_id: str | None = None
    rule_kind: str | None = None
    review: ReviewTerms | None = None
    hits: tuple[RuleHit, ...] = ()
    flags: tuple[RuleHit, ...] = ()
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    judged_as: str | UnsetType = UNSET

    @property
    def approver_role(self) -> str | None:
        """The first group's role: what the API answers as `approver_role`."""
        return self.review.groups[0].role if self.review and self.review.groups else None
