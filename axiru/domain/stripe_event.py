"""An event of Stripe's as it is kept, whichever way and in whichever version of the API it came. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from axiru.domain.movement import Mode
from axiru.stripe_fields import kept_event

Via = Literal["webhook", "reconciliation"]
EventState = Literal["received", "processed", "ignored", "failed"]

EVENT_TYPES: Final = frozenset(
    {
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.refunded",
        "charge.refund.updated",
        "application_fee.refunded",
        "application_fee.refund.updated",
        "transfer.created",
        "transfer.updated",
        "transfer.reversed",
        "payout.created",
        "payout.updated",
        "payout.paid",
        "payout.failed",
        "payout.canceled",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "account.updated",
        "account.application.deauthorized",
    }
)
"""What something is done about; every other event is kept as `ignored`. https://docs.stripe.com/api/events/types"""

DEAUTHORIZED: Final = "account.application.deauthorized"
_LATEST: Final = 2**33


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is the object it tells of, cut down by `axiru/stripe_fields.py`."""

    id: str
    type: str
    mode: Mode
    stripe_account_id: str
    api_version: str | None
    object_id: str
    body: dict[str, Any]
    happened_at: datetime


def read_event(raw: Any) -> StripeEvent | None:
    """What is kept of an event; None for what is no event about an object of an account.

    Among those are the thin events of API v2, which tell of an object by its address alone.
    https://docs.stripe.com/event-destinations
    """
    event = kept_event(raw)
    about = event.get("data", {}).get("object")
    created = event.get("created", -1)
    named = all(name in event for name in ("id", "type", "account", "livemode"))
    if event.get("object") != "event" or not named or not isinstance(about, Mapping) or not 0 <= created < _LATEST:
        return None
    return StripeEvent(
        id=event["id"],
        type=event["type"],
        mode="live" if event["livemode"] else "test",
        stripe_account_id=event["account"],
        api_version=event.get("api_version"),
        object_id=about.get("id", ""),
        body=dict(about),
        happened_at=datetime.fromtimestamp(created, UTC),
    )
