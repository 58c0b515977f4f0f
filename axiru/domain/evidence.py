"""Evidence against a dispute: which fields it has, and how a packet is made of what is known. Pure.

Only Stripe's text fields: files may show what nobody here can look for, signatures and identity documents among it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
import rfc8785

from axiru.domain.dispute import DisputeFacts
from axiru.domain.forbidden_text import forbidden_in
from axiru.domain.money import money_text

LONG_TEXT: Final = 20_000
SHORT_TEXT: Final = 5_000
MOST_CHARACTERS: Final = 150_000
"""Of all fields together. https://docs.stripe.com/api/disputes/update#update_dispute-evidence"""

FIELDS: Final[Mapping[str, int]] = {
    "access_activity_log": LONG_TEXT,
    "billing_address": SHORT_TEXT,
    "cancellation_policy_disclosure": LONG_TEXT,
    "cancellation_rebuttal": LONG_TEXT,
    "customer_email_address": SHORT_TEXT,
    "customer_name": SHORT_TEXT,
    "customer_purchase_ip": SHORT_TEXT,
    "duplicate_charge_explanation": LONG_TEXT,
    "duplicate_charge_id": SHORT_TEXT,
    "product_description": LONG_TEXT,
    "refund_policy_disclosure": LONG_TEXT,
    "refund_refusal_explanation": LONG_TEXT,
    "service_date": SHORT_TEXT,
    "shipping_address": SHORT_TEXT,
    "shipping_carrier": SHORT_TEXT,
    "shipping_date": SHORT_TEXT,
    "shipping_tracking_number": SHORT_TEXT,
    "uncategorized_text": LONG_TEXT,
}
"""Every text field of Stripe's evidence, and how many characters it takes."""

FILE_FIELDS: Final = frozenset(
    {
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    }
)
"""Fields that take a file. Axiru neither keeps nor sends any."""

_WHO: Final = ("customer_name", "customer_email_address")
_REFUSED: Final = ("product_description", "refund_policy_disclosure", "refund_refusal_explanation")
_GENERAL: Final = (*_WHO, "product_description")
_DELIVERED: Final = "shipping_tracking_number|access_activity_log|service_date"
_WANTED: Final[Mapping[str, tuple[str, ...]]] = {
    "fraudulent": (*_GENERAL, "customer_purchase_ip", "billing_address", _DELIVERED),
    "unrecognized": (*_GENERAL, "billing_address", _DELIVERED),
    "duplicate": ("product_description", "duplicate_charge_id", "duplicate_charge_explanation"),
    "credit_not_processed": _REFUSED,
    "product_unacceptable": _REFUSED,
    "product_not_received": (*_GENERAL, _DELIVERED, "shipping_date|service_date", "shipping_address|service_date"),
    "subscription_canceled": ("cancellation_policy_disclosure", "cancellation_rebuttal", "access_activity_log"),
}


def wanted_for(reason: str) -> tuple[str, ...]:
    """Which fields carry weight against this reason; `a|b` is either. https://docs.stripe.com/disputes/categories"""
    return _WANTED.get(reason, _GENERAL)


class ChargeFacts(msgspec.Struct, frozen=True):
    """What is known of the disputed charge: no name, address, card or bank account is among it."""

    id: str
    amount_cents: int
    currency: str
    amount_refunded_cents: int
    created_at: datetime
    risk_level: str | None = None


class DecisionFacts(msgspec.Struct, frozen=True):
    """What the ledger says of one movement about that charge."""

    decision_id: str
    action: str
    amount_cents: int
    currency: str
    state: str
    message: str
    decided_at: datetime
    stripe_object_id: str | None = None


class Packet(msgspec.Struct, frozen=True):
    """Evidence as it would be sent. `missing` is what would still help; `charge` in it is what could not be read."""

    evidence: dict[str, str]
    missing: tuple[str, ...]
    digest: str
    degraded: bool


class FactError(msgspec.Struct, frozen=True):
    """Why a fact that a caller gives is not taken."""

    field: str
    code: str
    message: str


def packet_of(
    dispute: DisputeFacts,
    *,
    charge: ChargeFacts | None,
    decisions: Sequence[DecisionFacts],
    facts: Mapping[str, str],
) -> Packet:
    """The packet that these inputs make: the same for the same inputs, whenever it is made.

    What the caller gave stands as it was given; what the ledger and Stripe say is written where room is left. Without
    the charge it is `degraded`.
    """
    evidence = {name: text for name, text in facts.items() if text}
    room = MOST_CHARACTERS - sum(map(len, evidence.values()))
    refused = [_refusal(one) for one in decisions if one.action == "refund" and one.state in _REFUSED_STATES]
    for name, lines in (
        ("refund_refusal_explanation", [] if "refund_refusal_explanation" in facts else refused),
        ("uncategorized_text", [*_payment(charge), *(_movement(one) for one in decisions)]),
    ):
        # What we write ourselves is looked through as what we are given: a rule's message is somebody's free text.
        clean = [line for line in lines if forbidden_in(line) is None]
        text = _within(min(FIELDS[name], room), evidence.get(name), clean)
        room += len(evidence.get(name, "")) - len(text)
        if text:
            evidence[name] = text
    missing = [name for name in wanted_for(dispute.reason) if not any(one in evidence for one in name.split("|"))]
    degraded = charge is None
    return Packet(evidence, (*(["charge"] if degraded else []), *missing), digest_of(evidence), degraded)


def digest_of(evidence: Mapping[str, str]) -> str:
    """SHA-256 (hex) of the RFC 8785 form: what a decision to submit is bound to."""
    return hashlib.sha256(rfc8785.dumps(dict(evidence))).hexdigest()


def fact_errors(facts: Mapping[str, object]) -> Iterator[FactError]:
    """Everything that is wrong with facts a caller gives; null takes an earlier one back."""
    for name, text in facts.items():
        if name in FILE_FIELDS:
            yield FactError(name, "not_allowed", "This takes a file; Axiru sends text only.")
        elif name not in FIELDS:
            yield FactError(name[:100], "unknown_field", "Stripe's evidence has no such text field.")
        elif text is None:
            continue
        elif not isinstance(text, str):
            yield FactError(name, "wrong_type", "This must be a string.")
        elif not text.strip():
            yield FactError(name, "too_short", "This is empty; null takes back what was given before.")
        elif len(text) > FIELDS[name]:
            yield FactError(name, "too_long", f"Stripe takes {FIELDS[name]:,} characters here.")
        elif "\x00" in text:
            yield FactError(name, "malformed", "This has U+0000 in it.")
        elif (found := forbidden_in(text)) is not None:
            yield FactError(name, "not_allowed", _FORBIDDEN[found])


def total_error(facts: Mapping[str, str]) -> FactError | None:
    """Whether all facts together are more than Stripe takes."""
    total = sum(map(len, facts.values()))
    return (
        FactError("", "too_long", f"Together these are {total:,} characters; Stripe takes {MOST_CHARACTERS:,}.")
        if total > MOST_CHARACTERS
        else None
    )


_FORBIDDEN: Final = {
    "card_number": "This holds what looks like a card's number; those are neither kept nor sent.",
    "bank_account": "This holds what looks like a bank account's number; those are neither kept nor sent.",
}
_REFUSED_STATES: Final = frozenset({"denied", "expired"})
_BECAME: Final = {
    "allowed": "allowed",
    "approved": "approved",
    "denied": "refused",
    "expired": "refused: nobody approved it in time",
    "executing": "being made",
    "executed": "made",
    "execution_failed": "not made",
    "pending_approval": "not decided yet",
    "held": "not decided yet",
}


def _payment(charge: ChargeFacts | None) -> Iterator[str]:
    if charge is None:
        return
    paid, refunded = (
        money_text(units, charge.currency) for units in (charge.amount_cents, charge.amount_refunded_cents)
    )
    yield f"Payment {charge.id} of {paid} was made on {charge.created_at:%Y-%m-%d}; {refunded} of it was refunded."
    if charge.risk_level:
        yield f"Stripe's risk level of this payment: {charge.risk_level}."


def _movement(one: DecisionFacts) -> str:
    what = f"{one.action.replace('_', ' ').capitalize()} of {money_text(one.amount_cents, one.currency)}"
    of_stripe = f" ({one.stripe_object_id})" if one.stripe_object_id else ""
    return f"{what}, asked for on {one.decided_at:%Y-%m-%d}: {_BECAME.get(one.state, one.state)}{of_stripe}."


def _refusal(one: DecisionFacts) -> str:
    return f"{_movement(one)} {one.message}".strip()


def _within(room: int, given: str | None, lines: Sequence[str]) -> str:
    """What was given, and behind it as many lines as there is room for; the last of those are the newest."""
    left = room - len(given or "")
    kept: list[str] = []
    for line in reversed(lines):
        left -= len(line) + 1
        if left < 0:
            break
        kept.insert(0, line)
    return "\n".join([*([given] if given else []), *kept])
