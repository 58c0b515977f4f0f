"""The body of `POST /api/v1/decisions`, and the movement it asks for."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from api.auth import Caller
from api.errors import FieldError, InvalidBody
from api.fields import decode
from api.fingerprint import fingerprint
from api.intake.dispute_answer import answer_errors, answer_fact
from api.intake.execution_rules import execution_errors
from api.intake.request import Asked
from api.intake.text import (
    AmountCents,
    Currency,
    Email,
    IdempotencyKey,
    Identifier,
    Metadata,
    ShortText,
    TenureDays,
    folded,
)
from axiru.domain.currency import exponent_of
from axiru.domain.movement import Amount, Context, Counterparty, Execute, Initiator, Merchant, Ovt, Target

ENDPOINT: Final = "/api/v1/decisions"
MAX_EXTRA_FACTS: Final = 50
MAX_EXTRA_NAME: Final = 64
MAX_EXTRA_BYTES: Final = 8_192
MAX_METADATA: Final = 50

Action = Literal["refund", "payout", "transfer", "app_fee_refund", "dispute"]
Kind = Literal["refund", "credit", "adjustment", "payout", "transfer", "app_fee_refund", "dispute"]
DisputeAction = Literal["submit_evidence", "close"]
_REFUND_KINDS: Final = ("refund", "credit", "adjustment")


class IntentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be moved. A misspelt field is refused: it would otherwise silently not count."""

    amount_cents: AmountCents
    currency: Currency
    kind: Kind | None = None
    stripe_connection_id: Identifier | None = None
    stripe_account_id: Identifier | None = None
    charge: Identifier | None = None
    payment_intent: Identifier | None = None
    destination: Identifier | None = None
    payout: Identifier | None = None
    transfer: Identifier | None = None
    dispute: Identifier | None = None
    dispute_action: DisputeAction | None = None
    application_fee: Identifier | None = None
    metadata: Metadata | None = None


class ContextBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller knows. Fields beyond these are kept as extra facts, for rules to read."""

    customer_id: Identifier | None = None
    customer_email: Email | None = None
    customer_tenure_days: TenureDays | None = None
    reason_code: ShortText | None = None
    source: ShortText | None = None


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request for one decision. `idempotency_key` is required: without it a retry would move the money twice."""

    intent: IntentBody
    idempotency_key: IdempotencyKey
    action: Action = "refund"
    context: ContextBody | None = None
    source: ShortText | None = None
    execute: Execute = "caller"
    metadata: Metadata | None = None


def read_decision(raw: Mapping[str, Any], caller: Caller) -> Asked:
    """The request in `raw`. Raises InvalidBody naming every field that is wrong, of whatever kind the mistake is."""
    errors: dict[str, FieldError] = {}
    body: DecisionBody | None = None
    try:
        body = decode(raw, DecisionBody)
    except InvalidBody as invalid:
        errors = {error.field: error for error in invalid.field_errors}
    for error in _rule_errors(raw):
        errors.setdefault(error.field, error)
    if errors or body is None or caller.api_key_id is None:
        raise InvalidBody(list(errors.values()))
    extra = extra_context(raw) | answer_fact(raw)
    return Asked(ENDPOINT, fingerprint(raw), _movement(body, extra, caller, caller.api_key_id))


_KNOWN_CONTEXT: Final = frozenset(ContextBody.__struct_fields__)


def extra_context(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What callers add to the context of their own."""
    return {name: value for name, value in member_of(raw, "context").items() if name not in _KNOWN_CONTEXT}


def _movement(body: DecisionBody, extra: dict[str, Any], caller: Caller, api_key_id: str) -> Ovt:
    intent, context = body.intent, body.context or ContextBody()
    asset = intent.currency.lower()
    default = caller.default_connection
    executes_dispute = body.action == "dispute" and body.execute == "axiru"
    kept_apart = body.action == "refund" and intent.kind in {"credit", "adjustment"}
    return Ovt(
        rail="stripe",
        rail_action=intent.kind if kept_apart and intent.kind else body.action,
        amount=Amount(str(intent.amount_cents), asset, exponent_of(asset)),
        initiator=Initiator("api_key", api_key_id),
        idempotency_key=body.idempotency_key,
        counterparty=_receiver(body),
        merchant=Merchant(intent.stripe_connection_id or (default.id if default else None), intent.stripe_account_id),
        target=Target(
            charge=intent.charge,
            payment_intent=intent.payment_intent,
            destination=intent.destination,
            payout=intent.payout,
            transfer=intent.transfer,
            dispute=intent.dispute,
            dispute_action=intent.dispute_action or ("submit_evidence" if executes_dispute else None),
            application_fee=intent.application_fee,
        ),
        context=Context(
            customer_id=context.customer_id,
            customer_email=context.customer_email,
            customer_tenure_days=context.customer_tenure_days,
            reason_code=folded(context.reason_code),
            source=folded(body.source or context.source),
            extra=extra,
        ),
        metadata={**(body.metadata or {}), **(intent.metadata or {})},
        execute=body.execute,
    )


def _receiver(body: DecisionBody) -> Counterparty:
    """A transfer goes to a connected account, a payout to a bank account or card. Others say nobody we could know."""
    match body.action:
        case "transfer":
            return Counterparty(stripe_account_id=body.intent.destination)
        case "payout":
            return Counterparty(id=body.intent.destination)
        case _:
            return Counterparty()


def _rule_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What no schema can say: fields that depend on one another. Reads the raw body, to see half-wrong ones too."""
    intent, action, kind = member_of(raw, "intent"), raw.get("action", "refund"), member_of(raw, "intent").get("kind")
    if action == "refund" and kind is None and intent:
        yield FieldError("intent.kind", "missing", "A refund is of kind refund, credit or adjustment.")
    if action == "refund" and kind is not None and kind not in _REFUND_KINDS:
        yield FieldError("intent.kind", "not_allowed", "A refund is of kind refund, credit or adjustment.")
    if action != "refund" and kind is not None and kind != action:
        yield FieldError("intent.kind", "not_allowed", "This kind does not belong to that action; leave it out.")
    if action != "dispute" and intent.get("dispute_action") is not None:
        yield FieldError("intent.dispute_action", "not_allowed", "This belongs to the action dispute.")
    if raw.get("execute") == "axiru":
        yield from execution_errors(action, kind, intent)
    yield from answer_errors(raw)
    yield from extra_errors(raw)
    top, inner = member_of(raw, "metadata"), member_of(intent, "metadata")
    if len({*top, *inner}) > MAX_METADATA:
        yield FieldError("metadata", "too_many", f"With intent.metadata this has more than {MAX_METADATA} entries.")
    if any(top[name] != inner[name] for name in top.keys() & inner.keys()):
        # One of them would hide what the other says from rules, freezes and who may approve: an agent's id, say.
        yield FieldError("intent.metadata", "not_allowed", "This differs from the metadata beside it.")


def extra_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What a context of any request must not hold."""
    context = member_of(raw, "context")
    top, inner = raw.get("source"), context.get("source")
    if top is not None and inner is not None and top != inner:
        yield FieldError("context.source", "not_allowed", "This differs from the source beside it.")
    extra = extra_context(raw)
    if len(extra) > MAX_EXTRA_FACTS:
        yield FieldError("context", "too_many", f"This has more than {MAX_EXTRA_FACTS} facts of its own.")
    for name in extra:
        if not 1 <= len(name) <= MAX_EXTRA_NAME:
            yield FieldError(
                f"context.{name[:MAX_EXTRA_NAME]}", "too_long", "The name of a fact has 1 to 64 characters."
            )
    if len(msgspec.json.encode(extra)) > MAX_EXTRA_BYTES:
        yield FieldError("context", "too_long", f"Facts of its own take more than {MAX_EXTRA_BYTES} bytes.")


def member_of(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under `name`; an empty one where there is none."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
