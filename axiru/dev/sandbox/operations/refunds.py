"""Refunds: never more than what is left of the charge. https://docs.stripe.com/api/refunds"""

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations import refund_life
from axiru.dev.sandbox.operations.amounts import taken
from axiru.dev.sandbox.operations.metadata import kept, update_metadata
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
DETAILS_WAIT_SECONDS = 45 * 24 * 60 * 60


class CreateRefund(msgspec.Struct, frozen=True):
    """`amount` None refunds what is left."""

    charge: str | None
    payment_intent: str | None
    amount: int | None
    reason: str | None
    instructions_email: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, parameters: Parameters) -> "CreateRefund":
        # A refund of the sandbox is of the charge alone: fees and transfers are given back by operations of their own.
        parameters.refuse_unsupported("currency", "customer", "origin", "refund_application_fee", "reverse_transfer")
        operation = cls(
            charge=parameters.text("charge"),
            payment_intent=parameters.text("payment_intent"),
            amount=parameters.integer("amount", minimum=1),
            reason=parameters.choice("reason", REASONS),
            instructions_email=parameters.text("instructions_email"),
            metadata=kept(parameters.metadata()),
        )
        parameters.finish()
        if operation.charge is None and operation.payment_intent is None:
            raise ParameterRefused(
                "One of the following params should be provided for this request: payment_intent or charge."
            )
        return operation

    def execute(self, books: Books) -> Document:
        charge = self._charge(books)
        amount = self._refundable_amount(books, charge)
        by_card = charge["payment_method_details"]["type"] == "card"
        if not by_card and self.instructions_email is None:
            raise StripeRefusal(
                "This payment method needs 'instructions_email', where the customer is asked for bank details.",
                code="parameter_missing",
                param="instructions_email",
            )
        refund_id = new_id("re")
        refund: Document = {
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": refund_id.replace("re_", "txn_", 1) if by_card else None,
            "charge": charge["id"],
            "created": books.now,
            "currency": charge["currency"],
            "metadata": self.metadata,
            "payment_intent": charge["payment_intent"],
            "reason": self.reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded" if by_card else "requires_action",
            "transfer_reversal": None,
        }
        if by_card:
            card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
            refund["destination_details"] = {"card": card, "type": "card"}
        else:
            refund["instructions_email"] = self.instructions_email
            refund["next_action"] = {
                "display_details": {
                    "email_sent": {"email_sent_at": books.now, "email_sent_to": self.instructions_email},
                    "expires_at": books.now + DETAILS_WAIT_SECONDS,
                },
                "type": "display_details",
            }
        if by_card:
            books.book(-amount, charge["currency"], "refund", source=refund_id, txn_id=refund["balance_transaction"])
        books.add(refund)
        books.record_event("refund.created", refund)
        if not by_card:
            books.plan(refund_life.EXPIRE, refund_id, at=books.now + DETAILS_WAIT_SECONDS)
        previous = _set_amount_refunded(books, charge, charge["amount_refunded"] + amount)
        books.record_event("charge.refunded", charge, previous=previous)
        return refund

    def _charge(self, books: Books) -> Document:
        if self.payment_intent is None:
            return books.get("charge", self.charge or "", param="id")
        intent = books.get("payment_intent", self.payment_intent, param="payment_intent")
        if self.charge is not None and self.charge != intent["latest_charge"]:
            raise StripeRefusal(
                f"The charge '{self.charge}' does not belong to the payment intent '{self.payment_intent}'.",
                param="charge",
            )
        return books.get("charge", intent["latest_charge"], param="id")

    @staticmethod
    def _is_inquiry(books: Books, charge: Document) -> bool:
        disputes = books.page("dispute", "/v1/disputes", Page(limit=100), equal={"charge": charge["id"]})
        return all(dispute["is_charge_refundable"] for dispute in disputes["data"])

    def _refundable_amount(self, books: Books, charge: Document) -> int:
        """Raises StripeRefusal: `charge_disputed`, `charge_already_refunded`; without a code for more than is left."""
        if charge["disputed"] and not self._is_inquiry(books, charge):
            raise StripeRefusal(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
            )
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise StripeRefusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        limit = "charge amount" if charge["amount_refunded"] == 0 else "unrefunded amount on charge"
        return taken(self.amount, left, charge["currency"], what="Refund amount", limit=limit)


class RetrieveRefund(msgspec.Struct, frozen=True):
    refund: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveRefund":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("refund", self.refund, param="refund")


class UpdateRefund(msgspec.Struct, frozen=True):
    """Only metadata can change. https://docs.stripe.com/api/refunds/update"""

    refund: str
    metadata: dict[str, str] | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateRefund":
        operation = cls(parameters.object_id, parameters.metadata())
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        refund = books.get("refund", self.refund, param="refund")
        return update_metadata(books, refund, self.metadata, event="refund.updated")


class CancelRefund(msgspec.Struct, frozen=True):
    """Only while the customer's bank details are awaited. https://docs.stripe.com/api/refunds/cancel"""

    refund: str

    @classmethod
    def read(cls, parameters: Parameters) -> "CancelRefund":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        refund = books.get("refund", self.refund, param="refund")
        if refund["status"] != "requires_action":
            raise StripeRefusal(
                f"Refund {self.refund} cannot be canceled: its status is {refund['status']}, and only refunds with the "
                "status requires_action can be."
            )
        previous = {"status": refund["status"], "next_action": refund.pop("next_action")}
        refund["status"] = "canceled"
        books.replace(refund)
        books.record_event("refund.updated", refund, previous=previous)
        charge = books.get("charge", refund["charge"], param="charge")
        _set_amount_refunded(books, charge, charge["amount_refunded"] - refund["amount"])
        return refund


class ListRefunds(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    charge: str | None
    payment_intent: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListRefunds":
        operation = cls(
            page=parameters.page(),
            created=parameters.created(),
            charge=parameters.text("charge"),
            payment_intent=parameters.text("payment_intent"),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        if self.charge is not None:
            books.get("charge", self.charge, param="charge")
        equal = {"charge": self.charge, "payment_intent": self.payment_intent}
        return books.page("refund", "/v1/refunds", self.page, created=self.created, equal=equal, among={})


def _set_amount_refunded(books: Books, charge: Document, amount_refunded: int) -> Document:
    """Change the charge and give the attributes as they were before."""
    return books.change(charge, amount_refunded=amount_refunded, refunded=amount_refunded == charge["amount"])
