"""Laws of evaluation that hold for every policy and every movement."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from drawn_policies import PLAIN_FACTS, cases, leaves, looked_up, policies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axiru.domain.evaluation import Outcome
from policies import Policy, compile_policy, evaluate, parse, to_yaml
from policies.conditions import Condition, Scope
from policies.conditions.custom_expression import CustomExpression
from policies.explain import explain
from policies.syntax import Effect, Rule

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WEIGHT = {Outcome.ALLOW: 1, Outcome.REVIEW: 2, Outcome.DENY: 3}


@given(case=cases(), data=st.data())
@QUICK
def test_the_order_of_rules_changes_nothing(case: tuple[Policy, dict[str, Any]], data: st.DataObject) -> None:
    policy, facts = case
    shuffled = msgspec.structs.replace(policy, rules=tuple(data.draw(st.permutations(policy.rules))))
    first = evaluate(compile_policy(policy), facts, now=NOW)
    second = evaluate(compile_policy(shuffled), facts, now=NOW)
    assert msgspec.structs.replace(second, policy_hash=first.policy_hash) == first


def undecided(rule: Rule, facts: dict[str, Any], scope: Scope) -> str | None:
    """What an undecided rule wants: by `when_missing` if it lacks a fact, by `on_error` if an expression fails."""
    wanted: list[str] = []
    if any(facts.get(name) is None for name in rule.when.fact_names(scope)):
        wanted.append(rule.when_missing or ("review" if rule.effect in {Effect.DENY, Effect.REVIEW} else "skip"))
    for leaf in rule.when.leaves():
        known = all(facts.get(name) is not None for name in leaf.fact_names(scope))
        if isinstance(leaf, CustomExpression) and known and leaf.test(scope)(facts, NOW) is None:
            wanted.append(rule.on_error or ("skip" if rule.effect is Effect.FLAG else "deny"))
    return max(wanted, key=("skip", "review", "deny").index)


@given(case=cases())
@QUICK
def test_deny_beats_review_beats_allow_and_the_first_of_the_heaviest_names_the_rule(
    case: tuple[Policy, dict[str, Any]],
) -> None:
    policy, facts = case
    explanation = explain(compile_policy(policy), facts, now=NOW) if facts["rail"] and facts["rail_action"] else None
    evaluation = evaluate(compile_policy(policy), facts, now=NOW)
    if explanation is None:
        return
    by_id = {rule.id: rule for rule in policy.rules}
    wanted: list[tuple[int, int, str]] = []
    for answer in explanation.rules:
        rule = by_id[answer.rule_id]
        effect: str | None = None
        if answer.answer == "matched":
            effect = rule.effect.value
        elif answer.answer == "undecided":
            effect = undecided(rule, facts, policy.applies_to)
        if effect in {"allow", "review", "deny"}:
            wanted.append((-WEIGHT[Outcome(effect)], rule.priority, rule.id))
    if not wanted:
        assert evaluation.matched_rule_id is None
        assert (evaluation.outcome, evaluation.review) == (policy.default.outcome, policy.default.review)
        return
    weight, _, rule_id = min(wanted)
    assert (WEIGHT[evaluation.outcome], evaluation.matched_rule_id) == (-weight, rule_id)
    assert {hit.rule_id for hit in evaluation.hits} == {rule_id for _, _, rule_id in wanted}


@given(case=cases(skip=False, complete=True, may_fail=False), data=st.data())
@QUICK
def test_leaving_facts_out_never_turns_deny_or_review_into_allow(
    case: tuple[Policy, dict[str, Any]], data: st.DataObject
) -> None:
    policy, facts = case
    compiled = compile_policy(policy)
    left_out = data.draw(st.sets(st.sampled_from(sorted(facts)), min_size=1))
    partial = {name: value for name, value in facts.items() if name not in left_out}
    if evaluate(compiled, facts, now=NOW).outcome is not Outcome.ALLOW:
        assert evaluate(compiled, partial, now=NOW).outcome is not Outcome.ALLOW


@given(case=cases(complete=True, may_fail=False), data=st.data())
@QUICK
def test_a_test_answers_the_same_with_more_facts_or_did_not_know(
    case: tuple[Policy, dict[str, Any]], data: st.DataObject
) -> None:
    policy, facts = case
    left_out = data.draw(st.sets(st.sampled_from(sorted(facts)), min_size=1))
    partial = {name: value for name, value in facts.items() if name not in left_out}
    for rule in compile_policy(policy).rules:
        full_answer, partial_answer = rule.test(facts, NOW), rule.test(partial, NOW)
        assert full_answer is not None
        assert partial_answer in {full_answer, None}
        if partial_answer is None:
            assert set(rule.undecided(partial)[0].missing) <= left_out


@given(condition=leaves, negated=st.booleans(), data=st.data())
@settings(QUICK, max_examples=250)
def test_no_fact_of_a_leaf_can_be_left_out_to_change_its_answer(
    condition: Condition, negated: bool, data: st.DataObject
) -> None:
    scope = Scope("stripe")
    strategies = {**PLAIN_FACTS, **looked_up([condition], scope)}
    facts = {name: data.draw(value) for name, value in strategies.items()}
    test = condition.test(scope, negated=negated)
    answer = test(facts, NOW)
    for left_out in condition.fact_names(scope):
        assert test({**facts, left_out: None}, NOW) in {answer, None}
    # What reads the clock alone has nothing that could be left out.
    assert (test({}, NOW) is None) is bool(condition.fact_names(scope))


@given(case=cases())
@QUICK
def test_the_facts_in_the_evidence_give_the_same_evaluation_again(case: tuple[Policy, dict[str, Any]]) -> None:
    policy, facts = case
    compiled = compile_policy(policy)
    first = evaluate(compiled, facts, now=NOW)
    stored = msgspec.json.decode(msgspec.json.encode(first.facts))
    assert evaluate(compiled, stored, now=NOW) == first


@given(case=cases())
@QUICK
def test_flags_never_change_the_outcome(case: tuple[Policy, dict[str, Any]]) -> None:
    policy, facts = case
    unflagged = msgspec.structs.replace(policy, rules=tuple(r for r in policy.rules if r.effect is not Effect.FLAG))
    first = evaluate(compile_policy(policy), facts, now=NOW)
    second = evaluate(compile_policy(unflagged), facts, now=NOW)
    assert (first.outcome, first.matched_rule_id, first.hits) == (second.outcome, second.matched_rule_id, second.hits)
    assert second.flags == ()


@given(policy=policies())
@QUICK
def test_yaml_and_back_is_the_same_policy_with_the_same_hash(policy: Policy) -> None:
    again = parse(to_yaml(policy))
    assert again == policy
    assert compile_policy(again).content_hash == compile_policy(policy).content_hash


@given(policy=policies())
@QUICK
def test_a_policy_in_shadow_has_the_hash_it_has_in_force(policy: Policy) -> None:
    other = msgspec.structs.replace(policy, shadow=not policy.shadow)
    assert compile_policy(other).content_hash == compile_policy(policy).content_hash


def test_a_time_without_a_zone_is_refused() -> None:
    compiled = compile_policy(Policy(slug="a-policy", applies_to=Scope("stripe"), rules=()))
    with pytest.raises(ValueError, match="time zone"):
        evaluate(compiled, {}, now=datetime(2026, 4, 28))  # noqa: DTZ001 - what is refused
