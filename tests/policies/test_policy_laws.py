"""Laws of evaluation that hold for every policy and every movement."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axiru.domain.evaluation import ApproverGroup, Outcome, ReviewTerms
from policies import Policy, compile_policy, evaluate, parse, to_yaml
from policies.conditions import Condition, Scope
from policies.conditions.agent_scope import AgentScope
from policies.conditions.amount import Amount
from policies.conditions.context import Context
from policies.conditions.counterparty import Counterparty
from policies.conditions.currency import Currency
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.initiator_kind import InitiatorKind
from policies.conditions.logic import All, Any_, Not
from policies.conditions.predicates import Bounds, OneOf
from policies.conditions.rail import Rail
from policies.conditions.rail_action import RailAction
from policies.conditions.rolling_window import RollingWindow
from policies.explain import explain
from policies.syntax import Default, Effect, Rule, WhenMissing
from policies.windows import Measure

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WEIGHT = {Outcome.ALLOW: 1, Outcome.REVIEW: 2, Outcome.DENY: 3}

RAILS = ("stripe", "stripe_daa")
ACTIONS = ("payout", "refund")
CURRENCIES = ("eur", "usd")
NAMES = ("ann", "bob", "cyd")
SCOPES = ("payments:read", "payments:write")

small = st.integers(0, 4)


def words(among: tuple[str, ...]) -> st.SearchStrategy[OneOf]:
    values = st.lists(st.sampled_from(among), min_size=1, unique=True).map(lambda found: tuple(sorted(found)))
    return st.builds(OneOf, values, st.booleans())


lower = st.one_of(st.just({}), st.builds(lambda n: {"gt": n}, small), st.builds(lambda n: {"gte": n}, small))
upper = st.one_of(st.builds(lambda n: {"lt": n}, small), st.builds(lambda n: {"lte": n}, small))
bounds = st.builds(lambda low, high: Bounds(**low, **high), lower, upper)


@st.composite
def rolling_windows(draw: st.DrawFn) -> RollingWindow:
    measure: Measure = draw(st.sampled_from(get_args(Measure)))
    return RollingWindow(
        measure=measure,
        per=draw(st.sampled_from(("customer", "organization"))),
        within_seconds=draw(st.sampled_from((90, 3600, 86_400, 2_592_000))),
        bounds=draw(bounds),
        currency=draw(st.sampled_from(CURRENCIES)) if measure == "sum" else None,
        rail=draw(st.sampled_from((None, *RAILS))),
        rail_actions=draw(st.sampled_from(((), ("payout",), ACTIONS))),
    )


@st.composite
def groups(draw: st.DrawFn, kind: Any, fields: dict[str, st.SearchStrategy[Any]]) -> Condition:
    names = draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, unique=True))
    return kind(tuple((name, draw(fields[name])) for name in sorted(names)))  # type: ignore[no-any-return]


leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Rail, words(RAILS)),
    st.builds(RailAction, words(ACTIONS)),
    st.builds(Currency, words(CURRENCIES)),
    st.builds(InitiatorKind, words(("agent", "service"))),
    st.builds(InitiatorId, words(NAMES)),
    st.builds(Amount, st.sampled_from(CURRENCIES), bounds),
    st.builds(AgentScope, st.sampled_from((SCOPES, SCOPES[:1])), st.sampled_from(("any_of", "all_of", "none_of"))),
    groups(Counterparty, {"country": words(("KP", "NO", "US")), "id": words(NAMES)}),
    groups(
        Context,
        {
            "customer_tenure_days": bounds,
            "reason_code": words(NAMES),
            "source": words(NAMES),
            "metadata.k": words(NAMES),
        },
    ),
    rolling_windows(),
)


def nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(All, several), st.builds(Any_, several), st.builds(Not, inner))


conditions = st.recursive(leaves, nested, max_leaves=4)
terms = st.builds(
    ReviewTerms,
    st.lists(st.sampled_from(("controller", "finance_manager", "admin")), min_size=1, unique=True).flatmap(
        lambda roles: st.tuples(*(st.builds(ApproverGroup, st.just(role), st.integers(1, 3)) for role in roles))
    ),
    st.sampled_from((60, 5400, 86_400, 90_001)),
)
prose = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20).filter(
    lambda text: text.strip()
)


@st.composite
def rules(draw: st.DrawFn, index: int, when_missing: tuple[WhenMissing | None, ...]) -> Rule:
    effect = draw(st.sampled_from(tuple(Effect)))
    rule_id = f"rule_{index}"
    return Rule(
        id=rule_id,
        when=draw(conditions),
        effect=effect,
        reason=draw(st.sampled_from((rule_id, "because"))),
        priority=draw(st.sampled_from((0, 1, 100))),
        message=draw(st.one_of(st.just(""), prose)),
        when_missing=None if effect is Effect.FLAG else draw(st.sampled_from(when_missing)),
        review=draw(terms) if effect is Effect.REVIEW else None,
    )


@st.composite
def policies_(draw: st.DrawFn, *, skip: bool = True) -> Policy:
    when_missing = (None, *(each for each in WhenMissing if skip or each is not WhenMissing.SKIP))
    outcome = draw(st.sampled_from(tuple(Outcome)))
    return Policy(
        slug="a-policy",
        description=draw(st.one_of(st.just(""), prose)),
        applies_to=Scope(draw(st.sampled_from(RAILS)), draw(st.sampled_from(((), ("refund",), ACTIONS)))),
        shadow=draw(st.booleans()),
        default=Default(outcome, f"default_{outcome}", review=draw(terms) if outcome is Outcome.REVIEW else None),
        missing_fact_approver=draw(st.sampled_from(("controller", "admin"))),
        rules=tuple(draw(rules(index, when_missing)) for index in range(draw(st.integers(1, 5)))),
    )


PLAIN_FACTS: dict[str, st.SearchStrategy[Any]] = {
    "rail": st.sampled_from(RAILS),
    "rail_action": st.sampled_from(ACTIONS),
    "amount_cents": small,
    "currency": st.sampled_from(CURRENCIES),
    "initiator.kind": st.sampled_from(("agent", "service")),
    "initiator.id": st.sampled_from(NAMES),
    "initiator.scopes": st.lists(st.sampled_from(SCOPES), unique=True),
    "counterparty.country": st.sampled_from(("KP", "NO", "US")),
    "counterparty.id": st.sampled_from(NAMES),
    "context.customer_tenure_days": small,
    "context.reason_code": st.sampled_from(NAMES),
    "context.source": st.sampled_from(NAMES),
    "metadata.k": st.sampled_from(NAMES),
}


@st.composite
def cases(draw: st.DrawFn, *, skip: bool = True, complete: bool = False) -> tuple[Policy, dict[str, Any]]:
    policy = draw(policies_(skip=skip))
    strategies = {**PLAIN_FACTS, **{window.fact: small for window in compile_policy(policy).windows}}
    facts = {name: draw(value if complete else st.none() | value) for name, value in strategies.items()}
    return policy, facts


@given(case=cases(), data=st.data())
@QUICK
def test_the_order_of_rules_changes_nothing(case: tuple[Policy, dict[str, Any]], data: st.DataObject) -> None:
    policy, facts = case
    shuffled = msgspec.structs.replace(policy, rules=tuple(data.draw(st.permutations(policy.rules))))
    first = evaluate(compile_policy(policy), facts, now=NOW)
    second = evaluate(compile_policy(shuffled), facts, now=NOW)
    assert msgspec.structs.replace(second, policy_hash=first.policy_hash) == first


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
            effect = rule.when_missing or ("review" if rule.effect in {Effect.DENY, Effect.REVIEW} else None)
        if effect in {"allow", "review", "deny"}:
            wanted.append((-WEIGHT[Outcome(effect)], rule.priority, rule.id))
    if not wanted:
        assert evaluation.matched_rule_id is None
        assert (evaluation.outcome, evaluation.review) == (policy.default.outcome, policy.default.review)
        return
    weight, _, rule_id = min(wanted)
    assert (WEIGHT[evaluation.outcome], evaluation.matched_rule_id) == (-weight, rule_id)
    assert {hit.rule_id for hit in evaluation.hits} == {rule_id for _, _, rule_id in wanted}


@given(case=cases(skip=False, complete=True), data=st.data())
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


@given(case=cases(complete=True), data=st.data())
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
    strategies = {**PLAIN_FACTS, **{window.fact: small for window in condition.windows(scope)}}
    facts = {name: data.draw(value) for name, value in strategies.items()}
    test = condition.test(scope, negated=negated)
    answer = test(facts, NOW)
    for left_out in condition.fact_names(scope):
        assert test({**facts, left_out: None}, NOW) in {answer, None}
    assert test({}, NOW) is None


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


@given(policy=policies_())
@QUICK
def test_yaml_and_back_is_the_same_policy_with_the_same_hash(policy: Policy) -> None:
    again = parse(to_yaml(policy))
    assert again == policy
    assert compile_policy(again).content_hash == compile_policy(policy).content_hash


def test_a_time_without_a_zone_is_refused() -> None:
    compiled = compile_policy(Policy(slug="a-policy", applies_to=Scope("stripe"), rules=()))
    with pytest.raises(ValueError, match="time zone"):
        evaluate(compiled, {}, now=datetime(2026, 4, 28))  # noqa: DTZ001 - what is refused
