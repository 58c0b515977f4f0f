"""Disputes and evidence in the words of people who answer them."""

from collections.abc import Mapping
from typing import Final

from axiru.domain.evidence import FIELDS
from console.components.badge import Look

_LOOKS: Final[Mapping[str, Look]] = {
    "needs_response": Look("Needs a response", "clock", "waiting"),
    "warning_needs_response": Look("Inquiry needs a response", "clock", "waiting"),
    "under_review": Look("Under review", "eye", "busy-still"),
    "warning_under_review": Look("Inquiry under review", "eye", "busy-still"),
    "won": Look("Won", "check-circle", "done"),
    "lost": Look("Lost", "cross", "bad"),
    "warning_closed": Look("Inquiry closed", "check", "good"),
    "prevented": Look("Prevented", "check", "good"),
    "charge_refunded": Look("Charge refunded", "check", "good"),
}
_SPECIAL: Final = {
    "uncategorized_text": "Anything else",
    "customer_email_address": "Customer's e-mail",
    "customer_name": "Customer's name",
    "customer_purchase_ip": "IP address of the purchase",
    "duplicate_charge_id": "The other charge's id",
    "duplicate_charge_explanation": "How the two charges differ",
    "refund_refusal_explanation": "Why no refund was due",
    "refund_policy_disclosure": "How the refund policy was shown",
    "cancellation_policy_disclosure": "How the cancellation policy was shown",
    "cancellation_rebuttal": "Why the cancellation does not count",
    "access_activity_log": "Log of access and use",
    "charge": "The charge itself, which could not be read from Stripe",
}


def status_look(status: str) -> Look:
    """A status this console has no look for is shown as it is, readable."""
    return _LOOKS.get(status) or Look(readable(status), "alert", "neutral")


def readable(name: str) -> str:
    """`product_not_received` as `Product not received`."""
    return name.replace("_", " ").capitalize()


def field_name(field: str) -> str:
    """A field of the evidence, or several of which one would do: `Shipping date or service date`."""
    first, *others = (_SPECIAL.get(name, readable(name)) for name in field.split("|"))
    return " or ".join([first, *(name[:1].lower() + name[1:] for name in others)])


def in_order(evidence: Mapping[str, str]) -> list[str]:
    """The fields as Stripe orders them, whatever else there is after them."""
    known = [field for field in FIELDS if field in evidence]
    return [*known, *(field for field in evidence if field not in FIELDS)]
