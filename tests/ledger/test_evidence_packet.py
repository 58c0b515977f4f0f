"""Packets of evidence: the same of the same inputs, within Stripe's limits, and never a card's or account's number."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from axiru.domain.dispute import DisputeFacts, dispute_facts
from axiru.domain.dispute_response import AskedAbout, plan_of, why_alone
from axiru.domain.evidence import (
    FIELDS,
    FILE_FIELDS,
    LONG_TEXT,
    MOST_CHARACTERS,
    ChargeFacts,
    DecisionFacts,
    fact_errors,
    packet_of,
    total_error,
    wanted_for,
)
from axiru.domain.forbidden_text import forbidden_in

NOW = datetime(2026, 4, 28, tzinfo=UTC)
CHARGE = ChargeFacts("ch_1", 20_000, "usd", 500, NOW, "normal")
DISPUTE = DisputeFacts(
    id="du_1",
    charge="ch_1",
    amount_cents=20_000,
    currency="usd",
    reason="fraudulent",
    status="needs_response",
    evidence_due_by=NOW,
    submission_count=0,
    opened_at=NOW,
)
REASONS = (
    *("bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized"),
    *("duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant"),
    *("product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized", "a reason to come"),
)


def decision(number: int, state: str = "denied", message: str = "Too late.") -> DecisionFacts:
    return DecisionFacts(f"ed_{number}", "refund", number, "usd", state, message, NOW + timedelta(days=number))


@given(
    facts=st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(min_size=1, max_size=300)),
    decisions=st.integers(0, 40),
    charge=st.sampled_from([CHARGE, None]),
    reason=st.sampled_from(REASONS),
)
def test_a_packet_is_made_the_same_again_and_fits(
    facts: dict[str, str], decisions: int, charge: ChargeFacts | None, reason: str
) -> None:
    dispute = msgspec.structs.replace(DISPUTE, reason=reason)
    made = [decision(number, message="x" * 900) for number in range(decisions)]
    packet = packet_of(dispute, charge=charge, decisions=made, facts=facts)
    assert packet == packet_of(dispute, charge=charge, decisions=made, facts=dict(reversed(facts.items())))
    assert all(0 < len(text) <= FIELDS[name] for name, text in packet.evidence.items())
    assert sum(map(len, packet.evidence.values())) <= MOST_CHARACTERS
    assert all(packet.evidence[name].startswith(text) for name, text in facts.items()), "what was given stands"
    assert packet.degraded is (charge is None) is ("charge" in packet.missing)


def test_generated_text_gives_way_to_what_the_caller_says() -> None:
    facts = {name: "x" * LONG_TEXT for name in FIELDS if FIELDS[name] == LONG_TEXT and name != "uncategorized_text"}
    filled = dict(list(facts.items())[:7]) | {"billing_address": "x" * 4_990}
    packet = packet_of(DISPUTE, charge=CHARGE, decisions=[decision(1)], facts=filled)
    assert sum(map(len, packet.evidence.values())) <= MOST_CHARACTERS


def test_the_newest_of_many_decisions_are_told() -> None:
    packet = packet_of(DISPUTE, charge=CHARGE, decisions=[decision(n) for n in range(1, 2_000)], facts={})
    text = packet.evidence["uncategorized_text"]
    assert len(text) <= LONG_TEXT
    assert "$19.99" in text
    assert "$0.01," not in text


def test_a_number_in_a_rules_message_is_not_sent() -> None:
    dispute = msgspec.structs.replace(DISPUTE, reason="credit_not_processed")
    told = [decision(1, message="Refunds to 4242 4242 4242 4242 are refused."), decision(2, message="Too late.")]
    packet = packet_of(dispute, charge=CHARGE, decisions=told, facts={})
    assert packet.evidence["refund_refusal_explanation"].endswith("refused. Too late.")
    assert "4242" not in str(packet.evidence)


def test_another_digest_for_another_word() -> None:
    digests = {packet_of(DISPUTE, charge=CHARGE, decisions=[], facts={"customer_name": name}).digest for name in "ab"}
    assert len(digests) == 2


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_wanted_are_text_fields_of_stripe(reason: str) -> None:
    assert wanted_for(reason)
    assert all(one in FIELDS for name in wanted_for(reason) for one in name.split("|"))


def test_any_of_several_fields_will_do() -> None:
    dispute = msgspec.structs.replace(DISPUTE, reason="product_not_received")
    facts = {"shipping_tracking_number": "Z1", "service_date": "2026-04-01"}
    missing = packet_of(dispute, charge=CHARGE, decisions=[], facts=facts).missing
    assert missing == ("customer_name", "customer_email_address", "product_description")


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "paid with 4242 4242 4242 4242, thanks",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        "order 12 4242 4242 4242 4242 99",
        "4242.4242.4242.4242",
        "6304000000000000\n4222222222222",
        "4242\u00a04242\u202f4242\u20074242",
        "4242\u20114242\u20134242\u22124242",
        "4242 - 4242 - 4242 - 4242",
        "4242/4242/4242/4242",
        "4242\u200b4242\u200b42424242",
        "\uff14\uff12\uff14\uff124242 42424242",
        "\u0664\u0662\u0664\u0662 4242 4242 4242",
    ],
)
def test_a_cards_number_is_found_however_it_is_written(text: str) -> None:
    assert forbidden_in(text) == "card_number"


@pytest.mark.parametrize(
    "text",
    [
        "DE89 3704 0044 0532 0130 00",
        "to GB82WEST12345698765432.",
        "de89370400440532013000",
        "DE89 3704 0044 0532 0130 00 PLEASE AND THANK YOU",
        "TO AB12 DE89-3704-0044-0532-0130-00",
        "GB82\u00a0WEST\u00a01234\u00a05698\u00a07654\u00a032",
    ],
)
def test_a_bank_accounts_number_is_found(text: str) -> None:
    assert forbidden_in(text) == "bank_account"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "2026-04-28 20:00:00 login from 203.0.113.7",
        "4242424242424241",
        "0000000000000000",
        "Order 1234567, 2 lamps for $1,250.00",
        "GB83WEST12345698765432",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert forbidden_in(text) is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"customer_name": "Ann"}, {}),
        ({"customer_name": None}, {}),
        ({"receipt": "file_1"}, {"receipt": "not_allowed"}),
        ({"customer_signature": "file_1"}, {"customer_signature": "not_allowed"}),
        ({"custmer_name": "Ann"}, {"custmer_name": "unknown_field"}),
        ({"customer_name": 7}, {"customer_name": "wrong_type"}),
        ({"customer_name": "  "}, {"customer_name": "too_short"}),
        ({"customer_name": "x" * 5_001}, {"customer_name": "too_long"}),
        ({"uncategorized_text": "x" * 20_000}, {}),
        ({"uncategorized_text": "x" * 20_001}, {"uncategorized_text": "too_long"}),
        ({"access_activity_log": "card 4242424242424242"}, {"access_activity_log": "not_allowed"}),
        ({"uncategorized_text": "DE89370400440532013000"}, {"uncategorized_text": "not_allowed"}),
        ({"service_date": "a\x00b", "receipt": "f"}, {"service_date": "malformed", "receipt": "not_allowed"}),
    ],
)
def test_each_fact_that_is_not_taken_is_named(facts: dict[str, object], expected: dict[str, str]) -> None:
    assert {error.field: error.code for error in fact_errors(facts)} == expected


def test_facts_may_not_be_more_than_stripe_takes() -> None:
    assert total_error({"a": "x" * MOST_CHARACTERS}) is None
    assert total_error({"a": "x" * MOST_CHARACTERS, "b": "y"}) is not None


def test_no_file_is_among_the_fields() -> None:
    assert not FILE_FIELDS & FIELDS.keys()


def test_a_dispute_is_read_in_its_present_and_its_older_shapes() -> None:
    present = {
        "id": "du_1",
        "amount": 20_000,
        "currency": "usd",
        "charge": {"id": "ch_1", "object": "charge"},
        "created": 1_777_000_000,
        "evidence_details": {"due_by": 1_777_600_000, "submission_count": 1},
        "reason": "fraudulent",
        "status": "under_review",
        "a field to come": {"x": 1},
    }
    facts = dispute_facts(present)
    assert (facts.charge, facts.submission_count) == ("ch_1", 1)
    assert facts.evidence_due_by == datetime.fromtimestamp(1_777_600_000, UTC)
    older: dict[str, Any] = {**present, "charge": "ch_1", "evidence_due_by": 1_777_600_000}
    del older["evidence_details"]
    assert dispute_facts(older) == msgspec.structs.replace(facts, submission_count=0)
    never = {**present, "evidence_details": {"due_by": 0}}
    assert dispute_facts(never).evidence_due_by is None
    with pytest.raises(ValueError, match="no dispute"):
        dispute_facts({"id": "du_1"})


def asked(*states: str | None, by_axiru: bool = False, by_control: bool = False) -> list[AskedAbout]:
    return [AskedAbout(state, by_axiru, by_axiru, by_control) for state in states]


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ([], "nobody_asked"),
        (asked(None), "decision_failed"),
        (asked(None, by_axiru=True), "under_way"),
        (asked("pending_approval"), "approval_unanswered"),
        (asked("expired"), "approval_unanswered"),
        (asked("execution_failed"), "execution_failed"),
        (asked("denied"), "denied"),
        (asked("denied", by_control=True), "stopped_by_a_control"),
        (asked("denied", "pending_approval"), "denied"),
        (asked("denied", "execution_failed"), "execution_failed"),
        (asked("pending_approval", "denied"), "denied"),
        (asked("denied", *["expired"] * 3), "denied"),
        (asked("executing"), "under_way"),
        (asked("denied", "approved"), "under_way"),
        (asked("held"), "under_way"),
        (asked("executed"), "nobody_asked"),
        (asked("executed", "expired"), "approval_unanswered"),
        (asked(*["execution_failed"] * 5, by_axiru=True), "refused_by_stripe"),
        (asked("denied", by_axiru=True), "denied"),
    ],
)
def test_why_axiru_answers_alone_or_does_not(before: list[AskedAbout], why: str) -> None:
    assert why_alone(before, packet_degraded=False) == why


def test_degraded_inputs_are_a_reason_where_nobody_asked() -> None:
    assert why_alone([], packet_degraded=True) == "inputs_degraded"
    assert why_alone(asked("denied"), packet_degraded=True) == "denied"


def test_moments_of_a_dispute_count_backwards_from_its_deadline() -> None:
    plan = plan_of("needs_response", NOW, lead=timedelta(hours=6), degraded=False)
    assert plan.remind_at == NOW - timedelta(hours=24)
    assert plan.last_word_at == NOW - timedelta(hours=6)
    assert plan_of("needs_response", None, lead=timedelta(hours=6), degraded=False).last_word_at is None


def test_the_longest_text_of_single_digits_is_looked_through_at_once() -> None:
    """Anybody who may give facts may give this one; nothing else is answered meanwhile."""
    begun = time.process_time()
    assert forbidden_in("1 " * (MOST_CHARACTERS // 2)) is None
    assert time.process_time() - begun < 5
