"""Lists, merchants, labels and what callers add: facts that are looked up or come in any shape."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from axiru.domain.evaluation import ApproverGroup, Escalation, ReviewTerms
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt, Target
from policies import CompiledPolicy, PolicyInvalid, compile_policy, evaluate, facts_of, parse, to_yaml
from policies.conditions import rule_kind
from policies.lists import ListSpec
from policies.windows import SUBJECT_FACTS, Measure, Per

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)


def compiled(when: str, more: str = "", effect: str = "deny") -> CompiledPolicy:
    rule = f"{{id: a_rule, effect: {effect}, when: {when}{more}}}"
    policy = parse(f"policy: a-policy\napplies_to: {{rail: stripe}}\nrules: [{rule}]\n")
    assert parse(to_yaml(policy)) == policy
    return compile_policy(policy)


def refund(extra: dict[str, Any] | None = None, **known: Any) -> Ovt:
    return Ovt(
        "stripe",
        "refund",
        Amount("17500", "usd"),
        Initiator("agent", "agent_1"),
        counterparty=Counterparty(country="us"),
        merchant=Merchant("conn_1", "acct_1"),
        target=Target("ch_1"),
        context=Context(customer_id="cus_1", extra=extra or {}, **known),
    )


def answer(policy: CompiledPolicy, ovt: Ovt, **given: Any) -> bool | None:
    return policy.rules[0].test(facts_of(ovt, windows={}, **given), NOW)


VIPS = ListSpec("vip_customers", "context.customer_id")


def test_a_list_is_asked_for_by_name_and_its_answer_decides() -> None:
    policy = compiled("{context: {customer_id: {in_list: vip_customers}}}")
    assert policy.lists == (VIPS,)
    assert policy.fact_names == (VIPS.fact,) == ("listed.vip_customers.context.customer_id",)
    for listed in (True, False, None):
        assert answer(policy, refund(), listed={VIPS.fact: listed}) is listed
    assert answer(policy, refund()) is None


@pytest.mark.parametrize(
    "when", ["{not: {context: {customer_id: {in_list: vips}}}}", "{context: {customer_id: {not_in_list: vips}}}"]
)
def test_not_in_a_list_is_known_only_where_the_list_is(when: str) -> None:
    policy = compiled(when)
    fact = policy.lists[0].fact
    assert [answer(policy, refund(), listed={fact: listed}) for listed in (True, False, None)] == [False, True, None]


@pytest.mark.parametrize(
    ("when", "subject"),
    [
        ("{initiator_id: {in_list: some}}", "initiator.id"),
        ("{counterparty: {country: {not_in_list: some}}}", "counterparty.country"),
        ("{counterparty: {stripe_account_id: {in_list: some}}}", "counterparty.stripe_account_id"),
        ("{merchant: {stripe_account_id: {in_list: some}}}", "merchant.stripe_account_id"),
        ("{merchant: {stripe_connection_id: {in_list: some}}}", "merchant.stripe_connection_id"),
        ("{context: {reason_code: {in_list: some}}}", "context.reason_code"),
        ("{context: {metadata.tier: {in_list: some}}}", "metadata.tier"),
        ("{context: {extra.tier: {in_list: some}}}", "extra.tier"),
        ("{any: [{not: {initiator_id: {in_list: some}}}, {rail: stripe}]}", "initiator.id"),
    ],
)
def test_every_fact_of_words_may_be_looked_up(when: str, subject: str) -> None:
    assert compiled(when).lists == (ListSpec("some", subject),)


def test_one_list_asked_twice_is_looked_up_once() -> None:
    policy = compiled(
        "{any: [{initiator_id: {in_list: a}}, {initiator_id: {not_in_list: a}}, {initiator_id: {in_list: b}}]}"
    )
    assert [spec.slug for spec in policy.lists] == ["a", "b"]


def test_an_unknown_list_names_itself_and_the_fact() -> None:
    policy = compiled("{context: {customer_id: {in_list: vip_customers}}}")
    evaluation = evaluate(policy, facts_of(refund(), windows={}), now=NOW)
    assert (evaluation.outcome, evaluation.reason) == ("review", "missing_fact")
    assert "context.customer_id or the list vip_customers" in evaluation.message


@pytest.mark.parametrize(
    "when",
    [
        "{rail: {in_list: some}}",
        "{currency: {in_list: some}}",
        "{agent_scope: {in_list: some}}",
        "{context: {customer_tenure_days: {in_list: some}}}",
        "{context: {customer_id: {in_list: some, in: [a]}}}",
        "{context: {customer_id: {in_list: some, not_in_list: other}}}",
        "{context: {customer_id: {in_list: [some]}}}",
        "{context: {customer_id: {in_list: Some-List}}}",
        "{context: {customer_id: {in_lists: some}}}",
        "{context: {marked_for_review: yes}}",
        "{context: {marked_for_review: {in: [true]}}}",
        "{context: {extra.n: {gt: 1, in: [a]}}}",
        "{context: {extra.n: {gt: 1.5}}}",
        "{context: {extra: a}}",
        "{context: {extra.: a}}",
        "{merchant: {id: acct_1}}",
        "{merchant: {}}",
    ],
)
def test_what_cannot_be_said_of_a_fact_is_refused(when: str) -> None:
    with pytest.raises(PolicyInvalid):
        compiled(when)


def test_a_merchant_is_known_by_account_and_connection() -> None:
    policy = compiled("{merchant: {stripe_account_id: [acct_1, acct_2], stripe_connection_id: {not_in: conn_2}}}")
    assert answer(policy, refund()) is True
    assert rule_kind(policy.policy.rules[0].when) == "merchant"


@pytest.mark.parametrize(
    ("said", "value", "expected"),
    [
        ("gold", "gold", True),
        ("[gold, silver]", "tin", False),
        ("{not_in: [gold]}", "tin", True),
        ("gold", 1, None),
        ("gold", ["gold"], None),
        ("gold", {"gold": 1}, None),
        ("gold", "", None),
        ("gold", None, None),
        ("gold", 1.5, None),
        ('"true"', True, True),
        ('"true"', False, False),
        ('"true"', "true", True),
        ("{gt: 3}", 4, True),
        ("{gt: 3}", 3, False),
        ("{gte: 1, lt: 5}", 5, False),
        ("{gt: 0}", True, None),
        ("{gt: 3}", "4", None),
        ("{gt: 3}", 4.0, None),
        ("{gt: 3}", None, None),
    ],
)
def test_what_callers_add_is_read_as_the_rule_speaks_of_it_or_not_at_all(
    said: str, value: Any, expected: bool | None
) -> None:
    policy, negated = (
        compiled(f"{{context: {{extra.x: {said}}}}}"),
        compiled(f"{{not: {{context: {{extra.x: {said}}}}}}}"),
    )
    ovt = refund(extra={"x": value})
    assert answer(policy, ovt) is expected
    assert answer(negated, ovt) is (None if expected is None else not expected)
    assert (
        evaluate(policy, facts_of(ovt, windows={}), now=NOW).outcome
        == {True: "deny", False: "allow", None: "review"}[expected]
    )


def test_a_value_of_the_wrong_type_is_named_as_what_is_missing() -> None:
    evaluation = evaluate(compiled("{context: {extra.x: gold}}"), facts_of(refund(extra={"x": 1}), windows={}), now=NOW)
    assert evaluation.hits[0].missing == ("extra.x",)


@pytest.mark.parametrize(("label", "expected"), [(True, True), (False, False), (None, None)])
def test_a_merchant_marked_for_review_can_be_told(label: bool | None, expected: bool | None) -> None:
    given = {"labels": {"marked_for_review": label}}
    assert answer(compiled("{context: {marked_for_review: true}}"), refund(), **given) is expected
    unmarked = None if expected is None else not expected
    assert answer(compiled("{context: {marked_for_review: false}}"), refund(), **given) is unmarked
    assert answer(compiled("{not: {context: {marked_for_review: true}}}"), refund(), **given) is unmarked


@pytest.mark.parametrize("measure", get_args(Measure))
@pytest.mark.parametrize("per", get_args(Per))
def test_windows_are_by_sum_and_count_for_every_subject(measure: Measure, per: Per) -> None:
    currency, limit = (", currency: usd", 20_000) if measure == "sum" else ("", 2)
    policy = compiled(f"{{rolling_window: {{measure: {measure}, per: {per}, within: 7d{currency}, gt: {limit}}}}}")
    (window,) = policy.windows
    assert (window.measure, window.per, window.subject_facts) == (measure, per, SUBJECT_FACTS[per])
    for before, outcome in ((limit, "deny"), (0, "allow")):
        facts = facts_of(refund(), windows={window.name: before})
        assert evaluate(policy, facts, now=NOW).outcome == outcome


def test_escalations_are_kept_in_order_and_before_the_deadline() -> None:
    steps = "escalate: [{after: 8h, role: admin}, {after: 4h, role: finance_manager}]"
    policy = compiled("{rail: stripe}", f", approvers: {{role: controller, deadline: 12h, {steps}}}", "review")
    assert policy.rules[0].review == ReviewTerms(
        (ApproverGroup("controller"),), 43_200, (Escalation(14_400, "finance_manager"), Escalation(28_800, "admin"))
    )


@pytest.mark.parametrize(
    "approvers",
    [
        "{role: a, escalate: []}",
        "{role: a, escalate: {after: 4h, role: b}}",
        "{role: a, escalate: [{after: 4h}]}",
        "{role: a, escalate: [{role: b}]}",
        "{role: a, escalate: [{after: 4h, role: b, count: 2}]}",
        "{role: a, escalate: [{after: 24h, role: b}]}",
        "{role: a, deadline: 1h, escalate: [{after: 1h, role: b}]}",
        "{role: a, escalate: [{after: 4h, role: b}, {after: 4h, role: b}]}",
        f"{{role: a, escalate: [{', '.join(f'{{after: {hour}h, role: b}}' for hour in range(1, 7))}]}}",
    ],
)
def test_an_escalation_that_could_not_happen_is_refused(approvers: str) -> None:
    with pytest.raises(PolicyInvalid):
        compiled("{rail: stripe}", f", approvers: {approvers}", "review")


def test_reminders_are_kept_in_order_and_before_the_deadline() -> None:
    policy = compiled("{rail: stripe}", ", approvers: {role: controller, deadline: 12h, remind: [6h, 90m]}", "review")
    assert policy.rules[0].review == ReviewTerms((ApproverGroup("controller"),), 43_200, (), (5_400, 21_600))


@pytest.mark.parametrize(
    "approvers",
    [
        "{role: a, remind: []}",
        "{role: a, remind: 4h}",
        "{role: a, remind: [soon]}",
        "{role: a, remind: [24h]}",
        "{role: a, deadline: 1h, remind: [1h]}",
        "{role: a, remind: [1h, 60m]}",
        "{role: a, remind: [1h, 2h, 3h, 4h, 5h, 6h]}",
    ],
)
def test_a_reminder_that_could_not_happen_is_refused(approvers: str) -> None:
    with pytest.raises(PolicyInvalid):
        compiled("{rail: stripe}", f", approvers: {approvers}", "review")
