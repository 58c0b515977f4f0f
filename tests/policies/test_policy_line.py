"""An agent below another gets nothing that the one above would be refused: what a line of agents is judged by."""

from datetime import UTC, datetime
from typing import Any

import pytest
from drawn_policies import NAMES, cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axiru.domain.evaluation import Evaluation, Outcome
from axiru.domain.movement import Amount, Initiator, Ovt
from policies import Policy, compile_policy, evaluate, evaluate_line, facts_of, parse
from policies.commands import explain_policy, run_policy_tests
from policies.explain import explanation_text

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)
HEAD = "policy: lines\napplies_to: {rail: stripe}\n"
ASKS = "effect: review, approvers: {role: %s}"
DENIES_PARENT = HEAD + "rules:\n  - {id: not_parent, when: {initiator_id: parent}, effect: deny}\n"
TRUSTS = (
    HEAD + "default: deny\nrules:\n  - {id: trusted, when: {initiator_id: {in_list: trusted_agents}}, effect: allow}\n"
)
TRUSTED = "listed.trusted_agents.initiator.id"


def judged(text: str, *line: str, listed: dict[str, dict[str, bool | None]] | None = None) -> Evaluation:
    """The agents of `line`, the one that asks first."""
    lists = listed or {}
    asks, *above = line
    ovt = Ovt("stripe", "refund", Amount("100", "usd"), Initiator("agent", asks, ("a",), tuple(above)))
    facts = facts_of(ovt, windows={}, listed=lists.get(asks, {}))
    return evaluate_line(compile_policy(parse(text)), facts, {each: lists.get(each, {}) for each in above}, now=NOW)


@given(case=cases(), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_line_gets_what_the_severest_judged_of_its_agents_gets_and_flags_of_all(
    case: tuple[Policy, dict[str, Any]], data: st.DataObject
) -> None:
    policy, facts = compile_policy(case[0]), case[1]
    specs = [spec.fact for spec in policy.lists if spec.subject_fact == "initiator.id"]
    answers = st.fixed_dictionaries({fact: st.sampled_from((True, False, None)) for fact in specs})
    above = data.draw(st.dictionaries(st.sampled_from((*NAMES, "dee")), answers, max_size=3))
    alone = [evaluate(policy, facts, now=NOW)] + [
        evaluate(policy, {**facts, **listed, "initiator.id": agent}, now=NOW) for agent, listed in above.items()
    ]

    told = evaluate_line(policy, facts, above, now=NOW)

    severest = [Outcome.DENY, Outcome.REVIEW, Outcome.ALLOW]
    assert told.outcome is min((each.outcome for each in alone), key=severest.index)
    assert {flag.rule_id for flag in told.flags} == {flag.rule_id for each in alone for flag in each.flags}
    whose = dict(zip((None, *above), alone, strict=True))[told.judged_as or None]
    assert (told.outcome, told.reason, told.review, told.hits) == (
        *(whose.outcome, whose.reason, whose.review),
        whose.hits,
    )


@pytest.mark.parametrize("above", [("parent",), ("between", "parent"), ("parent", "root")])
def test_a_rule_about_an_agent_binds_those_below_it(above: tuple[str, ...]) -> None:
    told = judged(DENIES_PARENT, "child", *above)
    assert (told.outcome, told.reason, told.judged_as) == (Outcome.DENY, "not_parent", "parent")
    assert judged(DENIES_PARENT, "child", "another").outcome is Outcome.ALLOW


def test_a_rule_about_an_agent_below_binds_nobody_above() -> None:
    text = DENIES_PARENT.replace("parent", "child")
    assert judged(text, "parent", "root").outcome is Outcome.ALLOW
    told = judged(text, "child", "parent")
    assert (told.outcome, told.judged_as or None) == (Outcome.DENY, None)


@pytest.mark.parametrize(
    ("child", "parent", "outcome"),
    [
        (True, True, Outcome.ALLOW),
        (True, False, Outcome.DENY),
        (False, True, Outcome.DENY),
        (True, None, Outcome.DENY),
    ],
)
def test_a_list_that_allows_agents_has_to_hold_the_whole_line(
    child: bool, parent: bool | None, outcome: Outcome
) -> None:
    told = judged(TRUSTS, "child", "parent", listed={"child": {TRUSTED: child}, "parent": {TRUSTED: parent}})
    assert told.outcome is outcome
    assert (told.judged_as or None) == ("parent" if child and outcome is Outcome.DENY else None)


def test_a_list_nobody_looked_into_for_the_agent_above_is_unknown_and_not_what_it_is_for_who_asks() -> None:
    assert judged(TRUSTS, "child", "parent", listed={"child": {TRUSTED: True}}).outcome is Outcome.DENY


def test_who_is_asked_is_named_by_the_first_rule_of_the_policy_among_the_reviews_of_a_line() -> None:
    rules = (
        f"{{id: of_child, when: {{initiator_id: child}}, {ASKS % 'finance_manager'}}}",
        f"{{id: of_parent, priority: 10, when: {{initiator_id: parent}}, {ASKS % 'controller'}}}",
    )
    text = HEAD + "rules:\n" + "".join(f"  - {rule}\n" for rule in rules)

    told = judged(text, "child", "parent")
    assert (told.matched_rule_id, told.approver_role, told.judged_as) == ("of_parent", "controller", "parent")

    told = judged(text.replace("priority: 10", "priority: 200"), "child", "parent")
    assert (told.matched_rule_id, told.approver_role, told.judged_as or None) == ("of_child", "finance_manager", None)


def test_scopes_are_those_that_the_request_claims_whoever_it_is_judged_as() -> None:
    rule = "{all: [{initiator_id: parent}, {agent_scope: {none_of: [a]}}]}"
    text = HEAD + f"rules:\n  - {{id: without, when: {rule}, effect: deny}}\n"
    assert judged(text, "child", "parent").outcome is Outcome.ALLOW
    assert judged(text.replace("none_of: [a]", "any_of: [a]"), "child", "parent").outcome is Outcome.DENY


def test_policy_that_does_not_look_at_who_asks_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(compiled: Any, facts: Any, *, now: datetime) -> Evaluation:
        asked.append(facts["initiator.id"])
        return evaluate(compiled, facts, now=now)

    monkeypatch.setattr("policies.line.evaluate", counted)
    judged(HEAD + "rules:\n  - {id: r, when: {amount: {currency: usd, gt: 1}}, effect: deny}\n", "child", "parent")
    assert asked == ["child"]
    judged(DENIES_PARENT, "child")
    judged(DENIES_PARENT, "child", "parent")
    expression = "{custom_expression: \"initiator.id == 'parent'\"}"
    judged(DENIES_PARENT.replace("{initiator_id: parent}", expression), "child", "parent")
    assert asked == ["child", "child", "child", "parent", "child", "parent"]


def test_a_case_and_an_explanation_state_the_agents_above() -> None:
    case = (
        "policy: lines\ncases:\n  - name: passed on\n    now: 2026-04-28T20:00:00Z\n    movement:\n      rail: stripe\n"
        "      rail_action: refund\n      amount_cents: 100\n      currency: usd\n"
        "      initiator: {kind: agent, id: child, lineage: [parent]}\n"
        "    expect: {outcome: deny, judged_as: parent}\n"
    )
    (result,) = run_policy_tests(DENIES_PARENT, case)
    assert result.passed
    trusting = case.replace("    expect: {outcome: deny, judged_as: parent}", "    lists: {trusted_agents: [child]}\n")
    (result,) = run_policy_tests(TRUSTS, trusting + "    expect: {outcome: deny, judged_as: parent}\n")
    assert result.passed
    (result,) = run_policy_tests(
        TRUSTS, trusting.replace("[child]", "[child, parent]") + "    expect: {outcome: allow}\n"
    )
    assert result.passed

    ovt = Ovt("stripe", "refund", Amount("100", "usd"), Initiator("agent", "child", lineage=("parent",)))
    text = explanation_text(explain_policy(DENIES_PARENT, ovt, now=NOW))
    assert "judged as parent, above the agent that asks" in text
    assert "matched      deny    100  not_parent (initiator_id) ← decides" in text
