"""What is kept of Stripe's objects: an allow-list, field by field. Pure.

Whatever is not named here is never stored, so card numbers, their last digits and fingerprints, bank details, identity
documents, addresses, names and e-mail addresses are not, in whichever version of Stripe's API they come, and wherever
Stripe adds them. A reference that came expanded is cut down to its id. Of metadata, which is the merchant's free text,
only the id of one of our decisions is kept.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

METADATA_KEY: Final = "axiru_decision_id"
"""Where what was made for a decision says so."""

Cut: TypeAlias = Callable[[Any], Any]
"""What is kept of one value; None where nothing is, as for a value of another type than Stripe documents."""

# A letter first: a card number can be neither.
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,254}")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
_NETWORK_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,8}")
_MOST_LISTED: Final = 100


def kept(kind: str, document: Any) -> dict[str, Any]:
    """What may be stored of an object whose `object` is `kind`; its id alone for a kind that is of no interest.

    Absent, null and unfit values are left out alike. https://docs.stripe.com/api
    """
    fields = _KINDS.get(kind, {})
    return _cut({"id": _id, "object": _code, **fields}, document)


def kept_event(event: Any) -> dict[str, Any]:
    """What may be stored of an event and of the object it tells of. https://docs.stripe.com/api/events/object"""
    return _cut(_EVENT, event)


def _cut(fields: Mapping[str, Cut], document: Any) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        return {}
    cut = {name: keep(document.get(name)) for name, keep in fields.items()}
    return {name: value for name, value in cut.items() if value is not None}


def _id(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _network_code(value: Any) -> str | None:
    return value if isinstance(value, str) and _NETWORK_CODE.fullmatch(value) else None


def _version(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", value) else None


def _name(value: Any) -> str | None:
    return value[:100] if isinstance(value, str) and value.isprintable() and value else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _within(**fields: Cut) -> Cut:
    return lambda value: _cut(fields, value) or None


def _listed(kind: str) -> Cut:
    """The objects of a list that came with its owner: a page, or a bare array in the API's first versions."""

    def keep(value: Any) -> dict[str, Any] | None:
        data = value.get("data") if isinstance(value, Mapping) else value
        if not isinstance(data, list):
            return None
        has_more = isinstance(value, Mapping) and value.get("has_more") is True
        return {"data": [kept(kind, one) for one in data[:_MOST_LISTED]], "has_more": has_more}

    return keep


def _object(value: Any) -> dict[str, Any] | None:
    kind = value.get("object") if isinstance(value, Mapping) else None
    return kept(kind, value) if isinstance(kind, str) else None


_METADATA: Final = _within(**{METADATA_KEY: _id})
_MONEY: Final[dict[str, Cut]] = {"amount": _integer, "currency": _code, "created": _integer}
_FEE_REFUND: Final[dict[str, Cut]] = {**_MONEY, "fee": _id, "balance_transaction": _id, "metadata": _METADATA}
_REFUND: Final[dict[str, Cut]] = {
    **_MONEY,
    "charge": _id,
    "payment_intent": _id,
    "customer": _id,
    "balance_transaction": _id,
    "reason": _code,
    "status": _code,
    "failure_reason": _code,
    "pending_reason": _code,
    "source_transfer_reversal": _id,
    "transfer_reversal": _id,
    "metadata": _METADATA,
}
_REVERSAL: Final[dict[str, Cut]] = {
    **_MONEY,
    "transfer": _id,
    "balance_transaction": _id,
    "destination_payment_refund": _id,
    "source_refund": _id,
    "metadata": _METADATA,
}

_KINDS: Final[dict[str, dict[str, Cut]]] = {
    "refund": _REFUND,
    "charge": {
        **_MONEY,
        "amount_captured": _integer,
        "amount_refunded": _integer,
        "application": _id,
        "application_fee": _id,
        "application_fee_amount": _integer,
        "balance_transaction": _id,
        "captured": _flag,
        "customer": _id,
        "disputed": _flag,
        "failure_code": _code,
        "livemode": _flag,
        "on_behalf_of": _id,
        "outcome": _within(risk_level=_code, type=_code, network_status=_code),
        "paid": _flag,
        "payment_intent": _id,
        "payment_method_details": _within(type=_code),
        "refunded": _flag,
        "refunds": _listed("refund"),
        "source_transfer": _id,
        "status": _code,
        "transfer": _id,
        "transfer_data": _within(destination=_id, amount=_integer),
        "transfer_group": _id,
        "metadata": _METADATA,
    },
    "payment_intent": {
        **_MONEY,
        "amount_received": _integer,
        "application_fee_amount": _integer,
        "customer": _id,
        "latest_charge": _id,
        "livemode": _flag,
        "on_behalf_of": _id,
        "status": _code,
        "transfer_group": _id,
        "metadata": _METADATA,
    },
    "dispute": {
        **_MONEY,
        "charge": _id,
        "payment_intent": _id,
        "evidence_details": _within(due_by=_integer, has_evidence=_flag, past_due=_flag, submission_count=_integer),
        "is_charge_refundable": _flag,
        "livemode": _flag,
        "payment_method_details": _within(type=_code, card=_within(case_type=_code, network_reason_code=_network_code)),
        "reason": _code,
        "status": _code,
        "metadata": _METADATA,
    },
    "payout": {
        **_MONEY,
        "arrival_date": _integer,
        "automatic": _flag,
        "balance_transaction": _id,
        # The id of a bank account or card; nothing of what it is.
        "destination": _id,
        "failure_code": _code,
        "livemode": _flag,
        "method": _code,
        "original_payout": _id,
        "reversed_by": _id,
        "source_type": _code,
        "status": _code,
        "type": _code,
        "metadata": _METADATA,
    },
    "transfer": {
        **_MONEY,
        "amount_reversed": _integer,
        "balance_transaction": _id,
        "destination": _id,
        "destination_payment": _id,
        "livemode": _flag,
        "reversals": _listed("transfer_reversal"),
        "reversed": _flag,
        "source_transaction": _id,
        "source_type": _code,
        "transfer_group": _id,
        "metadata": _METADATA,
    },
    "transfer_reversal": _REVERSAL,
    "application_fee": {
        **_MONEY,
        "account": _id,
        "amount_refunded": _integer,
        "application": _id,
        "balance_transaction": _id,
        "charge": _id,
        "livemode": _flag,
        "originating_transaction": _id,
        "refunded": _flag,
        "refunds": _listed("fee_refund"),
    },
    "fee_refund": _FEE_REFUND,
    "balance_transaction": {
        **_MONEY,
        "available_on": _integer,
        "fee": _integer,
        "net": _integer,
        "reporting_category": _code,
        "source": _id,
        "status": _code,
        "type": _code,
    },
    "customer": {"created": _integer, "currency": _code, "delinquent": _flag, "livemode": _flag},
    "account": {
        "charges_enabled": _flag,
        "country": _code,
        "created": _integer,
        "default_currency": _code,
        "details_submitted": _flag,
        "payouts_enabled": _flag,
        "requirements": _within(disabled_reason=_code),
        "settings": _within(
            dashboard=_within(display_name=_name),
            payouts=_within(
                schedule=_within(interval=_code, delay_days=_integer, weekly_anchor=_code, monthly_anchor=_integer)
            ),
        ),
        "type": _code,
    },
    "application": {},
}

_EVENT: Final[dict[str, Cut]] = {
    "id": _id,
    "object": _code,
    "type": _code,
    "account": _id,
    "api_version": _version,
    "created": _integer,
    "livemode": _flag,
    "data": _within(object=_object),
}
