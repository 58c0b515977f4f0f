"""`axiru policy check`, `test` and `explain`, as functions."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from axiru.cli.policy import policy as policy_group
from axiru.domain.movement import Amount, Context, Initiator, Ovt, Target
from policies import PolicyInvalid, pack, pack_tests
from policies.commands import check_policy, explain_policy, run_policy_tests, say_policy
from policies.explain import explanation_text

NOW = datetime(2026, 4, 28, 20, tzinfo=UTC)


def refund(rail_action: str = "refund", **context: object) -> Ovt:
    known = Context(**context)  # type: ignore[arg-type]
    return Ovt("stripe", rail_action, Amount("17500", "usd"), Initiator("service", "key_1"), context=known)


def test_check_is_silent_about_a_good_policy_and_lists_the_faults_of_a_bad_one() -> None:
    assert check_policy(pack("refunds-starter")) == ()
    assert [str(each) for each in check_policy("policy: a\nrules: 1\n")] == [
        "1:1: `applies_to` is missing [missing_key]\n    hint: add `applies_to:`",
        "2:8: expected a list, found `1` [wrong_type]\n    hint: write [ … ] or lines with `-`",
    ]


def test_a_changed_limit_fails_the_case_that_pins_it() -> None:
    loosened = pack("refunds-starter").replace("gt: 15000", "gt: 20000")
    failed = [result for result in run_policy_tests(loosened, pack_tests("refunds-starter")) if not result.passed]
    assert [result.name for result in failed] == [
        "the reference page's refund of $175 asks a controller",
        "a cent over $150 asks a controller",
    ]
    assert "outcome: expected review, found allow" in failed[0].differences
    assert "rule: expected high_value_refund_review, found None" in failed[0].differences


def test_a_case_may_write_its_currency_in_capitals() -> None:
    tests = pack_tests("refunds-starter").replace("currency: usd", "currency: USD")
    assert tests != pack_tests("refunds-starter")
    assert all(result.passed for result in run_policy_tests(pack("refunds-starter"), tests))


def test_a_flag_that_no_case_expects_is_a_failure() -> None:
    eager = pack("refunds-starter").replace("gte: 13500", "gte: 12000")
    failed = [result for result in run_policy_tests(eager, pack_tests("refunds-starter")) if not result.passed]
    assert failed
    assert all(difference.startswith("flags:") for result in failed for difference in result.differences)


CASE = """policy: daa-starter
cases:
  - name: a case
    now: 2026-05-01T14:00:00Z
    movement: {rail: stripe_daa, rail_action: agent_payment, amount_cents: 1, currency: usd}
    expect: {outcome: allow}
"""


@pytest.mark.parametrize(
    ("was", "becomes", "line", "code"),
    [
        ("policy: daa-starter", "policy: refunds-starter", 1, "wrong_policy"),
        ("2026-05-01T14:00:00Z", "2026-05-01T14:00:00", 4, "invalid_value"),
        ("2026-05-01T14:00:00Z", "yesterday", 4, "invalid_value"),
        ("    now: 2026-05-01T14:00:00Z\n", "", 3, "invalid_case"),
        ("amount_cents: 1", "amount_cents: 1.5", 5, "wrong_type"),
        ("amount_cents: 1", "amount: 1", 5, "invalid_case"),
        ("currency: usd", "currency: usd, context: {reason: a}", 5, "unknown_key"),
        ("outcome: allow", "outcome: allow, rules: a", 6, "invalid_case"),
    ],
)
def test_a_case_file_with_a_fault_is_refused_at_its_line(was: str, becomes: str, line: int, code: str) -> None:
    assert run_policy_tests(pack("daa-starter"), CASE)[0].passed
    with pytest.raises(PolicyInvalid) as caught:
        run_policy_tests(pack("daa-starter"), CASE.replace(was, becomes))
    assert [(each.line, each.code) for each in caught.value.errors] == [(line, code)]


def test_a_case_about_a_movement_that_the_policy_does_not_govern_fails() -> None:
    tests = pack_tests("payouts-starter").replace("rail_action: payout", "rail_action: transfer")
    results = run_policy_tests(pack("payouts-starter"), tests)
    assert {result.differences[:1] for result in results} == {("the policy does not govern stripe.transfer",)}


def test_a_case_that_states_a_window_nobody_reads_fails() -> None:
    result = run_policy_tests(pack("daa-starter"), CASE + "    windows: {nothing: 1}\n")[0]
    assert result.differences == ("the policy reads no window nothing; it reads sum:initiator:86400:stripe_daa.*:usd",)


def test_explain_names_every_rule_and_what_it_lacked() -> None:
    explanation = explain_policy(pack("refunds-starter"), refund(customer_tenure_days=412), now=NOW)
    answers = {rule.rule_id: rule.answer for rule in explanation.rules}
    assert answers == {
        "new_customer_high_value": "not_matched",
        "high_value_refund_review": "matched",
        "suspected_fraud_review": "undecided",
        "currency_not_covered": "not_matched",
        "third_refund_to_customer": "undecided",
        "charge_refunded_in_pieces": "undecided",
        "just_under_approval_threshold": "not_matched",
    }
    text = explanation_text(explanation)
    assert "Refunds over $150 require approval" in text
    assert "high_value_refund_review (amount) ← decides" in text
    assert "cannot be decided without context.reason_code" in text
    assert "cannot be decided without context.customer_id" in text


def test_explain_takes_windows_as_stated() -> None:
    ovt = refund(customer_id="cus_1", reason_code="duplicate_charge", customer_tenure_days=412)
    stated = {"count:customer:2592000:stripe.refund": 2}
    explanation = explain_policy(pack("refunds-starter"), ovt, now=NOW, windows=stated)
    assert [flag.rule_id for flag in explanation.evaluation.flags] == ["third_refund_to_customer"]


@pytest.mark.parametrize(("target", "answer"), [({"payment_intent": "pi_1"}, "not_matched"), ({}, "undecided")])
def test_a_window_of_a_charge_is_known_by_its_payment_intent_too(target: dict[str, str], answer: str) -> None:
    ovt = msgspec.structs.replace(refund(), target=Target(**target))
    explanation = explain_policy(pack("refunds-starter"), ovt, now=NOW)
    pieces = next(rule for rule in explanation.rules if rule.rule_id == "charge_refunded_in_pieces")
    assert pieces.answer == answer
    assert ("target.charge or target.payment_intent" in pieces.message) is (answer == "undecided")


def test_explain_says_when_the_policy_is_about_something_else() -> None:
    explanation = explain_policy(pack("daa-starter"), refund(), now=NOW)
    assert not explanation.applies
    assert explanation_text(explanation).startswith("daa-starter does not apply")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(policy_group, [str(each) for each in arguments])
    return result.exit_code, result.output


def test_a_pack_is_said_in_plain_language_and_holds_its_cases_in_it(tmp_path: Path) -> None:
    plain, cases = tmp_path / "daa-starter.policy", tmp_path / "daa-starter_test.yaml"
    plain.write_text(say_policy(pack("daa-starter")), "utf-8")
    cases.write_text(pack_tests("daa-starter"), "utf-8")
    assert run("say", plain) == (0, plain.read_text("utf-8"))
    code, output = run("check", plain)
    assert (code, "[currency_without_cap]" in output) == (0, True)
    code, output = run("test", plain)
    assert code == 0
    assert "cases hold" in output
    (tmp_path / "daa-starter.yaml").write_text(pack("daa-starter"), "utf-8")
    code, output = run("test", cases)
    assert code == 1
    assert "and both are there" in output


def test_a_sentence_at_fault_is_shown_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "a.policy"
    file.write_text("Refunds over $150 require aproval by finance_manager.\n", "utf-8")
    shown = (
        f"{file}:1:27: `aproval` does not fit here [plain_syntax]\n"
        "    expected: “approval”\n"
        "    nearest: Refunds over $150 require approval by finance_manager.\n"
    )
    assert run("check", file) == (1, shown)
    assert run("say", file) == (1, shown)


def test_explain_reads_plain_language(tmp_path: Path) -> None:
    file, request = tmp_path / "a.policy", tmp_path / "request.json"
    file.write_text("Refunds over $150 require approval by finance_manager.\n", "utf-8")
    request.write_text('{"rail": "stripe", "rail_action": "refund", "amount_cents": 17500, "currency": "usd"}', "utf-8")
    code, output = run("explain", file, request)
    assert code == 0
    assert "refunds_over_150_usd_require_approval (amount) ← decides" in output
    assert "asks 1 × finance_manager" in output
