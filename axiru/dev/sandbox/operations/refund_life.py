"""What becomes of a refund after it was made. https://docs.stripe.com/refunds#failed-refunds"""

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books

EXPIRE = "refund.expire"


def expire(books: Books, refund_id: str) -> None:
    """The customer never said where the money should go. Nothing happens to a refund that waits no more."""
    refund = books.get("refund", refund_id, param="refund")
    if refund["status"] == "requires_action":
        fail(books, refund, reason="unknown")


def fail(books: Books, refund: Document, *, reason: str) -> None:
    """The bank could not give the money to the customer: it is back in the balance, and the charge less refunded."""
    changed: Document = {"status": "failed", "failure_reason": reason}
    if refund["balance_transaction"] is not None:
        changed["failure_balance_transaction"] = books.book(
            refund["amount"], refund["currency"], "refund_failure", source=refund["id"]
        )
    refund.pop("next_action", None)
    previous = books.change(refund, **changed)
    charge = books.get("charge", refund["charge"], param="charge")
    left = charge["amount_refunded"] - refund["amount"]
    books.change(charge, amount_refunded=left, refunded=False)
    books.record_event("refund.failed", refund, previous=previous)
    books.record_event("charge.refund.updated", refund, previous=previous)


def move(books: Books, refund: Document, status: str) -> None:
    """To `pending` or `succeeded`, of a refund that has not ended."""
    refund.pop("next_action", None)
    changed: Document = {"status": status}
    if refund["balance_transaction"] is None and status == "succeeded":
        changed["balance_transaction"] = books.book(
            -refund["amount"], refund["currency"], "refund", source=refund["id"]
        )
    previous = books.change(refund, **changed)
    books.record_event("refund.updated", refund, previous=previous)
