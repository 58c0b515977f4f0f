"""What a replay found: counts and money by outcome, and every row that would not simply have been allowed."""

from collections import defaultdict
from typing import Literal

import msgspec

FindingOutcome = Literal["blocked", "paused", "drift"]


class Total(msgspec.Struct, frozen=True):
    """How many refunds, and their sums in minor units by currency (sorted)."""

    count: int = 0
    amount: dict[str, int] = msgspec.field(default_factory=dict)


class Finding(msgspec.Struct, frozen=True):
    """One refund that the policy blocks, sends to people, or lets through as drift.

    `rule` and `reason` are those that name the outcome; for drift, of the first flag. `rule` is None where the policy's
    default decides. `flags` are the rules that mark drift, whatever the outcome.
    """

    line: int
    id: str
    outcome: FindingOutcome
    rule: str | None
    reason: str
    message: str
    amount_cents: int
    currency: str
    at: str | None = None
    flags: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """`allowed`, `blocked` and `paused` add up to `refunds`; `drift` is a part of `allowed`. Findings are by line.

    `not_evaluable` are the rules that read what the file cannot hold; they took no part. `since` and `until` are the
    times of the first and the last refund. `ignored_columns` were not understood, and not needed.
    """

    rows: int
    refunds: int
    allowed: Total
    blocked: Total
    paused: Total
    drift: Total
    not_evaluable: tuple[str, ...]
    findings: tuple[Finding, ...]
    policy: str
    policy_hash: str
    since: str | None = None
    until: str | None = None
    caveats: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()


class Sum:
    """A total in the making."""

    def __init__(self) -> None:
        self.count = 0
        self._amount: defaultdict[str, int] = defaultdict(int)

    def add(self, units: int, currency: str) -> None:
        self.count += 1
        self._amount[currency] += units

    def total(self) -> Total:
        return Total(self.count, dict(sorted(self._amount.items())))
