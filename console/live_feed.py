"""What happens at the API, pushed to every open page of one log-in over a single upstream subscription."""

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

import httpx
import structlog

from axiru.domain.movement import Mode
from console.api_client import IN_BACKGROUND
from console.event_stream import StreamEvent, events_in

SILENCE_SECONDS: Final = 40.0
"""The API sends a heartbeat every 15 s: two missed ones and a little mean that nobody is there."""
FIRST_RETRY_SECONDS: Final = 0.5
LONGEST_RETRY_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class FeedState(StrEnum):
    """Whether what a page shows can be trusted to be current."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class Listener(Protocol):
    """An open page. `resync` means that events may have been missed: read everything again."""

    def happened(self, event: StreamEvent) -> None: ...

    def resync(self) -> None: ...

    def feed_changed(self, state: FeedState) -> None: ...


class LiveFeed:
    """Runs while somebody listens; resumes with Last-Event-ID; ends for good when the API no longer knows the token."""

    def __init__(self, http: httpx.AsyncClient, token: str, mode: Mode, on_unauthorized: Callable[[], None]) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"} | IN_BACKGROUND
        self._mode = mode
        self._on_unauthorized = on_unauthorized
        self._listeners: list[Listener] = []
        self._last_event_id = ""
        self._task: asyncio.Task[None] | None = None
        self.state = FeedState.CONNECTING

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on, until the returned function is called."""
        self._listeners.append(listener)
        if self._task is None and self.state is not FeedState.ENDED:
            self._task = asyncio.create_task(self._run(), name="live feed")

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners:
                self._stop()

        return unsubscribe

    def end(self) -> None:
        """Stop for good: the log-in is over."""
        self._change(FeedState.ENDED)
        self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self.state is not FeedState.ENDED:
            self.state = FeedState.CONNECTING
        self._last_event_id = ""

    async def _run(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                await self._follow()
                delay = FIRST_RETRY_SECONDS
            except httpx.HTTPError as error:
                log.info("live_feed_broken", cause=type(error).__name__, mode=self._mode)
            if self.state is FeedState.ENDED:
                return
            delay = FIRST_RETRY_SECONDS if self.state is FeedState.LIVE else min(delay * 2, LONGEST_RETRY_SECONDS)
            self._change(FeedState.RECONNECTING)
            await asyncio.sleep(delay)

    async def _follow(self) -> None:
        headers = dict(self._headers)
        if self._last_event_id:
            headers["Last-Event-ID"] = self._last_event_id
        timeout = httpx.Timeout(10.0, read=SILENCE_SECONDS)
        request = self._http.stream(
            "GET", "/api/v1/events", params={"mode": self._mode}, headers=headers, timeout=timeout
        )
        async with request as response:
            if response.status_code == 401:
                self._on_unauthorized()
                return
            if response.status_code == 400:
                # The API does not know the id to resume after, as after its data were set up anew: begin from now.
                self._last_event_id = ""
            response.raise_for_status()
            self._change(FeedState.LIVE)
            # Whatever happened between the page's reading and this moment was not pushed to anybody.
            for listener in tuple(self._listeners):
                listener.resync()
            async with contextlib.aclosing(events_in(response.aiter_lines(), self._last_event_id)) as events:
                async for event in events:
                    self._last_event_id = event.id
                    for listener in tuple(self._listeners):
                        listener.happened(event)

    def _change(self, state: FeedState) -> None:
        if state is self.state:
            return
        self.state = state
        for listener in tuple(self._listeners):
            listener.feed_changed(state)
