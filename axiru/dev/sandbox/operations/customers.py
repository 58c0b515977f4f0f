"""Customers: who paid, and since when they are known. https://docs.stripe.com/api/customers"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.metadata import kept
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.refusals import StripeRefusal


def introduce(books: Books, customer: str | None) -> None:
    """Have a customer that a charge names, made with the first charge that names them."""
    if customer is None:
        return
    try:
        books.get("customer", customer, param="customer")
    except StripeRefusal:
        books.add(_customer(customer, created=books.now, metadata={}))


class CreateCustomer(msgspec.Struct, frozen=True):
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreateCustomer":
        parameters.refuse_unsupported("address", "description", "email", "name", "phone", "shipping", "source")
        operation = cls(kept(parameters.metadata()))
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        customer = _customer(new_id("cus"), created=books.now, metadata=self.metadata)
        books.add(customer)
        books.record_event("customer.created", customer)
        return customer


class RetrieveCustomer(msgspec.Struct, frozen=True):
    customer: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveCustomer":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("customer", self.customer, param="id")


def _customer(customer_id: str, *, created: int, metadata: dict[str, str]) -> Document:
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": metadata,
        "name": None,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
