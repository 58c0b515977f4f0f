"""The body of `POST /api/v1/authorizations`, and the movement it asks for."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from api.auth import Caller
from api.errors import FieldError, InvalidBody
from api.fields import decode
from api.fingerprint import fingerprint
from api.intake.decision_body import ContextBody, extra_context, extra_errors
from api.intake.request import Asked
from api.intake.text import AmountCents, Currency, IdempotencyKey, Identifier, Metadata, ShortText, folded
from axiru.domain.authorization import AGENT_SURFACES, ENDPOINT
from axiru.domain.currency import exponent_of
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt

Country = Annotated[str, Meta(pattern="^[A-Za-z]{2}$", description="ISO 3166-1 alpha-2")]
Scope = Annotated[str, Meta(min_length=1, max_length=100)]
RAILS: Final = tuple(sorted({surface.partition(".")[0] for surface in AGENT_SURFACES}))


class InitiatorBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who pays: an agent by its id, and the scopes it acts under."""

    kind: ShortText
    id: Identifier
    scopes: Annotated[tuple[Scope, ...], Meta(max_length=50)] = ()


class CounterpartyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is paid."""

    id: Identifier | None = None
    stripe_account_id: Identifier | None = None
    country: Country | None = None


class AuthorizationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request for one authorization on a rail that agents pay on."""

    rail: ShortText
    rail_action: ShortText
    initiator: InitiatorBody
    idempotency_key: IdempotencyKey
    amount_cents: AmountCents
    currency: Currency
    counterparty: CounterpartyBody | None = None
    context: ContextBody | None = None
    source: ShortText | None = None
    metadata: Metadata | None = None
    stripe_connection_id: Identifier | None = None
    stripe_account_id: Identifier | None = None


def read_authorization(raw: Mapping[str, Any], caller: Caller) -> Asked:
    """The request in `raw`. Raises InvalidBody naming every field that is wrong."""
    errors: dict[str, FieldError] = {}
    body: AuthorizationBody | None = None
    try:
        body = decode(raw, AuthorizationBody)
    except InvalidBody as invalid:
        errors = {error.field: error for error in invalid.field_errors}
    for error in _rule_errors(raw):
        errors.setdefault(error.field, error)
    if errors or body is None:
        raise InvalidBody(list(errors.values()))
    return Asked(ENDPOINT, fingerprint(raw), _movement(body, extra_context(raw), caller))


def _movement(body: AuthorizationBody, extra: dict[str, Any], caller: Caller) -> Ovt:
    context, counterparty = body.context or ContextBody(), body.counterparty or CounterpartyBody()
    asset = body.currency.lower()
    default = caller.default_connection
    return Ovt(
        rail=body.rail,
        rail_action=body.rail_action,
        amount=Amount(str(body.amount_cents), asset, exponent_of(asset)),
        initiator=Initiator(body.initiator.kind, body.initiator.id, body.initiator.scopes),
        idempotency_key=body.idempotency_key,
        counterparty=Counterparty(counterparty.id, counterparty.stripe_account_id, counterparty.country),
        merchant=Merchant(body.stripe_connection_id or (default.id if default else None), body.stripe_account_id),
        context=Context(
            customer_id=context.customer_id,
            customer_email=context.customer_email,
            customer_tenure_days=context.customer_tenure_days,
            reason_code=folded(context.reason_code),
            source=folded(body.source or context.source),
            extra=extra,
        ),
        metadata=dict(body.metadata or {}),
    )


def _rule_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What no schema can say. Reads the raw body, to see half-wrong ones too."""
    rail, rail_action = raw.get("rail"), raw.get("rail_action")
    if rail == "stripe":
        yield FieldError("rail", "not_allowed", "Movements on Stripe itself are asked for at /api/v1/decisions.")
    elif isinstance(rail, str) and rail not in RAILS:
        yield FieldError("rail", "not_allowed", f"This must be one of: {', '.join(RAILS)}.")
    elif isinstance(rail, str) and isinstance(rail_action, str) and f"{rail}.{rail_action}" not in AGENT_SURFACES:
        actions = sorted(surface.partition(".")[2] for surface in AGENT_SURFACES if surface.startswith(f"{rail}."))
        yield FieldError("rail_action", "not_allowed", f"On this rail it must be one of: {', '.join(actions)}.")
    yield from extra_errors(raw)
