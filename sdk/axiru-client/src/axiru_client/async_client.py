"""The client that awaits: the same rules, the same file."""

import asyncio
import inspect
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, TypeVar, Unpack, assert_never

import httpx

from axiru_client.answers import Response, authorization_of
from axiru_client.client import LARGEST_ANSWER, unreachable
from axiru_client.core import Effect, Flow, Local, OnAnswer, Pause, Send, Tell
from axiru_client.evidence import EvidencePacket
from axiru_client.fail_safe import FailSafe
from axiru_client.requests import Asked, AuthorizeOptions, DecideOptions, authorization_request, decision_request
from axiru_client.results import Authorization, Decision, Hold, Unreachable
from axiru_client.setup import ClientOptions, core_of, headers_of
from axiru_client.vocabulary import Action

T = TypeVar("T")
_CLOSE_SECONDS: Final = 2.0
_log = logging.getLogger("axiru_client")


class AsyncAxiru:
    """As `Axiru`, for asyncio. The hold file is written in a thread; callbacks may be coroutine functions."""

    def __init__(self, base_url: str, api_key: str, **options: Unpack[ClientOptions]) -> None:
        """Raises ValueError for a key or an address that is none, HoldNotWritten where holds could not be kept."""
        self._core = core_of(base_url, api_key, options)
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=headers_of(api_key), verify=options.get("verify", True), follow_redirects=False
        )
        self._background: set[asyncio.Task[None]] = set()

    async def decide(
        self,
        action: Action,
        amount_cents: int,
        currency: str,
        idempotency_key: str,
        **options: Unpack[DecideOptions],
    ) -> Decision:
        """As `Axiru.decide`."""
        return await self._ask(decision_request(action, amount_cents, currency, idempotency_key, options))

    async def authorize(
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
        """As `Axiru.authorize`."""
        asked = authorization_request(rail, rail_action, amount_cents, currency, initiator, idempotency_key, options)
        return authorization_of(await self._ask(asked))

    async def holds(self) -> list[Hold]:
        """As `Axiru.holds`."""
        return await asyncio.to_thread(self._core.holds.holds)

    async def retry_holds(self, on_answer: OnAnswer | None = None) -> list[Decision]:
        """As `Axiru.retry_holds`."""
        return await self._run(self._core.retry_holds(on_answer))

    async def refresh_fail_safe(self) -> FailSafe | None:
        """As `Axiru.refresh_fail_safe`."""
        return await self._run(self._core.refresh_fail_safe())

    async def keep_packet(self, dispute: str) -> EvidencePacket | None:
        """As `Axiru.keep_packet`."""
        return await self._run(self._core.keep_packet(dispute))

    async def close(self) -> None:
        """Let what runs in the background end, briefly, and close the connections."""
        if self._background:
            _, late = await asyncio.wait(self._background, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncAxiru":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, asked: Asked) -> Decision:
        decision = await self._run(self._core.ask(asked))
        if flows := self._core.afterwards(asked, decision):
            task = asyncio.create_task(self._in_background(flows))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return decision

    async def _in_background(self, flows: list[Flow[Any]]) -> None:
        try:
            for flow in flows:
                await self._run(flow)
        except Exception:
            _log.exception("what ran in the background of a call failed")

    async def _run(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = await self._perform(effect)
                except BaseException as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as end:
            found: T = end.value
            return found

    async def _perform(self, effect: Effect) -> object:
        match effect:
            case Send():
                return await self._send(effect)
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
            case Local(call):
                return await asyncio.to_thread(call)
            case Tell(call):
                try:
                    told = call()
                    if inspect.isawaitable(told):
                        await told
                except Exception:
                    _log.exception("the caller's own function failed; the record stays")
                    return False
                return True
            case never:
                assert_never(never)

    async def _send(self, request: Send) -> Response | Unreachable:
        try:
            async with asyncio.timeout(request.seconds):
                async with self._http.stream(
                    request.method, request.path, content=request.body, timeout=max(request.seconds, 0.001)
                ) as response:
                    body = bytearray()
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > LARGEST_ANSWER:
                            return Unreachable("invalid_answer", "the answer is too long")
                    return Response(response.status_code, bytes(body), response.headers.get("retry-after"))
        except (httpx.RequestError, OSError) as error:
            return unreachable(error)
