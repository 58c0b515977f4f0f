"""What single rules mean: currencies, windows, missing facts, and the words of the answer."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from axiru.domain.evaluation import ApproverGroup, Evaluation, Outcome, ReviewTerms
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Ovt, Target
from policies import WindowSpec, compile_policy, evaluate, facts_of, pack, parse, to_yaml

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
REFUND: dict[str, Any] = {"rail": "stripe", "rail_action": "refund", "amount_cents": 20_000, "currency": "usd"}


def policy_of(*rules: str, head: str = "") -> str:
    listed = "".join(f"  - {{{rule}}}\n" for rule in rules)
    return f"policy: a-policy\napplies_to: {{rail: stripe}}\n{head}rules:\n{listed}"


def decide(text: str, **facts: Any) -> Evaluation:
    return evaluate(compile_policy(parse(text)), {**REFUND, **facts}, now=NOW)


@pytest.mark.parametrize(
    "when",
    [
        "amount: {currency: usd, gt: 100}",
        "not: {amount: {currency: usd, lt: 100}}",
        "not: {not: {amount: {currency: usd, gt: 100}}}",
        "not: {any: [{amount: {currency: usd, lt: 100}}, {rail: other}]}",
        "rolling_window: {measure: sum, per: organization, within: 1h, currency: usd, gt: 100}",
        "not: {rolling_window: {measure: sum, per: organization, within: 1h, currency: usd, lt: 100}}",
    ],
)
def test_a_limit_in_dollars_matches_dollars_and_no_other_currency(when: str) -> None:
    text = policy_of(f"id: limit, when: {{{when}}}, effect: deny")
    window = compile_policy(parse(text)).windows
    facts = {each.fact: 50_000 for each in window}
    assert decide(text, **facts).matched_rule_id == "limit"
    assert decide(text, **facts, currency="jpy").matched_rule_id is None


@pytest.mark.parametrize("fact", ["reason_code", "source"])
def test_a_code_is_met_in_whatever_case_the_rule_or_the_caller_writes_it(fact: str) -> None:
    text = policy_of(f"id: coded, when: {{context: {{{fact}: ' Fraudulent '}}}}, effect: deny")
    assert parse(text) == parse(text.replace("' Fraudulent '", "fraudulent"))
    for written in ("fraudulent", "FRAUDULENT", " Fraudulent\t", "fraud\u200bulent", "fraudulent\u00a0"):
        ovt = Ovt("stripe", "refund", Amount("1", "usd"), Initiator("agent", "a"), context=Context(**{fact: written}))
        assert evaluate(compile_policy(parse(text)), facts_of(ovt, windows={}), now=NOW).outcome is Outcome.DENY


@pytest.mark.parametrize("written", ["cu", " CU", "CUB", "Cuba", "C", "ＣＵ", "--", " "])
def test_what_is_no_country_is_no_way_past_a_blocklist(written: str) -> None:
    ovt = Ovt("stripe_daa", "agent_payout", Amount("1", "usd"), Initiator("agent", "a"))
    ovt = msgspec.structs.replace(ovt, counterparty=Counterparty(country=written))
    decided = evaluate(compile_policy(parse(pack("daa-country-blocklist"))), facts_of(ovt, windows={}), now=NOW)
    assert decided.outcome is (Outcome.DENY if written.strip().upper() == "CU" else Outcome.REVIEW)


_SMALL = "{amount: {currency: usd, lte: 100}}, {amount: {currency: eur, lte: 90}}"


@pytest.mark.parametrize(
    ("when", "matching"),
    [
        (f"not: {{any: [{_SMALL}]}}", ["101 usd", "501 usd", "91 eur"]),
        (
            "not: {any: [{not: {amount: {currency: usd, gt: 100}}}, {amount: {currency: eur, lte: 90}}]}",
            ["101 usd", "501 usd", "91 eur"],
        ),
        (f"not: {{all: [{{initiator_kind: agent}}, {{any: [{_SMALL}]}}]}}", ["101 usd", "501 usd", "91 eur"]),
        (f"not: {{any: [{_SMALL}, {{amount: {{currency: usd, gt: 500}}}}]}}", ["101 usd", "91 eur"]),
        (f"not: {{any: [{_SMALL}, {{initiator_kind: service}}]}}", ["101 usd", "501 usd", "91 eur"]),
        (f"not: {{any: [{_SMALL}, {{initiator_kind: agent}}]}}", []),
        (
            f"not: {{any: [{_SMALL}, {{rolling_window: "
            "{measure: sum, per: organization, within: 1h, currency: usd, gt: 400}}]}",
            ["101 usd", "91 eur"],
        ),
    ],
)
def test_the_negation_of_one_limit_in_two_currencies_is_the_other_side_of_each(when: str, matching: list[str]) -> None:
    text = policy_of(f"id: limit, when: {{{when}}}, effect: deny")
    facts = {"initiator.kind": "agent"} | {window.fact: 0 for window in compile_policy(parse(text)).windows}
    matched = []
    for each in ("100 usd", "101 usd", "501 usd", "90 eur", "91 eur", "91 jpy", "501 jpy"):
        cents, currency = each.split()
        if decide(text, **facts, amount_cents=int(cents), currency=currency).matched_rule_id == "limit":
            matched.append(each)
    assert matched == matching


def test_without_a_currency_a_negated_limit_in_two_is_unknown() -> None:
    text = policy_of(f"id: limit, when: {{not: {{any: [{_SMALL}]}}}}, effect: deny")
    assert decide(text, currency=None).hits[0].missing == ("currency",)


def test_the_currency_is_written_in_either_case() -> None:
    text = policy_of("id: limit, when: {amount: {currency: USD, gt: 100}}, effect: deny")
    assert decide(text).outcome is Outcome.DENY
    assert text != to_yaml(parse(text))
    assert parse(text) == parse(text.replace("USD", "usd"))


@pytest.mark.parametrize(
    ("stated", "outcome", "reason", "approver"),
    [
        ("", Outcome.REVIEW, "missing_fact", "admin"),
        (", when_missing: review", Outcome.REVIEW, "missing_fact", "admin"),
        (", when_missing: deny", Outcome.DENY, "missing_fact", None),
        (", when_missing: skip", Outcome.ALLOW, "default_allow", None),
    ],
)
def test_a_deny_rule_without_its_fact_does_what_it_states(
    stated: str, outcome: Outcome, reason: str, approver: str | None
) -> None:
    rule = f"id: young, when: {{context: {{customer_tenure_days: {{lt: 7}}}}}}, effect: deny{stated}"
    evaluation = decide(policy_of(rule, head="missing_fact_approver: admin\n"))
    assert (evaluation.outcome, evaluation.reason, evaluation.approver_role) == (outcome, reason, approver)
    if reason == "missing_fact":
        assert evaluation.matched_rule_id == "young"
        assert evaluation.hits[0].missing == ("context.customer_tenure_days",)
        assert "context.customer_tenure_days" in evaluation.message


def test_not_keeps_an_unknown_fact_unknown() -> None:
    rule = "id: abroad, when: {not: {counterparty: {country: US}}}, effect: deny"
    assert decide(policy_of(rule)).reason == "missing_fact"
    assert decide(policy_of(rule), **{"counterparty.country": "US"}).reason == "default_allow"
    assert decide(policy_of(rule), **{"counterparty.country": "KP"}).reason == "abroad"


def test_a_review_rule_without_its_fact_asks_its_own_groups() -> None:
    approvers = "{groups: [{role: controller, count: 2}, {role: admin}], deadline: 90m}"
    rule = f"id: fraud, when: {{context: {{reason_code: fraudulent}}}}, effect: review, approvers: {approvers}"
    expected = ReviewTerms((ApproverGroup("controller", 2), ApproverGroup("admin")), 5400)
    assert decide(policy_of(rule)).review == expected
    assert decide(policy_of(rule), **{"context.reason_code": "fraudulent"}).review == expected


def test_an_allow_rule_without_its_fact_does_not_match() -> None:
    rule = "id: trusted, when: {initiator_id: billing}, effect: allow"
    text = policy_of(rule, head="default: deny\n")
    assert decide(text).reason == "default_deny"
    evaluation = decide(text, **{"initiator.id": "billing"})
    assert (evaluation.outcome, evaluation.matched_rule_id) == (Outcome.ALLOW, "trusted")


def test_a_flag_without_its_fact_is_not_raised() -> None:
    rule = "id: third, when: {rolling_window: {measure: count, per: customer, within: 30d, gte: 3}}, effect: flag"
    text = policy_of(rule)
    fact = "window.count:customer:2592000:stripe.*"
    assert decide(text).flags == ()
    assert decide(text, **{fact: 1}).flags == ()
    flagged = decide(text, **{fact: 2})
    assert [flag.rule_id for flag in flagged.flags] == ["third"]
    assert (flagged.outcome, flagged.matched_rule_id, flagged.hits) == (Outcome.ALLOW, None, ())


def test_a_default_that_reviews_asks_somebody() -> None:
    rule = "id: trusted, when: {initiator_id: billing}, effect: allow"
    assert decide(policy_of(rule, head="default: review\n")).approver_role == "controller"
    head = "default: {effect: review, reason: nobody_knows, message: Nobody knows, approvers: {role: admin}}\n"
    evaluation = decide(policy_of(rule, head=head))
    assert (evaluation.reason, evaluation.message, evaluation.approver_role) == (
        "nobody_knows",
        "Nobody knows",
        "admin",
    )


def test_the_windows_a_policy_needs_are_named_once_and_inherit_its_scope() -> None:
    third = "rolling_window: {measure: count, per: customer, within: 30d, gte: 3}"
    tenth = "rolling_window: {measure: count, per: customer, within: 720h, gte: 10}"
    other = "rolling_window: {measure: sum, per: merchant, within: 15m, currency: eur, rail: stripe_daa, gt: 1}"
    text = policy_of(
        f"id: a, when: {{{third}}}, effect: flag",
        f"id: b, when: {{any: [{{{tenth}}}, {{{other}}}]}}, effect: deny",
    ).replace("{rail: stripe}", "{rail: stripe, rail_action: [refund, credit]}", 1)
    compiled = compile_policy(parse(text))
    assert compiled.windows == (
        WindowSpec("count", "customer", 2_592_000, "stripe", ("credit", "refund")),
        WindowSpec("sum", "merchant", 900, "stripe_daa", (), "eur"),
    )
    assert [window.name for window in compiled.windows] == [
        "count:customer:2592000:stripe.credit+refund",
        "sum:merchant:900:stripe_daa.*:eur",
    ]


def test_a_movement_is_not_added_to_a_window_of_other_movements() -> None:
    window = "rolling_window: {measure: count, per: organization, within: 1d, rail_action: refund, gte: 3}"
    text = policy_of(f"id: busy, when: {{{window}}}, effect: deny")
    fact = "window.count:organization:86400:stripe.refund"
    assert decide(text, **{fact: 2}).outcome is Outcome.DENY
    assert decide(text, **{fact: 2}, rail_action="payout").outcome is Outcome.ALLOW
    assert decide(text, **{fact: 3}, rail_action="payout").outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("bound", "days"),
    [
        ("gt: 7", {8}),
        ("gte: 7", {7, 8}),
        ("lt: 7", {6}),
        ("lte: 7", {6, 7}),
        ("gte: 7, lt: 8", {7}),
        ("gt: 8, lte: 6", set()),
    ],
)
def test_bounds_are_exact(bound: str, days: set[int]) -> None:
    text = policy_of(f"id: tenure, when: {{context: {{customer_tenure_days: {{{bound}}}}}}}, effect: deny")
    found = {day for day in (6, 7, 8) if decide(text, **{"context.customer_tenure_days": day}).reason == "tenure"}
    assert found == days


@pytest.mark.parametrize(
    ("expected", "countries"),
    [
        ("US", {"US"}),
        ("[KP, US]", {"KP", "US"}),
        ("{in: [KP]}", {"KP"}),
        ("{not_in: [KP, US]}", {"NO"}),
        ("{not_in: US}", {"KP", "NO"}),
    ],
)
def test_a_fact_is_one_of_the_values_or_of_none_of_them(expected: str, countries: set[str]) -> None:
    every = {"KP", "NO", "US"}
    plain, negated = f"counterparty: {{country: {expected}}}", f"not: {{counterparty: {{country: {expected}}}}}"
    for condition, wanted in ((plain, countries), (negated, every - countries)):
        text = policy_of(f"id: place, when: {{{condition}}}, effect: deny")
        assert {each for each in every if decide(text, **{"counterparty.country": each}).reason == "place"} == wanted


def test_scopes_are_compared_as_sets_and_none_are_known_to_be_none() -> None:
    text = policy_of('id: unscoped, when: {agent_scope: {none_of: ["payments:write"]}}, effect: deny')
    assert decide(text, **{"initiator.scopes": []}).reason == "unscoped"
    assert decide(text, **{"initiator.scopes": ["a", "payments:write"]}).reason == "default_allow"
    assert decide(text).reason == "missing_fact"


@pytest.mark.parametrize(
    ("quantifier", "holds_one", "holds_both"),
    [("any_of", True, True), ("all_of", False, True), ("none_of", False, False)],
)
def test_any_all_or_none_of_the_scopes(quantifier: str, holds_one: bool, holds_both: bool) -> None:
    plain = policy_of(f"id: scoped, when: {{agent_scope: {{{quantifier}: [a, b]}}}}, effect: deny")
    negated = policy_of(f"id: scoped, when: {{not: {{agent_scope: {{{quantifier}: [a, b]}}}}}}, effect: deny")
    for held, expected in ((["a", "c"], holds_one), (["a", "b", "c"], holds_both)):
        assert (decide(plain, **{"initiator.scopes": held}).outcome is Outcome.DENY) is expected
        assert (decide(negated, **{"initiator.scopes": held}).outcome is Outcome.DENY) is not expected


@pytest.mark.parametrize(
    "when",
    [
        "amount: {currency: usd, gt: 100}",
        "rolling_window: {measure: sum, per: organization, within: 1h, currency: usd, gt: 100}",
    ],
)
def test_a_limit_on_an_amount_without_a_currency_is_not_passed_by(when: str) -> None:
    text = policy_of(f"id: limit, when: {{{when}}}, effect: deny")
    windows = {each.fact: 0 for each in compile_policy(parse(text)).windows}
    evaluation = decide(text, **windows, currency=None)
    assert (evaluation.outcome, evaluation.hits[0].missing) == (Outcome.REVIEW, ("currency",))


def test_the_hash_is_of_the_meaning_not_the_layout() -> None:
    text = pack("refunds-starter")
    compiled = compile_policy(parse(text))
    assert compile_policy(parse("# a note\n" + text.replace("priority: 10\n", "priority:   10\n"))).content_hash == (
        compiled.content_hash
    )
    assert compile_policy(parse(text.replace("gt: 15000", "gt: 15001"))).content_hash != compiled.content_hash


def test_facts_are_flat_and_what_is_not_stated_is_unknown() -> None:
    ovt = Ovt(
        rail="stripe_daa",
        rail_action="agent_payout",
        amount=Amount("25000", "usd"),
        initiator=Initiator("agent", "agent_1", ("payments:write",)),
        counterparty=Counterparty(country="us"),
        target=Target(charge="ch_1"),
        context=Context(reason_code="", customer_tenure_days=0),
        metadata={"order": "7"},
    )
    facts = facts_of(ovt, windows={"count:charge:60:stripe.*": 2}, labels={"marked_for_review": True})
    known = {name: value for name, value in facts.items() if value is not None}
    assert known == {
        "rail": "stripe_daa",
        "rail_action": "agent_payout",
        "amount_cents": 25_000,
        "currency": "usd",
        "initiator.kind": "agent",
        "initiator.id": "agent_1",
        "initiator.scopes": ["payments:write"],
        "counterparty.country": "US",
        "target.charge": "ch_1",
        "context.customer_tenure_days": 0,
        "metadata.order": "7",
        "execute": "caller",
        "window.count:charge:60:stripe.*": 2,
        "label.marked_for_review": True,
    }


SCRIPT = """
import sys
from datetime import UTC, datetime
import msgspec
from policies import compile_policy, evaluate, pack, pack_names, parse
sys.path.append(sys.argv[1])
from generated_cases import cases
for name in pack_names():
    compiled = compile_policy(parse(pack(name)))
    facts = {"rail": "stripe", "rail_action": "refund", "amount_cents": 17500, "currency": "usd"}
    print(msgspec.json.encode(evaluate(compiled, facts, now=datetime(2026, 4, 28, tzinfo=UTC))).decode())
for _, compiled, movements, now in cases(seed=4, policies=20, movements=10):
    for facts in movements:
        print(msgspec.json.encode(evaluate(compiled, facts, now=now)).decode())
"""


def test_the_answer_is_the_same_in_every_process_and_under_any_hash_seed() -> None:
    answers = [
        subprocess.run(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-c", SCRIPT, Path(__file__).parents[1] / "twins"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "0", "1", "2")
    ]
    assert len(set(answers)) == 1
    assert answers[0].count("policy_hash") > 200
