"""Why a policy decided as it did: every rule's answer, not only those that mattered."""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from axiru.domain.evaluation import Evaluation
from axiru.domain.movement import Ovt
from policies.compile import CompiledPolicy, CompiledRule
from policies.conditions.time_of_day import DAYS, TimeOfDay, zone_of
from policies.facts import Facts, code_text, facts_of
from policies.line import NOBODY, WHO, Above, evaluate_line, facts_as, lists_of_agents
from policies.lists import ListSpec
from policies.reading import duration_text
from policies.windows import WindowSpec

Answer = Literal["matched", "not_matched", "undecided"]


class RuleAnswer(msgspec.Struct, frozen=True):
    """What one rule said. `missing` names the facts an undecided rule lacks."""

    rule_id: str
    rule_kind: str
    effect: str
    priority: int
    answer: Answer
    message: str
    missing: tuple[str, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """The evaluation and every rule's answer, by priority and id. `applies`: the policy is about such movements.

    `local_times` say what clocks showed in each zone that a rule names, e.g. `tue 16:00 in America/New_York`.
    """

    applies: bool
    evaluation: Evaluation
    rules: tuple[RuleAnswer, ...]
    local_times: tuple[str, ...] = ()


def explain(compiled: CompiledPolicy, facts: Facts, above: Above = NOBODY, *, now: datetime) -> Explanation:
    """As `evaluate_line`, with the rules that did not match and those that nobody could decide, for the same agent."""
    evaluation = evaluate_line(compiled, facts, above, now=now)
    judged = facts_as(evaluation.judged_as, compiled, facts, above) if evaluation.judged_as else facts
    return Explanation(
        applies=compiled.applies_to(facts["rail"], facts["rail_action"]),
        evaluation=evaluation,
        rules=tuple(_answer(rule, judged, now) for rule in compiled.rules),
        local_times=tuple(_local_time(zone, now) for zone in _zones(compiled)),
    )


_NOTHING: Mapping[str, Any] = MappingProxyType({})
_NO_LABELS = {"marked_for_review": False}


def facts_without_history(
    compiled: CompiledPolicy,
    ovt: Ovt,
    *,
    windows: Mapping[str, int | None] = _NOTHING,
    lists: Mapping[str, Collection[str] | None] = _NOTHING,
    labels: Mapping[str, bool | None] = _NOTHING,
) -> Facts:
    """The facts of `ovt` where no database can be asked.

    A window or list that is not stated is empty, or unknown if its subject is; a label that is not stated is not set.
    """
    known = facts_of(ovt, windows={})
    return facts_of(
        ovt,
        windows={**{window.name: _empty(window, known) for window in compiled.windows}, **windows},
        labels={**_NO_LABELS, **labels},
        listed={spec.fact: _listed(spec, known, lists.get(spec.slug, ())) for spec in compiled.lists},
    )


def above_without_history(
    compiled: CompiledPolicy, ovt: Ovt, lists: Mapping[str, Collection[str] | None] = _NOTHING
) -> Above:
    """The agents that `ovt` says are above the one that asks; a list that is not stated is empty."""
    specs = lists_of_agents(compiled.lists)
    return {
        agent: {spec.fact: _listed(spec, {WHO: agent}, lists.get(spec.slug, ())) for spec in specs}
        for agent in ovt.initiator.lineage
    }


def explanation_text(explanation: Explanation) -> str:
    """The explanation for a terminal."""
    evaluation = explanation.evaluation
    lines = [f"{evaluation.outcome}: {evaluation.message} [{evaluation.reason}]"]
    if evaluation.judged_as:
        lines.append(f"judged as {evaluation.judged_as}, above the agent that asks")
    if not explanation.applies:
        lines.insert(0, f"{evaluation.policy_slug} does not apply to this movement; if it did:")
    if evaluation.review is not None:
        groups = " and ".join(f"{group.count} × {group.role}" for group in evaluation.review.groups)
        lines.append(f"asks {groups} within {duration_text(evaluation.review.deadline_seconds)}")
        lines += [f"after {duration_text(seconds)} reminds them" for seconds in evaluation.review.reminders_seconds]
        lines += [
            f"after {duration_text(step.after_seconds)} {step.role}, too" for step in evaluation.review.escalations
        ]
    lines += [f"it was {time}" for time in explanation.local_times]
    lines.append("")
    for rule in explanation.rules:
        decided = " ← decides" if rule.rule_id == evaluation.matched_rule_id else ""
        lines.append(
            f"{rule.answer:<12} {rule.effect:<6} {rule.priority:>4}  {rule.rule_id} ({rule.rule_kind}){decided}"
        )
        if rule.answer == "undecided":
            lines.append(f"{'':12} {rule.message}")
    lines.append("")
    lines += [f"{name} = {'unknown' if value is None else value}" for name, value in evaluation.facts.items()]
    return "\n".join(lines)


def _answer(rule: CompiledRule, facts: Facts, now: datetime) -> RuleAnswer:
    result, hit = rule.test(facts, now), rule.hit
    answer: Answer = "undecided" if result is None else "matched" if result else "not_matched"
    shown = rule.undecided(facts)[0] if result is None else hit
    return RuleAnswer(hit.rule_id, hit.rule_kind, hit.effect, hit.priority, answer, shown.message, shown.missing)


def _empty(window: WindowSpec, facts: Facts) -> int | None:
    subjects = window.subject_facts
    return 0 if not subjects or any(facts.get(subject) is not None for subject in subjects) else None


def _listed(spec: ListSpec, facts: Facts, values: Collection[str] | None) -> bool | None:
    subject = facts.get(spec.subject_fact)
    if not isinstance(subject, str) or values is None:
        return None
    match spec.subject_fact:
        # Facts carry these in one case, in whatever case they were written.
        case "counterparty.country":
            return subject in {value.upper() for value in values}
        case "context.reason_code" | "context.source":
            return subject in {code_text(value) for value in values}
        case _:
            return subject in values


def _local_time(zone: str, now: datetime) -> str:
    local = now.astimezone(zone_of(zone))
    return f"{DAYS[local.weekday()]} {local:%H:%M} in {zone}"


def _zones(compiled: CompiledPolicy) -> list[str]:
    leaves = (leaf for rule in compiled.policy.rules for leaf in rule.when.leaves())
    return sorted({leaf.zone for leaf in leaves if isinstance(leaf, TimeOfDay)})
