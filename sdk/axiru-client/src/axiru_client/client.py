"""The client that blocks."""

import inspect
import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, TypeVar, Unpack, assert_never

import httpx

from axiru_client.answers import Response, authorization_of
from axiru_client.core import Effect, Flow, Local, OnAnswer, Pause, Send, Tell
from axiru_client.evidence import EvidencePacket
from axiru_client.fail_safe import FailSafe
from axiru_client.requests import Asked, AuthorizeOptions, DecideOptions, authorization_request, decision_request
from axiru_client.results import Authorization, Decision, Hold, Unreachable
from axiru_client.setup import ClientOptions, core_of, headers_of
from axiru_client.vocabulary import Action

T = TypeVar("T")
LARGEST_ANSWER: Final = 1024 * 1024
_CLOSE_SECONDS: Final = 2.0
_log = logging.getLogger("axiru_client")


class Axiru:
    """Asks Axiru; safe to share between threads. Every call that ends in a hold has written it down first."""

    def __init__(self, base_url: str, api_key: str, **options: Unpack[ClientOptions]) -> None:
        """Raises ValueError for a key or an address that is none, HoldNotWritten where holds could not be kept."""
        self._core = core_of(base_url, api_key, options)
        self._http = httpx.Client(
            base_url=base_url, headers=headers_of(api_key), verify=options.get("verify", True), follow_redirects=False
        )
        self._background: set[threading.Thread] = set()

    def decide(
        self,
        action: Action,
        amount_cents: int,
        currency: str,
        idempotency_key: str,
        **options: Unpack[DecideOptions],
    ) -> Decision:
        """May this money move? Repeating with the same idempotency key is safe.

        Returns a decision in any case but a mistake of the caller's: `outcome` is `hold` where Axiru cannot be reached
        and nothing it signed says otherwise. Raises RequestRefused (400, 401, 403, 409), HoldNotWritten.
        """
        return self._ask(decision_request(action, amount_cents, currency, idempotency_key, options))

    def authorize(
        self,
        rail: str,
        rail_action: str,
        amount_cents: int,
        currency: str,
        *,
        initiator: Mapping[str, Any],
        idempotency_key: str,
        **options: Unpack[AuthorizeOptions],
    ) -> Authorization:
        """May this agent settle? An allowed one comes with a token. Otherwise as `decide()`."""
        asked = authorization_request(rail, rail_action, amount_cents, currency, initiator, idempotency_key, options)
        return authorization_of(self._ask(asked))

    def holds(self) -> list[Hold]:
        """The requests that wait for Axiru on this machine, oldest first."""
        return self._core.holds.holds()

    def retry_holds(self, on_answer: OnAnswer | None = None) -> list[Decision]:
        """Ask again for everything that waits; returns the answers there are.

        With `on_answer` a record is settled only after that has returned, so a crash in between loses nothing and may
        repeat it: derive Stripe's idempotency key from yours. It is not called for what went on without an answer: that
        has been done already (`went_alone`). Raises NotAuthenticated, NotPermitted, HoldNotWritten.
        """
        return self._run(self._core.retry_holds(on_answer))

    def refresh_fail_safe(self) -> FailSafe | None:
        """Fetch the fail-safe document now, as at the start of a service; None where there is none to rely on."""
        return self._run(self._core.refresh_fail_safe())

    def keep_packet(self, dispute: str) -> EvidencePacket | None:
        """Fetch a dispute's last good evidence packet and keep it for the day Axiru cannot be reached."""
        return self._run(self._core.keep_packet(dispute))

    def close(self) -> None:
        """Let what runs in the background end, briefly, and close the connections."""
        for thread in list(self._background):
            thread.join(_CLOSE_SECONDS)
        self._http.close()

    def __enter__(self) -> "Axiru":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, asked: Asked) -> Decision:
        decision = self._run(self._core.ask(asked))
        if flows := self._core.afterwards(asked, decision):
            self._start(lambda: [self._run(flow) for flow in flows])
        return decision

    def _start(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except Exception:
                _log.exception("what ran in the background of a call failed")
            finally:
                self._background.discard(thread)

        thread = threading.Thread(target=run, name="axiru-client", daemon=True)
        self._background.add(thread)
        thread.start()

    def _run(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = self._perform(effect)
                except BaseException as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as end:
            found: T = end.value
            return found

    def _perform(self, effect: Effect) -> object:
        match effect:
            case Send():
                return self._send(effect)
            case Pause(seconds):
                time.sleep(seconds)
                return None
            case Local(call):
                return call()
            case Tell(call):
                try:
                    told = call()
                    if inspect.iscoroutine(told):
                        told.close()
                        raise TypeError("a coroutine function was given to the client that blocks")
                except Exception:
                    _log.exception("the caller's own function failed; the record stays")
                    return False
                return True
            case never:
                assert_never(never)

    def _send(self, request: Send) -> Response | Unreachable:
        deadline = time.monotonic() + request.seconds
        try:
            with self._http.stream(
                request.method, request.path, content=request.body, timeout=max(request.seconds, 0.001)
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        return Unreachable("invalid_answer", "the answer is too long")
                    # httpx counts the time between two pieces, and somebody may send them one by one.
                    if time.monotonic() > deadline:
                        return Unreachable("timed_out", "the answer took too long")
                return Response(response.status_code, bytes(body), response.headers.get("retry-after"))
        except (httpx.RequestError, OSError) as error:
            return unreachable(error)


def unreachable(error: Exception) -> Unreachable:
    """What went wrong on the way, without what a URL or a message may hold of secrets."""
    timed_out = isinstance(error, httpx.TimeoutException | TimeoutError)
    return Unreachable("timed_out" if timed_out else "connection_failed", type(error).__name__)
