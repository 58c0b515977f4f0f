"""What the static checks claim is so, for every policy and every movement."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from length import length

from axiru.domain.evaluation import ApproverGroup, Outcome, ReviewTerms
from policies import Policy, compile_policy, evaluate
from policies.checks import Finding, Known, check
from policies.conditions import Condition, Scope
from policies.conditions.agent_scope import AgentScope, Quantifier
from policies.conditions.amount import Amount
from policies.conditions.context import Context
from policies.conditions.counterparty import Counterparty
from policies.conditions.currency import Currency
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.initiator_kind import InitiatorKind
from policies.conditions.logic import All, Any_, Not
from policies.conditions.predicates import Bounds, InList, OneOf, Truth
from policies.conditions.rail import Rail
from policies.conditions.rail_action import RailAction
from policies.conditions.rolling_window import RollingWindow
from policies.conditions.time_of_day import TimeOfDay
from policies.syntax import Effect, OnError, ParsedPolicy, Position, Rule, WhenMissing

THOROUGH = settings(max_examples=length(50, 1_000), deadline=None, suppress_health_check=list(HealthCheck))
MONDAY = datetime(2026, 4, 27, tzinfo=UTC)
WEIGHT = {Effect.FLAG: 0, Effect.ALLOW: 1, Effect.REVIEW: 2, Effect.DENY: 3}

ACTIONS = ("payout", "refund")
CURRENCIES = ("eur", "usd")
NAMES = ("ann", "bob")
SCOPES = ("read", "write")

small = st.integers(0, 4)


def words(among: tuple[str, ...]) -> st.SearchStrategy[OneOf]:
    values = st.lists(st.sampled_from(among), min_size=1, unique=True).map(lambda found: tuple(sorted(found)))
    return st.builds(OneOf, values, st.booleans())


lower = st.one_of(st.just({}), small.map(lambda n: {"gt": n}), small.map(lambda n: {"gte": n}))
upper = st.one_of(small.map(lambda n: {"lt": n}), small.map(lambda n: {"lte": n}))
bounds = st.builds(lambda low, high: Bounds(**low, **high), lower, upper)
listed = st.builds(InList, st.just("vip"), st.booleans())


@st.composite
def windows(draw: st.DrawFn) -> RollingWindow:
    measure = draw(st.sampled_from(("sum", "count")))
    return RollingWindow(
        measure=measure,
        per="organization",
        within_seconds=3600,
        bounds=draw(bounds),
        currency=draw(st.sampled_from(CURRENCIES)) if measure == "sum" else None,
        rail_actions=draw(st.sampled_from(((), ("payout",)))),
    )


leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Amount, st.sampled_from(CURRENCIES), bounds),
    st.builds(Amount, st.just("usd"), bounds),
    st.builds(Rail, words(("stripe", "stripe_daa"))),
    st.builds(RailAction, words(ACTIONS)),
    st.builds(Currency, words(CURRENCIES)),
    st.builds(InitiatorKind, words(("agent", "service"))),
    st.builds(InitiatorId, st.one_of(words(NAMES), listed)),
    st.builds(AgentScope, st.sampled_from((SCOPES, SCOPES[:1])), st.sampled_from(get_args(Quantifier))),
    words(NAMES).map(lambda said: Counterparty((("id", said),))),
    st.tuples(words(NAMES), bounds).map(
        lambda said: Context((("customer_id", said[0]), ("customer_tenure_days", said[1])))
    ),
    bounds.map(lambda said: Context((("customer_tenure_days", said),))),
    st.one_of(listed, words(NAMES)).map(lambda said: Context((("customer_id", said),))),
    st.booleans().map(lambda value: Context((("marked_for_review", Truth(value)),))),
    st.one_of(bounds, words(("1", "true"))).map(lambda said: Context((("extra.x", said),))),
    st.sampled_from(
        (
            TimeOfDay("UTC", 540, 1020),
            TimeOfDay("UTC", 1020, 1440),
            TimeOfDay("UTC", 1320, 360, ("fri", "sun")),
            TimeOfDay("UTC", days=("mon", "sat")),
        )
    ),
    st.sampled_from(("amount_cents > 2", "initiator.id == 'ann'", "6 / (amount_cents - 2) > 2", "2 > 1")).map(
        CustomExpression
    ),
    windows(),
)


def nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(All, several), st.builds(Any_, several), st.builds(Not, inner))


conditions = st.recursive(leaves, nested, max_leaves=5)


@st.composite
def policies_(draw: st.DrawFn) -> Policy:
    """Few conditions, told again in parts: rules that have something to do with one another."""
    pool = draw(st.lists(conditions, min_size=1, max_size=3))
    rules: list[Rule] = []
    for index in range(draw(st.integers(1, 4))):
        parts = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2))
        effect = draw(st.sampled_from(tuple(Effect)))
        rule = Rule(
            id=f"rule_{index}",
            when=(when := draw(st.sampled_from((All(tuple(parts)), Not(Not(parts[0])), Any_(tuple(parts)))))),
            effect=effect,
            reason="because",
            priority=draw(st.sampled_from((1, 2))),
            when_missing=None if effect is Effect.FLAG else draw(st.sampled_from((None, *WhenMissing))),
            on_error=draw(st.sampled_from((None, *OnError)))
            if effect is not Effect.FLAG and any(leaf.kind == "custom_expression" for leaf in when.leaves())
            else None,
            review=ReviewTerms((ApproverGroup(draw(st.sampled_from(("admin", "controller")))),))
            if effect is Effect.REVIEW
            else None,
        )
        rules.append(rule)
    scope = Scope("stripe", draw(st.sampled_from(((), ("refund",)))))
    return Policy(slug="a-policy", applies_to=scope, rules=tuple(rules))


FACTS: dict[str, st.SearchStrategy[Any]] = {
    "initiator.kind": st.sampled_from(("agent", "service", "other")),
    "initiator.id": st.sampled_from((*NAMES, "other")),
    "initiator.scopes": st.lists(st.sampled_from((*SCOPES, "other")), unique=True),
    "counterparty.id": st.sampled_from((*NAMES, "other")),
    "context.customer_id": st.sampled_from((*NAMES, "other")),
    "context.customer_tenure_days": small,
    "label.marked_for_review": st.booleans(),
    "extra.x": st.one_of(small, st.booleans(), st.sampled_from(("1", "other"))),
    "listed.vip.initiator.id": st.booleans(),
    "listed.vip.context.customer_id": st.booleans(),
}


@st.composite
def movements(draw: st.DrawFn, policy: Policy) -> tuple[dict[str, Any], datetime]:
    """Within what the policy applies to, with any of the facts left out that can be left out."""
    actions = policy.applies_to.rail_actions or (*ACTIONS, "transfer")
    facts = {
        "rail": "stripe",
        "rail_action": draw(st.sampled_from(actions)),
        "amount_cents": draw(st.integers(1, 6)),
        "currency": draw(st.sampled_from((*CURRENCIES, "jpy"))),
    }
    optional = {**FACTS, **{window.fact: small for window in compile_policy(policy).windows}}
    facts |= {name: value for name, each in optional.items() if (value := draw(st.none() | each)) is not None}
    return facts, MONDAY + timedelta(minutes=30 * draw(st.integers(0, 335)))


def found(policy: Policy) -> tuple[Finding, ...]:
    rules_at = {rule.id: Position(line, 1) for line, rule in enumerate(policy.rules, 1)}
    return check(ParsedPolicy(policy, rules_at), Known())


@given(policy=policies_(), data=st.data())
@THOROUGH
def test_what_never_matches_never_does_and_what_never_decides_never_does(policy: Policy, data: st.DataObject) -> None:
    findings = [each for each in found(policy) if each.code in {"never_fires", "contradiction"}]
    assume(findings)
    compiled = compile_policy(policy)
    tests = {each.rule.id: each.test for each in compiled.rules}
    for facts, now in (data.draw(movements(policy)) for _ in range(10)):
        evaluation = evaluate(compiled, facts, now=now)
        for finding in findings:
            rule = finding.rules[0]
            match finding.code, finding.severity:
                case "never_fires", "error":
                    assert tests[rule](facts, now) is not True, finding
                case "never_fires", "warning":
                    assert evaluation.matched_rule_id != rule, finding
                    if tests[rule](facts, now):
                        assert tests[finding.rules[1]](facts, now), finding
                case _:
                    assert (tests[rule](facts, now) is True) is (tests[finding.rules[1]](facts, now) is True), finding


@given(policy=policies_(), data=st.data())
@THOROUGH
def test_rules_of_one_condition_are_never_left_unmentioned(policy: Policy, data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(policy.rules))
    effects = {twice.effect, other := data.draw(st.sampled_from((Effect.DENY, Effect.ALLOW)))}
    assume(effects in ({Effect.DENY, Effect.ALLOW}, {Effect.REVIEW, Effect.ALLOW}))
    again = Rule(id="again", when=Not(Not(twice.when)), effect=other, reason="because")
    both = Policy(slug="a-policy", applies_to=policy.applies_to, rules=(twice, again))
    assert {each.code for each in found(both) if each.severity == "error"} & {"contradiction", "never_fires"}


band = st.tuples(st.integers(1, 12), st.integers(0, 4)).map(lambda found: (found[0], found[0] + found[1]))


@given(spans=st.lists(band, min_size=1, max_size=4), data=st.data())
@THOROUGH
def test_a_hole_is_told_exactly_where_an_amount_between_two_bands_falls_to_the_default(
    spans: list[tuple[int, int]], data: st.DataObject
) -> None:
    effects = st.sampled_from((Effect.ALLOW, Effect.DENY))
    policy = Policy(
        slug="a-policy",
        applies_to=Scope("stripe"),
        rules=tuple(
            Rule(f"rule_{index}", Amount("usd", Bounds(gte=low, lte=high)), data.draw(effects), "because")
            for index, (low, high) in enumerate(spans)
        ),
    )
    compiled = compile_policy(policy)

    def falls_through(amount: int) -> bool:
        facts = {"rail": "stripe", "rail_action": "refund", "amount_cents": amount, "currency": "usd"}
        evaluation = evaluate(compiled, facts, now=MONDAY)
        assert evaluation.outcome in Outcome
        return evaluation.matched_rule_id is None

    lowest, highest = min(low for low, _ in spans), max(high for _, high in spans)
    holes = any(falls_through(amount) for amount in range(lowest, highest))
    assert any(each.code == "band_gap" for each in found(policy)) is holes
    overlaps = any(a < c <= b < d for a, b in spans for c, d in spans)
    assert any(each.code == "band_overlap" for each in found(policy)) is overlaps
