"""Why a policy decided as it did: every rule's answer, not only those that mattered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.evaluation import Evaluation
from axiru.domain.movement import Ovt
from policies.compile import CompiledPolicy, CompiledRule
from policies.evaluate import evaluate
from policies.facts import Facts, facts_of
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
    """The evaluation and every rule's answer, by priority and id. `applies`: the policy is about such movements."""

    applies: bool
    evaluation: Evaluation
    rules: tuple[RuleAnswer, ...]


def explain(compiled: CompiledPolicy, facts: Facts, *, now: datetime) -> Explanation:
    """As `evaluate`, with the rules that did not match and those that nobody could decide."""
    return Explanation(
        applies=compiled.applies_to(facts["rail"], facts["rail_action"]),
        evaluation=evaluate(compiled, facts, now=now),
        rules=tuple(_answer(rule, facts, now) for rule in compiled.rules),
    )


def facts_without_history(compiled: CompiledPolicy, ovt: Ovt, stated: Mapping[str, int | None]) -> Facts:
    """The facts of `ovt` where no ledger can be asked: a window not `stated` is empty, or unknown if its subject is."""
    known = facts_of(ovt, windows={})
    windows = {window.name: _empty(window, known) for window in compiled.windows}
    return facts_of(ovt, windows={**windows, **stated})


def explanation_text(explanation: Explanation) -> str:
    """The explanation for a terminal."""
    evaluation = explanation.evaluation
    lines = [f"{evaluation.outcome}: {evaluation.message} [{evaluation.reason}]"]
    if not explanation.applies:
        lines.insert(0, f"{evaluation.policy_slug} does not apply to this movement; if it did:")
    if evaluation.review is not None:
        groups = " and ".join(f"{group.count} × {group.role}" for group in evaluation.review.groups)
        lines.append(f"asks {groups} within {evaluation.review.deadline_seconds // 3600} h")
    lines.append("")
    for rule in explanation.rules:
        decided = " ← decides" if rule.rule_id == evaluation.matched_rule_id else ""
        lines.append(
            f"{rule.answer:<12} {rule.effect:<6} {rule.priority:>4}  {rule.rule_id} ({rule.rule_kind}){decided}"
        )
        if rule.missing:
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
