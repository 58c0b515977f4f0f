"""Reversals of transfers: never more than is left, and only what the connected account still has.

https://docs.stripe.com/api/transfer_reversals
"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.amounts import balance_insufficient, taken
from axiru.dev.sandbox.operations.metadata import kept, update_metadata
from axiru.dev.sandbox.operations.transfers import with_reversals
from axiru.dev.sandbox.parameters import Page, Parameters
from axiru.dev.sandbox.refusals import StripeRefusal, resource_missing


class CreateTransferReversal(msgspec.Struct, frozen=True):
    """`amount` None takes back what is left."""

    transfer: str
    amount: int | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreateTransferReversal":
        parameters.text("description")
        if parameters.boolean("refund_application_fee"):
            raise StripeRefusal("This transfer has no application fee.", param="refund_application_fee")
        operation = cls(parameters.object_id, parameters.integer("amount", minimum=1), kept(parameters.metadata()))
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        transfer = books.get("transfer", self.transfer, param="id")
        currency = transfer["currency"]
        left = transfer["amount"] - transfer["amount_reversed"]
        if left == 0:
            raise StripeRefusal(f"Transfer {self.transfer} is already fully reversed.")
        amount = taken(self.amount, left, currency, what="Transfer reversal amount", limit="unreversed amount")
        receiver = books.of(transfer["destination"])
        available = receiver.available().get(currency, 0)
        if amount > available:
            raise balance_insufficient(available, currency)
        reversal_id = new_id("trr")
        reversal: Document = {
            "id": reversal_id,
            "object": "transfer_reversal",
            "amount": amount,
            "balance_transaction": books.book(amount, currency, "transfer_refund", source=reversal_id),
            "created": books.now,
            "currency": currency,
            "destination_payment_refund": reversal_id.replace("trr_", "pyr_", 1),
            "metadata": self.metadata,
            "source_refund": None,
            "transfer": transfer["id"],
        }
        receiver.book(-amount, currency, "payment_refund", source=reversal["destination_payment_refund"])
        books.add(reversal)
        reversed_now = transfer["amount_reversed"] + amount
        previous = books.change(transfer, amount_reversed=reversed_now, reversed=reversed_now == transfer["amount"])
        books.record_event("transfer.reversed", with_reversals(books, transfer), previous=previous)
        return reversal


class RetrieveTransferReversal(msgspec.Struct, frozen=True):
    transfer: str
    reversal: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveTransferReversal":
        parameters.finish()
        return cls(parameters.parent_id, parameters.object_id)

    def execute(self, books: Books) -> Document:
        return _reversal(books, self.transfer, self.reversal)


class UpdateTransferReversal(msgspec.Struct, frozen=True):
    transfer: str
    reversal: str
    metadata: dict[str, str] | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateTransferReversal":
        operation = cls(parameters.parent_id, parameters.object_id, parameters.metadata())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        return update_metadata(books, _reversal(books, self.transfer, self.reversal), self.metadata, event=None)


class ListTransferReversals(msgspec.Struct, frozen=True):
    transfer: str
    page: Page

    @classmethod
    def read(cls, parameters: Parameters) -> "ListTransferReversals":
        operation = cls(parameters.object_id, parameters.page())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        books.get("transfer", self.transfer, param="id")
        url = f"/v1/transfers/{self.transfer}/reversals"
        return books.page("transfer_reversal", url, self.page, equal={"transfer": self.transfer})


def _reversal(books: Books, transfer_id: str, reversal_id: str) -> Document:
    reversal = books.get("transfer_reversal", reversal_id, param="id")
    if reversal["transfer"] != transfer_id:
        raise resource_missing("transfer_reversal", reversal_id, param="id")
    return reversal
