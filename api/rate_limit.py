"""How often a caller may ask, counted in Redis or Valkey so that all API processes count together.

A moving window: in no 60 seconds does a caller get more than its limit, wherever the minute is cut. A request that was
refused is not counted again, so a caller who waits `Retry-After` seconds gets through. Out of reach means refused:
without the count nobody knows whether an agent has run wild.

More requests at once than there are connections wait for their turn: a burst on busy machines is no outage. In one, the
first who get no answer speak for all who wait behind them.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from axiru.errors import AxiruError

_TURN_SECONDS: Final = 8.0
_ANSWER_SECONDS: Final = 2.0
_CONNECT_SECONDS: Final = 0.9
_CONNECTIONS: Final = 16
_RETRY_WHEN_OUT_OF_REACH_SECONDS: Final = 1
_log = structlog.get_logger("api")


class RateLimited(AxiruError):
    """Too many requests in the last 60 seconds, or nobody can count them. Nothing was done."""

    code = "rate_limited"


class CountingOutOfReach(RateLimited):
    """Nobody can count at the moment."""


class RateLimit:
    """Counts hits by subject. Opens connections when first asked, and again by itself after an outage."""

    def __init__(self, url: str) -> None:
        """`url` is redis:// or rediss://, or unix:// for a socket."""
        # One immediate second try: a connection that died while idle is not an outage.
        self._pool = ConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            connection_pool=self._pool,  # type: ignore[arg-type]
        )
        self._client = Redis(connection_pool=self._pool)
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self._answers = 0
        self._outages = 0

    async def hit(self, subject: str, *, per_minute: int) -> None:
        """Count one request of `subject`. Raises RateLimited with `retry_after_seconds` (1 or more)."""
        await self._pass(subject, per_minute, self._limiter.hit)

    async def check(self, subject: str, *, per_minute: int) -> None:
        """As `hit`, without counting."""
        await self._pass(subject, per_minute, self._limiter.test)

    async def _pass(self, subject: str, per_minute: int, ask: Callable[[RateLimitItem, str], Awaitable[bool]]) -> None:
        item = RateLimitItemPerMinute(per_minute)
        try:
            async with self._turn():
                if await ask(item, subject):
                    return
                window = await self._limiter.get_window_stats(item, subject)
        except (RedisError, OSError, TimeoutError) as error:
            _log.error("rate_limit_out_of_reach", error=type(error).__name__)
            raise CountingOutOfReach(
                "Requests cannot be counted at the moment, so none is let through. Try again shortly.",
                retry_after_seconds=_RETRY_WHEN_OUT_OF_REACH_SECONDS,
            ) from error
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        raise RateLimited(f"At most {per_minute} in a minute. Try again in {seconds} s.", retry_after_seconds=seconds)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One connection, for as long as an answer may take. Raises TimeoutError, and where nobody was answered since
        somebody waited in vain, ConnectionError at once.
        """
        answers, outages = self._answers, self._outages
        async with asyncio.timeout(_TURN_SECONDS):
            await self._turns.acquire()
        try:
            if self._outages > outages and self._answers == answers:
                raise ConnectionError("out of reach for those before")
            async with asyncio.timeout(_ANSWER_SECONDS):
                yield
            self._answers += 1
        except (RedisError, OSError, TimeoutError):
            self._outages += 1
            raise
        finally:
            self._turns.release()

    async def ping(self) -> None:
        """Raises what redis-py raises, OSError or TimeoutError when the store is out of reach."""
        async with self._turn():
            await self._client.ping()

    async def close(self) -> None:
        await self._pool.disconnect()
