"""The account a key opens. https://docs.stripe.com/api/accounts/retrieve"""

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.parameters import Parameters


class RetrieveAccount(msgspec.Struct, frozen=True):
    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveAccount":
        parameters.finish()
        return cls()

    def execute(self, books: Books) -> Document:
        return {
            "id": books.account,
            "object": "account",
            "business_profile": None,
            "business_type": "company",
            "capabilities": {"card_payments": "active", "transfers": "active"},
            "charges_enabled": True,
            "country": "US",
            "default_currency": "usd",
            "details_submitted": True,
            "email": None,
            "metadata": {},
            "payouts_enabled": True,
            "type": "standard",
        }
