"""Charges: money that was taken and can be given back. https://docs.stripe.com/api/charges"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.customers import introduce
from axiru.dev.sandbox.operations.metadata import kept
from axiru.dev.sandbox.operations.payment_intents import payment_intent
from axiru.dev.sandbox.parameters import Page, Parameters, Period

KONBINI_SOURCE = "src_konbini"
"""A charge from this source is paid at a konbini: its refunds wait in `requires_action` for the customer's bank.

Stripe makes such charges only through Payment Intents; this source is the sandbox's own short way to one.
https://docs.stripe.com/payments/konbini/accept-a-payment
"""


class RetrieveCharge(msgspec.Struct, frozen=True):
    charge: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveCharge":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("charge", self.charge, param="id")


class ListCharges(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    customer: str | None
    payment_intent: str | None
    transfer_group: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListCharges":
        operation = cls(
            page=parameters.page(),
            created=parameters.created(),
            customer=parameters.text("customer"),
            payment_intent=parameters.text("payment_intent"),
            transfer_group=parameters.text("transfer_group"),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        equal = {
            "customer": self.customer,
            "payment_intent": self.payment_intent,
            "transfer_group": self.transfer_group,
        }
        return books.page("charge", "/v1/charges", self.page, created=self.created, equal=equal, among={})


class CreateCharge(msgspec.Struct, frozen=True):
    """A test charge that succeeds at once; each has a payment intent."""

    amount: int
    currency: str
    source: str | None
    customer: str | None
    description: str | None
    transfer_group: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreateCharge":
        parameters.refuse_unsupported(
            "application_fee", "application_fee_amount", "capture", "card", "destination", "on_behalf_of",
            "radar_options", "receipt_email", "shipping", "statement_descriptor",
            "statement_descriptor_suffix", "transfer_data",
        )  # fmt: skip
        operation = cls(
            amount=parameters.required_integer("amount", minimum=1),
            currency=parameters.required_text("currency").lower(),
            source=parameters.text("source"),
            customer=parameters.text("customer"),
            description=parameters.text("description"),
            transfer_group=parameters.text("transfer_group"),
            metadata=kept(parameters.metadata()),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        charge = succeeded_charge(
            new_id("ch"),
            payment_intent_id=new_id("pi"),
            amount=self.amount,
            currency=self.currency,
            customer=self.customer,
            created=books.now,
            description=self.description,
            transfer_group=self.transfer_group,
            metadata=self.metadata,
            payment_method_type="konbini" if self.source == KONBINI_SOURCE else "card",
        )
        keep_charge(books, charge)
        books.record_event("charge.succeeded", charge)
        return charge


def keep_charge(books: Books, charge: Document) -> None:
    """Write the charge with its customer, payment intent and money; the sandbox takes no fee."""
    introduce(books, charge["customer"])
    books.add(charge)
    books.add(payment_intent(charge))
    books.book(
        charge["amount"],
        charge["currency"],
        "charge",
        source=charge["id"],
        txn_id=charge["balance_transaction"],
    )


def succeeded_charge(
    charge_id: str,
    *,
    payment_intent_id: str,
    amount: int,
    currency: str,
    customer: str | None,
    created: int,
    description: str | None = None,
    transfer_group: str | None = None,
    metadata: dict[str, str] | None = None,
    payment_method_type: str = "card",
) -> Document:
    """A captured, paid charge that was never refunded. `amount` in the currency's smallest unit."""
    return {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": charge_id.replace("ch_", "txn_", 1),
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "calculated_statement_descriptor": None,
        "captured": True,
        "created": created,
        "currency": currency,
        "customer": customer,
        "description": description,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": metadata or {},
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": payment_intent_id,
        "payment_method": charge_id.replace("ch_", "pm_", 1),
        "payment_method_details": _payment_method_details(payment_method_type),
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": transfer_group,
    }


def _payment_method_details(payment_method_type: str) -> Document:
    if payment_method_type == "konbini":
        return {"konbini": {"store": {"chain": "lawson"}}, "type": "konbini"}
    card = {
        "amount_authorized": None,
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": None,
        "funding": "credit",
        "installments": None,
        "last4": "4242",
        "mandate": None,
        "network": "visa",
        "three_d_secure": None,
        "wallet": None,
    }
    return {"card": card, "type": "card"}
