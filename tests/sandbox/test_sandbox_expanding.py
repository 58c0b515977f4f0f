"""Expanding: a page of refunds brings its charges and customers along, and what cannot be expanded is refused."""

from typing import Any

import pytest
import stripe


def test_a_page_of_refunds_brings_charges_and_customers(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create()
    charge = client.v1.charges.create(
        {"amount": 2_000, "currency": "usd", "source": "tok_visa", "customer": customer.id}
    )
    client.v1.refunds.create({"charge": charge.id, "amount": 500})

    (refund,) = client.v1.refunds.list({"charge": charge.id, "expand": ["data.charge.customer"]}).data

    assert isinstance(refund.charge, stripe.Charge)
    assert refund.charge.amount_refunded == 500
    assert isinstance(refund.charge.customer, stripe.Customer)
    assert refund.charge.customer.id == customer.id
    assert isinstance(client.v1.refunds.retrieve(refund.id).charge, str)


def test_a_customer_is_known_since_their_first_charge(client: stripe.StripeClient, sandbox: Any) -> None:
    form: Any = {"amount": 2_000, "currency": "usd", "source": "tok_visa", "customer": "cus_first_charge"}
    first = client.v1.charges.create(form)
    sandbox.advance_clock(86_400)
    client.v1.charges.create(form)

    assert client.v1.customers.retrieve("cus_first_charge").created == first.created


@pytest.mark.parametrize("path", ["data.nothing", "data.charge.customer.default_source.owner"])
def test_what_cannot_be_expanded_is_refused(client: stripe.StripeClient, path: str) -> None:
    client.v1.refunds.create({"charge": "ch_demo_017", "amount": 100})
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        client.v1.refunds.list({"expand": [path]})
