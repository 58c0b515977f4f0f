"""Making payment intents, and paying them at once by test cards. https://docs.stripe.com/api/payment_intents/create"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.charges import keep_charge, succeeded_charge
from axiru.dev.sandbox.operations.metadata import kept
from axiru.dev.sandbox.operations.payment_intents import unpaid_intent
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal, resource_missing

PAID_BY = "pm_card_visa"
DECLINED = "pm_card_chargeDeclined"
"""https://docs.stripe.com/testing. The intent that was declined is not kept in the sandbox."""


class CreatePaymentIntent(msgspec.Struct, frozen=True):
    """A card payment: confirmed at once it is paid, otherwise it waits and the sandbox lets it wait."""

    amount: int
    currency: str
    confirm: bool
    payment_method: str | None
    payment_method_types: tuple[str, ...]
    customer: str | None
    description: str | None
    transfer_group: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreatePaymentIntent":
        parameters.refuse_unsupported(
            "application_fee_amount", "automatic_payment_methods", "capture_method", "confirmation_method",
            "confirmation_token", "error_on_requires_action", "mandate", "mandate_data", "off_session", "on_behalf_of",
            "payment_method_configuration", "payment_method_data", "payment_method_options", "radar_options",
            "receipt_email", "return_url", "setup_future_usage", "shipping", "statement_descriptor",
            "statement_descriptor_suffix", "transfer_data", "use_stripe_sdk",
        )  # fmt: skip
        operation = cls(
            amount=parameters.required_integer("amount", minimum=1),
            currency=parameters.required_text("currency").lower(),
            confirm=parameters.boolean("confirm") or False,
            payment_method=parameters.text("payment_method"),
            payment_method_types=parameters.texts("payment_method_types"),
            customer=parameters.text("customer"),
            description=parameters.text("description"),
            transfer_group=parameters.text("transfer_group"),
            metadata=kept(parameters.metadata()),
        )
        parameters.finish()
        if operation.payment_method_types != ("card",):
            raise ParameterRefused(
                "The Stripe sandbox of Axiru takes payments by card: send payment_method_types[]=card.",
                param="payment_method_types",
            )
        return operation

    def execute(self, books: Books) -> Document:
        if self.payment_method not in (None, PAID_BY, DECLINED):
            raise resource_missing("PaymentMethod", self.payment_method, param="payment_method", status=400)
        if not self.confirm:
            return self._waiting(books)
        if self.payment_method is None:
            raise StripeRefusal(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method or ConfirmationToken.",
                code="payment_intent_unexpected_state",
            )
        if self.payment_method == DECLINED:
            raise StripeRefusal(
                "Your card was declined.",
                status=402,
                type="card_error",
                code="card_declined",
                facts={"decline_code": "generic_decline"},
            )
        return self._paid(books)

    def _waiting(self, books: Books) -> Document:
        intent = unpaid_intent(
            new_id("pi"),
            amount=self.amount,
            currency=self.currency,
            created=books.now,
            customer=self.customer,
            description=self.description,
            transfer_group=self.transfer_group,
            payment_method_types=self.payment_method_types,
            metadata=self.metadata,
        )
        if self.payment_method is not None:
            intent |= {"payment_method": self.payment_method, "status": "requires_confirmation"}
        books.add(intent)
        books.record_event("payment_intent.created", intent)
        return intent

    def _paid(self, books: Books) -> Document:
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
        )
        keep_charge(books, charge)
        intent = books.get("payment_intent", charge["payment_intent"], param="intent")
        books.change(intent, metadata=self.metadata)
        books.record_event("charge.succeeded", charge)
        books.record_event("payment_intent.succeeded", intent)
        return intent
