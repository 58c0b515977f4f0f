"""Signed events: what is sent, in which order, and what happens when nobody takes them."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe


def wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def previous_attributes(event: Any) -> Any:
    return event.to_dict()["data"]["previous_attributes"]


def test_a_refund_is_announced_with_a_signature_that_the_library_accepts(
    start_sandbox: Callable[..., Any], webhook_receiver: Any, webhook_options: tuple[str, ...]
) -> None:
    client = start_sandbox(*webhook_options).client()
    refund = client.v1.refunds.create(
        {"charge": "ch_demo_001", "amount": 100}, {"idempotency_key": "key-1", "stripe_account": "acct_demo"}
    )
    client.v1.refunds.update(refund.id, {"metadata": {"seen": "yes"}})
    wait_until(lambda: len(webhook_receiver.received) == 3)

    created, refunded, updated = webhook_receiver.events()
    assert (created.type, created.data.object["id"]) == ("refund.created", refund.id)
    assert (refunded.type, refunded.data.object["amount_refunded"]) == ("charge.refunded", 100)
    assert previous_attributes(refunded) == {"amount_refunded": 0}
    assert (updated.type, previous_attributes(updated)) == ("refund.updated", {"metadata": {"seen": None}})
    assert {event.account for event in (created, refunded, updated)} == {"acct_demo"}
    assert created.request.idempotency_key == "key-1"
    signature, body = webhook_receiver.received[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.replace(b"100", b"900"), signature, "whsec_0123456789abcdef")

    stored = client.v1.events.list({"limit": 10})
    assert [event.id for event in stored] == [updated.id, refunded.id, created.id]
    assert [event.id for event in client.v1.events.list({"type": "charge.refunded"})] == [refunded.id]
    assert len(client.v1.events.list({"types": ["charge.refunded", "refund.created"]}).data) == 2
    wait_until(lambda: client.v1.events.retrieve(updated.id).pending_webhooks == 0)


def test_a_failed_delivery_is_repeated(
    start_sandbox: Callable[..., Any], webhook_receiver: Any, webhook_options: tuple[str, ...]
) -> None:
    webhook_receiver.statuses = [404]
    client = start_sandbox(*webhook_options).client()
    client.v1.refunds.create({"charge": "ch_demo_001", "amount": 100})
    wait_until(lambda: len(webhook_receiver.received) == 3)

    types = [event.type for event in webhook_receiver.events()]
    assert types == ["refund.created", "charge.refunded", "refund.created"]


def test_a_slow_endpoint_holds_up_no_answer(
    start_sandbox: Callable[..., Any], webhook_receiver: Any, webhook_options: tuple[str, ...]
) -> None:
    webhook_receiver.release.clear()
    client = start_sandbox(*webhook_options).client(timeout_seconds=2)
    for _ in range(3):
        client.v1.refunds.create({"charge": "ch_demo_001", "amount": 100})
    assert webhook_receiver.received == []

    webhook_receiver.release.set()
    wait_until(lambda: len(webhook_receiver.received) == 6)


def test_an_undelivered_event_survives_kill_9(
    start_sandbox: Callable[..., Any], webhook_receiver: Any, webhook_options: tuple[str, ...]
) -> None:
    webhook_receiver.statuses = [503, 503]
    sandbox = start_sandbox(*webhook_options)
    refund = sandbox.client().v1.refunds.create({"charge": "ch_demo_001", "amount": 100})
    wait_until(lambda: len(webhook_receiver.received) == 2)
    sandbox.kill()
    sandbox.start()

    wait_until(lambda: len(webhook_receiver.received) == 4)
    # Whether the second failure was written down before the kill decides which of the two comes first.
    assert {event.data.object["id"] for event in webhook_receiver.events()[2:]} == {refund.id, "ch_demo_001"}
