"""The body of `POST /api/decision`, the short form: it brings the key, and only the amount is required."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from api.auth import Caller, InvalidApiKey, MissingAuthorization
from api.errors import InvalidBody
from api.fields import decode
from api.fingerprint import SECRET_FIELDS, fingerprint
from api.intake.decision_body import Action
from api.intake.request import Asked
from api.intake.text import (
    AmountCents,
    Currency,
    IdempotencyKey,
    Identifier,
    Metadata,
    ShortText,
    TenureDays,
    folded,
)
from axiru.domain.currency import exponent_of
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target

ENDPOINT: Final = "/api/decision"


class LandingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request for one decision, without what the key's organization already says."""

    amount_cents: AmountCents
    action: Action = "refund"
    source: ShortText | None = None
    stripe_charge_id: Identifier | None = None
    stripe_connection_id: Identifier | None = None
    currency: Currency | None = None
    customer_id: Identifier | None = None
    customer_tenure_days: TenureDays | None = None
    reason: ShortText | None = None
    idempotency_key: IdempotencyKey | None = None
    metadata: Metadata | None = None


class LandingBodyWithKey(LandingBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same as it is sent. The key is taken out before anything else is done with the body."""

    org_api_key: str


def key_in(raw: Mapping[str, Any]) -> str:
    """The API key a body brings. Raises MissingAuthorization, InvalidApiKey."""
    secret = raw.get("org_api_key")
    if secret is None or (isinstance(secret, str) and not secret.strip()):
        raise MissingAuthorization("Send your API key as org_api_key.")
    if not isinstance(secret, str):
        raise InvalidApiKey("This API key is unknown, revoked or expired.")
    return secret.strip()


def read_landing(raw: Mapping[str, Any], caller: Caller, named_currency: str | None = None) -> Asked:
    """The request in `raw`; `named_currency` is that of the connection it names, if it names one.

    Raises InvalidBody naming every field that is wrong.
    """
    body = decode({name: value for name, value in raw.items() if name not in SECRET_FIELDS}, LandingBody)
    default = caller.default_connection
    of_default = default.currency if default else None
    currency = body.currency or (named_currency if body.stripe_connection_id else of_default)
    if currency is None:
        raise InvalidBody.single("currency", "missing", "There is no connection to take a currency from; name one.")
    asset = currency.lower()
    return Asked(
        ENDPOINT,
        fingerprint(raw),
        Ovt(
            rail="stripe",
            rail_action=body.action,
            amount=Amount(str(body.amount_cents), asset, exponent_of(asset)),
            initiator=Initiator("api_key", caller.api_key_id or ""),
            idempotency_key=body.idempotency_key,
            merchant=Merchant(body.stripe_connection_id or (default.id if default else None)),
            target=Target(charge=body.stripe_charge_id),
            context=Context(
                customer_id=body.customer_id,
                customer_tenure_days=body.customer_tenure_days,
                reason_code=folded(body.reason),
                source=folded(body.source),
            ),
            metadata=body.metadata or {},
        ),
    )
