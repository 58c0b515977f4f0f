"""What becomes of a dispute: answered, past its deadline, won or lost. https://docs.stripe.com/disputes/how-disputes-work"""

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations.dispute_evidence import no_evidence

DUE_AFTER_SECONDS = 9 * 24 * 60 * 60
FEE_CENTS = 1_500
BANK_ANSWERS_AFTER_SECONDS = 60
DUE = "dispute.due"
DECIDE = "dispute.decide"

AWAITS_RESPONSE = ("needs_response", "warning_needs_response")
OPEN = (*AWAITS_RESPONSE, "under_review", "warning_under_review")
WINNING_EVIDENCE = "winning_evidence"
LOSING_EVIDENCE = "losing_evidence"
"""`uncategorized_text` by which a test decides how the dispute ends. https://docs.stripe.com/testing#disputes"""


def open_dispute(
    books: Books,
    charge: Document,
    *,
    amount: int | None = None,
    reason: str = "fraudulent",
    inquiry: bool = False,
    due_by: int | None = None,
    dispute_id: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Document:
    """A customer disputes a charge; unless it is an inquiry, the money and a fee of $15 leave the balance at once."""
    dispute_id = new_id("du") if dispute_id is None else dispute_id
    due_by = books.now + DUE_AFTER_SECONDS if due_by is None else due_by
    amount = charge["amount"] - charge["amount_refunded"] if amount is None else amount
    dispute: Document = {
        "id": dispute_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": books.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": no_evidence(),
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": "visa",
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    books.add(dispute)
    books.change(charge, disputed=True)
    books.record_event("charge.dispute.created", dispute)
    if not inquiry:
        _move_funds(books, dispute, -amount, fee=FEE_CENTS)
        books.record_event("charge.dispute.funds_withdrawn", dispute)
    books.plan(DUE, dispute_id, at=due_by)
    return dispute


def why_closed_to_evidence(dispute: Document) -> str | None:
    if dispute["status"] not in AWAITS_RESPONSE:
        return f"its status is {dispute['status']}."
    if dispute["evidence_details"]["past_due"]:
        return "its deadline has passed."
    return None


def evidence_change(dispute: Document, evidence: dict[str, str]) -> Document:
    """The attributes of the dispute once this evidence is on it; an empty text unsets a field."""
    after = dispute["evidence"] | {name: text or None for name, text in evidence.items()}
    has_evidence = any(value for name, value in after.items() if name != "enhanced_evidence")
    return {"evidence": after, "evidence_details": dispute["evidence_details"] | {"has_evidence": has_evidence}}


def submission(dispute: Document) -> Document:
    """The attributes of the dispute once its evidence is with the bank."""
    details = dispute["evidence_details"]
    status = "under_review" if dispute["status"] == "needs_response" else "warning_under_review"
    return {
        "status": status,
        "evidence_details": details | {"submission_count": details["submission_count"] + 1},
    }


def await_bank(books: Books, dispute: Document) -> None:
    """The bank answers evidence that says by itself how the case ends; others wait for a control."""
    if dispute["evidence"]["uncategorized_text"] in (WINNING_EVIDENCE, LOSING_EVIDENCE):
        books.plan(DECIDE, dispute["id"], at=books.now + BANK_ANSWERS_AFTER_SECONDS)


def decide(books: Books, dispute_id: str) -> None:
    dispute = books.get("dispute", dispute_id, param="dispute")
    if dispute["status"] in OPEN:
        close(books, dispute, won=dispute["evidence"]["uncategorized_text"] == WINNING_EVIDENCE)


def end_deadline(books: Books, dispute_id: str) -> None:
    """Nothing was submitted in time: past due, and lost. Evidence that was only staged does not count."""
    dispute = books.get("dispute", dispute_id, param="dispute")
    if dispute["status"] not in AWAITS_RESPONSE or dispute["evidence_details"]["due_by"] > books.now:
        return
    previous = books.change(dispute, evidence_details=dispute["evidence_details"] | {"past_due": True})
    books.record_event("charge.dispute.updated", dispute, previous=previous)
    close(books, dispute, won=False)


def close(books: Books, dispute: Document, *, won: bool) -> None:
    """The case is over; what was withdrawn comes back when it is won. An inquiry ends as `warning_closed`."""
    inquiry = dispute["status"].startswith("warning_")
    previous = books.change(dispute, status="warning_closed" if inquiry else "won" if won else "lost")
    if won and not inquiry:
        _move_funds(books, dispute, dispute["amount"])
        books.record_event("charge.dispute.funds_reinstated", dispute)
    books.record_event("charge.dispute.closed", dispute, previous=previous)


def _move_funds(books: Books, dispute: Document, amount: int, *, fee: int = 0) -> None:
    txn_id = books.book(amount, dispute["currency"], "adjustment", source=dispute["id"], fee=fee)
    txn = books.get("balance_transaction", txn_id, param="id")
    books.change(dispute, balance_transactions=[*dispute["balance_transactions"], txn])
