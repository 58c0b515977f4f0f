"""Plain language and YAML are two views of one policy: what is said reads back as it was, to the same hash."""

import re
from typing import Any, get_args

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from length import length

from axiru.domain.evaluation import ApproverGroup, Escalation, Outcome, ReviewTerms
from policies import Policy, compile_policy, pack, pack_names, parse, read, say, to_yaml
from policies.conditions import LEAF_KINDS, Condition, Scope
from policies.conditions.agent_scope import QUANTIFIERS, AgentScope
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
from policies.facts import code_text
from policies.plain.grammar import grammar, literals
from policies.plain.say import derived_id
from policies.syntax import FALLBACKS, Default, Effect, Fallback, OnError, Rule, WhenMissing
from policies.unseen import UNSEEN, UNSEEN_IN_WORDS
from policies.windows import Per

WIDE = settings(max_examples=length(100, 2_000), deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Words that mean something to the grammar have to survive as names.
RESERVED = sorted(word for literal in literals() for word in literal.split() if word.isalpha() and word.islower())
snake = st.sampled_from(["refund", "agent_payment", "x9", "boss", "controllers", *RESERVED]) | st.from_regex(
    r"[a-z][a-z0-9_]{0,12}", fullmatch=True
)
identifiers = st.sampled_from(['"', "\\", "#", "a.b", "payments:write", "a-b", "At", "$x", "$5", "7"]) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12
)
keys = identifiers.map(lambda key: key[:40])
free = st.sampled_from(["Over", "two  spaces", "“quoted”", "a # b", "ends."]) | st.text(
    st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12
).filter(lambda text: not re.search(f"[{UNSEEN_IN_WORDS}]", text))
codes = free.map(code_text).filter(bool)
prose = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.just("\n"), min_size=1, max_size=30).filter(
    lambda text: text.strip() and not UNSEEN.search(text)
)
countries = st.sampled_from(["CU", "IN", "NO", "OR", "US", "ZZ"])
currencies = st.sampled_from(
    ["usd", "eur", "gbp", "jpy", "kwd", "all", "top", "isk", "eip155:1/erc20:0xA0b8", "solana:5eykt4Us/slip44:501"]
)
numbers = st.sampled_from([0, 1, 2, 5, 7, 99, 100, 101, 15_000, 125_050, 1_000_000, 2**53 - 1]) | st.integers(
    0, 2**53 - 1
)
spans = st.sampled_from([1, 60, 90, 3_600, 5_400, 86_400, 172_800, 2_592_000, 3_650 * 86_400])


def distinct(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, min_size=1, max_size=4, unique=True).map(lambda found: tuple(sorted(found)))


def words(values: st.SearchStrategy[str]) -> st.SearchStrategy[OneOf]:
    return st.builds(OneOf, distinct(values), st.booleans())


def said(values: st.SearchStrategy[str]) -> st.SearchStrategy[OneOf | InList]:
    return words(values) | st.builds(InList, snake, st.booleans())


def keyed(*names: str) -> st.SearchStrategy[dict[str, int]]:
    return st.sampled_from(names).flatmap(lambda name: st.builds(lambda value: {name: value}, numbers))


bounds = st.one_of(
    keyed("gt", "gte", "lt", "lte").map(lambda one: Bounds(**one)),
    st.builds(lambda low, high: Bounds(**low, **high), keyed("gt", "gte"), keyed("lt", "lte")),
    numbers.map(lambda value: Bounds(gte=value, lte=value)),
)


@st.composite
def windows(draw: st.DrawFn) -> RollingWindow:
    measure = draw(st.sampled_from(("sum", "count")))
    return RollingWindow(
        measure=measure,
        per=draw(st.sampled_from(get_args(Per))),
        within_seconds=draw(spans),
        bounds=draw(bounds),
        currency=draw(currencies) if measure == "sum" else None,
        rail=draw(st.none() | snake),
        rail_actions=draw(st.just(()) | distinct(snake)),
    )


@st.composite
def times(draw: st.DrawFn) -> TimeOfDay:
    start, end = draw(st.sampled_from([(0, 1440), (540, 1020), (1320, 360), (1, 1440), (0, 1)]))
    days = draw(st.sets(st.sampled_from(DAYS), min_size=1 if (start, end) == (0, 1440) else 0, max_size=6))
    zone = draw(st.sampled_from(["America/New_York", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5", "EST5EDT"]))
    return TimeOfDay(zone, start, end, tuple(day for day in DAYS if day in days))


@st.composite
def groups(draw: st.DrawFn, kind: Any, facts: dict[str, st.SearchStrategy[Any]]) -> Condition:
    names = draw(st.lists(st.sampled_from(sorted(facts)), min_size=1, max_size=3, unique=True))
    pairs = [(name + draw(keys) if name.endswith(".") else name, draw(facts[name])) for name in names]
    return kind(tuple(sorted(pairs, key=lambda pair: pair[0])))  # type: ignore[no-any-return]


EXPRESSIONS = [
    "amount_cents > 10000 && initiator.kind == 'agent'",
    'metadata["a b"] == "x\\\\y"',
    "amount_cents > 1\n|| true",
]
LEAVES: dict[type[Condition], st.SearchStrategy[Condition]] = {
    Rail: st.builds(Rail, words(snake)),
    RailAction: st.builds(RailAction, words(snake)),
    Currency: st.builds(Currency, words(currencies)),
    InitiatorKind: st.builds(InitiatorKind, words(snake | st.just("agent"))),
    InitiatorId: st.builds(InitiatorId, said(identifiers)),
    Amount: st.builds(Amount, currencies, bounds),
    AgentScope: st.builds(AgentScope, distinct(identifiers), st.sampled_from(QUANTIFIERS)),
    Counterparty: groups(
        Counterparty, {"country": said(countries), "id": said(identifiers), "stripe_account_id": said(identifiers)}
    ),
    Merchant: groups(Merchant, {"stripe_account_id": said(identifiers), "stripe_connection_id": said(identifiers)}),
    Context: groups(
        Context,
        {
            "customer_id": said(free),
            "customer_tenure_days": bounds,
            "marked_for_review": st.builds(Truth, st.booleans()),
            "reason_code": said(codes),
            "source": said(codes),
            "metadata.": said(free),
            "extra.": said(free) | bounds,
        },
    ),
    RollingWindow: windows(),
    TimeOfDay: times(),
    CustomExpression: st.builds(CustomExpression, st.sampled_from(EXPRESSIONS)),
}


def nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(All, several), st.builds(Any_, several), st.builds(Not, inner))


conditions = st.recursive(st.one_of(*LEAVES.values()), nested, max_leaves=5)


@st.composite
def terms(draw: st.DrawFn) -> ReviewTerms:
    roles = draw(st.lists(snake, min_size=1, max_size=3, unique=True))
    deadline = draw(spans.filter(lambda seconds: seconds > 60))
    steps = draw(st.sets(st.tuples(st.integers(1, deadline - 1), snake), max_size=3))
    return ReviewTerms(
        tuple(ApproverGroup(role, draw(st.integers(1, 20))) for role in roles),
        deadline,
        tuple(Escalation(after, role) for after, role in sorted(steps)),
        tuple(sorted(draw(st.sets(st.integers(1, deadline - 1), max_size=3)))),
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    effect, when = draw(st.sampled_from(tuple(Effect))), draw(conditions)
    rule_id = draw(snake | st.just(derived_id(when.document(), effect.value)))
    fails = any(isinstance(leaf, CustomExpression) for leaf in when.leaves())
    quiet = effect is Effect.FLAG
    return Rule(
        id=rule_id,
        when=when,
        effect=effect,
        reason=draw(st.just(rule_id) | snake),
        priority=draw(st.sampled_from((0, 10, 100, 1_000_000))),
        message=draw(st.just("") | prose),
        when_missing=draw(st.none() | st.sampled_from([WhenMissing.SKIP] if quiet else list(WhenMissing))),
        review=draw(terms()) if effect is Effect.REVIEW else None,
        on_error=draw(st.none() | st.sampled_from([OnError.SKIP] if quiet else list(OnError))) if fails else None,
    )


@st.composite
def fallbacks(draw: st.DrawFn, scope: Scope) -> tuple[tuple[str, Fallback], ...]:
    """What is said for some of the actions it governs, other than what holds anyway."""
    actions = [action for action in FALLBACKS if scope.rail == "stripe" and action in (scope.rail_actions or FALLBACKS)]
    return tuple((action, FALLBACKS[action][1]) for action in sorted(actions) if draw(st.booleans()))


@st.composite
def policies_(draw: st.DrawFn) -> Policy:
    outcome = draw(st.sampled_from(tuple(Outcome)))
    scope = Scope(draw(st.sampled_from(["stripe", "stripe_daa", "on"])), draw(st.just(()) | distinct(snake)))
    return Policy(
        slug=draw(st.sampled_from(["policy", "refunds", "refunds-starter", "a--b-", "x9"])),
        description=draw(st.just("") | prose),
        applies_to=scope,
        shadow=draw(st.booleans()),
        default=Default(
            outcome,
            draw(st.just(f"default_{outcome}") | snake),
            draw(st.just("") | prose),
            draw(terms()) if outcome is Outcome.REVIEW else None,
        ),
        missing_fact_approver=draw(snake),
        when_unreachable=draw(fallbacks(scope)),
        rules=tuple(draw(st.lists(rules(), min_size=1, max_size=3, unique_by=lambda rule: rule.id))),
    )


@given(policies_())
@WIDE
def test_every_policy_reads_back_from_both_of_its_views(policy: Policy) -> None:
    assert parse(to_yaml(policy)) == policy
    text = say(policy)
    again = read(text, "plain").policy
    assert again == policy
    assert compile_policy(again).content_hash == compile_policy(policy).content_hash
    assert say(again) == text


def test_every_kind_is_drawn() -> None:
    assert set(LEAVES) == set(LEAF_KINDS)


def test_the_packs_are_said_and_read_back() -> None:
    for name in pack_names():
        policy = parse(pack(name))
        assert read(say(policy), "plain").policy == policy


@given(st.lists(conditions, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_a_rule_that_states_no_id_is_called_by_its_own_words(whens: list[Condition]) -> None:
    said_rules = {derived_id(when.document(), "deny"): when for when in whens}
    rules_ = tuple(Rule(rule_id, when, Effect.DENY, rule_id) for rule_id, when in said_rules.items())
    policy = Policy("policy", Scope("stripe"), rules_)
    text = say(policy)
    assert not any(line.startswith("Rule ") for line in text.splitlines())
    assert read(text, "plain").policy == policy


def test_the_grammar_has_one_reading_of_everything() -> None:
    # A strict table raises on the first conflict; this holds that it is built so.
    assert grammar().options.strict
    assert grammar().options.parser == "lalr"


def test_words_do_not_depend_on_the_order_of_rules_or_on_layout() -> None:
    policy = parse(pack("refunds-starter"))
    squeezed = " ".join(say(policy).split())
    assert read(squeezed, "plain").policy == policy
    commented = "# Finance, April\n" + say(policy).replace(",\n", ", # as agreed\n")
    assert read(commented, "plain").policy == policy
    turned = msgspec.structs.replace(policy, rules=policy.rules[::-1])
    assert read(say(turned), "plain").policy == turned
