"""Movements of money as Stripe's objects show them, in whichever event they come. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from axiru.domain.movement import Target
from axiru.stripe_fields import METADATA_KEY

MovementKind = Literal["refund", "payout", "transfer", "app_fee_refund"]

_KIND_OF: Final[dict[str, MovementKind]] = {
    "refund": "refund",
    "payout": "payout",
    "transfer": "transfer",
    "fee_refund": "app_fee_refund",
}
_COME_TO_NOTHING: Final = frozenset({"failed", "canceled"})
_STATUSES: Final = ("pending", "requires_action", "in_transit", "succeeded", "paid", "failed", "canceled")


class SeenMovement(msgspec.Struct, frozen=True, kw_only=True):
    """One movement that Stripe has made. `named` is the decision that its metadata names, whoever wrote that."""

    kind: MovementKind
    stripe_object_id: str
    amount_cents: int
    currency: str
    made_at: datetime
    target: Target
    customer_id: str | None = None
    reason: str | None = None
    named: str | None = None
    status: str | None = None


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """A movement that nobody had asked for, as it is kept."""

    stripe_object_id: str
    stripe_connection_id: str
    kind: str
    why: str
    stripe_status: str | None


def came_to_nothing(status: str | None) -> bool:
    """Whether the money stayed where it was, or came back."""
    return status in _COME_TO_NOTHING


def movements_in(body: Mapping[str, Any]) -> list[SeenMovement]:
    """The movements in the object of an event, cut down as `axiru/stripe_fields.py` does."""
    return [seen for document in _documents(body) if (seen := _seen(document, body)) is not None]


def lacks_refunds(body: Mapping[str, Any]) -> bool:
    """Whether it is a charge that was refunded without saying how: since 2022-11-15 its refunds are listed apart."""
    listed = body.get("refunds", {})
    return body.get("object") == "charge" and bool(not listed.get("data") or listed.get("has_more"))


def status_rank(status: str | None) -> int:
    """Which of two statuses of the same second is the later one: nothing goes back from the end of this list."""
    return _STATUSES.index(status) if status in _STATUSES else -1


def _documents(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if body.get("object") in {"charge", "application_fee"}:
        yield from body.get("refunds", {}).get("data", ())
    else:
        yield body


def _seen(document: Mapping[str, Any], owner: Mapping[str, Any]) -> SeenMovement | None:
    """None for what is no movement out, and for what lacks what a movement has."""
    kind = _KIND_OF.get(document.get("object", ""))
    if kind is None or not all(name in document for name in ("id", "amount", "currency", "created")):
        return None
    if document["amount"] <= 0 or not 0 <= document["created"] < 2**33:
        return None
    # Stripe pays out by its own schedule unasked; a payout that takes another back brings money in.
    if kind == "payout" and (document.get("automatic") is not False or "original_payout" in document):
        return None
    charge = owner if owner.get("object") == "charge" else {}
    return SeenMovement(
        kind=kind,
        stripe_object_id=document["id"],
        amount_cents=document["amount"],
        currency=document["currency"].lower(),
        made_at=datetime.fromtimestamp(document["created"], UTC),
        target=_target(kind, document, owner),
        customer_id=document.get("customer") or charge.get("customer"),
        reason=document.get("reason"),
        named=document.get("metadata", {}).get(METADATA_KEY),
        status=document.get("status"),
    )


def _target(kind: MovementKind, document: Mapping[str, Any], owner: Mapping[str, Any]) -> Target:
    charge_id = document.get("charge") or (owner.get("id") if owner.get("object") == "charge" else None)
    match kind:
        case "refund":
            return Target(charge=charge_id, payment_intent=document.get("payment_intent"))
        case "payout":
            return Target(destination=document.get("destination"))
        case "transfer":
            return Target(destination=document.get("destination"), charge=document.get("source_transaction"))
        case "app_fee_refund":
            return Target(application_fee=document.get("fee"), charge=owner.get("charge"))
