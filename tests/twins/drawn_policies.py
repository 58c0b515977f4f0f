"""Policies and facts as hypothesis draws them: every kind, every effect, every connective."""

from collections.abc import Iterable
from typing import Any, get_args

from hypothesis import assume
from hypothesis import strategies as st

from axiru.domain.evaluation import ApproverGroup, Escalation, Outcome, ReviewTerms
from policies import Policy
from policies.conditions import Condition, Scope
from policies.conditions.agent_scope import AgentScope
from policies.conditions.amount import Amount
from policies.conditions.context import Context
from policies.conditions.counterparty import Counterparty
from policies.conditions.currency import Currency
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.initiator_kind import InitiatorKind
from policies.conditions.logic import All, Any_, Not
from policies.conditions.merchant import Merchant
from policies.conditions.predicates import Bounds, InList, OneOf, Truth
from policies.conditions.rail import Rail
from policies.conditions.rail_action import RailAction
from policies.conditions.rolling_window import RollingWindow
from policies.conditions.time_of_day import DAYS, TimeOfDay
from policies.syntax import Default, Effect, OnError, Rule, WhenMissing
from policies.unseen import UNSEEN
from policies.windows import Measure

RAILS = ("stripe", "stripe_daa")
ACTIONS = ("payout", "refund")
CURRENCIES = ("eur", "usd")
NAMES = ("ann", "bob", "cyd")
SCOPES = ("payments:read", "payments:write")
COUNTRIES = ("KP", "NO", "US")
LISTS = ("banned", "trusted")
EXPRESSIONS = (
    "amount_cents > 2 && initiator.kind == 'agent'",
    "context.customer_tenure_days < 2 || currency == 'usd'",
    "initiator.scopes.exists(scope, scope == 'payments:write')",
    "metadata[\"k\"] == 'ann' ? amount_cents > 1 : !extra.flag",
    "extra.n % 2 == 0",
)
FAILING = ("amount_cents / (amount_cents - amount_cents) > 0", "extra.word > 1", "amount_cents + extra.word == 1")

small = st.integers(0, 4)


def words(among: tuple[str, ...]) -> st.SearchStrategy[OneOf]:
    values = st.lists(st.sampled_from(among), min_size=1, unique=True).map(lambda found: tuple(sorted(found)))
    return st.builds(OneOf, values, st.booleans())


def said(among: tuple[str, ...]) -> st.SearchStrategy[OneOf | InList]:
    return words(among) | st.builds(InList, st.sampled_from(LISTS), st.booleans())


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
def times_of_day(draw: st.DrawFn) -> TimeOfDay:
    start = draw(st.integers(0, 1439))
    end = draw(st.integers(1, 1440).filter(lambda minute: minute != start))
    days = draw(st.sets(st.sampled_from(DAYS), max_size=6))
    in_order = tuple(day for day in DAYS if day in days)
    span = draw(st.sampled_from(((0, 1440), (start, end)))) if days else (start, end)
    assume(days or span != (0, 1440))
    return TimeOfDay(draw(st.sampled_from(("America/New_York", "Asia/Kathmandu", "UTC"))), *span, in_order)


@st.composite
def groups(draw: st.DrawFn, kind: Any, fields: dict[str, st.SearchStrategy[Any]]) -> Condition:
    names = draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, unique=True))
    return kind(tuple((name, draw(fields[name])) for name in sorted(names)))  # type: ignore[no-any-return]


leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Rail, words(RAILS)),
    st.builds(RailAction, words(ACTIONS)),
    st.builds(Currency, words(CURRENCIES)),
    st.builds(InitiatorKind, words(("agent", "service"))),
    st.builds(InitiatorId, said(NAMES)),
    st.builds(Amount, st.sampled_from(CURRENCIES), bounds),
    st.builds(AgentScope, st.sampled_from((SCOPES, SCOPES[:1])), st.sampled_from(("any_of", "all_of", "none_of"))),
    groups(Counterparty, {"country": said(COUNTRIES), "id": said(NAMES)}),
    groups(Merchant, {"stripe_account_id": said(NAMES), "stripe_connection_id": said(NAMES)}),
    groups(
        Context,
        {
            "customer_tenure_days": bounds,
            "reason_code": said(NAMES),
            "source": words(NAMES),
            "metadata.k": said(NAMES),
            "extra.flag": words(("false", "true")),
            "extra.n": bounds,
            "extra.word": said(NAMES),
            "marked_for_review": st.builds(Truth, st.booleans()),
        },
    ),
    rolling_windows(),
    times_of_day(),
    st.builds(CustomExpression, st.sampled_from(EXPRESSIONS)),
)


def nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(All, several), st.builds(Any_, several), st.builds(Not, inner))


conditions = st.recursive(leaves, nested, max_leaves=4)
conditions_that_may_fail = st.recursive(
    leaves | st.builds(CustomExpression, st.sampled_from(FAILING)), nested, max_leaves=4
)
terms = st.builds(
    ReviewTerms,
    st.lists(st.sampled_from(("controller", "finance_manager", "admin")), min_size=1, unique=True).flatmap(
        lambda roles: st.tuples(*(st.builds(ApproverGroup, st.just(role), st.integers(1, 3)) for role in roles))
    ),
    st.sampled_from((60, 5400, 86_400, 90_001)),
    st.sampled_from(((), (Escalation(30, "admin"),), (Escalation(1, "admin"), Escalation(59, "controller")))),
    st.sampled_from(((), (30,), (1, 59))),
)
prose = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20).filter(
    lambda text: text.strip() and not UNSEEN.search(text)
)


@st.composite
def rules(draw: st.DrawFn, index: int, when_missing: tuple[WhenMissing | None, ...], *, may_fail: bool) -> Rule:
    effect = draw(st.sampled_from(tuple(Effect)))
    rule_id = f"rule_{index}"
    when = draw(conditions_that_may_fail if may_fail else conditions)
    on_error = (None, *OnError) if any(isinstance(leaf, CustomExpression) for leaf in when.leaves()) else (None,)
    return Rule(
        id=rule_id,
        when=when,
        effect=effect,
        reason=draw(st.sampled_from((rule_id, "because"))),
        priority=draw(st.sampled_from((0, 1, 100))),
        message=draw(st.one_of(st.just(""), prose)),
        when_missing=None if effect is Effect.FLAG else draw(st.sampled_from(when_missing)),
        review=draw(terms) if effect is Effect.REVIEW else None,
        on_error=None if effect is Effect.FLAG else draw(st.sampled_from(on_error)),
    )


@st.composite
def policies(draw: st.DrawFn, *, skip: bool = True, may_fail: bool = True) -> Policy:
    """With `skip` rules may say `when_missing: skip`, with `may_fail` their expressions may fail."""
    when_missing = (None, *(each for each in WhenMissing if skip or each is not WhenMissing.SKIP))
    outcome = draw(st.sampled_from(tuple(Outcome)))
    return Policy(
        slug="a-policy",
        description=draw(st.one_of(st.just(""), prose)),
        applies_to=Scope(draw(st.sampled_from(RAILS)), draw(st.sampled_from(((), ("refund",), ACTIONS)))),
        shadow=draw(st.booleans()),
        default=Default(outcome, f"default_{outcome}", review=draw(terms) if outcome is Outcome.REVIEW else None),
        missing_fact_approver=draw(st.sampled_from(("controller", "admin"))),
        rules=tuple(draw(rules(index, when_missing, may_fail=may_fail)) for index in range(draw(st.integers(1, 5)))),
    )


PLAIN_FACTS: dict[str, st.SearchStrategy[Any]] = {
    "rail": st.sampled_from(RAILS),
    "rail_action": st.sampled_from(ACTIONS),
    "amount_cents": small,
    "currency": st.sampled_from(CURRENCIES),
    "initiator.kind": st.sampled_from(("agent", "service")),
    "initiator.id": st.sampled_from(NAMES),
    "initiator.scopes": st.lists(st.sampled_from(SCOPES), unique=True),
    "counterparty.country": st.sampled_from(COUNTRIES),
    "counterparty.id": st.sampled_from(NAMES),
    "context.customer_tenure_days": small,
    "context.reason_code": st.sampled_from(NAMES),
    "context.source": st.sampled_from(NAMES),
    "merchant.stripe_account_id": st.sampled_from(NAMES),
    "merchant.stripe_connection_id": st.sampled_from(NAMES),
    "metadata.k": st.sampled_from(NAMES),
    "extra.flag": st.booleans(),
    "extra.n": small,
    "extra.word": st.sampled_from(NAMES),
    "label.marked_for_review": st.booleans(),
}


def looked_up(conditions: Iterable[Condition], scope: Scope) -> dict[str, st.SearchStrategy[Any]]:
    """The facts that `conditions` want counted or looked up."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for condition in conditions:
        found |= {window.fact: small for window in condition.windows(scope)}
        found |= {spec.fact: st.booleans() for spec in condition.lists(scope)}
    return found


@st.composite
def cases(
    draw: st.DrawFn, *, skip: bool = True, complete: bool = False, may_fail: bool = True
) -> tuple[Policy, dict[str, Any]]:
    """A policy and the facts it reads; `complete`: none of them is unknown."""
    policy = draw(policies(skip=skip, may_fail=may_fail))
    strategies = {**PLAIN_FACTS, **looked_up((rule.when for rule in policy.rules), policy.applies_to)}
    facts = {name: draw(value if complete else st.none() | value) for name, value in strategies.items()}
    return policy, facts
