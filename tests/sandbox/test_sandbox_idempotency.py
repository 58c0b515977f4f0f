"""Idempotency keys and the faults they exist for. https://docs.stripe.com/api/idempotent_requests"""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import stripe

DAY_SECONDS = 24 * 60 * 60


@pytest.fixture
def key() -> str:
    return f"key-{uuid4()}"


def header(error: stripe.StripeError, name: str) -> str | None:
    assert error.headers is not None
    return error.headers.get(name)


def code(error: stripe.StripeError) -> str:
    # The library keeps the code of a 409 in the body only.
    assert error.error is not None
    return str(error.error.code)


def refund_ids(client: stripe.StripeClient, charge: str) -> list[str]:
    return [refund.id for refund in client.v1.refunds.list({"charge": charge, "limit": 100})]


def test_a_repeated_request_is_answered_from_memory(
    client: stripe.StripeClient, charge: stripe.Charge, key: str
) -> None:
    first: Any = client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})
    assert "idempotent-replayed" not in first.last_response.headers
    # Same parameters in another order are the same parameters.
    again: Any = client.v1.refunds.create({"amount": 100, "charge": charge.id}, {"idempotency_key": key})

    assert again.last_response.body == first.last_response.body
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.headers["request-id"]
    assert refund_ids(client, charge.id) == [first.id]


def test_a_key_with_other_parameters_is_refused(client: stripe.StripeClient, charge: stripe.Charge, key: str) -> None:
    client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})

    with pytest.raises(stripe.IdempotencyError, match="same parameters they were first used with") as refused:
        client.v1.refunds.create({"charge": charge.id, "amount": 101}, {"idempotency_key": key})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint they were first used for"):
        client.v1.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"}, {"idempotency_key": key})
    assert len(refund_ids(client, charge.id)) == 1


def test_a_key_belongs_to_one_account(client: stripe.StripeClient, charge: stripe.Charge, key: str) -> None:
    client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})

    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        client.v1.refunds.create(
            {"charge": charge.id, "amount": 100}, {"idempotency_key": key, "stripe_account": "acct_other"}
        )


def test_a_refused_execution_is_remembered_and_a_refused_parameter_is_not(
    client: stripe.StripeClient, charge: stripe.Charge, key: str
) -> None:
    too_much: Any = {"charge": charge.id, "amount": 40_001}
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="greater than charge amount") as refused:
            client.v1.refunds.create(too_much, {"idempotency_key": key})
        assert header(refused.value, "idempotent-replayed") == replayed

    with pytest.raises(stripe.InvalidRequestError, match="must be greater than or equal to 1"):
        client.v1.refunds.create({"charge": charge.id, "amount": 0}, {"idempotency_key": f"{key}-2"})
    assert client.v1.refunds.create({"charge": charge.id, "amount": 1}, {"idempotency_key": f"{key}-2"}).amount == 1


async def test_concurrent_requests_with_one_key_make_one_refund(
    client: stripe.StripeClient, charge: stripe.Charge, key: str
) -> None:
    async def refund() -> str:
        try:
            made = await client.v1.refunds.create_async({"charge": charge.id, "amount": 100}, {"idempotency_key": key})
        except stripe.APIError as error:
            return code(error)
        return made.id

    answers = await asyncio.gather(*(refund() for _ in range(24)))

    assert set(answers) - {"idempotency_key_in_use"} == set(refund_ids(client, charge.id))
    assert len(refund_ids(client, charge.id)) == 1


async def test_a_key_is_in_use_until_its_request_has_executed(
    sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge, key: str
) -> None:
    sandbox.plan_fault("delay_before_seconds", seconds=0.5)
    slow = asyncio.create_task(client.v1.refunds.create_async({"charge": charge.id}, {"idempotency_key": key}))
    await asyncio.sleep(0.2)

    with pytest.raises(stripe.APIError) as refused:
        await client.v1.refunds.create_async({"charge": charge.id}, {"idempotency_key": key})

    assert (refused.value.http_status, code(refused.value)) == (409, "idempotency_key_in_use")
    made = await slow
    assert refund_ids(client, charge.id) == [made.id]


def test_a_500_after_execution_is_replayed_although_the_refund_exists(
    sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge, key: str
) -> None:
    sandbox.plan_fault("status_500_after")
    for replayed in (None, "true"):
        with pytest.raises(stripe.APIError) as failed:
            client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})
        assert failed.value.http_status == 500
        assert header(failed.value, "idempotent-replayed") == replayed

    assert len(refund_ids(client, charge.id)) == 1


def test_a_500_before_execution_leaves_the_key_unused(
    sandbox: Any, client: stripe.StripeClient, charge: stripe.Charge, key: str
) -> None:
    sandbox.plan_fault("status_500_before")
    with pytest.raises(stripe.APIError):
        client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})
    assert refund_ids(client, charge.id) == []

    made = client.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})

    assert refund_ids(client, charge.id) == [made.id]


@pytest.mark.parametrize("kind", ["hang_seconds", "drop_connection_after"])
def test_an_answer_that_never_came_is_found_by_repeating_the_request(
    sandbox: Any, charge: stripe.Charge, key: str, kind: str
) -> None:
    impatient = sandbox.client(timeout_seconds=0.5)
    sandbox.plan_fault(kind, seconds=1)
    with pytest.raises(stripe.APIConnectionError):
        impatient.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})
    made = refund_ids(impatient, charge.id)
    assert len(made) == 1

    again = impatient.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": key})

    assert [again.id] == made
    assert again.last_response.headers["idempotent-replayed"] == "true"


def test_a_key_is_forgotten_after_a_day(start_sandbox: Callable[..., Any], key: str) -> None:
    sandbox = start_sandbox()
    client = sandbox.client()
    refund: Any = {"charge": "ch_demo_001", "amount": 100}
    first = client.v1.refunds.create(refund, {"idempotency_key": key})
    sandbox.advance_clock(DAY_SECONDS - 60)
    assert client.v1.refunds.create(refund, {"idempotency_key": key}).id == first.id

    sandbox.advance_clock(60)
    second = client.v1.refunds.create(refund, {"idempotency_key": key})

    assert second.id != first.id
    assert second.created >= first.created + DAY_SECONDS
    assert refund_ids(client, "ch_demo_001") == [second.id, first.id]
