"""Payments that settling code makes: paid by one test card, declined for another, never twice under one key."""

from typing import Any

import httpx
import pytest

CARD = {"amount": "2500", "currency": "usd", "payment_method_types[]": "card"}
PAID = CARD | {"confirm": "true", "payment_method": "pm_card_visa"}


@pytest.fixture
def http(sandbox: Any) -> httpx.Client:
    return httpx.Client(base_url=sandbox.url, auth=("sk_test_123", ""))


def test_confirmed_payment_is_paid_by_a_charge(http: httpx.Client) -> None:
    intent = http.post("/v1/payment_intents", data=PAID | {"metadata[axiru_jti]": "jti_1"}).json()
    assert (intent["status"], intent["amount_received"], intent["metadata"]) == (
        "succeeded",
        2500,
        {"axiru_jti": "jti_1"},
    )
    charge = http.get(f"/v1/charges/{intent['latest_charge']}").json()
    assert (charge["paid"], charge["amount"], charge["payment_intent"]) == (True, 2500, intent["id"])
    assert charge["metadata"] == {"axiru_jti": "jti_1"}
    assert http.get(f"/v1/payment_intents/{intent['id']}").json() == intent
    refund = http.post("/v1/refunds", data={"payment_intent": intent["id"]}).json()
    assert refund["charge"] == charge["id"]


def test_payment_is_made_once_under_one_key(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "ed_1"}
    first, again = (http.post("/v1/payment_intents", data=PAID, headers=headers) for _ in range(2))
    assert (first.json(), again.headers["idempotent-replayed"]) == (again.json(), "true")


def test_payment_that_is_not_confirmed_waits(http: httpx.Client) -> None:
    without = http.post("/v1/payment_intents", data=CARD).json()
    chosen = http.post("/v1/payment_intents", data=CARD | {"payment_method": "pm_card_visa"}).json()
    assert (without["status"], without["latest_charge"]) == ("requires_payment_method", None)
    assert (chosen["status"], chosen["amount_received"]) == ("requires_confirmation", 0)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"payment_method": "pm_card_chargeDeclined"}, 402, "card_declined"),
        ({"payment_method": "pm_unknown"}, 400, "resource_missing"),
        ({"payment_method": None}, 400, "payment_intent_unexpected_state"),
        ({"amount": "0"}, 400, "parameter_invalid_integer"),
        ({"amount": None}, 400, "parameter_missing"),
        ({"currency": None}, 400, "parameter_missing"),
        ({"payment_method_types[]": "konbini"}, 400, None),
        ({"payment_method_types[]": None}, 400, None),
        ({"metadata[token]": "x" * 501}, 400, None),
        ({"off_session": "true"}, 400, None),
        ({"unknown": "x"}, 400, "parameter_unknown"),
    ],
)
def test_payment_is_refused(change: dict[str, str | None], status: int, code: str | None, http: httpx.Client) -> None:
    form = {name: value for name, value in (PAID | change).items() if value is not None}
    refused = http.post("/v1/payment_intents", data=form)
    assert (refused.status_code, refused.json()["error"].get("code")) == (status, code)
