"""From the AST to what is evaluated: each rule a test, its hit made beforehand, sorted as rules name the outcome."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

import rfc8785

from axiru.domain.evaluation import ApproverGroup, Evaluation, Outcome, ReviewTerms, RuleHit
from policies.candidates import Node, index
from policies.conditions import Test, rule_kind
from policies.facts import Facts
from policies.requirements import requirements
from policies.syntax import Default, Effect, Policy, Rule, WhenMissing
from policies.windows import WindowSpec
from policies.write import document

MISSING_FACT = "missing_fact"


class Weight(IntEnum):
    """What a hit does to the outcome. The heavier wins, whatever the order of the rules."""

    NONE = 0
    ALLOW = 1
    REVIEW = 2
    DENY = 3


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """`weight` and `review` apply when the test is True, `undecided_weight` and `undecided_review` when it is unknown.

    `window_subjects` says for each window's fact what a caller has to state for it to be known.
    """

    rule: Rule
    test: Test
    hit: RuleHit
    weight: Weight
    review: ReviewTerms | None
    undecided_weight: Weight
    undecided_review: ReviewTerms | None
    fact_names: tuple[str, ...]
    window_subjects: dict[str, str]

    def undecided_hit(self, facts: Facts) -> RuleHit:
        missing = tuple(name for name in self.fact_names if facts.get(name) is None)
        wanted = ", ".join(self.window_subjects.get(name, name) for name in missing)
        hit, message = self.hit, f"Rule {self.hit.rule_id} cannot be decided without {wanted}"
        return RuleHit(hit.rule_id, hit.rule_kind, hit.effect, hit.priority, MISSING_FACT, message, missing)


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy ready to be evaluated, any number of times and by several threads.

    `content_hash` is the SHA-256 (hex) of the RFC 8785 form of the AST, so layout and comments do not matter.
    `windows` are what the caller has to sum up. `rules` are sorted by priority, then id; `index` finds those that
    can say something about given facts, by their position.
    """

    policy: Policy
    content_hash: str
    windows: tuple[WindowSpec, ...]
    rules: tuple[CompiledRule, ...]
    fact_names: tuple[str, ...]
    unmatched: Evaluation
    index: Node

    @property
    def slug(self) -> str:
        return self.policy.slug

    @property
    def default(self) -> Default:
        return self.policy.default

    def applies_to(self, rail: str, rail_action: str) -> bool:
        scope = self.policy.applies_to
        return rail == scope.rail and (not scope.rail_actions or rail_action in scope.rail_actions)


_DEFAULT_MESSAGES = {
    Outcome.ALLOW: "No rule matched: allowed by default",
    Outcome.REVIEW: "No rule matched: asked for by default",
    Outcome.DENY: "No rule matched: denied by default",
}


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Compile a parsed policy. Never fails: what could be refused, `parse` has refused."""
    rules = tuple(_rule(rule, policy) for rule in sorted(policy.rules, key=lambda rule: (rule.priority, rule.id)))
    scope, default = policy.applies_to, policy.default
    windows = {window.name: window for rule in policy.rules for window in rule.when.windows(scope)}
    content_hash = hashlib.sha256(rfc8785.dumps(document(policy))).hexdigest()
    return CompiledPolicy(
        policy=policy,
        content_hash=content_hash,
        windows=tuple(windows[name] for name in sorted(windows)),
        rules=rules,
        fact_names=_distinct(name for rule in rules for name in rule.fact_names),
        unmatched=Evaluation(
            outcome=default.outcome,
            reason=default.reason,
            message=default.message or _DEFAULT_MESSAGES[default.outcome],
            policy_slug=policy.slug,
            policy_hash=content_hash,
            review=default.review,
        ),
        index=index((requirements(rule.rule.when, scope), bool(rule.undecided_weight)) for rule in rules),
    )


def _rule(rule: Rule, policy: Policy) -> CompiledRule:
    scope = policy.applies_to
    undecided = _undecided_weight(rule)
    own_review = rule.review or ReviewTerms((ApproverGroup(policy.missing_fact_approver),))
    message = rule.message or rule.reason.replace("_", " ").capitalize()
    return CompiledRule(
        rule=rule,
        test=rule.when.test(scope),
        hit=RuleHit(rule.id, rule_kind(rule.when), rule.effect.value, rule.priority, rule.reason, message),
        weight=_weight(rule.effect),
        review=rule.review,
        undecided_weight=undecided,
        undecided_review=own_review if undecided is Weight.REVIEW else None,
        fact_names=_distinct(rule.when.fact_names(scope)),
        window_subjects={
            each.fact: " or ".join(each.subject_facts) for each in rule.when.windows(scope) if each.subject_facts
        },
    )


def _weight(effect: Effect) -> Weight:
    match effect:
        case Effect.ALLOW:
            return Weight.ALLOW
        case Effect.REVIEW:
            return Weight.REVIEW
        case Effect.DENY:
            return Weight.DENY
        case Effect.FLAG:
            return Weight.NONE
        case _:
            assert_never(effect)


def _undecided_weight(rule: Rule) -> Weight:
    match rule.when_missing:
        case WhenMissing.SKIP:
            return Weight.NONE
        case WhenMissing.REVIEW:
            return Weight.REVIEW
        case WhenMissing.DENY:
            return Weight.DENY
        case None:
            return Weight.REVIEW if rule.effect in {Effect.REVIEW, Effect.DENY} else Weight.NONE
        case _:
            assert_never(rule.when_missing)


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
