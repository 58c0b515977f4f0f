"""The bodies that are sent: made once, kept with a hold, and sent again unchanged."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict, get_args

from axiru_client.errors import InvalidRequest
from axiru_client.vocabulary import DEFAULTS, Action, Execute

DECISIONS: Final = "/api/v1/decisions"
AUTHORIZATIONS: Final = "/api/v1/authorizations"
_LONGEST_KEY: Final = 255
_INTENT: Final = (
    "charge",
    "payment_intent",
    "destination",
    "payout",
    "transfer",
    "application_fee",
    "dispute",
    "dispute_action",
    "stripe_account_id",
)


class DecideOptions(TypedDict, total=False):
    """What `decide()` takes beside action, amount and key; what is left out is not sent."""

    connection: str
    kind: Literal["refund", "credit", "adjustment"]
    charge: str
    payment_intent: str
    destination: str
    payout: str
    transfer: str
    application_fee: str
    dispute: str
    dispute_action: Literal["submit_evidence", "close"]
    stripe_account_id: str
    context: Mapping[str, Any]
    metadata: Mapping[str, str]
    source: str
    execute: Execute
    programme: str


class AuthorizeOptions(TypedDict, total=False):
    """What `authorize()` takes beside rail, action, amount and key; what is left out is not sent."""

    counterparty: Mapping[str, Any]
    context: Mapping[str, Any]
    metadata: Mapping[str, str]
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: the body as it is sent, and what decides about it when nobody answers."""

    endpoint: str
    body: Mapping[str, Any]
    payload: bytes
    action: str
    surface: str
    connection: str | None
    amount_cents: int
    currency: str
    idempotency_key: str
    execute: Execute
    programme: str | None
    dispute: str | None


def known_options(given: Iterable[str], declared: type) -> None:
    """Refuse a name that is not declared, as Python does: a misspelt `execute` would otherwise mean another caller.

    Raises TypeError.
    """
    unknown = sorted(set(given) - set(declared.__annotations__))
    if unknown:
        raise TypeError(f"unexpected keyword argument: {', '.join(unknown)}")


def asked_of(endpoint: str, body: Mapping[str, Any]) -> Asked:
    """The request that a body makes, be it new or one that was held. Raises InvalidRequest where it is no JSON."""
    try:
        payload = json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _invalid("body", f"cannot be sent as JSON: {error}") from error
    intent = body["intent"] if endpoint == DECISIONS else body
    action = body["action"] if endpoint == DECISIONS else body["rail_action"]
    rail = "stripe" if endpoint == DECISIONS else body["rail"]
    # Closing gives the money up: only the submission has a deadline that is worse to miss than to meet alone.
    submits = action == "dispute" and intent.get("dispute_action", "submit_evidence") == "submit_evidence"
    return Asked(
        endpoint=endpoint,
        body=body,
        payload=payload,
        action=action,
        surface=f"{rail}.{intent.get('kind', action)}",
        connection=intent.get("stripe_connection_id"),
        amount_cents=intent["amount_cents"],
        currency=intent["currency"].lower(),
        idempotency_key=body["idempotency_key"],
        execute=body.get("execute", "caller"),
        programme=body.get("context", {}).get("programme"),
        dispute=intent.get("dispute") if submits else None,
    )


def decision_request(
    action: Action, amount_cents: int, currency: str, idempotency_key: str, options: DecideOptions
) -> Asked:
    """The request of `decide()`. Raises InvalidRequest for what must not be held, TypeError for an unknown option."""
    known_options(options, DecideOptions)
    if action not in DEFAULTS:
        raise _invalid("action", f"must be one of {', '.join(get_args(Action))}")
    _check(amount_cents, currency, idempotency_key)
    kind = options.get("kind", "refund") if action == "refund" else None
    intent: dict[str, Any] = {"amount_cents": amount_cents, "currency": currency}
    intent |= {"kind": kind} if kind else {}
    intent |= {name: value for name in _INTENT if (value := options.get(name)) is not None}
    connection, programme = options.get("connection"), options.get("programme")
    if connection is not None:
        intent["stripe_connection_id"] = connection
    execute = options.get("execute", "caller")
    body: dict[str, Any] = {"action": action, "intent": intent, "idempotency_key": idempotency_key, "execute": execute}
    body |= _extras(options.get("context"), options.get("metadata"))
    if options.get("source") is not None:
        body["source"] = options["source"]
    if programme is not None:
        # Rules and people then see which programme a payout belongs to.
        body["context"] = {**body.get("context", {}), "programme": programme}
    return asked_of(DECISIONS, body)


def authorization_request(
    rail: str,
    rail_action: str,
    amount_cents: int,
    currency: str,
    initiator: Mapping[str, Any],
    idempotency_key: str,
    options: AuthorizeOptions,
) -> Asked:
    """The request of `authorize()`. Raises InvalidRequest for what must not be held, TypeError as above."""
    known_options(options, AuthorizeOptions)
    for name, value in (("rail", rail), ("rail_action", rail_action)):
        if not isinstance(value, str) or not value:
            raise _invalid(name, "must be a text")
    _check(amount_cents, currency, idempotency_key)
    body: dict[str, Any] = {
        "rail": rail,
        "rail_action": rail_action,
        "amount_cents": amount_cents,
        "currency": currency,
        "initiator": dict(initiator),
        "idempotency_key": idempotency_key,
    }
    if options.get("counterparty") is not None:
        body["counterparty"] = dict(options["counterparty"])
    if options.get("connection") is not None:
        body["stripe_connection_id"] = options["connection"]
    body |= _extras(options.get("context"), options.get("metadata"))
    return asked_of(AUTHORIZATIONS, body)


def _extras(context: Mapping[str, Any] | None, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    given = (("context", context), ("metadata", metadata))
    for name, value in given:
        if value is not None and not isinstance(value, Mapping):
            raise _invalid(name, "must be a mapping")
    return {name: dict(value) for name, value in given if value is not None}


def _check(amount_cents: int, currency: str, idempotency_key: str) -> None:
    """What Axiru would refuse whoever asks, so that it is said at once and not held."""
    # A bool is an int to Python, and a float would be cut off somewhere.
    if type(amount_cents) is not int or amount_cents < 1:
        raise _invalid("amount_cents", "must be a whole number of minor units, 1 or more")
    if not isinstance(currency, str) or len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise _invalid("currency", "must be an ISO 4217 code")
    if not isinstance(idempotency_key, str) or not 1 <= len(idempotency_key) <= _LONGEST_KEY:
        raise _invalid("idempotency_key", f"must be a text of 1 to {_LONGEST_KEY} characters")


def _invalid(field: str, message: str) -> InvalidRequest:
    error = {"field": field, "code": "invalid", "message": message}
    return InvalidRequest(f"{field} {message}", field_errors=[error])
