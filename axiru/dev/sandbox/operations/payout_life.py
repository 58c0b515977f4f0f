"""What becomes of a payout: pending, in transit, paid, failed or canceled. https://docs.stripe.com/payouts#payout-statuses"""

from datetime import UTC, datetime, timedelta

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.external_accounts import CLOSED_BANK_ACCOUNT

LEAVES_AFTER_SECONDS = {"standard": 24 * 60 * 60, "instant": 60}
INSTANT_ARRIVES_AFTER_SECONDS = 30 * 60
ARRIVES_AFTER_DAYS = 2
LEAVE = "payout.leave"
ARRIVE = "payout.arrive"


def new_payout(
    books: Books,
    *,
    amount: int,
    currency: str,
    destination: str,
    method: str,
    automatic: bool,
    original: str | None = None,
    description: str | None = None,
    statement_descriptor: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Document:
    """A pending payout that is in no books yet; `amount` is negative for the reversal of `original`."""
    return {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": _arrival(books.now, method),
        "automatic": automatic,
        "balance_transaction": None,
        "created": books.now,
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else description,
        "destination": destination,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": metadata or {},
        "method": method,
        "original_payout": original,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": statement_descriptor,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "card" if destination.startswith("card_") else "bank_account",
    }


def send(books: Books, payout: Document) -> Document:
    """Take the money from the balance, keep and announce the payout. A reversal brings its money when it is paid."""
    if payout["original_payout"] is None:
        payout["balance_transaction"] = books.book(-payout["amount"], payout["currency"], "payout", source=payout["id"])
    books.add(payout)
    books.record_event("payout.created", payout)
    books.plan(LEAVE, payout["id"], at=books.now + LEAVES_AFTER_SECONDS[payout["method"]])
    books.plan(ARRIVE, payout["id"], at=payout["arrival_date"])
    return payout


def cancel(books: Books, payout: Document) -> Document:
    """What it has taken comes back; a reversal has brought nothing yet."""
    if payout["balance_transaction"] is not None:
        books.book(payout["amount"], payout["currency"], "payout_cancel", source=payout["id"])
    previous = books.change(payout, status="canceled")
    books.record_event("payout.canceled", payout, previous=previous)
    return payout


def leave(books: Books, payout_id: str) -> None:
    """The bank has it. Nothing happens to a payout that is no longer pending."""
    payout = books.get("payout", payout_id, param="payout")
    if payout["status"] == "pending":
        previous = books.change(payout, status="in_transit")
        books.record_event("payout.updated", payout, previous=previous)


def arrive(books: Books, payout_id: str) -> None:
    """Paid, unless the bank account is closed. Nothing happens to a payout that has ended already."""
    payout = books.get("payout", payout_id, param="payout")
    if payout["status"] not in ("pending", "in_transit"):
        return
    if payout["destination"] == CLOSED_BANK_ACCOUNT:
        fail(books, payout, code="account_closed")
    else:
        pay(books, payout)


def pay(books: Books, payout: Document) -> None:
    changed = {
        "status": "paid",
        "trace_id": {"status": "supported", "value": f"TRACE{payout['id'][-8:].upper()}"},
        "reconciliation_status": "completed" if payout["automatic"] else "not_applicable",
    }
    if payout["original_payout"] is not None:
        changed["balance_transaction"] = books.book(
            -payout["amount"], payout["currency"], "payout", source=payout["id"]
        )
    previous = books.change(payout, **changed)
    books.record_event("payout.paid", payout, previous=previous)
    if payout["automatic"]:
        books.record_event("payout.reconciliation_completed", payout)


def fail(books: Books, payout: Document, *, code: str) -> None:
    """The money comes back; a reversal of this payout that is under way is canceled with it."""
    txn = None
    if payout["balance_transaction"] is not None:
        txn = books.book(payout["amount"], payout["currency"], "payout_failure", source=payout["id"])
    previous = books.change(
        payout,
        status="failed",
        failure_code=code,
        failure_message=f"The bank returned the payout: {code.replace('_', ' ')}.",
        failure_balance_transaction=txn,
    )
    books.record_event("payout.failed", payout, previous=previous)
    if payout["reversed_by"] is not None:
        reversal = books.get("payout", payout["reversed_by"], param="payout")
        if reversal["status"] in ("pending", "in_transit"):
            cancel(books, reversal)


def _arrival(now: int, method: str) -> int:
    if method == "instant":
        return now + INSTANT_ARRIVES_AFTER_SECONDS
    day = datetime.fromtimestamp(now, UTC).date() + timedelta(days=ARRIVES_AFTER_DAYS)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
