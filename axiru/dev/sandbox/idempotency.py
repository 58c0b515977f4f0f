"""Idempotency keys as Stripe documents them. https://docs.stripe.com/api/idempotent_requests

The first answer of a POST that began to execute is kept for 24 hours, errors of status 500 included, and sent again to
whoever repeats the request. One key with other parameters, or at another endpoint, is refused.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from axiru.dev.sandbox.answers import Answer
from axiru.dev.sandbox.forms import Value
from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal
from axiru.dev.sandbox.store import Store

KEPT_SECONDS = 24 * 60 * 60
MAX_KEY_CHARACTERS = 255


class KeyedRequest(msgspec.Struct, frozen=True):
    """A POST with an `Idempotency-Key`; the fingerprint covers all its parameters, whatever their order."""

    account: str
    key: str
    endpoint: str
    fingerprint: str

    @classmethod
    def of(cls, account: str, key: str, endpoint: str, form: dict[str, Value]) -> "KeyedRequest":
        """Raises ParameterRefused for a key that is too long."""
        if len(key) > MAX_KEY_CHARACTERS:
            raise ParameterRefused(f"Idempotency keys are at most {MAX_KEY_CHARACTERS} characters long.")
        fingerprint = hashlib.sha256(msgspec.json.encode(form, order="deterministic")).hexdigest()
        return cls(account, key, endpoint, fingerprint)


class IdempotencyKeys:
    """Stored answers in the file; keys in progress in the process, so that a crash leaves no key locked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_progress: set[tuple[str, str]] = set()

    def stored_answer(self, request: KeyedRequest, *, now: int) -> Answer | None:
        """The first answer again, marked as replayed; None when the key is new or older than 24 hours.

        Raises StripeRefusal: 400 `idempotency_error` for another endpoint or other parameters.
        """
        row = self._store.connection.execute(
            "SELECT endpoint, fingerprint, request_id, answer FROM answers "
            "WHERE account = ? AND key = ? AND stored_at > ?",
            (request.account, request.key, now - KEPT_SECONDS),
        ).fetchone()
        if row is None:
            return None
        endpoint, fingerprint, request_id, stored = row
        again = f"Try using a key other than '{request.key}' if you meant to execute a different request."
        if endpoint != request.endpoint:
            raise StripeRefusal(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{request.endpoint}' vs '{endpoint}'). {again}",
                type="idempotency_error",
            )
        if fingerprint != request.fingerprint:
            raise StripeRefusal(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                + again,
                type="idempotency_error",
            )
        answer = msgspec.msgpack.decode(stored, type=Answer)
        return msgspec.structs.replace(
            answer, headers=answer.headers | {"Idempotent-Replayed": "true", "Original-Request": request_id}
        )

    @contextmanager
    def in_progress(self, request: KeyedRequest) -> Iterator[None]:
        """Hold the key while its request executes. Raises StripeRefusal 409 `idempotency_key_in_use`."""
        held = (request.account, request.key)
        if held in self._in_progress:
            raise StripeRefusal(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {request.key}. "
                "Please try again later.",
                status=409,
                code="idempotency_key_in_use",
                headers={"Stripe-Should-Retry": "true"},
            )
        self._in_progress.add(held)
        try:
            yield
        finally:
            self._in_progress.discard(held)

    def store_answer(self, request: KeyedRequest, answer: Answer, *, request_id: str, now: int) -> None:
        """Keep the answer; runs in the transaction of the execution it answers, so that both are there or neither."""
        self._store.connection.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                request.account,
                request.key,
                request.endpoint,
                request.fingerprint,
                request_id,
                now,
                msgspec.msgpack.encode(answer),
            ),
        )
