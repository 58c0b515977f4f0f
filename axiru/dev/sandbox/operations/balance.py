"""The balance and the transactions it is the sum of. https://docs.stripe.com/api/balance"""

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.parameters import Page, Parameters, Period


class RetrieveBalance(msgspec.Struct, frozen=True):
    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveBalance":
        parameters.finish()
        return cls()

    def execute(self, books: Books) -> Document:
        amounts = books.available() or {"usd": 0}
        return {
            "object": "balance",
            "available": [
                {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                for currency, amount in amounts.items()
            ],
            "livemode": books.livemode,
            # Money is available the moment it is booked.
            "pending": [{"amount": 0, "currency": currency, "source_types": {"card": 0}} for currency in amounts],
        }


class RetrieveBalanceTransaction(msgspec.Struct, frozen=True):
    transaction: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveBalanceTransaction":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("balance_transaction", self.transaction, param="id")


class ListBalanceTransactions(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    currency: str | None
    source: str | None
    type: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListBalanceTransactions":
        parameters.refuse_unsupported("payout")
        operation = cls(
            page=parameters.page(),
            created=parameters.created(),
            currency=parameters.text("currency"),
            source=parameters.text("source"),
            type=parameters.text("type"),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        return books.page(
            "balance_transaction",
            "/v1/balance_transactions",
            self.page,
            created=self.created,
            equal={"currency": self.currency, "source": self.source, "type": self.type},
        )
