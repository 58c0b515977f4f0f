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
    charge = http.post("/v1/charges", data=KONBINI_CHARGE).json()
    refund = http.post("/v1/refunds", data={"charge": charge["id"], "instructions_email": "ryo@example.com"}).json()
    event = http.get("/v1/events").json()["data"][0]
    ids = {
        "charges": charge["id"],
        "customers": http.post("/v1/customers").json()["id"],
        "refunds": refund["id"],
        "events": event["id"],
        "payment_intents": charge["payment_intent"],
    }
    bodies = {
        "/v1/charges": KONBINI_CHARGE,
        "/v1/refunds": {"charge": "ch_demo_019", "amount": "1"},
        "/v1/refunds/{id}": {"metadata[a]": "b"},
    }

    for method, path in CATALOG:
        answer = http.request(
            method,
            path.replace("{id}", ids.get(path.split("/")[2], "")),
            data=bodies.get(path) if method == "POST" else None,
        )
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
