"""Payment intents, read only: each charge of the sandbox has one that succeeded. https://docs.stripe.com/api/payment_intents"""

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
        "id": charge["payment_intent"],
        "object": "payment_intent",
        "amount": charge["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": charge["amount"],
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{charge['payment_intent']}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": charge["created"],
        "currency": charge["currency"],
        "customer": charge["customer"],
        "description": charge["description"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": charge["payment_method"],
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": [charge["payment_method_details"]["type"]],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": charge["transfer_group"],
    }
