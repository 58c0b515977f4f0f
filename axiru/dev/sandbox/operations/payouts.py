"""Payouts: from the balance to a bank, and back while that is possible. https://docs.stripe.com/api/payouts"""

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations import payout_life
from axiru.dev.sandbox.operations.amounts import balance_insufficient, check_currency, check_payable
from axiru.dev.sandbox.operations.external_accounts import REVERSIBLE_CURRENCIES, check_destination
from axiru.dev.sandbox.operations.metadata import kept, update_metadata
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import StripeRefusal

METHODS = ("instant", "standard")
REVERSIBLE_FOR_SECONDS = 90 * 24 * 60 * 60


class CreatePayout(msgspec.Struct, frozen=True):
    amount: int
    currency: str
    destination: str | None
    description: str | None
    method: str
    statement_descriptor: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreatePayout":
        parameters.refuse_unsupported("payout_method", "source_type")
        operation = cls(
            amount=parameters.required_integer("amount", minimum=1),
            currency=check_currency(parameters.required_text("currency")),
            destination=parameters.text("destination"),
            description=parameters.text("description"),
            method=parameters.choice("method", METHODS) or "standard",
            statement_descriptor=parameters.text("statement_descriptor"),
            metadata=kept(parameters.metadata()),
        )
        parameters.finish()
        check_payable(operation.amount, operation.currency)
        return operation

    def execute(self, books: Books) -> Document:
        destination = check_destination(books.account, self.currency, self.destination)
        available = books.available().get(self.currency, 0)
        if self.amount > available:
            raise balance_insufficient(available, self.currency)
        payout = payout_life.new_payout(
            books,
            amount=self.amount,
            currency=self.currency,
            destination=destination,
            method=self.method,
            automatic=False,
            description=self.description,
            statement_descriptor=self.statement_descriptor,
            metadata=self.metadata,
        )
        return payout_life.send(books, payout)


class RetrievePayout(msgspec.Struct, frozen=True):
    payout: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrievePayout":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("payout", self.payout, param="payout")


class UpdatePayout(msgspec.Struct, frozen=True):
    """Only metadata can change. https://docs.stripe.com/api/payouts/update"""

    payout: str
    metadata: dict[str, str] | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdatePayout":
        operation = cls(parameters.object_id, parameters.metadata())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        payout = books.get("payout", self.payout, param="payout")
        return update_metadata(books, payout, self.metadata, event="payout.updated")


class CancelPayout(msgspec.Struct, frozen=True):
    """Only a manual payout that is still pending. https://docs.stripe.com/api/payouts/cancel"""

    payout: str

    @classmethod
    def read(cls, parameters: Parameters) -> "CancelPayout":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        payout = books.get("payout", self.payout, param="payout")
        if payout["automatic"]:
            raise StripeRefusal(
                f"Payout {self.payout} cannot be canceled: it is automatic, and only manual ones can be."
            )
        if payout["status"] != "pending":
            raise StripeRefusal(
                f"Payout {self.payout} cannot be canceled: its status is {payout['status']}, and only pending payouts "
                "can be."
            )
        return payout_life.cancel(books, payout)


class ReversePayout(msgspec.Struct, frozen=True):
    """Debits the bank account a payout went to; the answer is the new, negative payout.

    Only payouts that have left, to banks of the US and Canada, that are expected to arrive less than 90 days ago, and
    neither instant ones nor reversals. https://docs.stripe.com/connect/payout-reversals
    """

    payout: str
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "ReversePayout":
        operation = cls(parameters.object_id, kept(parameters.metadata()))
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        payout = books.get("payout", self.payout, param="payout")
        if (why := _why_irreversible(payout, books.now)) is not None:
            raise StripeRefusal(f"Payout {self.payout} cannot be reversed: {why}")
        reversal = payout_life.new_payout(
            books,
            amount=-payout["amount"],
            currency=payout["currency"],
            destination=payout["destination"],
            method="standard",
            automatic=False,
            original=payout["id"],
            metadata=self.metadata,
        )
        previous = books.change(payout, reversed_by=reversal["id"])
        books.record_event("payout.updated", payout, previous=previous)
        return payout_life.send(books, reversal)


class ListPayouts(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    arrival: Period
    status: str | None
    destination: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListPayouts":
        operation = cls(
            page=parameters.page(),
            created=parameters.created(),
            arrival=parameters.period("arrival_date"),
            status=parameters.choice("status", ("pending", "paid", "failed", "canceled", "in_transit")),
            destination=parameters.text("destination"),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        return books.page(
            "payout",
            "/v1/payouts",
            self.page,
            created=self.created,
            arrival=self.arrival,
            equal={"status": self.status, "destination": self.destination},
        )


def _why_irreversible(payout: Document, now: int) -> str | None:
    status = payout["status"]
    pending = status == "pending" and not payout["automatic"]
    abroad = payout["currency"] not in REVERSIBLE_CURRENCIES or payout["type"] != "bank_account"
    reasons = (
        (payout["original_payout"] is not None, "it is itself a reversal."),
        (payout["reversed_by"] is not None, f"it is already reversed by {payout['reversed_by']}."),
        (pending, "it is still pending and manual. Use /v1/payouts/:id/cancel instead."),
        (status not in ("pending", "in_transit", "paid"), f"its status is {status}."),
        (payout["method"] == "instant", "it is an instant payout."),
        (abroad, "only payouts to bank accounts in the US and Canada can be."),
        (payout["arrival_date"] <= now - REVERSIBLE_FOR_SECONDS, "it was expected to arrive 90 days ago or more."),
    )
    return next((why for holds, why in reasons if holds), None)
