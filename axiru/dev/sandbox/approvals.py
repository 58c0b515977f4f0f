"""Stripe's own approvals: a call that its people have to agree to first, and what becomes of it.

https://docs.stripe.com/account/approvals, https://docs.stripe.com/api/v2/core/approval-requests/object (public
preview of 2026-08-26). Once approved, Stripe itself makes the call; whoever asked never repeats it.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from axiru.dev.sandbox.answers import Document, new_id
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.forms import Value
from axiru.dev.sandbox.parameters import Page, Parameters
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal

KIND: Final = "v2.core.approval_request"
EXPIRES_AFTER_SECONDS: Final = 14 * 24 * 60 * 60
EXPIRE: Final = "approval.expire"
WAITING: Final = "requires_review"
_MOMENTS: Final = ("canceled_at", "expired_at", "failed_at", "rejected_at", "requires_execution_at", "succeeded_at")
_CALL: Final = "call"
"""Where the held call is kept; it is never shown."""


def action_of(method: str, path: str) -> str | None:
    """Stripe's name for a call that approvals can hold; None for one they cannot."""
    made = {"charges": "charge.create", "payouts": "payout.create", "refunds": "refund.create"}
    made |= {"transfers": "transfer.create"}
    match (method, *path.removeprefix("/v1/").split("/")):
        case ("POST", kind):
            return made.get(kind)
        case ("POST", "disputes", _, "close"):
            return "dispute.close"
        case _:
            return None


def hold(books: Books, method: str, path: str, form: dict[str, Value], *, key: str) -> StripeRefusal:
    """Keep the call as an approval request and give the refusal that tells of it."""
    approval_id = new_id("apreq")
    approval: Document = {
        "id": approval_id,
        "object": KIND,
        "action": action_of(method, path),
        "created": _moment(books.now),
        "dashboard_url": f"https://dashboard.stripe.com/approval_requests/{approval_id}",
        "description": None,
        "expires_at": _moment(books.now + EXPIRES_AFTER_SECONDS),
        "livemode": False,
        "reason": None,
        "requested_by": {"type": "api_key", "api_key": {"id": key[:8], "name": None}},
        "review": None,
        "status": WAITING,
        "status_details": None,
        "status_transitions": dict.fromkeys(_MOMENTS),
        _CALL: {"method": method, "path": path, "form": form},
    }
    books.add(approval)
    books.plan(EXPIRE, approval_id, at=books.now + EXPIRES_AFTER_SECONDS)
    return StripeRefusal(
        f"This request requires approval before it can be completed. See {approval['dashboard_url']}.",
        status=402,
        code="approval_required",
        facts={"approval_request": _summary(approval)},
    )


class RetrieveApproval(msgspec.Struct, frozen=True):
    approval: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveApproval":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return shown(_approval(books, self.approval))


class ListApprovals(msgspec.Struct, frozen=True):
    """Newest first, on one page. https://docs.stripe.com/api-v2-overview#list-pagination"""

    limit: int

    @classmethod
    def read(cls, parameters: Parameters) -> "ListApprovals":
        limit = parameters.integer("limit", minimum=1, maximum=100)
        parameters.finish()
        return cls(limit or 20)

    def execute(self, books: Books) -> Document:
        listed = books.page(KIND, "", Page(limit=self.limit))
        return {
            "data": [shown(approval) for approval in listed["data"]],
            "next_page_url": None,
            "previous_page_url": None,
        }


class CancelApproval(msgspec.Struct, frozen=True):
    """Whoever asked does not want it any more."""

    approval: str

    @classmethod
    def read(cls, parameters: Parameters) -> "CancelApproval":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return shown(end(books, waiting(books, self.approval), "canceled", {}))


def waiting(books: Books, approval_id: str) -> Document:
    """Raises StripeRefusal for a request that is not waiting for review any more."""
    approval = _approval(books, approval_id)
    if approval["status"] != WAITING:
        raise StripeRefusal(f"The approval request {approval_id} is not waiting: its status is {approval['status']}.")
    return approval


def held_call(approval: Document) -> tuple[str, str, dict[str, Value]]:
    """Method, path and form of the call that waits for the approval."""
    call = approval[_CALL]
    return call["method"], call["path"], call["form"]


def end(books: Books, approval: Document, status: str, details: Document) -> Document:
    """Write how it ended: `succeeded`, `failed`, `rejected`, `canceled` or `expired`."""
    transitions = approval["status_transitions"] | {f"{status}_at": _moment(books.now)}
    if status in ("succeeded", "failed"):
        transitions["requires_execution_at"] = _moment(books.now)
    books.change(approval, status=status, status_details={status: details}, status_transitions=transitions)
    return approval


def review(books: Books, approval: Document, *, approved: bool, reason: str | None) -> None:
    reviewed: dict[str, Any] = {
        "reason": reason,
        "result": "approved" if approved else "rejected",
        "reviewed_at": _moment(books.now),
        "reviewed_by": {"type": "user", "user": {"email": "reviewer@example.com"}},
    }
    books.change(approval, review=reviewed)


def expire(books: Books, approval_id: str) -> None:
    """Nobody reviewed it in time. Nothing happens to a request that has ended."""
    approval = _approval(books, approval_id)
    if approval["status"] == WAITING:
        end(books, approval, "expired", {})


def shown(approval: Document) -> Document:
    return {name: value for name, value in approval.items() if name != _CALL}


def _approval(books: Books, approval_id: str) -> Document:
    found = books.find(KIND, approval_id)
    if found is None:
        raise ParameterRefused(f"No such approval request: '{approval_id}'", status=404, code="not_found")
    return found


def _summary(approval: Document) -> Document:
    return {name: approval[name] for name in ("id", "action", "status", "dashboard_url", "expires_at")}


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
