"""What people do in Stripe's dashboard, and banks behind it: no key, no request, no metadata of Axiru's.

Its events name no request, which is how they look to whoever watches an account.
"""

from typing import Any, Final

import msgspec

from axiru.dev.sandbox import approvals
from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.forms import Value
from axiru.dev.sandbox.operations import dispute_life, payout_life, refund_life
from axiru.dev.sandbox.operations.catalog import find_operation
from axiru.dev.sandbox.operations.disputes import CloseDispute
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.refusals import StripeRefusal, resource_missing
from axiru.dev.sandbox.store import Store
from axiru.dev.sandbox.webhooks import Webhooks

_KINDS: Final = {"po": "payout", "re": "refund", "du": "dispute", "dp": "dispute"}


class NewDispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer disputes a charge: all of it, unless `amount` says less; due in nine days, unless said otherwise."""

    charge: str
    amount: int | None = None
    reason: str = "fraudulent"
    inquiry: bool = False
    due_in_seconds: int | None = None
    account: str | None = None


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A payout, refund or dispute goes on to `status`; a dispute's deadline is moved by `due_by`."""

    status: str | None = None
    failure_code: str | None = None
    due_by: int | None = None
    account: str | None = None


class Dashboard:
    def __init__(self, store: Store, clock: Clock, *, default_account: str, webhooks: Webhooks | None) -> None:
        self._store = store
        self._clock = clock
        self._default_account = default_account
        self._webhooks = webhooks

    def do(self, method: str, path: str, params: dict[str, Any], *, account: str | None = None) -> Document:
        """Any operation of the API, as its button in the dashboard. Raises StripeRefusal."""
        found = find_operation(method.upper(), path)
        form = {name: _text(value) for name, value in params.items()}
        operation = found.operation.read(Parameters(form, object_id=found.object_id, parent_id=found.parent_id))
        return self._acting(account, operation.execute)

    def dispute(self, asked: NewDispute) -> Document:
        def execute(books: Books) -> Document:
            charge = books.get("charge", asked.charge, param="charge")
            due_by = None if asked.due_in_seconds is None else books.now + asked.due_in_seconds
            return dispute_life.open_dispute(
                books, charge, amount=asked.amount, reason=asked.reason, inquiry=asked.inquiry, due_by=due_by
            )

        return self._acting(asked.account, execute)

    def fund(self, amount: int, currency: str, *, account: str | None = None) -> Document:
        """Put money into an account's balance, or take it out with a negative amount."""

        def execute(books: Books) -> Document:
            return books.get("balance_transaction", books.book(amount, currency, "topup", source=None), param="id")

        return self._acting(account, execute)

    def move(self, object_id: str, move: Move) -> Document:
        """Raises StripeRefusal for an object or a status that there is no way to."""
        kind = _KINDS.get(object_id.partition("_")[0])
        if kind is None:
            raise resource_missing("payout, refund or dispute", object_id, param="id")

        def execute(books: Books) -> Document:
            document = books.get(kind, object_id, param="id")
            match kind:
                case "payout":
                    _move_payout(books, document, move)
                case "refund":
                    _move_refund(books, document, move)
                case _:
                    _move_dispute(books, document, move)
            return books.get(kind, object_id, param="id")

        return self._acting(move.account, execute)

    def approve(self, approval_id: str, *, reason: str | None = None, account: str | None = None) -> Document:
        """A reviewer agrees: Stripe makes the held call, and the request tells what came of it."""

        def execute(books: Books) -> Document:
            approval = approvals.waiting(books, approval_id)
            approvals.review(books, approval, approved=True, reason=reason)
            method, path, form = approvals.held_call(approval)
            found = find_operation(method, path)
            operation = found.operation.read(Parameters(form, object_id=found.object_id, parent_id=found.parent_id))
            try:
                made = operation.execute(books)
            except StripeRefusal as refusal:
                failure = {"error_code": refusal.code, "error_message": refusal.message, "error_type": refusal.type}
                return approvals.shown(approvals.end(books, approval, "failed", failure))
            result = {"id": made["id"], "object": made["object"]}
            return approvals.shown(approvals.end(books, approval, "succeeded", {"result": result}))

        return self._acting(account, execute)

    def reject(self, approval_id: str, *, reason: str | None = None, account: str | None = None) -> Document:
        def execute(books: Books) -> Document:
            approval = approvals.waiting(books, approval_id)
            approvals.review(books, approval, approved=False, reason=reason)
            return approvals.shown(approvals.end(books, approval, "rejected", {"reason": reason}))

        return self._acting(account, execute)

    def tell(self, event_type: str, data: Document, facts: Document, *, account: str | None = None) -> Document:
        """Send an event of one's own making, kept like every other; `facts` replace what it says of itself.

        With the id of an event that is there, it takes that one's place.
        """

        def execute(books: Books) -> Document:
            event = books.event(event_type, data) | facts
            if books.find("event", event["id"]) is None:
                books.keep_event(event)
            else:
                books.replace(event)
                books.announce(event["id"])
            return event

        return self._acting(account, execute)

    def resend(self, event_id: str) -> Document:
        """Send an event again, as the dashboard's button does, whichever account it is of."""
        row = self._store.connection.execute(
            "SELECT account FROM objects WHERE object = 'event' AND id = ?", (event_id,)
        ).fetchone()
        if row is None:
            raise resource_missing("event", event_id, param="id")

        def execute(books: Books) -> Document:
            books.announce(event_id)
            return books.get("event", event_id, param="id")

        return self._acting(str(row[0]), execute)

    def books(self, account: str | None) -> Books:
        return Books(
            self._store,
            account=account or self._default_account,
            now=self._clock.now(),
            announces=self._webhooks is not None,
        )

    def _acting(self, account: str | None, execute: Any) -> Document:
        with self._store.transaction():
            done: Document = execute(self.books(account))
        if self._webhooks is not None:
            self._webhooks.wake()
        return done


def _move_payout(books: Books, payout: Document, move: Move) -> None:
    match (payout["status"], move.status):
        case ("pending", "in_transit"):
            payout_life.leave(books, payout["id"])
        case (("pending" | "in_transit"), "paid"):
            payout_life.pay(books, payout)
        case (("pending" | "in_transit" | "paid"), "failed"):
            payout_life.fail(books, payout, code=move.failure_code or "could_not_process")
        case ("pending", "canceled"):
            payout_life.cancel(books, payout)
        case _:
            raise _no_way(payout, move)


def _move_refund(books: Books, refund: Document, move: Move) -> None:
    match (refund["status"], move.status):
        case (("pending" | "requires_action" | "succeeded"), "failed"):
            refund_life.fail(books, refund, reason=move.failure_code or "unknown")
        case (("requires_action" | "succeeded"), "pending"):
            refund_life.move(books, refund, "pending")
        case (("pending" | "requires_action"), "succeeded"):
            refund_life.move(books, refund, "succeeded")
        case _:
            raise _no_way(refund, move)


def _move_dispute(books: Books, dispute: Document, move: Move) -> None:
    if move.due_by is not None:
        details = dispute["evidence_details"] | {"due_by": move.due_by}
        previous = books.change(dispute, evidence_details=details)
        books.plan(dispute_life.DUE, dispute["id"], at=move.due_by)
        books.record_event("charge.dispute.updated", dispute, previous=previous)
    is_open = dispute["status"] in dispute_life.OPEN
    match move.status:
        case None:
            return
        case "won" | "lost" if is_open:
            dispute_life.close(books, dispute, won=move.status == "won")
        case "warning_closed" if dispute["status"].startswith("warning_") and is_open:
            CloseDispute(dispute["id"]).execute(books)
        case "under_review" | "needs_response" if is_open:
            inquiry = "warning_" if dispute["status"].startswith("warning_") else ""
            previous = books.change(dispute, status=f"{inquiry}{move.status}")
            books.record_event("charge.dispute.updated", dispute, previous=previous)
        case _:
            raise _no_way(dispute, move)


def _no_way(document: Document, move: Move) -> StripeRefusal:
    return StripeRefusal(f"{document['id']} cannot go from {document['status']} to {move.status}.", param="status")


def _text(value: Any) -> Value:
    """JSON as a form would have said it."""
    match value:
        case dict():
            return {str(name): _text(inner) for name, inner in value.items()}
        case list():
            return [_text(inner) for inner in value]
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case _:
            return str(value)
