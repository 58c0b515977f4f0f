"""From the AST to what is evaluated: each rule a test, its hit made beforehand, sorted as rules name the outcome."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

import rfc8785

from axiru.domain.evaluation import ApproverGroup, Evaluation, Outcome, ReviewTerms, RuleHit
from policies.budgets import Budget, budgets_of
from policies.candidates import Node, index
from policies.conditions import Test, rule_kind
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.logic import all_of
from policies.facts import Facts
from policies.lists import ListSpec
from policies.requirements import Requirements, requirements
from policies.syntax import Default, Effect, OnError, Policy, Rule, WhenMissing
from policies.windows import WindowSpec
from policies.write import document

MISSING_FACT = "missing_fact"
EXPRESSION_ERROR = "expression_error"


class Weight(IntEnum):
    """What a hit does to the outcome. The heavier wins, whatever the order of the rules."""

    NONE = 0
    ALLOW = 1
    REVIEW = 2
    DENY = 3


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """`weight` and `review` apply when the test is True, `undecided_weight` when it is unknown for want of a fact,
    `error_weight` when it is because one of `expressions` fails; `undecided_review` says who is asked then.

    `rest` is what is left of the test where all of `requirements` are known to hold; None if that is enough to match.
    `subjects` says for each fact that is looked up (a window, a list) what a caller has to state for it to be known.
    """

    rule: Rule
    test: Test
    rest: Test | None
    hit: RuleHit
    weight: Weight
    review: ReviewTerms | None
    undecided_weight: Weight
    error_weight: Weight
    undecided_review: ReviewTerms
    fact_names: tuple[str, ...]
    subjects: dict[str, str]
    requirements: Requirements
    expressions: tuple[CustomExpression, ...] = ()

    @property
    def undecided_matters(self) -> bool:
        """Whether the rule may do something where its test is unknown."""
        return bool(self.undecided_weight or self.error_weight)

    def undecided(self, facts: Facts) -> tuple[RuleHit, Weight]:
        """What the rule does where its test is unknown: by what is missing or by what failed, the heavier of both."""
        hit = self.hit
        missing = tuple([name for name in self.fact_names if facts.get(name) is None])
        failed = any(expression.fails(facts) for expression in self.expressions) if self.expressions else False
        if failed and (not missing or self.error_weight > self.undecided_weight):
            message = f"Rule {hit.rule_id} cannot be decided: its expression fails on this movement"
            of_error = RuleHit(hit.rule_id, hit.rule_kind, hit.effect, hit.priority, EXPRESSION_ERROR, message)
            return of_error, self.error_weight
        # What callers add may be there, and yet be of another type than the rule speaks of.
        missing = missing or tuple(name for name in self.fact_names if name.startswith("extra."))
        wanted = ", ".join([self.subjects.get(name, name) for name in missing])
        message = f"Rule {hit.rule_id} cannot be decided without {wanted}"
        of_missing = RuleHit(hit.rule_id, hit.rule_kind, hit.effect, hit.priority, MISSING_FACT, message, missing)
        return of_missing, self.undecided_weight


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy ready to be evaluated, any number of times and by several threads.

    `content_hash` is the SHA-256 (hex) of the RFC 8785 form of the AST, so layout and comments do not matter.
    `windows` are what the caller has to sum up, `lists` what it has to look up. `rules` are sorted by priority, then
    id; `index` finds those that can say something about given facts, by their position.
    """

    policy: Policy
    content_hash: str
    windows: tuple[WindowSpec, ...]
    lists: tuple[ListSpec, ...]
    rules: tuple[CompiledRule, ...]
    fact_names: tuple[str, ...]
    unmatched: Evaluation
    index: Node
    budgets: tuple[Budget, ...]

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
    lists = {spec.fact: spec for rule in policy.rules for spec in rule.when.lists(scope)}
    content_hash = hashlib.sha256(rfc8785.dumps(document(policy))).hexdigest()
    return CompiledPolicy(
        policy=policy,
        content_hash=content_hash,
        windows=tuple(windows[name] for name in sorted(windows)),
        lists=tuple(lists[fact] for fact in sorted(lists)),
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
        index=index((rule.requirements, rule.undecided_matters) for rule in rules),
        budgets=budgets_of(policy),
    )


def _rule(rule: Rule, policy: Policy) -> CompiledRule:
    scope = policy.applies_to
    expressions = tuple(leaf for leaf in rule.when.leaves() if isinstance(leaf, CustomExpression))
    own_review = rule.review or ReviewTerms((ApproverGroup(policy.missing_fact_approver),))
    message = rule.message or rule.reason.replace("_", " ").capitalize()
    required = requirements(rule.when, scope)
    return CompiledRule(
        rule=rule,
        test=rule.when.test(scope),
        rest=all_of(required.rest) if required.rest else None,
        hit=RuleHit(rule.id, rule_kind(rule.when), rule.effect.value, rule.priority, rule.reason, message),
        weight=_weight(rule.effect),
        review=rule.review,
        undecided_weight=_undecided_weight(rule),
        error_weight=_error_weight(rule) if expressions else Weight.NONE,
        undecided_review=own_review,
        fact_names=_distinct(rule.when.fact_names(scope)),
        subjects={each.fact: " or ".join(each.subject_facts) for each in rule.when.windows(scope) if each.subject_facts}
        | {each.fact: f"{each.subject_fact} or the list {each.slug}" for each in rule.when.lists(scope)},
        requirements=required,
        expressions=expressions,
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


def _error_weight(rule: Rule) -> Weight:
    match rule.on_error:
        case OnError.SKIP:
            return Weight.NONE
        case OnError.REVIEW:
            return Weight.REVIEW
        case OnError.DENY:
            return Weight.DENY
        case None:
            return Weight.NONE if rule.effect is Effect.FLAG else Weight.DENY
        case _:
            assert_never(rule.on_error)


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
