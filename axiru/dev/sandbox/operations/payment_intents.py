"""Payment intents: each charge of the sandbox has one that succeeded. https://docs.stripe.com/api/payment_intents"""

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.parameters import Parameters


class RetrievePaymentIntent(msgspec.Struct, frozen=True):
    payment_intent: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrievePaymentIntent":
        parameters.text("client_secret")
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("payment_intent", self.payment_intent, param="intent")


def payment_intent(charge: Document) -> Document:
    """The payment intent that `charge` is the latest charge of."""
    return {
        **unpaid_intent(
            charge["payment_intent"],
            amount=charge["amount"],
            currency=charge["currency"],
            created=charge["created"],
            customer=charge["customer"],
            description=charge["description"],
            transfer_group=charge["transfer_group"],
            payment_method_types=(charge["payment_method_details"]["type"],),
        ),
        "amount_received": charge["amount"],
        "latest_charge": charge["id"],
        "payment_method": charge["payment_method"],
        "status": "succeeded",
    }


def unpaid_intent(
    intent_id: str,
    *,
    amount: int,
    currency: str,
    created: int,
    customer: str | None,
    description: str | None,
    transfer_group: str | None,
    payment_method_types: tuple[str, ...],
    metadata: dict[str, str] | None = None,
) -> Document:
    """A payment intent that waits for a payment method. `amount` in the currency's smallest unit."""
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": customer,
        "description": description,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": list(payment_method_types),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": transfer_group,
    }
