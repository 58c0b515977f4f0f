"""The way of one request through the sandbox: key, fault, idempotency, schema, execution, answer."""

import asyncio
import logging
import math
import time
from contextlib import nullcontext

import msgspec

from axiru.dev.sandbox.agenda import Agenda
from axiru.dev.sandbox.answers import Answer, new_id, ok
from axiru.dev.sandbox.approvals import action_of, hold
from axiru.dev.sandbox.authentication import authenticate, presented_key
from axiru.dev.sandbox.books import API_VERSION, Books, RequestFacts
from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.expanding import expanded
from axiru.dev.sandbox.faults import Fault, FaultKind, Faults
from axiru.dev.sandbox.forms import FORM, Value, parse_form
from axiru.dev.sandbox.idempotency import IdempotencyKeys, KeyedRequest
from axiru.dev.sandbox.installations import Installations
from axiru.dev.sandbox.journal import Journal, ReceivedRequest
from axiru.dev.sandbox.operations.catalog import find_operation
from axiru.dev.sandbox.operations.operation import Operation
from axiru.dev.sandbox.parameters import Parameters
from axiru.dev.sandbox.rate_limits import RateLimits
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal, internal_error, rate_limited
from axiru.dev.sandbox.request_schema import RequestSchema
from axiru.dev.sandbox.store import Store
from axiru.dev.sandbox.webhooks import Webhooks

logger = logging.getLogger(__name__)


class Incoming(msgspec.Struct, frozen=True):
    """A request as it came over the wire; header names in lower case, `target` is path and query undecoded."""

    method: str
    path: str
    target: str
    query: bytes
    headers: dict[str, str]
    body: bytes


class StripeApi:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        default_account: str,
        webhooks: Webhooks | None,
        schema: RequestSchema | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._default_account = default_account
        self._webhooks = webhooks
        self._schema = schema
        self._keys = IdempotencyKeys(store)
        self._agenda = Agenda(store, clock, announces=webhooks is not None)
        self.installations = Installations(store, clock.now)
        self.faults = Faults()
        self.rate_limits = RateLimits()
        self.journal = Journal()

    def let_time_pass(self) -> None:
        """Have everything happen that is due by the sandbox's clock."""
        if self._agenda.catch_up() and self._webhooks is not None:
            self._webhooks.wake()

    async def answer(self, incoming: Incoming) -> Answer | None:
        """The answer to send; None when a fault asks for the connection to be closed without one."""
        entry = ReceivedRequest(new_id("req"), time.time(), incoming.method, incoming.path)
        self.journal.append(entry)
        fault = self.faults.take(incoming.method, incoming.path)
        entry.fault = None if fault is None else fault.kind
        try:
            answer = await self._executed(incoming, entry, fault)
        except StripeRefusal as refusal:
            answer = refusal.answer()
        except Exception:
            logger.exception("%s %s failed in the sandbox itself", incoming.method, incoming.path)
            answer = internal_error().answer()
        match None if fault is None else fault.kind:
            case FaultKind.DROP_CONNECTION_AFTER:
                return None
            case FaultKind.HANG_SECONDS if fault is not None:
                await asyncio.sleep(fault.seconds)
        entry.status = answer.status
        entry.replayed = "Idempotent-Replayed" in answer.headers
        return msgspec.structs.replace(answer, headers=_headers(incoming, entry) | answer.headers)

    async def _executed(self, incoming: Incoming, entry: ReceivedRequest, fault: Fault | None) -> Answer:
        account = entry.account = authenticate(
            incoming.headers,
            default_account=self._default_account,
            installations=self.installations,
            store=self._store,
        )
        key_of_caller = presented_key(incoming.headers.get("authorization", "")) or ""
        if (limit := self.rate_limits.exceeded(key_of_caller, now=time.monotonic())) is not None:
            raise rate_limited(retry_after_seconds=limit.retry_after_seconds)
        form = entry.params = parse_form(incoming.query) | _form_of_body(incoming)
        found = find_operation(incoming.method, incoming.path)
        if fault is not None and fault.kind is FaultKind.STATUS_500_BEFORE:
            raise internal_error()
        if fault is not None and fault.kind is FaultKind.STATUS_429:
            raise rate_limited(retry_after_seconds=math.ceil(fault.seconds))
        keyed = None
        # Stripe ignores the header on GET, which is idempotent by itself.
        if incoming.method == "POST" and (key := incoming.headers.get("idempotency-key")):
            entry.idempotency_key = key
            keyed = KeyedRequest.of(account, key, incoming.path, form)
        with nullcontext() if keyed is None else self._keys.in_progress(keyed):
            if keyed is not None and (stored := self._keys.stored_answer(keyed, now=self._clock.now())) is not None:
                return stored
            operation = found.operation.read(Parameters(form, object_id=found.object_id, parent_id=found.parent_id))
            if self._schema is not None and incoming.path.startswith("/v1/"):  # stripe-mock knows no v2
                refused = await self._schema.check(incoming.method, incoming.target, incoming.headers, incoming.body)
                if refused is not None:
                    return refused
            if fault is not None and fault.kind is FaultKind.DELAY_BEFORE_SECONDS:
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind is FaultKind.APPROVAL_REQUIRED and action_of(entry.method, entry.path):
                return self._held(entry, keyed, key=key_of_caller)
            return self._commit(
                operation, entry, keyed, fails=fault is not None and fault.kind is FaultKind.STATUS_500_AFTER
            )

    def _commit(
        self, operation: Operation, entry: ReceivedRequest, keyed: KeyedRequest | None, *, fails: bool
    ) -> Answer:
        """Execute, keep the answer under the key, and commit both before anything is sent."""
        self.let_time_pass()
        books = self._books(entry)
        try:
            with self._store.transaction():
                answer = ok(expanded(books, operation.execute(books), _listed(entry.params.get("expand"))))
                if fails:
                    answer = internal_error(should_retry=False).answer()
                self._keep(keyed, answer, entry, books.now)
        except StripeRefusal as refusal:
            answer = refusal.answer()
            with self._store.transaction():
                self._keep(keyed, answer, entry, books.now)
        if self._webhooks is not None:
            self._webhooks.wake()
        return answer

    def _held(self, entry: ReceivedRequest, keyed: KeyedRequest | None, *, key: str) -> Answer:
        """Instead of executing, ask for an approval; what is answered is kept under the idempotency key."""
        books = self._books(entry)
        with self._store.transaction():
            answer = hold(books, entry.method, entry.path, entry.params, key=key).answer()
            self._keep(keyed, answer, entry, books.now)
        return answer

    def _books(self, entry: ReceivedRequest) -> Books:
        return Books(
            self._store,
            account=entry.account or self._default_account,
            now=self._clock.now(),
            request=RequestFacts(entry.request_id, entry.idempotency_key),
            announces=self._webhooks is not None,
        )

    def _keep(self, keyed: KeyedRequest | None, answer: Answer, entry: ReceivedRequest, now: int) -> None:
        if keyed is not None:
            self._keys.store_answer(keyed, answer, request_id=entry.request_id, now=now)


def _form_of_body(incoming: Incoming) -> dict[str, Value]:
    # The requests of v2 that the sandbox knows say nothing in their bodies, which are JSON.
    if not incoming.body or incoming.path.startswith("/v2/"):
        return {}
    if incoming.headers.get("content-type", FORM).partition(";")[0].strip().lower() != FORM:
        raise ParameterRefused(f"Invalid request (check that your POST content type is {FORM}).")
    return parse_form(incoming.body)


def _listed(value: Value | None) -> list[Value]:
    """`expand[]=a&expand[]=b`, or `expand[0]=a&expand[1]=b` as the libraries send it."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _headers(incoming: Incoming, entry: ReceivedRequest) -> dict[str, str]:
    headers = {"Request-Id": entry.request_id, "Stripe-Version": incoming.headers.get("stripe-version", API_VERSION)}
    if "stripe-account" in incoming.headers:
        headers["Stripe-Account"] = incoming.headers["stripe-account"]
    if entry.idempotency_key is not None:
        headers |= {"Idempotency-Key": entry.idempotency_key, "Original-Request": entry.request_id}
    return headers
