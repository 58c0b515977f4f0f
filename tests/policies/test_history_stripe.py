"""Refunds as Stripe's API tells them: what is known of each, what is not, and what does not count."""

from typing import Any

import msgspec
import pytest

from policies import pack, parse
from policies.history import NothingAboutRefunds, Report
from policies.history.stripe_refunds import replay_pulled

DAY = 86_400
NOW = 1_760_000_000
TENURE = """
policy: tenure
schema: 2
applies_to: {rail: stripe}
rules:
  - id: new_customer
    when: {context: {customer_tenure_days: {lt: 7}}}
    effect: deny
    when_missing: skip
"""
METADATA = """
policy: metadata
schema: 2
applies_to: {rail: stripe}
rules:
  - id: by_chat
    when: {context: {metadata.channel: chat}}
    effect: deny
    when_missing: skip
"""
MERCHANT = """
policy: merchant
schema: 2
applies_to: {rail: stripe}
rules:
  - id: this_shop
    when: {merchant: {stripe_account_id: {in: [acct_1]}}}
    effect: deny
  - id: by_an_agent
    when: {initiator_kind: agent}
    effect: deny
"""


def pulled(
    number: int = 1, *, charge: dict[str, Any] | None = None, customer: dict[str, Any] | None = None, **refund: Any
) -> bytes:
    told = {"id": f"re_{number}", "amount": 1_000, "currency": "usd", "created": NOW, "status": "succeeded", **refund}
    return msgspec.json.encode({"account": "acct_1", "refund": told, "charge": charge, "customer": customer})


def judged(policy: str, *lines: bytes) -> Report:
    return replay_pulled(lines, parse(policy))


def paid(days_ago: float = 1, customer: str = "cus_1", **more: Any) -> dict[str, Any]:
    return {"created": int(NOW - days_ago * DAY), "customer": customer, **more}


def test_tenure_counts_from_the_day_stripe_came_to_know_the_customer() -> None:
    old, new = {"created": NOW - 400 * DAY}, {"created": NOW - 6 * DAY}
    report = judged(
        TENURE,
        pulled(1, charge=paid(customer="cus_old"), customer=old),
        pulled(2, charge=paid(customer="cus_new"), customer=new),
    )
    assert [(each.id, each.rule) for each in report.findings] == [("re_2", "new_customer")]


@pytest.mark.parametrize(("days", "blocked"), [(6.99, 1), (7, 0), (0, 1)])
def test_tenure_is_counted_in_whole_days(days: float, blocked: int) -> None:
    report = judged(TENURE, pulled(charge=paid(), customer={"created": int(NOW - days * DAY)}))
    assert report.blocked.count == blocked


def test_a_customer_who_is_gone_is_known_since_the_first_charge_that_came_along() -> None:
    first = pulled(1, created=NOW - 20 * DAY, charge=paid(25))
    later = pulled(2, charge=paid(1))
    assert judged(TENURE, later).blocked.count == 1
    assert [each.id for each in judged(TENURE, later, first).findings] == ["re_1"]


def test_a_refund_nobody_is_known_for_has_no_tenure() -> None:
    report = judged(
        TENURE, pulled(1, charge=paid(), customer={"created": NOW}), pulled(2), pulled(3, charge=paid(0, ""))
    )
    assert [each.id for each in report.findings] == ["re_1"]
    assert report.not_evaluable == ()


def test_where_no_customer_is_known_at_all_tenure_is_not_evaluable() -> None:
    report = judged(TENURE, pulled(1), pulled(2, charge=paid(1, "")))
    assert (report.not_evaluable, report.refunds, report.allowed.count) == (("new_customer",), 2, 2)


def test_an_empty_history_is_judged_and_leaves_no_rule_out() -> None:
    report = judged(TENURE)
    assert (report.rows, report.refunds, report.not_evaluable, report.since) == (0, 0, (), None)


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_reached_nobody_does_not_count(status: str) -> None:
    report = judged(TENURE, pulled(1, status=status), pulled(2))
    assert (report.rows, report.refunds) == (2, 1)
    assert report.caveats == ("1 refund not counted, because Stripe says that nothing reached the customer.",)


@pytest.mark.parametrize("status", ["succeeded", "pending", "requires_action"])
def test_a_refund_that_may_yet_arrive_counts(status: str) -> None:
    assert judged(TENURE, pulled(status=status)).refunds == 1


def test_metadata_of_the_refund_comes_before_that_of_its_charge() -> None:
    report = judged(
        METADATA,
        pulled(1, charge=paid(metadata={"channel": "chat"})),
        pulled(2, charge=paid(metadata={"channel": "chat"}), metadata={"channel": "phone"}),
        pulled(3, metadata={"channel": "chat"}),
    )
    assert [each.id for each in report.findings] == ["re_1", "re_3"]


def test_metadata_that_nobody_wrote_is_not_evaluable() -> None:
    assert judged(METADATA, pulled()).not_evaluable == ("by_chat",)


def test_the_account_is_known_and_who_asked_is_not() -> None:
    report = judged(MERCHANT, pulled())
    assert (report.blocked.count, report.not_evaluable) == (1, ("by_an_agent",))


def test_findings_are_told_by_time_and_name_no_line() -> None:
    lines = [pulled(number, created=NOW - number * DAY, amount=20_000, reason="duplicate") for number in (1, 2, 3)]
    report = judged(pack("refunds-starter"), *lines)
    assert [(each.id, each.line) for each in report.findings] == [("re_3", None), ("re_2", None), ("re_1", None)]


def test_a_policy_without_refunds_is_refused() -> None:
    with pytest.raises(NothingAboutRefunds):
        judged(pack("daa-starter"), pulled())


def test_fields_to_come_change_nothing() -> None:
    line = msgspec.json.decode(pulled(charge=paid(), a_field_to_come={"a": 1}))
    assert judged(TENURE, msgspec.json.encode({**line, "another": 1})).refunds == 1
