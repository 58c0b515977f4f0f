"""Being told that a chain has grown: what wakes `?wait=` and the event stream without asking the database all the time.

Every act ends with `NOTIFY axiru_chain, '<organization_id>'`; one LISTEN connection a process hears them all. A
notification is a hint, never the news itself: whoever was woken reads the tables, and reads them each second anyway,
so a lost connection costs a second and no event.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import asyncpg
import structlog

CHANNEL: Final = "axiru_chain"
POLL_SECONDS: Final = 1.0
_RECONNECT_SECONDS: Final = 1.0
_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_log = structlog.get_logger("api")


class Waiter:
    """One reader's place at the feed."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def growth(self, *, at_most_seconds: float = POLL_SECONDS) -> None:
        """Return when the chain has grown since the last call, or when it is time to look anyway."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                await self._rung.wait()
        self._rung.clear()


class ChainWatch:
    """Listens while it is entered (`async with`), and connects again by itself when the database went away."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._waiters: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "ChainWatch":
        self._listening = asyncio.create_task(self._listen(), name="chain watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    @contextlib.contextmanager
    def waiting(self, organization_id: str) -> Iterator[Waiter]:
        """A waiter that rings for this organization. Enter before the first read: nothing falls between."""
        waiter = Waiter()
        self._waiters[organization_id].add(waiter)
        try:
            yield waiter
        finally:
            self._waiters[organization_id].discard(waiter)
            if not self._waiters[organization_id]:
                del self._waiters[organization_id]

    def ring_all(self) -> None:
        """Wake everybody: after a reconnect, and when the process is about to end."""
        for waiters in list(self._waiters.values()):
            for waiter in list(waiters):
                waiter.ring()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                _log.warning("chain_watch_lost", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_until_lost(self) -> None:
        connection = await asyncpg.connect(self._database_url, timeout=_CONNECT_TIMEOUT_SECONDS)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._heard)
            self.ring_all()
            await lost.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        for waiter in list(self._waiters.get(str(payload), ())):
            waiter.ring()
