"""What bodies of every rail share, and how a rail adds its own: a shape, the rules it cannot say, and a movement."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from api.auth import Caller
from api.errors import FieldError
from api.intake.decision_body import ContextBody
from api.intake.text import AgentId, IdempotencyKey, Identifier, Metadata, ShortText, folded
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt

Country = Annotated[str, Meta(max_length=2, pattern="^[A-Za-z]{2}$", description="Two letters of ISO 3166-1")]
Scope = Annotated[str, Meta(min_length=1, max_length=100)]


class InitiatorBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who pays: an agent by its id, and the scopes it acts under."""

    kind: ShortText
    id: AgentId
    scopes: Annotated[tuple[Scope, ...], Meta(max_length=50)] = ()


class CounterpartyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is paid."""

    id: Identifier | None = None
    stripe_account_id: Identifier | None = None
    country: Country | None = None


class AuthorizationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every rail asks for; each adds how it says the amount, and what else it knows."""

    rail: ShortText
    rail_action: ShortText
    initiator: InitiatorBody
    idempotency_key: IdempotencyKey
    counterparty: CounterpartyBody | None = None
    context: ContextBody | None = None
    source: ShortText | None = None
    metadata: Metadata | None = None
    stripe_connection_id: Identifier | None = None
    stripe_account_id: Identifier | None = None


class RailReader(NamedTuple):
    """How the bodies of one rail are read.

    `movement` takes a body of `shape`, the facts that its caller added to the context, and the caller. `errors` says of
    the raw body what no schema can; it sees half-wrong bodies too. `completed` adds to the movement what has to
    be looked up.
    """

    shape: type[AuthorizationBody]
    movement: Callable[[Any, dict[str, Any], Caller], Ovt]
    errors: Callable[[Mapping[str, Any]], Iterable[FieldError]] = lambda _: ()
    completed: Callable[[Any, Ovt, Caller], Awaitable[Ovt]] | None = None


def movement_of(body: AuthorizationBody, amount: Amount, extra: dict[str, Any], caller: Caller) -> Ovt:
    """The movement of `amount` that a body asks for, as far as every rail says it alike."""
    context, counterparty = body.context or ContextBody(), body.counterparty or CounterpartyBody()
    default = caller.default_connection
    return Ovt(
        rail=body.rail,
        rail_action=body.rail_action,
        amount=amount,
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
