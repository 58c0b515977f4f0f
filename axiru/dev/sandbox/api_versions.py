"""Objects as older versions of Stripe's API showed them, for events to endpoints that were never upgraded.

https://docs.stripe.com/changelog names each change; the list covers those that touch what Axiru reads.
"""

from collections.abc import Callable
from typing import Final

from axiru.dev.sandbox.answers import Document


def _refunds_with_charge(charge: Document) -> Document:
    refunds = {"object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{charge.get('id')}/refunds"}
    return charge | {"refunds": refunds, "dispute": None, "source": None, "invoice": None}


def _dispute_of_2020(dispute: Document) -> Document:
    kept = _without(dispute, "payment_method_details", "enhanced_eligibility_types")
    card = dispute.get("payment_method_details", {}).get("card", {})
    return kept | {
        "evidence": _without(dispute.get("evidence", {}), "enhanced_evidence"),
        "evidence_details": _without(dispute.get("evidence_details", {}), "enhanced_eligibility"),
        "balance_transaction": None,
        "network_reason_code": card.get("network_reason_code"),
    }


def _without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


_CHANGES: Final[tuple[tuple[str, str, Callable[[Document], Document]], ...]] = (
    ("2022-11-15", "charge", _refunds_with_charge),
    ("2024-10-28", "dispute", _dispute_of_2020),
    ("2022-08-01", "refund", lambda refund: _without(refund, "destination_details", "next_action")),
    ("2023-10-16", "payout", lambda payout: _without(payout, "reconciliation_status", "trace_id", "payout_method")),
    ("2024-06-20", "application_fee", lambda fee: _without(fee, "fee_source")),
)
"""What an object of a kind was like in versions before the date."""


def in_version(document: Document, api_version: str) -> Document:
    """The object as `api_version`, such as `2020-08-27`, showed it."""
    for before, kind, change in _CHANGES:
        if document.get("object") == kind and api_version[:10] < before:
            document = change(document)
    return document
