"""Reading again when something happened: at once for the first event, then as often as a person can follow."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from axiru.errors import AxiruError
from console.api_client import BACKGROUND
from console.api_errors import RateLimited

SHORTEST_INTERVAL_SECONDS: Final = 0.4
AFTER_FAILURE_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


class Refreshing:
    """Runs `read` once per burst of `ask()`s, one at a time, never closer together than the shortest interval.

    `read` reports its own failures to the page and raises them; a failed reading is repeated until one succeeds.
    """

    def __init__(
        self, read: Callable[[], Awaitable[None]], shortest_interval_seconds: float = SHORTEST_INTERVAL_SECONDS
    ) -> None:
        self._read = read
        self._shortest_interval_seconds = shortest_interval_seconds
        self._asked = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="page refresh")

    def ask(self) -> None:
        self._asked.set()

    def stop(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        BACKGROUND.set(True)
        while True:
            await self._asked.wait()
            self._asked.clear()
            started = time.monotonic()
            pause = self._shortest_interval_seconds
            try:
                await self._read()
            except AxiruError as error:
                pause = error.retry_after_seconds if isinstance(error, RateLimited) else AFTER_FAILURE_SECONDS
                self._asked.set()
            except Exception:
                # A page whose refresh died silently would go on showing old states as if they were current.
                log.exception("page_refresh_failed")
                pause = AFTER_FAILURE_SECONDS
                self._asked.set()
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - started)))
