"""What a replay found: counts and money by outcome, and every row that would not simply have been allowed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from axiru.domain.evaluation import Evaluation

Sums = Mapping[str, int | str]
"""Minor units by currency; where JSON carries them, numbers past 2^53 are decimal strings."""

ReplayOutcome = Literal["allowed", "blocked", "paused", "drift"]


class Total(msgspec.Struct, frozen=True):
    """How many movements, and their sums in minor units by currency (sorted)."""

    count: int = 0
    amount: Sums = msgspec.field(default_factory=dict)


class Finding(msgspec.Struct, frozen=True):
    """One movement that the policy blocks, sends to people, lets through as drift, or would decide as it was not.

    `rule` and `reason` are those that name the outcome; for drift, of the first flag. `rule` is None where the policy's
    default decides. `flags` are the rules that mark drift, whatever the outcome. `line` is that of the file, None for a
    stored decision, which says what it `was` instead.
    """

    line: int | None
    id: str
    outcome: ReplayOutcome
    rule: str | None
    reason: str
    message: str
    amount_cents: int
    currency: str
    at: str | None = None
    flags: tuple[str, ...] = ()
    was: ReplayOutcome | UnsetType = UNSET


class RuleTotal(msgspec.Struct, frozen=True):
    """How many findings of one outcome a rule names; `rule` is None for the policy's default."""

    outcome: ReplayOutcome
    rule: str | None
    message: str
    count: int
    amount: Sums


class Change(msgspec.Struct, frozen=True):
    """How many decisions would have gone from one outcome to another."""

    was: ReplayOutcome
    becomes: ReplayOutcome
    count: int
    amount: Sums


class Report(msgspec.Struct, frozen=True):
    """`allowed`, `blocked` and `paused` add up to `refunds`; `drift` is a part of `allowed`. Findings are by line.

    `not_evaluable` are the rules that read what the file cannot hold; they took no part. `since` and `until` are the
    times of the first and the last refund. `ignored_columns` were not understood, and not needed. Of stored decisions
    `rows` are all of the period and `refunds` the movements that the policy is about; `changes` compare with what was
    decided.
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
    by_rule: tuple[RuleTotal, ...] = ()
    changes: tuple[Change, ...] = ()
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

    @property
    def amount(self) -> dict[str, int]:
        return dict(sorted(self._amount.items()))

    def total(self) -> Total:
        return Total(self.count, self.amount)


class Tally:
    """The totals by outcome in the making."""

    def __init__(self) -> None:
        self._sums: dict[ReplayOutcome, Sum] = {each: Sum() for each in ("allowed", "blocked", "paused", "drift")}

    def add(self, outcome: ReplayOutcome, units: int, currency: str) -> None:
        self._sums[outcome].add(units, currency)
        if outcome == "drift":
            self._sums["allowed"].add(units, currency)

    def of(self, outcome: ReplayOutcome) -> Total:
        return self._sums[outcome].total()


def finding_of(
    evaluation: Evaluation,
    outcome: ReplayOutcome,
    *,
    line: int | None,
    identity: str,
    units: int,
    currency: str,
    at: datetime | None,
    was: ReplayOutcome | UnsetType = UNSET,
) -> Finding:
    """What is to be said of one movement."""
    named = evaluation.flags[0] if outcome == "drift" else None
    return Finding(
        line=line,
        id=identity,
        outcome=outcome,
        rule=named.rule_id if named else evaluation.matched_rule_id,
        reason=named.reason if named else evaluation.reason,
        message=named.message if named else evaluation.message,
        amount_cents=units,
        currency=currency,
        at=told_time(at),
        flags=tuple(flag.rule_id for flag in evaluation.flags),
        was=was,
    )


def by_rule(findings: Iterable[Finding]) -> tuple[RuleTotal, ...]:
    """The findings by outcome and rule, the most frequent first."""
    sums: defaultdict[tuple[ReplayOutcome, str, str, bool], Sum] = defaultdict(Sum)
    for each in findings:
        sums[each.outcome, each.rule or "", each.message, each.rule is None].add(each.amount_cents, each.currency)
    ordered: Sequence[tuple[tuple[ReplayOutcome, str, str, bool], Sum]] = sorted(
        sums.items(), key=lambda item: (-item[1].count, item[0])
    )
    return tuple(
        RuleTotal(outcome, None if by_default else rule, message, total.count, total.amount)
        for (outcome, rule, message, by_default), total in ordered
    )


def told_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
