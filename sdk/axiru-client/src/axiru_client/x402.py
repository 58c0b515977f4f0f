"""Asks Axiru before an x402 client signs a payment. Needs the extra `axiru-client[x402]`.

    payments = before_payment(axiru, initiator={"kind": "agent", "id": "agent_research"}).registered_with(client)

In x402 the signature is the payment: who has it can settle it. So the token is consumed before anything is signed, and
without a token that could be consumed (denied, still to be approved, Axiru out of reach) nothing is.
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from x402.schemas import AbortResult, PaymentPayload, PaymentRequirements
from x402.schemas.hooks import PaymentCreatedContext, PaymentCreationContext, PaymentResponseContext

from axiru_client.answers import Response, answer_in, authorization_of
from axiru_client.async_client import AsyncAxiru
from axiru_client.client import Axiru
from axiru_client.core import Flow, Pause, Send
from axiru_client.errors import RequestRefused
from axiru_client.requests import AUTHORIZATIONS, Asked
from axiru_client.results import Authorization, Unreachable

MOST_REMEMBERED: Final = 1_000
"""Payments that wait for an approval or for their settlement; the oldest is forgotten first."""

_LONGEST_TEXT: Final = 2_000
_LONGEST_TYPE: Final = 100
_log = logging.getLogger("axiru_client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """A payment that may be signed: its token is consumed."""

    decision_id: str
    jti: str
    token: str
    scheme: str


class PaymentHook:
    """What `before_payment` gives. Where Axiru's client awaits, so do its hooks: they return coroutines."""

    def __init__(
        self,
        axiru: Axiru | AsyncAxiru,
        *,
        initiator: Mapping[str, Any],
        context: Mapping[str, Any] | None,
        metadata: Mapping[str, str] | None,
    ) -> None:
        self._run: Callable[[Flow[Any]], Any] = axiru._run
        self._core = axiru._core
        self._shared: dict[str, Any] = {"initiator": dict(initiator)}
        self._shared |= {"context": dict(context)} if context is not None else {}
        self._shared |= {"metadata": dict(metadata)} if metadata is not None else {}
        self._waiting: dict[str, str] = {}
        self._permitted: dict[int, Permitted] = {}
        self._signed: dict[str, Permitted] = {}

    def __call__(self, context: PaymentCreationContext) -> Any:
        """For `on_before_payment_creation`: an AbortResult, or None where the payment may be signed."""
        return self._run(self._before(context))

    def created(self, context: PaymentCreatedContext) -> None:
        """For `on_after_payment_creation`: what was signed belongs to the authorization that permitted it."""
        permitted = self._permitted.pop(id(context.selected_requirements), None)
        if permitted is not None and isinstance(context.payment_payload, PaymentPayload):
            _remember(self._signed, _name_of(context.payment_payload), permitted)

    def settled(self, context: PaymentResponseContext) -> Any:
        """For `on_payment_response`: report what a server says it has settled."""
        return self._run(self._after(context))

    def registered_with(self, client: Any) -> "PaymentHook":
        """All three registered with an `x402Client`, or with an `x402ClientSync` where Axiru's client blocks."""
        client.on_before_payment_creation(self)
        client.on_after_payment_creation(self.created)
        client.on_payment_response(self.settled)
        return self

    def _before(self, context: PaymentCreationContext) -> Flow[AbortResult | None]:
        wanted = context.selected_requirements
        if not isinstance(wanted, PaymentRequirements):
            return AbortResult("x402_version_not_supported", "Axiru decides on payments of x402 version 2.")
        asked, name = self._asked(context, wanted)
        try:
            found = yield from self._permission(asked, name)
        except RequestRefused as refused:
            return AbortResult(refused.code, str(refused))
        match found:
            case Unreachable():
                return AbortResult("axiru_unreachable", found.detail)
            case AbortResult():
                return found
            case _:
                _remember(self._permitted, id(wanted), found)
                return None

    def _permission(self, asked: Asked, name: str) -> Flow[Permitted | AbortResult | Unreachable]:
        """Ask, and use the token that came. Raises RequestRefused."""
        found = yield from self._core.answer(asked)
        if isinstance(found, Unreachable):
            return found
        answer = authorization_of(found)
        if answer.outcome == "review":
            # Asked for again the same way it is the same request: once it is approved, it is allowed.
            _remember(self._waiting, name, asked.idempotency_key)
            return AbortResult(answer.reason, f"{answer.message} (approval {answer.approval_id})")
        self._waiting.pop(name, None)
        jti = answer.raw.get("jti")
        if answer.outcome != "allow" or answer.token is None or not isinstance(jti, str):
            return AbortResult(*_why_not(answer))
        used = yield from self._post(f"{AUTHORIZATIONS}/{jti}/consume", {})
        if isinstance(used, Unreachable):
            return used
        scheme = asked.body["payment_requirements"]["scheme"]
        return Permitted(decision_id=answer.decision_id or "", jti=jti, token=answer.token, scheme=scheme)

    def _after(self, context: PaymentResponseContext) -> Flow[None]:
        """What was not settled is not reported, nor a settlement of nothing, which no transaction made: whoever has the
        signature can still use it until its time is over."""
        permitted = self._signed.get(_name_of(context.payment_payload))
        said = context.settle_response
        if permitted is None or said is None or not said.success or not said.transaction:
            return
        body = {"settlement": "settled"}
        # What moved by another scheme than `exact` only the server says.
        amount = getattr(said, "amount", None)
        if permitted.scheme != "exact" and isinstance(amount, str) and amount.isascii() and amount.isdigit():
            body["amount_units"] = amount.lstrip("0") or "0"
        try:
            told = yield from self._until_told(f"{AUTHORIZATIONS}/{permitted.jti}/settlement", body)
        except RequestRefused as refused:
            _log.warning("the settlement of %s is refused: %s", permitted.decision_id, refused)
            return
        if isinstance(told, Unreachable):
            _log.warning("the settlement of %s was not reported: %s", permitted.decision_id, told.detail)
            return
        self._signed.pop(_name_of(context.payment_payload), None)

    def _asked(self, context: PaymentCreationContext, wanted: PaymentRequirements) -> tuple[Asked, str]:
        """The request, and what names it where the same is asked for again."""
        body: dict[str, Any] = {
            "rail": "x402",
            "rail_action": "payment",
            "payment_requirements": wanted.model_dump(by_alias=True, mode="json"),
            **self._shared,
        }
        resource = getattr(context.payment_required, "resource", None)
        if resource is not None:
            told = {"url": resource.url, "description": (resource.description or "")[:_LONGEST_TEXT]}
            told["mimeType"] = (resource.mime_type or "")[:_LONGEST_TYPE]
            body["resource"] = {key: value for key, value in told.items() if value}
        name = _digest(body)
        body["idempotency_key"] = self._waiting.get(name) or f"x402_{uuid.uuid4()}"
        asked = Asked(
            endpoint=AUTHORIZATIONS,
            body=body,
            payload=json.dumps(body, allow_nan=False).encode(),
            action="payment",
            surface="x402.payment",
            connection=None,
            amount_cents=0,
            currency="",
            idempotency_key=body["idempotency_key"],
            execute="caller",
            programme=None,
            dispute=None,
        )
        return asked, name

    def _post(self, path: str, body: Mapping[str, str]) -> Flow[Mapping[str, Any] | Unreachable]:
        """Ask once. Raises RequestRefused: a token that is consumed a second time is refused."""
        seconds = self._core.retry.attempt_seconds
        reply: Response | Unreachable = yield Send("POST", path, json.dumps(body).encode(), seconds)
        return reply if isinstance(reply, Unreachable) else answer_in(reply)

    def _until_told(self, path: str, body: Mapping[str, str]) -> Flow[Mapping[str, Any] | Unreachable]:
        """Ask until it is answered or the deadline is near; saying a settlement again changes nothing."""
        retry = self._core.retry
        deadline = time.monotonic() + retry.deadline_seconds
        attempt = 0
        while True:
            told = yield from self._post(path, body)
            pause = retry.pause_seconds(attempt, chance=0.5, retry_after_seconds=None)
            if not isinstance(told, Unreachable) or time.monotonic() + pause > deadline:
                return told
            yield Pause(pause)
            attempt += 1


def before_payment(
    axiru: Axiru | AsyncAxiru,
    *,
    initiator: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> PaymentHook:
    """The hook for `on_before_payment_creation`: with `AsyncAxiru` for `x402Client`, with `Axiru` for both clients.

    It aborts with Axiru's reason unless Axiru allows the payment and its token is consumed. `initiator`, `context` and
    `metadata` go into every request. Register `created` and `settled` of it too, or call `registered_with(client)`,
    so that settlements are reported.
    """
    return PaymentHook(axiru, initiator=initiator, context=context, metadata=metadata)


def _why_not(answer: Authorization) -> tuple[str, str]:
    if answer.outcome == "allow":
        return "no_token", f"Axiru allowed it and gave no token: {answer.raw.get('token_status', 'unknown')}"
    return answer.reason, answer.message


def _name_of(payload: Any) -> str:
    """What was signed, by its hash: extensions may be added to a payload, and its signature stays."""
    return _digest(payload.payload)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _remember(kept: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > MOST_REMEMBERED:
        del kept[next(iter(kept))]
