"""Application fees: what a platform kept of a charge, and can give back. https://docs.stripe.com/api/application_fees"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.amounts import taken
from axiru.dev.sandbox.operations.metadata import kept, update_metadata
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import StripeRefusal, resource_missing

APPLICATION = "ca_sandbox"


class RetrieveApplicationFee(msgspec.Struct, frozen=True):
    fee: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveApplicationFee":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return with_refunds(books, books.get("application_fee", self.fee, param="id"))


class ListApplicationFees(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    charge: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListApplicationFees":
        operation = cls(parameters.page(), parameters.created(), parameters.text("charge"))
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        listed = books.page(
            "application_fee",
            "/v1/application_fees",
            self.page,
            created=self.created,
            equal={"charge": self.charge},
        )
        return listed | {"data": [with_refunds(books, fee) for fee in listed["data"]]}


class CreateFeeRefund(msgspec.Struct, frozen=True):
    """`amount` None gives back what is left. https://docs.stripe.com/api/fee_refunds/create"""

    fee: str
    amount: int | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreateFeeRefund":
        operation = cls(parameters.object_id, parameters.integer("amount", minimum=1), kept(parameters.metadata()))
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        fee = books.get("application_fee", self.fee, param="id")
        currency = fee["currency"]
        left = fee["amount"] - fee["amount_refunded"]
        if left == 0:
            raise StripeRefusal(f"Application fee {self.fee} has already been refunded.")
        amount = taken(self.amount, left, currency, what="Refund amount", limit="unrefunded amount on fee")
        refund_id = new_id("fr")
        refund: Document = {
            "id": refund_id,
            "object": "fee_refund",
            "amount": amount,
            "balance_transaction": books.book(-amount, currency, "application_fee_refund", source=refund_id),
            "created": books.now,
            "currency": currency,
            "fee": fee["id"],
            "metadata": self.metadata,
        }
        books.of(fee["account"]).book(amount, currency, "adjustment", source=None)
        books.add(refund)
        refunded = fee["amount_refunded"] + amount
        previous = books.change(fee, amount_refunded=refunded, refunded=refunded == fee["amount"])
        books.record_event("application_fee.refunded", with_refunds(books, fee), previous=previous)
        return refund


class RetrieveFeeRefund(msgspec.Struct, frozen=True):
    fee: str
    refund: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveFeeRefund":
        parameters.finish()
        return cls(parameters.parent_id, parameters.object_id)

    def execute(self, books: Books) -> Document:
        return _fee_refund(books, self.fee, self.refund)


class UpdateFeeRefund(msgspec.Struct, frozen=True):
    fee: str
    refund: str
    metadata: dict[str, str] | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateFeeRefund":
        operation = cls(parameters.parent_id, parameters.object_id, parameters.metadata())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        refund = _fee_refund(books, self.fee, self.refund)
        return update_metadata(books, refund, self.metadata, event="application_fee.refund.updated")


class ListFeeRefunds(msgspec.Struct, frozen=True):
    fee: str
    page: Page

    @classmethod
    def read(cls, parameters: Parameters) -> "ListFeeRefunds":
        operation = cls(parameters.object_id, parameters.page())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        books.get("application_fee", self.fee, param="id")
        return books.page("fee_refund", f"/v1/application_fees/{self.fee}/refunds", self.page, equal={"fee": self.fee})


def take_fee(books: Books, fee_id: str, charge: Document, *, account: str, amount: int) -> Document:
    """Keep `amount` of a charge that was made for `account`, and announce it."""
    fee: Document = {
        "id": fee_id,
        "object": "application_fee",
        "account": account,
        "amount": amount,
        "amount_refunded": 0,
        "application": APPLICATION,
        "balance_transaction": books.book(amount, charge["currency"], "application_fee", source=fee_id),
        "charge": charge["id"],
        "created": books.now,
        "currency": charge["currency"],
        "fee_source": {"charge": charge["id"], "type": "charge"},
        "livemode": False,
        "originating_transaction": None,
        "refunded": False,
        "refunds": {},
    }
    books.of(account).book(-amount, charge["currency"], "stripe_fee", source=None)
    books.add(fee)
    books.record_event("application_fee.created", with_refunds(books, fee))
    return fee


def with_refunds(books: Books, fee: Document) -> Document:
    """The fee with the newest ten of its refunds, as Stripe shows it."""
    url = f"/v1/application_fees/{fee['id']}/refunds"
    return fee | {"refunds": books.page("fee_refund", url, Page(), equal={"fee": fee["id"]})}


def _fee_refund(books: Books, fee_id: str, refund_id: str) -> Document:
    refund = books.get("fee_refund", refund_id, param="id")
    if refund["fee"] != fee_id:
        raise resource_missing("fee_refund", refund_id, param="id")
    return refund
