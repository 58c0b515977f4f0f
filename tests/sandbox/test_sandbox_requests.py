"""Keys, accounts, headers, and requests that Stripe's own description refuses."""

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_live_key_is_refused(sandbox: Any) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        sandbox.client(key="sk_live_0123456789").v1.charges.list()

    assert refused.value.http_status == 401
    assert "sk_live_0123456789" not in str(refused.value.user_message)


@pytest.mark.parametrize("authorization", [None, "Bearer", "Digest sk_test_123", "Basic !!", "Bearer pk_test_123"])
def test_a_request_without_a_secret_test_key_is_refused(sandbox: Any, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = httpx.get(f"{sandbox.url}/v1/charges", headers=headers)

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
def test_restricted_keys_are_taken_by_both_schemes(sandbox: Any, scheme: str) -> None:
    key = "rk_test_abc"
    credentials = key if scheme == "bearer" else base64.b64encode(f"{key}:".encode()).decode()

    answer = httpx.get(f"{sandbox.url}/v1/account", headers={"Authorization": f"{scheme} {credentials}"})

    assert answer.json()["id"] == "acct_demo"


def test_each_account_has_its_own_charges(sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge) -> None:
    elsewhere = sandbox.client(stripe_account="acct_elsewhere")
    own = elsewhere.v1.charges.create({"amount": 700, "currency": "eur", "customer": "cus_1"})

    assert [item.id for item in elsewhere.v1.charges.list()] == [own.id]
    with pytest.raises(stripe.InvalidRequestError) as missing:
        elsewhere.v1.charges.retrieve(charge.id)
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.PermissionError):
        client.v1.charges.list({}, {"stripe_account": "not-an-account"})


def test_the_answer_names_request_version_and_account(sandbox: Any) -> None:
    client = sandbox.client(stripe_account="acct_demo")

    headers = client.v1.charges.retrieve("ch_demo_001").last_response.headers

    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"] == stripe.api_version
    assert headers["stripe-account"] == "acct_demo"


def test_the_demo_charges_are_there(client: stripe.StripeClient) -> None:
    for number in (1, 20):
        charge = client.v1.charges.retrieve(f"ch_demo_{number:03}")
        assert (charge.amount, charge.currency, charge.status) == (40_000, "usd", "succeeded")
        assert (charge.customer, charge.payment_intent) == (f"cus_demo_{number:03}", f"pi_demo_{number:03}")
    assert [item.id for item in client.v1.charges.list({"customer": "cus_demo_003"})] == ["ch_demo_003"]


def test_expand_is_accepted(client: stripe.StripeClient) -> None:
    assert client.v1.charges.retrieve("ch_demo_001", {"expand": ["customer", "payment_intent"]}).id == "ch_demo_001"


@pytest.mark.parametrize(
    "body",
    [b"charge=ch_demo_020&metadata=x&metadata[a]=b", b"charge=%ff", b"[charge]=ch_demo_020", "charge=é".encode()],
)
def test_a_malformed_form_is_refused(sandbox: Any, body: bytes) -> None:
    answer = httpx.post(f"{sandbox.url}/v1/refunds", content=body, headers=FORM, auth=("sk_test_123", ""))

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_json_body_is_refused(sandbox: Any) -> None:
    answer = httpx.post(f"{sandbox.url}/v1/refunds", json={"charge": "ch_demo_020"}, auth=("sk_test_123", ""))

    assert answer.status_code == 400
    assert "application/x-www-form-urlencoded" in answer.json()["error"]["message"]


def test_a_request_that_stripes_description_refuses_never_executes(
    sandbox: Any, client: stripe.StripeClient, stripe_mock_url: str | None
) -> None:
    if stripe_mock_url is None:
        pytest.skip("stripe-mock is not to be had here")
    params = {"charge": "ch_demo_018", "expand": "a list was expected"}

    answer = httpx.post(f"{sandbox.url}/v1/refunds", data=params, auth=("sk_test_123", ""))

    assert answer.status_code == 400
    assert "Request validation error" in answer.json()["error"]["message"]
    assert client.v1.charges.retrieve("ch_demo_018").amount_refunded == 0


def test_the_log_says_what_was_asked_and_answered(
    sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    httpx.delete(f"{sandbox.url}/_sandbox/requests").raise_for_status()
    for _ in range(2):
        client.v1.refunds.create(
            {"charge": charge.id, "amount": 5, "metadata": {"axiru_decision_id": "dec_9"}},
            {"idempotency_key": charge.id},
        )
    client.v1.refunds.list({"charge": charge.id})

    posted = httpx.get(f"{sandbox.url}/_sandbox/requests", params={"method": "POST", "path": "/v1/refunds"}).json()[
        "data"
    ]

    assert [(entry["status"], entry["replayed"], entry["idempotency_key"]) for entry in posted] == [
        (200, False, charge.id),
        (200, True, charge.id),
    ]
    assert posted[0]["params"] == {"charge": charge.id, "amount": "5", "metadata": {"axiru_decision_id": "dec_9"}}


def test_a_request_that_cannot_be_checked_never_executes(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox(stripe_mock_url="http://127.0.0.1:9")

    with pytest.raises(stripe.APIError, match="stripe-mock, which checks every request, does not answer") as failed:
        sandbox.client().v1.refunds.create({"charge": "ch_demo_001"})

    assert failed.value.http_status == 500
    posted = httpx.get(f"{sandbox.url}/_sandbox/requests").json()["data"]
    assert [entry["status"] for entry in posted] == [500]
