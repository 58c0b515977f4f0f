"""The policy as a value: what the YAML says, without its spelling. Equal policies have equal hashes."""

from enum import StrEnum

import msgspec

from axiru.domain.evaluation import Outcome, ReviewTerms
from policies.conditions import Condition, Scope

DEFAULT_PRIORITY = 100
DEFAULT_MISSING_FACT_APPROVER = "controller"


class Effect(StrEnum):
    """What a rule wants. `flag` marks policy drift and never changes the outcome."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"
    FLAG = "flag"


class WhenMissing(StrEnum):
    """What an undecidable rule does, where the author prefers it to the effect's own way."""

    SKIP = "skip"
    REVIEW = "review"
    DENY = "deny"


class OnError(StrEnum):
    """What a rule does whose `custom_expression` fails on a movement."""

    SKIP = "skip"
    REVIEW = "review"
    DENY = "deny"


class Fallback(StrEnum):
    """What a caller does with a movement while Axiru cannot be reached."""

    HOLD = "hold"
    ALLOW = "allow"
    LAST_GOOD_PACKET = "last_good_packet"


FALLBACKS = {
    "refund": (Fallback.HOLD, Fallback.ALLOW),
    "payout": (Fallback.HOLD, Fallback.ALLOW),
    "transfer": (Fallback.HOLD, Fallback.ALLOW),
    "app_fee_refund": (Fallback.HOLD, Fallback.ALLOW),
    "dispute": (Fallback.LAST_GOOD_PACKET, Fallback.HOLD),
}
"""For each rail action that callers may be on their own with: what a policy can say, the default first.

Money that leaves holds; an answer to a dispute that comes too late is worse than one on the best evidence there is.
"""


class Rule(msgspec.Struct, frozen=True):
    """One sentence of the policy. `review` is given exactly for rules of effect review.

    `on_error` is only given where `when` holds a `custom_expression`; None denies, and for a flag skips.
    """

    id: str
    when: Condition
    effect: Effect
    reason: str
    priority: int = DEFAULT_PRIORITY
    message: str = ""
    when_missing: WhenMissing | None = None
    review: ReviewTerms | None = None
    on_error: OnError | None = None


class Default(msgspec.Struct, frozen=True):
    """What happens to a movement that no rule speaks of."""

    outcome: Outcome = Outcome.ALLOW
    reason: str = "default_allow"
    message: str = ""
    review: ReviewTerms | None = None


class Policy(msgspec.Struct, frozen=True):
    """One policy on one rail. `missing_fact_approver` is asked where an undecidable rule names nobody.

    `when_unreachable` says, by rail action, what callers do while Axiru cannot be reached, where not the default.
    """

    slug: str
    applies_to: Scope
    rules: tuple[Rule, ...]
    description: str = ""
    shadow: bool = False
    default: Default = Default()
    missing_fact_approver: str = DEFAULT_MISSING_FACT_APPROVER
    schema: int = 2
    when_unreachable: tuple[tuple[str, Fallback], ...] = ()


class Position(msgspec.Struct, frozen=True):
    """Where something starts in the text, counted from 1."""

    line: int
    column: int


class ParsedPolicy(msgspec.Struct, frozen=True):
    """A policy with the place of each rule in its text, for messages about rules that are wrong only together.

    `language` is the schema the text was written in: 1 for flat thresholds, 2 for rules.
    """

    policy: Policy
    rules_at: dict[str, Position]
    language: int = 2
