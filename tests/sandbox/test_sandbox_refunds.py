"""Refunds through the real stripe library: amounts, refusals, lists, metadata, cancellation."""

import asyncio
from typing import Any

import pytest
import stripe


def metadata_of(refund: stripe.Refund) -> dict[str, str]:
    assert refund.metadata is not None
    return refund.metadata.to_dict()


def test_a_refund_names_its_charge_and_lowers_what_is_left(client: stripe.StripeClient, charge: stripe.Charge) -> None:
    refund = client.v1.refunds.create(
        {"charge": charge.id, "amount": 18_000, "reason": "duplicate", "metadata": {"axiru_decision_id": "dec_1"}}
    )

    assert (refund.amount, refund.currency, refund.status, refund.reason) == (18_000, "usd", "succeeded", "duplicate")
    assert refund.charge == charge.id
    assert refund.payment_intent == charge.payment_intent
    assert metadata_of(refund) == {"axiru_decision_id": "dec_1"}
    assert client.v1.refunds.retrieve(refund.id) == refund
    refunded = client.v1.charges.retrieve(charge.id)
    assert (refunded.amount_refunded, refunded.refunded) == (18_000, False)


def test_refunds_in_pieces_end_at_the_amount_of_the_charge(client: stripe.StripeClient, charge: stripe.Charge) -> None:
    for amount in (10_000, 10_000):
        client.v1.refunds.create({"charge": charge.id, "amount": amount})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge.id, "amount": 30_000})
    assert refused.value.user_message == (
        "Refund amount ($300.00) is greater than unrefunded amount on charge ($200.00)"
    )
    assert (refused.value.http_status, refused.value.param, refused.value.code) == (400, "amount", None)

    rest = client.v1.refunds.create({"charge": charge.id})
    assert rest.amount == 20_000
    assert client.v1.charges.retrieve(charge.id).refunded is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 40_000


def test_more_than_the_charge_is_refused(client: stripe.StripeClient, charge: stripe.Charge) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$400.01\) is greater than charge amount \(\$400.00\)"):
        client.v1.refunds.create({"charge": charge.id, "amount": 40_001})


async def test_concurrent_refunds_never_exceed_the_charge(client: stripe.StripeClient, charge: stripe.Charge) -> None:
    async def refund_fifty_dollars() -> bool:
        try:
            await client.v1.refunds.create_async({"charge": charge.id, "amount": 5_000})
        except stripe.InvalidRequestError:
            return False
        return True

    outcomes = await asyncio.gather(*(refund_fifty_dollars() for _ in range(12)))

    assert outcomes.count(True) == 8
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 40_000


def test_a_refund_by_payment_intent_reaches_its_charge(client: stripe.StripeClient, charge: stripe.Charge) -> None:
    intent = client.v1.payment_intents.retrieve(str(charge.payment_intent))
    assert (intent.latest_charge, intent.amount, intent.status) == (charge.id, 40_000, "succeeded")

    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})

    assert refund.charge == charge.id


@pytest.mark.parametrize(
    ("params", "status", "code", "param"),
    [
        ({"charge": "ch_of_nobody"}, 404, "resource_missing", "id"),
        ({"payment_intent": "pi_of_nobody"}, 404, "resource_missing", "payment_intent"),
        ({"amount": 100}, 400, None, None),
        ({"charge": "ch_demo_020", "amount": 0}, 400, "parameter_invalid_integer", "amount"),
        ({"charge": "ch_demo_020", "amount": -5}, 400, "parameter_invalid_integer", "amount"),
        ({"charge": "ch_demo_020", "amount": "1.5"}, 400, "parameter_invalid_integer", "amount"),
        ({"charge": "ch_demo_020", "amount": "1_000"}, 400, "parameter_invalid_integer", "amount"),
        ({"charge": "ch_demo_020", "amount": ""}, 400, "parameter_invalid_empty", "amount"),
        ({"charge": "ch_demo_020", "reason": "bored"}, 400, None, "reason"),
        ({"charge": "ch_demo_020", "amount_cents": 100}, 400, "parameter_unknown", "amount_cents"),
        ({"charge": "ch_demo_020", "metadata": {"k" * 41: "v"}}, 400, None, "metadata"),
        ({"charge": "ch_demo_020", "reverse_transfer": True}, 400, None, "reverse_transfer"),
    ],
)
def test_a_refund_that_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, params: Any, status: int, code: str | None, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create(params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (status, code, param)
    assert client.v1.charges.retrieve("ch_demo_020").amount_refunded == 0


def test_refunds_are_listed_by_charge_newest_first_and_page_by_page(
    client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    other = client.v1.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"})
    client.v1.refunds.create({"charge": other.id})
    made = [client.v1.refunds.create({"charge": charge.id, "amount": amount}).id for amount in (100, 200, 300)][::-1]

    first = client.v1.refunds.list({"charge": charge.id, "limit": 2})
    assert ([refund.id for refund in first], first.has_more) == (made[:2], True)
    second = client.v1.refunds.list({"charge": charge.id, "limit": 2, "starting_after": made[1]})
    assert ([refund.id for refund in second], second.has_more) == (made[2:], False)
    before = client.v1.refunds.list({"charge": charge.id, "limit": 1, "ending_before": made[2]})
    assert ([refund.id for refund in before], before.has_more) == ([made[1]], True)
    assert [
        refund.id for refund in client.v1.refunds.list({"charge": charge.id, "limit": 1}).auto_paging_iter()
    ] == made
    by_intent = client.v1.refunds.list({"payment_intent": str(charge.payment_intent)})
    assert [refund.id for refund in by_intent] == made
    created = client.v1.refunds.retrieve(made[0]).created
    assert client.v1.refunds.list({"charge": charge.id, "created": {"gt": created}}).data == []
    assert (
        len(client.v1.refunds.list({"charge": charge.id, "created": {"gte": created - 60, "lte": created}}).data) == 3
    )
    with pytest.raises(stripe.InvalidRequestError, match="must be less than or equal to 100"):
        client.v1.refunds.list({"limit": 101})


def test_metadata_of_a_refund_is_merged_and_unset_by_empty_values(
    client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    refund = client.v1.refunds.create({"charge": charge.id, "metadata": {"kept": "1", "gone": "2"}})

    updated = client.v1.refunds.update(refund.id, {"metadata": {"gone": "", "new": "3"}})

    assert metadata_of(updated) == {"kept": "1", "new": "3"}
    assert metadata_of(client.v1.refunds.update(refund.id, {"metadata": ""})) == {}


def test_a_refund_can_be_cancelled_only_while_it_requires_action(
    client: stripe.StripeClient, charge: stripe.Charge
) -> None:
    by_card = client.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError, match="its status is succeeded"):
        client.v1.refunds.cancel(by_card.id)

    konbini = client.v1.charges.create({"amount": 500, "currency": "jpy", "source": "src_konbini"})
    refund = client.v1.refunds.create({"charge": konbini.id, "instructions_email": "ryo@example.com"})
    assert refund.status == "requires_action"
    assert client.v1.charges.retrieve(konbini.id).amount_refunded == 500

    assert client.v1.refunds.cancel(refund.id).status == "canceled"
    assert client.v1.charges.retrieve(konbini.id).amount_refunded == 0
    with pytest.raises(stripe.InvalidRequestError, match="its status is canceled"):
        client.v1.refunds.cancel(refund.id)
