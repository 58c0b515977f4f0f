"""What happens on an account without a request of ours, and on the way of its events to the webhook endpoint."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe

DAY_SECONDS = 24 * 60 * 60


def wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def told(start_sandbox: Callable[..., Any], webhook_options: tuple[str, ...]) -> Any:
    """A sandbox that tells the receiver of its events."""
    return start_sandbox(*webhook_options)


def control(sandbox: Any, name: str, /, **body: Any) -> Any:
    return httpx.post(f"{sandbox.url}/_sandbox/{name}", json=body).raise_for_status().json()


def nothing_waits(sandbox: Any) -> bool:
    return not httpx.get(f"{sandbox.url}/_sandbox/webhooks/deliveries").json()["data"]


def test_a_refund_from_the_dashboard_names_no_request_and_is_in_no_log(told: Any, webhook_receiver: Any) -> None:
    made = control(told, "dashboard", path="/v1/refunds", params={"charge": "ch_demo_001", "amount": 500})

    wait_until(lambda: len(webhook_receiver.received) == 2)
    created, _ = webhook_receiver.events()
    assert (created.type, created.data.object["id"]) == ("refund.created", made["id"])
    assert created.to_dict()["data"]["object"]["metadata"] == {}
    assert (created.request.id, created.request.idempotency_key) == (None, None)
    assert httpx.get(f"{told.url}/_sandbox/requests").json()["data"] == []


@pytest.mark.parametrize(
    ("path", "params", "event_type"),
    [
        ("/v1/payouts", {"amount": 500, "currency": "usd"}, "payout.created"),
        ("/v1/transfers", {"amount": 5, "currency": "usd", "destination": "acct_demo_merchant_1"}, "transfer.created"),
        ("/v1/application_fees/fee_demo_001/refunds", {"amount": 5}, "application_fee.refunded"),
        ("/v1/disputes/du_demo_001/close", {}, "charge.dispute.closed"),
    ],
)
def test_every_button_of_the_dashboard_is_announced(
    told: Any, webhook_receiver: Any, stripe_schema: Any, path: str, params: dict[str, Any], event_type: str
) -> None:
    control(told, "dashboard", path=path, params=params)

    wait_until(lambda: bool(webhook_receiver.received))
    event = webhook_receiver.events()[0]
    assert event.type == event_type
    if stripe_schema is not None:
        shown = event.data.object.to_dict()
        stripe_schema.check_component(shown["object"], shown)


def test_the_dashboard_is_refused_what_the_api_refuses(sandbox: Any) -> None:
    url = f"{sandbox.url}/_sandbox/dashboard"
    too_much = httpx.post(url, json={"path": "/v1/refunds", "params": {"charge": "ch_demo_016", "amount": 40_001}})
    assert (too_much.status_code, too_much.json()["error"]["param"]) == (400, "amount")
    assert httpx.post(url, json={"path": "/v1/nowhere"}).status_code == 404
    assert httpx.post(url, json={"path": "/v1/refunds", "parameters": {}}).status_code == 400


def test_a_failed_refund_gives_the_charge_back(
    sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 500})
    control(sandbox, f"objects/{refund.id}", status="pending")
    failed = control(sandbox, f"objects/{refund.id}", status="failed", failure_code="lost_or_stolen_card")

    assert (failed["status"], failed["failure_reason"]) == ("failed", "lost_or_stolen_card")
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    types = [event.type for event in client.v1.events.list({"limit": 3})]
    assert types == ["charge.refund.updated", "refund.failed", "refund.updated"]
    again = httpx.post(f"{sandbox.url}/_sandbox/objects/{refund.id}", json={"status": "succeeded"})
    assert again.status_code == 400


def test_a_customer_who_answers_lets_a_refund_succeed(sandbox: Any, client: stripe.StripeClient) -> None:
    konbini = client.v1.charges.create({"amount": 500, "currency": "jpy", "source": "src_konbini"})
    refund = client.v1.refunds.create({"charge": konbini.id, "instructions_email": "ryo@example.com"})

    control(sandbox, f"objects/{refund.id}", status="succeeded")

    after = client.v1.refunds.retrieve(refund.id)
    assert after.status == "succeeded"
    assert client.v1.balance_transactions.retrieve(str(after.balance_transaction)).net == -500


def test_a_customer_who_never_answers_lets_a_refund_fail(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    konbini = client.v1.charges.create({"amount": 500, "currency": "jpy", "source": "src_konbini"})
    refund = client.v1.refunds.create({"charge": konbini.id, "instructions_email": "ryo@example.com"})
    sandbox.advance_clock(44 * DAY_SECONDS)
    assert client.v1.refunds.retrieve(refund.id).status == "requires_action"

    sandbox.advance_clock(DAY_SECONDS)

    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert client.v1.charges.retrieve(konbini.id).amount_refunded == 0


def test_what_a_live_account_does_is_live(told: Any, webhook_receiver: Any) -> None:
    live = {"account": "acct_live_shop"}
    control(told, "balance", amount=500, currency="usd", **live)
    payout = control(told, "dashboard", path="/v1/payouts", params={"amount": 500, "currency": "usd"}, **live)

    wait_until(lambda: len(webhook_receiver.received) == 1)
    (event,) = webhook_receiver.events()
    assert (event.livemode, event.account, payout["livemode"]) == (True, "acct_live_shop", True)
    with pytest.raises(stripe.PermissionError):
        told.client(stripe_account="acct_live_shop").v1.payouts.retrieve(payout["id"])


def test_a_clock_is_not_moved_out_of_time(sandbox: Any) -> None:
    answer = httpx.post(f"{sandbox.url}/_sandbox/clock", json={"advance_seconds": 10**12})

    assert answer.status_code == 400


def test_a_dropped_event_is_only_found_by_asking(told: Any, webhook_receiver: Any) -> None:
    client = told.client()
    control(told, "webhooks/faults", kind="drop", type="refund.*")
    client.v1.refunds.create({"charge": "ch_demo_001", "amount": 500})

    wait_until(lambda: nothing_waits(told))
    assert [event.type for event in webhook_receiver.events()] == ["charge.refunded"]
    assert [event.type for event in client.v1.events.list()] == ["charge.refunded", "refund.created"]
    client.v1.refunds.create({"charge": "ch_demo_001", "amount": 500})
    wait_until(lambda: len(webhook_receiver.received) == 3)


def test_a_doubled_event_is_the_same_event(told: Any, webhook_receiver: Any) -> None:
    control(told, "webhooks/faults", kind="duplicate", type="refund.created")
    told.client().v1.refunds.create({"charge": "ch_demo_001", "amount": 500})

    wait_until(lambda: len(webhook_receiver.received) == 3)
    ids = [event.id for event in webhook_receiver.events() if event.type == "refund.created"]
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize("reverse", [True, False])
def test_held_events_come_in_the_order_they_are_released_in(told: Any, webhook_receiver: Any, reverse: bool) -> None:
    client = told.client()
    control(told, "webhooks/faults", kind="hold", times=4)
    for amount in (500, 600):
        client.v1.refunds.create({"charge": "ch_demo_001", "amount": amount})
    wait_until(lambda: all(one["held"] for one in httpx.get(f"{told.url}/_sandbox/webhooks/deliveries").json()["data"]))
    assert webhook_receiver.received == []

    assert control(told, "webhooks/release", reverse=reverse) == {"released": 4}

    wait_until(lambda: nothing_waits(told))
    made = [event.id for event in client.v1.events.list()]
    assert [event.id for event in webhook_receiver.events()] == (made if reverse else made[::-1])


def test_an_event_can_be_sent_again(told: Any, webhook_receiver: Any) -> None:
    told.client().v1.refunds.create({"charge": "ch_demo_001", "amount": 500})
    wait_until(lambda: len(webhook_receiver.received) == 2)
    first = webhook_receiver.events()[0].id

    control(told, f"events/{first}/resend")

    wait_until(lambda: len(webhook_receiver.received) == 3)
    assert webhook_receiver.events()[2].id == first
    assert httpx.post(f"{told.url}/_sandbox/events/evt_of_nobody/resend").status_code == 404


def test_an_old_endpoint_hears_old_shapes_with_fields_nobody_knows(told: Any, webhook_receiver: Any) -> None:
    dispute = told.client().v1.disputes.retrieve("du_demo_001").to_dict()

    control(
        told, "events", type="charge.dispute.updated", object=dispute, api_version="2020-08-27", extra={"mood": "dark"}
    )

    wait_until(lambda: len(webhook_receiver.received) == 1)
    (event,) = webhook_receiver.events()
    shown = event.to_dict()["data"]["object"]
    assert event.api_version == "2020-08-27"
    assert shown["mood"] == "dark"
    assert "payment_method_details" not in shown
    assert shown["network_reason_code"] == "10.4"
    charge = told.client().v1.charges.retrieve("ch_demo_001").to_dict()
    control(told, "events", type="charge.updated", object=charge, api_version="2020-08-27", id="evt_mine", created=5)
    wait_until(lambda: len(webhook_receiver.received) == 2)
    old = webhook_receiver.events()[1]
    assert (old.id, old.created) == ("evt_mine", 5)
    assert old.to_dict()["data"]["object"]["refunds"]["object"] == "list"


def test_moving_the_clock_counts_as_waiting_for_the_next_attempt(told: Any, webhook_receiver: Any) -> None:
    webhook_receiver.statuses = [500, 500, 500, 500]
    told.client().v1.refunds.create({"charge": "ch_demo_001", "amount": 500})
    wait_until(lambda: len(webhook_receiver.received) == 4)  # both at once, and again after a second

    told.advance_clock(60)

    wait_until(lambda: len(webhook_receiver.received) == 6)
    wait_until(lambda: nothing_waits(told))


def test_a_sandbox_that_sends_nothing_says_so(sandbox: Any) -> None:
    answer = httpx.post(f"{sandbox.url}/_sandbox/webhooks/faults", json={"kind": "drop"})

    assert answer.status_code == 409
    assert "--webhook-url" in answer.json()["detail"]
    assert httpx.post(f"{sandbox.url}/_sandbox/faults", json={"kind": "meteor", "path": "*"}).status_code == 400
