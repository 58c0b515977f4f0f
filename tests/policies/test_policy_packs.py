"""The shipped packs do what the product pages and the demo organization promise."""

import pytest

from policies import PackUnknown, Policy, compile_policy, pack, pack_names, pack_tests, parse
from policies.commands import run_policy_tests
from policies.syntax import Effect

CASES = [(name, result) for name in pack_names() for result in run_policy_tests(pack(name), pack_tests(name))]


@pytest.mark.parametrize(("name", "result"), CASES, ids=[f"{name}: {result.name}" for name, result in CASES])
def test_a_pack_passes_its_cases(name: str, result: object) -> None:
    assert result.differences == (), name  # type: ignore[attr-defined]


def ids_by_severity(policy: Policy, *effects: Effect) -> list[str]:
    return [each.rule.id for each in compile_policy(policy).rules if each.rule.effect in effects]


def test_the_refund_pack_has_its_rules_in_order_of_severity() -> None:
    policy = parse(pack("refunds-starter"))
    assert ids_by_severity(policy, Effect.DENY, Effect.REVIEW, Effect.ALLOW) == [
        "new_customer_high_value",
        "high_value_refund_review",
        "suspected_fraud_review",
        "currency_not_covered",
    ]
    assert len(ids_by_severity(policy, Effect.FLAG)) == 3
    deadlines = {rule.review.deadline_seconds for rule in policy.rules if rule.review}
    assert deadlines == {86_400}


def test_the_agent_pack_has_its_rules_in_order_of_severity() -> None:
    assert ids_by_severity(parse(pack("daa-starter")), *Effect) == [
        "agent_payment_cap_exceeded",
        "rolling_window_exceeded",
        "counterparty_country_blocked",
    ]


@pytest.mark.parametrize("name", pack_names())
def test_every_rule_of_a_pack_is_named_by_one_of_its_cases(name: str) -> None:
    named: set[str | None] = set()
    for result in run_policy_tests(pack(name), pack_tests(name)):
        named.add(result.evaluation.matched_rule_id)
        named.update(flag.rule_id for flag in result.evaluation.flags)
    assert {rule.id for rule in parse(pack(name)).rules} <= named


def test_the_refund_pack_is_about_all_of_stripe_and_nothing_else() -> None:
    compiled = compile_policy(parse(pack("refunds-starter")))
    assert compiled.applies_to("stripe", "refund")
    assert compiled.applies_to("stripe", "payout")
    assert not compiled.applies_to("stripe_daa", "refund")


@pytest.mark.parametrize("name", ["refunds", "refunds-starter_test", "../__init__", ""])
def test_an_unknown_pack_is_refused(name: str) -> None:
    with pytest.raises(PackUnknown):
        pack(name)
