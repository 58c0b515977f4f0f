"""Stripe's own approvals, rate limits, and what a caller finds out about them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

from axiru.dev.sandbox.rate_limits import RateLimit, RateLimits

DAY_SECONDS = 24 * 60 * 60


def held(client: stripe.StripeClient, charge: str, key: str) -> dict[str, Any]:
    """Ask for a refund that approvals hold; gives the approval request in the error."""
    with pytest.raises(stripe.StripeError) as refused:
        client.v1.refunds.create(
            {"charge": charge, "amount": 100, "metadata": {"axiru_decision_id": "dec_1"}}, {"idempotency_key": key}
        )
    assert (refused.value.http_status, refused.value.code) == (402, "approval_required")
    assert isinstance(refused.value.json_body, dict)
    approval: dict[str, Any] = refused.value.json_body["error"]["approval_request"]
    return approval


def read(sandbox: Any, approval_id: str) -> dict[str, Any]:
    url = f"{sandbox.url}/v2/core/approval_requests/{approval_id}"
    headers = {"Stripe-Version": "2026-08-26.preview"}
    found: dict[str, Any] = httpx.get(url, auth=("sk_test_123", ""), headers=headers).raise_for_status().json()
    return found


def review(sandbox: Any, approval_id: str, *, approved: bool) -> httpx.Response:
    return httpx.post(f"{sandbox.url}/_sandbox/approval_requests/{approval_id}", json={"approved": approved})


@pytest.fixture
def unjudged(sandbox: Any) -> stripe.StripeClient:
    """A client whose answers nobody holds against the published description, which has no approvals."""
    return stripe.StripeClient("sk_test_123", base_addresses={"api": sandbox.url}, max_network_retries=0)


def test_a_held_call_is_made_by_stripe_once_it_is_approved(
    sandbox: Any, unjudged: stripe.StripeClient, charge: stripe.Charge
) -> None:
    sandbox.plan_fault("approval_required")
    key = str(uuid4())
    approval = held(unjudged, charge.id, key)
    assert (approval["action"], approval["status"]) == ("refund.create", "requires_review")
    assert approval["id"] in approval["dashboard_url"]
    assert unjudged.v1.refunds.list({"charge": charge.id}).data == []
    # Whoever asks again with the same key hears the same, and there is no second approval request.
    assert held(unjudged, charge.id, key) == approval

    answer = review(sandbox, approval["id"], approved=True)

    (refund,) = unjudged.v1.refunds.list({"charge": charge.id}).data
    assert (refund.amount, refund.metadata and refund.metadata.to_dict()) == (100, {"axiru_decision_id": "dec_1"})
    found = read(sandbox, approval["id"])
    assert found == answer.json()
    assert found["status"] == "succeeded"
    assert found["status_details"] == {"succeeded": {"result": {"id": refund.id, "object": "refund"}}}
    assert found["review"]["result"] == "approved"
    assert "call" not in found
    assert review(sandbox, approval["id"], approved=True).status_code == 400
    assert len(unjudged.v1.refunds.list({"charge": charge.id}).data) == 1


def test_a_rejected_call_is_never_made(sandbox: Any, unjudged: stripe.StripeClient, charge: stripe.Charge) -> None:
    sandbox.plan_fault("approval_required")
    approval = held(unjudged, charge.id, str(uuid4()))

    review(sandbox, approval["id"], approved=False).raise_for_status()

    assert read(sandbox, approval["id"])["status"] == "rejected"
    assert review(sandbox, approval["id"], approved=True).status_code == 400
    assert unjudged.v1.refunds.list({"charge": charge.id}).data == []


def test_an_approved_call_that_stripe_refuses_then_has_failed(
    sandbox: Any, unjudged: stripe.StripeClient, charge: stripe.Charge
) -> None:
    sandbox.plan_fault("approval_required")
    approval = held(unjudged, charge.id, str(uuid4()))
    unjudged.v1.refunds.create({"charge": charge.id})

    review(sandbox, approval["id"], approved=True).raise_for_status()

    found = read(sandbox, approval["id"])
    assert found["status"] == "failed"
    assert found["status_details"]["failed"]["error_code"] == "charge_already_refunded"


def test_whoever_asked_can_cancel_and_time_ends_what_nobody_reviews(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = stripe.StripeClient("sk_test_123", base_addresses={"api": sandbox.url}, max_network_retries=0)
    sandbox.plan_fault("approval_required", times=2)
    first, second = (held(client, "ch_demo_001", str(uuid4()))["id"] for _ in range(2))
    url = f"{sandbox.url}/v2/core/approval_requests"
    canceled = httpx.post(f"{url}/{first}/cancel", json={}, auth=("sk_test_123", ""))
    assert canceled.json()["status"] == "canceled"

    sandbox.advance_clock(14 * DAY_SECONDS)

    assert read(sandbox, second)["status"] == "expired"
    assert read(sandbox, first)["status"] == "canceled"
    assert [found["id"] for found in httpx.get(url, auth=("sk_test_123", "")).json()["data"]] == [second, first]
    assert httpx.get(f"{url}/apreq_of_nobody", auth=("sk_test_123", "")).status_code == 404
    assert httpx.get(f"{url}/{first}").status_code == 401


@pytest.mark.parametrize(
    ("path", "form", "action"),
    [
        ("/v1/payouts", {"amount": "100", "currency": "usd"}, "payout.create"),
        ("/v1/transfers", {"amount": "1", "currency": "usd", "destination": "acct_demo_merchant_1"}, "transfer.create"),
        ("/v1/disputes/du_demo_003/close", {}, "dispute.close"),
    ],
)
def test_payouts_transfers_and_closings_can_be_held_too(
    sandbox: Any, path: str, form: dict[str, str], action: str
) -> None:
    sandbox.plan_fault("approval_required", path=path)
    answer = httpx.post(f"{sandbox.url}{path}", data=form, auth=("sk_test_123", ""))
    assert answer.json()["error"]["approval_request"]["action"] == action

    approval = answer.json()["error"]["approval_request"]["id"]
    assert review(sandbox, approval, approved=True).json()["status"] == "succeeded"


def test_what_no_approval_can_hold_goes_through(sandbox: Any, client: stripe.StripeClient) -> None:
    sandbox.plan_fault("approval_required", path="/v1/transfers/tr_demo_002/reversals")

    assert client.v1.transfers.reversals.create("tr_demo_002", {"amount": 1}).amount == 1


def test_a_429_says_when_to_come_back_and_executes_nothing(
    sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    sandbox.plan_fault("status_429", seconds=2.5)
    key = str(uuid4())
    with pytest.raises(stripe.RateLimitError) as refused:
        client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})
    assert refused.value.error is not None
    assert (refused.value.http_status, refused.value.error.code) == (429, "rate_limit")
    assert refused.value.headers is not None
    assert refused.value.headers["retry-after"] == "3"
    assert client.v1.refunds.list({"charge": charge.id}).data == []

    assert client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key}).amount == 100


def test_a_rate_limit_is_one_keys_alone_until_it_is_lifted(sandbox: Any) -> None:
    url = f"{sandbox.url}/_sandbox/rate_limits"
    limit = {"requests_per_second": 0, "key": "sk_test_busy", "retry_after_seconds": 1}

    def asked(key: str) -> httpx.Response:
        return httpx.get(f"{sandbox.url}/v1/balance", auth=(key, ""))

    httpx.post(url, json=limit).raise_for_status()
    try:
        refused, other = asked("sk_test_busy"), asked("sk_test_123")
    finally:
        httpx.delete(url).raise_for_status()

    assert (refused.status_code, refused.headers["retry-after"], other.status_code) == (429, "1", 200)
    assert refused.json()["error"]["code"] == "rate_limit"
    assert asked("sk_test_busy").status_code == 200


def test_a_rate_limit_counts_the_last_second_of_each_key() -> None:
    limits = RateLimits()
    assert limits.exceeded("a", now=0.0) is None
    limits.limits.append(RateLimit(requests_per_second=2))

    refused = [limits.exceeded("a", now=moment) is not None for moment in (1.0, 1.5, 1.9, 2.0, 2.4, 2.5)]

    # The one at 1.0 has left the window at 2.0, and what was refused is not counted.
    assert refused == [False, False, True, False, True, False]
    assert limits.exceeded("b", now=2.5) is None
