"""Transfers: from a platform's balance to a connected account's, and back. https://docs.stripe.com/api/transfers"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.amounts import amount_text, balance_insufficient, check_currency
from axiru.dev.sandbox.operations.metadata import kept, merged
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal, resource_missing


class CreateTransfer(msgspec.Struct, frozen=True):
    """`amount` None moves what is left of the source charge."""

    amount: int | None
    currency: str
    destination: str
    description: str | None
    source_transaction: str | None
    transfer_group: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreateTransfer":
        parameters.refuse_unsupported("source_type")
        operation = cls(
            amount=parameters.integer("amount", minimum=1),
            currency=check_currency(parameters.required_text("currency")),
            destination=parameters.required_text("destination"),
            description=parameters.text("description"),
            source_transaction=parameters.text("source_transaction"),
            transfer_group=parameters.text("transfer_group"),
            metadata=kept(parameters.metadata()),
        )
        parameters.finish()
        if operation.amount is None and operation.source_transaction is None:
            raise ParameterRefused("Missing required param: amount.", code="parameter_missing", param="amount")
        return operation

    def execute(self, books: Books) -> Document:
        _check_destination(books, self.destination)
        group = self.transfer_group
        if self.source_transaction is None:
            amount = self.amount or 0
            available = books.available().get(self.currency, 0)
            if amount > available:
                raise balance_insufficient(available, self.currency)
        else:
            charge = books.get("charge", self.source_transaction, param="source_transaction", status=400)
            amount = self._amount_from(books, charge)
            group = _grouped(books, charge, self.transfer_group)
        return send_transfer(
            books,
            amount=amount,
            currency=self.currency,
            destination=self.destination,
            source_transaction=self.source_transaction,
            transfer_group=group,
            description=self.description,
            metadata=self.metadata,
        )

    def _amount_from(self, books: Books, charge: Document) -> int:
        """Raises StripeRefusal for another currency than the charge's and for more than is left of it."""
        if charge["currency"] != self.currency:
            raise StripeRefusal(
                f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same as "
                f"the transfer currency ({self.currency}).",
                param="source_transaction",
            )
        moved = books.total("transfer", "amount", source_transaction=charge["id"])
        left = max(charge["amount"] - moved, 0)
        amount: int = left if self.amount is None else self.amount
        if not 0 < amount <= left:
            raise StripeRefusal(
                f"The transfer amount ({amount_text(amount, self.currency)}) is greater than what is left of the "
                f"charge {charge['id']} ({amount_text(left, self.currency)}).",
                param="amount",
            )
        return amount


class RetrieveTransfer(msgspec.Struct, frozen=True):
    transfer: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveTransfer":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return with_reversals(books, books.get("transfer", self.transfer, param="transfer"))


class UpdateTransfer(msgspec.Struct, frozen=True):
    transfer: str
    description: str | None
    metadata: dict[str, str] | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateTransfer":
        operation = cls(parameters.object_id, parameters.text("description"), parameters.metadata())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        transfer = books.get("transfer", self.transfer, param="transfer")
        changed: Document = {} if self.description is None else {"description": self.description}
        if self.metadata is not None:
            changed["metadata"] = merged(transfer["metadata"], self.metadata)
        previous = books.change(transfer, **changed)
        shown = with_reversals(books, transfer)
        if previous:
            books.record_event("transfer.updated", shown, previous=previous)
        return shown


class ListTransfers(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    destination: str | None
    transfer_group: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListTransfers":
        operation = cls(
            page=parameters.page(),
            created=parameters.created(),
            destination=parameters.text("destination"),
            transfer_group=parameters.text("transfer_group"),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        equal = {"destination": self.destination, "transfer_group": self.transfer_group}
        listed = books.page("transfer", "/v1/transfers", self.page, created=self.created, equal=equal)
        return listed | {"data": [with_reversals(books, transfer) for transfer in listed["data"]]}


def send_transfer(
    books: Books,
    *,
    amount: int,
    currency: str,
    destination: str,
    source_transaction: str | None,
    transfer_group: str | None,
    transfer_id: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Document:
    """Move the money between the two balances, keep and announce the transfer."""
    transfer_id = new_id("tr") if transfer_id is None else transfer_id
    payment = transfer_id.replace("tr_", "py_", 1)
    transfer: Document = {
        "id": transfer_id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": books.book(-amount, currency, "transfer", source=transfer_id),
        "created": books.now,
        "currency": currency,
        "description": description,
        "destination": destination,
        "destination_payment": payment,
        "livemode": False,
        "metadata": metadata or {},
        "reversals": {},
        "reversed": False,
        "source_transaction": source_transaction,
        "source_type": "card",
        "transfer_group": transfer_group,
    }
    books.of(destination).book(amount, currency, "payment", source=payment)
    books.add(transfer)
    shown = with_reversals(books, transfer)
    books.record_event("transfer.created", shown)
    return shown


def with_reversals(books: Books, transfer: Document) -> Document:
    """The transfer with the newest ten of its reversals, as Stripe shows it."""
    url = f"/v1/transfers/{transfer['id']}/reversals"
    return transfer | {"reversals": books.page("transfer_reversal", url, Page(), equal={"transfer": transfer["id"]})}


def _check_destination(books: Books, destination: str) -> None:
    """Only a connected account of this platform; https://docs.stripe.com/api/transfers/create"""
    known = books.account_document(destination)
    if known is None or known[0] != books.account:
        raise resource_missing("destination", destination, param="destination", status=400)


def _grouped(books: Books, charge: Document, transfer_group: str | None) -> str:
    """The one group of a charge and its transfers, which the first transfer may set."""
    group: str | None = charge["transfer_group"]
    if group is not None and transfer_group not in (None, group):
        raise StripeRefusal(
            f"The transfer_group of the transfer must be that of its source_transaction, {group}.",
            param="transfer_group",
        )
    if group is None:
        group = transfer_group or f"group_{charge['id'].removeprefix('ch_')}"
        books.change(charge, transfer_group=group)
    return group
