"""Stored decisions through another policy: what it would have said, and what that changes."""

from collections import defaultdict
from datetime import datetime

import msgspec

from axiru.domain.movement import Ovt
from policies.compile import compile_policy
from policies.history.judging import NO_LISTS, Judge, Lists, outcome_of
from policies.history.report import Change, Finding, ReplayOutcome, Report, Sum, Tally, by_rule, finding_of, told_time
from policies.line import lists_of_agents
from policies.syntax import Policy

TODAYS_LISTS = "Lists that were not looked into when a decision was made are read as they are today."


class StoredDecision(msgspec.Struct, frozen=True):
    """A decision as it was sealed. `was` is what the policy then in force said of it.

    `counted`: it belongs to the period asked about; those before it only fill the windows. `happened` is False for a
    movement that people denied, that expired or that failed.
    """

    id: str
    at: datetime
    ovt: Ovt
    was: ReplayOutcome
    surface_mode: str
    counted: bool = True
    happened: bool = True
    labels: dict[str, bool | None] = {}
    listed: dict[str, bool | None] = {}
    listed_above: dict[str, dict[str, bool | None]] = {}


class WhatIf:
    """Decisions are told in the order in which they were made; the report is asked for at the end."""

    def __init__(self, policy: Policy, lists: Lists = NO_LISTS) -> None:
        self._policy = policy
        self._compiled = compile_policy(policy)
        self._judge = Judge(self._compiled, lists)
        self._tally = Tally()
        self._findings: list[Finding] = []
        self._changes: defaultdict[tuple[ReplayOutcome, ReplayOutcome], Sum] = defaultdict(Sum)
        self._rows = self._concerned = 0
        self._since: datetime | None = None
        self._until: datetime | None = None
        self._read_todays_lists = False

    def add(self, decision: StoredDecision) -> None:
        """Judge the next decision."""
        self._rows += decision.counted
        ovt = decision.ovt
        if not self._compiled.applies_to(ovt.rail, ovt.rail_action):
            return
        evaluation = self._judge.judge(
            ovt,
            decision.at,
            surface_mode=decision.surface_mode,
            labels=decision.labels,
            listed=decision.listed,
            listed_above=decision.listed_above,
            happened=decision.happened,
        )
        if not decision.counted:
            return
        self._concerned += 1
        self._since, self._until = self._since or decision.at, decision.at
        self._read_todays_lists |= self._reads_todays_lists(decision)
        outcome, units, currency = outcome_of(evaluation), ovt.amount.minor_units, ovt.amount.asset
        self._tally.add(outcome, units, currency)
        if outcome != decision.was:
            self._changes[decision.was, outcome].add(units, currency)
        if outcome != "allowed" or decision.was != outcome:
            self._findings.append(
                finding_of(
                    evaluation,
                    outcome,
                    line=None,
                    identity=decision.id,
                    units=units,
                    currency=currency,
                    at=decision.at,
                    was=decision.was,
                )
            )

    def _reads_todays_lists(self, decision: StoredDecision) -> bool:
        sealed = [decision.listed_above.get(agent, {}) for agent in decision.ovt.initiator.lineage]
        return any(spec.fact not in decision.listed for spec in self._compiled.lists) or any(
            spec.fact not in listed for listed in sealed for spec in lists_of_agents(self._compiled.lists)
        )

    def report(self) -> Report:
        """What was found in the decisions told so far, in their order."""
        return Report(
            rows=self._rows,
            refunds=self._concerned,
            allowed=self._tally.of("allowed"),
            blocked=self._tally.of("blocked"),
            paused=self._tally.of("paused"),
            drift=self._tally.of("drift"),
            not_evaluable=(),
            findings=tuple(self._findings),
            policy=self._policy.slug,
            policy_hash=self._compiled.content_hash,
            by_rule=by_rule(self._findings),
            changes=tuple(
                Change(was, becomes, total.count, total.amount)
                for (was, becomes), total in sorted(self._changes.items())
            ),
            since=told_time(self._since),
            until=told_time(self._until),
            caveats=(TODAYS_LISTS,) if self._read_todays_lists else (),
        )
