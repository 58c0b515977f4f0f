"""Every answer has the shape that Stripe publishes for its endpoint."""

from typing import Any

import httpx
import pytest
from jsonschema import ValidationError

from axiru.dev.sandbox.operations.catalog import CATALOG

KONBINI_CHARGE = {"amount": "500", "currency": "jpy", "source": "src_konbini"}


@pytest.fixture
def schema(stripe_schema: Any) -> Any:
    if stripe_schema is None:
        pytest.skip("Stripe's API description comes with the Go module of stripe-mock, and there is no Go here")
    return stripe_schema


def test_the_sandbox_offers_only_what_stripe_offers(schema: Any) -> None:
    assert set(CATALOG) <= schema.operations


def test_every_operation_answers_in_stripes_shape(sandbox: Any, schema: Any) -> None:
    http = httpx.Client(base_url=sandbox.url, auth=("sk_test_123", ""))

    def made(path: str, **form: str) -> Any:
        return http.post(path, data=form).raise_for_status().json()["id"]

    charge = http.post("/v1/charges", data=KONBINI_CHARGE).json()
    refund = made("/v1/refunds", charge=charge["id"], instructions_email="ryo@example.com")
    transfer = made("/v1/transfers", amount="500", currency="usd", destination="acct_demo_merchant_2")
    # Ids by the path they go into, the most specific path first; a list gives one to each request.
    ids = {
        "/v1/transfers/{id}/reversals/{id}": [transfer, made(f"/v1/transfers/{transfer}/reversals", amount="1")],
        "/v1/application_fees/{id}/refunds/{id}": [
            "fee_demo_005",
            made("/v1/application_fees/fee_demo_005/refunds", amount="1"),
        ],
        "/v1/payouts/{id}/reverse": ["po_demo_001"],
        "/v1/payouts": [made("/v1/payouts", amount="100", currency="usd")],
        "/v1/disputes/{id}/close": ["du_demo_005"],
        "/v1/disputes": ["du_demo_004"],
        "/v1/accounts": ["acct_demo_merchant_2"],
        "/v1/application_fees": ["fee_demo_005"],
        "/v1/balance_transactions": [charge["balance_transaction"]],
        "/v1/charges": [charge["id"]],
        "/v1/customers": [made("/v1/customers")],
        "/v1/events": [http.get("/v1/events").json()["data"][0]["id"]],
        "/v1/payment_intents": [charge["payment_intent"]],
        "/v1/refunds": [refund],
        "/v1/transfers": [transfer],
    }
    bodies = {
        "/v1/charges": KONBINI_CHARGE,
        "/v1/payment_intents": {"amount": "500", "currency": "usd", "payment_method_types[]": "card"},
        "/v1/refunds": {"charge": "ch_demo_019", "amount": "1"},
        "/v1/payouts": {"amount": "1000", "currency": "kwd"},
        "/v1/transfers": {"amount": "100", "currency": "usd", "destination": "acct_demo_merchant_1"},
        "/v1/transfers/{id}/reversals": {"amount": "1"},
        "/v1/application_fees/{id}/refunds": {"amount": "1"},
        "/v1/disputes/{id}": {"evidence[customer_name]": "Jane", "submit": "false"},
        "/v1/balance_settings": {"payments[payouts][schedule][interval]": "daily"},
        "/v1/accounts/{id}": {"settings[payouts][schedule][interval]": "manual"},
    }

    for method, path in CATALOG:
        fitting = next((ids[start] for start in ids if path.startswith(start)), [])
        url = path
        for one in fitting:
            url = url.replace("{id}", one, 1)
        body = {"metadata[a]": "b"} if path.endswith("{id}") else None
        answer = http.request(method, url, data=bodies.get(path, body) if method == "POST" else None)
        assert answer.status_code == 200, (method, path, answer.text)
        schema.check(method, str(answer.url), answer.status_code, answer.content)


def test_the_judge_finds_a_wrong_shape(sandbox: Any, schema: Any) -> None:
    charge = httpx.get(f"{sandbox.url}/v1/charges/ch_demo_001", auth=("sk_test_123", "")).json()
    schema.check_component("charge", charge)

    for wrong in ({"amount": "400"}, {"amount_refundet": 0}, {"payment_method_details": {"type": "card", "card": {}}}):
        with pytest.raises(ValidationError):
            schema.check_component("charge", charge | wrong)
    with pytest.raises(ValidationError):
        schema.check_component("charge", {name: value for name, value in charge.items() if name != "refunded"})
