"""A dispute as Stripe last told of it. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

ANSWERABLE: Final = frozenset({"needs_response", "warning_needs_response"})
"""In these states Stripe takes evidence (https://docs.stripe.com/api/disputes/object#dispute_object-status)."""

ENDED: Final = frozenset({"won", "lost", "warning_closed", "prevented", "charge_refunded"})
"""Nothing changes any more. `charge_refunded` is of older versions of the API."""


class DisputeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a dispute. Without a `evidence_due_by` the bank takes no answer, or Stripe did not say."""

    id: str
    charge: str | None
    amount_cents: int
    currency: str
    reason: str
    status: str
    evidence_due_by: datetime | None
    submission_count: int
    opened_at: datetime


def dispute_facts(document: Mapping[str, Any]) -> DisputeFacts:
    """What a dispute object of the API says, in this version of it or an older one.

    Raises ValueError for an object without an id, an amount or a currency.
    """
    ident, amount, currency = document.get("id"), document.get("amount"), document.get("currency")
    if not isinstance(ident, str) or not isinstance(amount, int) or not isinstance(currency, str):
        raise ValueError("this is no dispute")
    charge, found = document.get("charge"), document.get("evidence_details")
    details: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    return DisputeFacts(
        id=ident,
        charge=charge.get("id") if isinstance(charge, Mapping) else charge,
        amount_cents=amount,
        currency=currency,
        reason=str(document.get("reason") or "general"),
        status=str(document.get("status") or "needs_response"),
        evidence_due_by=_moment(details.get("due_by") or document.get("evidence_due_by")),
        submission_count=int(details.get("submission_count") or 0),
        opened_at=_moment(document.get("created")) or datetime.fromtimestamp(0, UTC),
    )


def _moment(unix_seconds: Any) -> datetime | None:
    """Zero is Stripe's way to say that there is none."""
    return datetime.fromtimestamp(unix_seconds, UTC) if isinstance(unix_seconds, int) and unix_seconds > 0 else None
