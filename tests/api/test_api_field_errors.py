"""Every field that is wrong is named at once, with its path and a code."""

import time
from typing import Any

import pytest

from api.auth import Caller
from api.errors import InvalidBody
from api.fields import MAX_FIELD_ERRORS, decode
from api.intake.decision_body import DecisionBody, read_decision
from api.intake.landing_body import LandingBody, read_landing
from axiru.domain.movement import Ovt

CALLER = Caller(
    organization_id="org",
    organization_name="Org",
    member_id="mem",
    member_name="Member",
    member_email="m@example.com",
    roles=(),
    permissions=frozenset(),
    subject="key/k",
    requests_per_minute=1,
    outcome_style="reference",
    api_key_id="key_1",
    mode="test",
)
RIGHT: dict[str, Any] = {
    "intent": {"kind": "refund", "amount_cents": 100, "currency": "usd"},
    "idempotency_key": "k",
}


def errors_of(raw: dict[str, Any]) -> dict[str, str]:
    """Field → code."""
    with pytest.raises(InvalidBody) as refused:
        read_decision(raw, CALLER)
    return {error.field: error.code for error in refused.value.field_errors}


def with_intent(**changes: Any) -> dict[str, Any]:
    return {**RIGHT, "intent": {**RIGHT["intent"], **changes}}


def movement(raw: dict[str, Any]) -> Ovt:
    return read_decision(raw, CALLER).ovt


def test_every_wrong_field_is_named_at_once() -> None:
    raw = {
        "intent": {"kind": "refnd", "amount_cents": "12", "currency": "dollars", "amount": 12},
        "context": {"customer_tenure_days": -1, "reason_code": 7},
        "execute": "stripe",
        "idempotency_key": "",
        "metdata": {},
    }
    assert errors_of(raw) == {
        "intent.kind": "not_allowed",
        "intent.amount_cents": "wrong_type",
        "intent.currency": "malformed",
        "intent.amount": "unknown_field",
        "context.customer_tenure_days": "out_of_range",
        "context.reason_code": "wrong_type",
        "execute": "not_allowed",
        "idempotency_key": "too_short",
        "metdata": "unknown_field",
    }


def test_an_empty_body_names_what_is_missing() -> None:
    assert errors_of({}) == {"intent": "missing", "idempotency_key": "missing"}


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "out_of_range"),
        (-1, "out_of_range"),
        (100_000_000_000, "out_of_range"),
        (1.0, "wrong_type"),
        (99.5, "wrong_type"),
        (True, "wrong_type"),
        ("100", "wrong_type"),
        (None, "wrong_type"),
        ([100], "wrong_type"),
        ({}, "wrong_type"),
    ],
)
def test_an_amount_that_is_not_a_whole_number_of_minor_units_is_refused(amount: object, code: str) -> None:
    assert errors_of(with_intent(amount_cents=amount)) == {"intent.amount_cents": code}


@pytest.mark.parametrize("amount", [1, 99_999_999_999])
def test_amounts_at_the_limits_are_taken(amount: int) -> None:
    assert movement(with_intent(amount_cents=amount)).amount.minor_units == amount


@pytest.mark.parametrize("currency", ["us", "usdd", "us1", "", "usd\n", " usd", "ÜSD", "€uro"])
def test_what_is_no_currency_code_is_refused(currency: str) -> None:
    assert list(errors_of(with_intent(currency=currency))) == ["intent.currency"]


def test_what_is_no_currency_code_is_told_in_words_what_one_is() -> None:
    with pytest.raises(InvalidBody) as refused:
        decode(with_intent(currency="dollars"), DecisionBody)
    assert [error.message for error in refused.value.field_errors] == ["Expected here: ISO 4217 code, as usd."]


@pytest.mark.parametrize(("currency", "exponent"), [("USD", 2), ("eur", 2), ("JPY", 0), ("kwd", 3)])
def test_currency_is_read_in_any_case_with_its_own_decimals(currency: str, exponent: int) -> None:
    amount = movement(with_intent(currency=currency)).amount
    assert (amount.asset, amount.exponent) == (currency.lower(), exponent)


@pytest.mark.parametrize("part", [None, 1, "x", [], True])
def test_an_intent_that_is_no_object_is_refused(part: object) -> None:
    assert errors_of({**RIGHT, "intent": part}) == {"intent": "wrong_type"}


def test_a_refund_needs_its_kind() -> None:
    raw = {**RIGHT, "intent": {"amount_cents": 100, "currency": "usd"}}
    assert errors_of(raw) == {"intent.kind": "missing"}


@pytest.mark.parametrize("kind", ["credit", "adjustment"])
def test_credits_and_adjustments_are_actions_of_their_own(kind: str) -> None:
    assert movement(with_intent(kind=kind)).rail_action == kind


@pytest.mark.parametrize("action", ["payout", "transfer", "app_fee_refund", "dispute"])
def test_other_actions_leave_the_kind_out_or_repeat_their_name(action: str) -> None:
    plain = {"amount_cents": 100, "currency": "usd"}
    assert movement({**RIGHT, "action": action, "intent": plain}).rail_action == action
    assert movement({**RIGHT, "action": action, "intent": {**plain, "kind": action}}).rail_action == action
    assert errors_of({**RIGHT, "action": action}) == {"intent.kind": "not_allowed"}


def test_axiru_executes_what_names_all_that_the_call_needs() -> None:
    assert errors_of({**RIGHT, "execute": "axiru"}) == {"intent.charge": "missing"}
    assert errors_of({**with_intent(kind="credit", charge="ch_1"), "execute": "axiru"}) == {
        "intent.kind": "not_executable"
    }
    plain = {"amount_cents": 100, "currency": "usd"}
    assert movement({**RIGHT, "action": "payout", "intent": plain, "execute": "axiru"}).execute == "axiru"
    for action, field in (("transfer", "destination"), ("app_fee_refund", "application_fee"), ("dispute", "dispute")):
        asked = {**RIGHT, "action": action, "intent": plain, "execute": "axiru"}
        assert errors_of(asked) == {f"intent.{field}": "missing"}


def test_unknown_context_is_kept_as_extra_facts() -> None:
    context = movement({**RIGHT, "context": {"customer_id": "cus_1", "vip": True, "score": {"risk": 0.5}}}).context
    assert (context.customer_id, context.extra) == ("cus_1", {"vip": True, "score": {"risk": 0.5}})


def test_extra_facts_are_bounded() -> None:
    assert errors_of({**RIGHT, "context": {f"fact_{n}": n for n in range(51)}}) == {"context": "too_many"}
    assert errors_of({**RIGHT, "context": {"essay": "x" * 9_000}}) == {"context": "too_long"}
    assert list(errors_of({**RIGHT, "context": {"n" * 65: 1}}).values()) == ["too_long"]


def test_metadata_keeps_stripes_limits() -> None:
    assert movement({**with_intent(metadata={"order_id": "1"}), "metadata": {"team": "a"}}).metadata == {
        "order_id": "1",
        "team": "a",
    }
    assert errors_of(with_intent(metadata={"order_id": 1})) == {"intent.metadata.order_id": "wrong_type"}
    assert errors_of(with_intent(metadata={"k" * 41: "v"})) == {"intent.metadata": "too_long"}
    assert errors_of(with_intent(metadata={"k": "v" * 501})) == {"intent.metadata.k": "too_long"}
    assert errors_of(with_intent(metadata={f"k{n}": "" for n in range(51)}))["intent.metadata"] == "too_many"
    halves = [{f"{half}{n}": "" for n in range(26)} for half in "ab"]
    assert errors_of({**with_intent(metadata=halves[0]), "metadata": halves[1]}) == {"metadata": "too_many"}


def test_two_different_sources_are_refused() -> None:
    assert movement({**RIGHT, "source": "bot"}).context.source == "bot"
    assert movement({**RIGHT, "context": {"source": "bot"}}).context.source == "bot"
    assert errors_of({**RIGHT, "source": "bot", "context": {"source": "person"}}) == {"context.source": "not_allowed"}


def test_neither_metadata_hides_what_the_other_says() -> None:
    def both(top: str, inner: str) -> dict[str, Any]:
        return {
            **RIGHT,
            "metadata": {"agent_id": top, "a": "1"},
            "intent": {**RIGHT["intent"], "metadata": {"agent_id": inner}},
        }

    assert movement(both("bot", "bot")).metadata == {"agent_id": "bot", "a": "1"}
    assert errors_of(both("bot", "somebody")) == {"intent.metadata": "not_allowed"}


def test_null_is_the_same_as_leaving_an_optional_field_out() -> None:
    nulls = {**with_intent(charge=None, metadata=None), "context": None, "source": None, "metadata": None}
    assert movement(nulls) == movement(RIGHT)


def test_an_idempotency_key_has_1_to_255_characters() -> None:
    assert read_decision({**RIGHT, "idempotency_key": "k" * 255}, CALLER).idempotency_key == "k" * 255
    assert errors_of({**RIGHT, "idempotency_key": "k" * 256}) == {"idempotency_key": "too_long"}
    assert errors_of({**RIGHT, "idempotency_key": 7}) == {"idempotency_key": "wrong_type"}


def test_the_short_form_needs_only_an_amount_where_the_currency_is_known() -> None:
    with pytest.raises(InvalidBody) as refused:
        read_landing({"org_api_key": "ak_test_x", "amount_cents": 100}, CALLER)
    assert [error.field for error in refused.value.field_errors] == ["currency"]
    asked = read_landing({"org_api_key": "ak_test_x", "amount_cents": 100, "currency": "EUR"}, CALLER)
    assert (asked.ovt.amount.asset, asked.ovt.rail_action, asked.idempotency_key) == ("eur", "refund", None)


@pytest.mark.parametrize("shape", [DecisionBody, LandingBody])
def test_what_msgspec_refuses_always_names_a_field(shape: type[DecisionBody | LandingBody]) -> None:
    for value in ({"intent": {}}, {"amount_cents": 2**53 - 1}, {"x": 1}, {"metadata": {"": "v"}, "amount_cents": 1}):
        with pytest.raises(InvalidBody) as refused:
            decode(value, shape)
        assert refused.value.field_errors


def test_a_body_of_nothing_but_mistakes_is_answered_briefly() -> None:
    began = time.process_time()
    errors = errors_of({f"f{n}": n for n in range(20_000)})
    assert len(errors) <= MAX_FIELD_ERRORS + 1
    assert time.process_time() - began < 1


def test_who_receives_a_transfer_is_its_destination() -> None:
    intent = {"amount_cents": 100, "currency": "usd", "destination": "acct_seller"}
    assert movement({**RIGHT, "action": "transfer", "intent": intent}).counterparty.stripe_account_id == "acct_seller"
    # A bank account is on nobody's list of accounts.
    intent["destination"] = "ba_1"
    assert movement({**RIGHT, "action": "payout", "intent": intent}).counterparty.stripe_account_id is None
