"""Counting while many ask at once: they wait for a connection, unless the store is out of reach."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from api.rate_limit import CountingOutOfReach, RateLimit, RateLimited
from axiru.dev.dev_json import DevJson

BURST = 320


class SlowRoad:
    """Between a limiter and the real store: answers take `seconds`, and while it is not `open` none comes."""

    def __init__(self, redis_url: str) -> None:
        self._target = urlsplit(redis_url)
        self.seconds = 0.0
        self.open = asyncio.Event()
        self.open.set()

    async def build(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        host = f"{self._target.hostname}:{self._target.port}"
        self.url = self._target._replace(netloc=self._target.netloc.replace(host, f"127.0.0.1:{port}")).geturl()
        return server

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        await asyncio.gather(self._pump(reader, far_writer, 0), self._pump(far_reader, writer, 1))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, share: int) -> None:
        try:
            while chunk := await reader.read(65_536):
                await asyncio.sleep(self.seconds * share)
                await self.open.wait()
                writer.write(chunk)
        finally:
            writer.close()


@pytest.fixture
async def road(infrastructure: DevJson) -> AsyncIterator[SlowRoad]:
    road = SlowRoad(infrastructure.redis_url)
    server = await road.build()
    yield road
    server.close()


@pytest.fixture
async def limit(road: SlowRoad) -> AsyncIterator[RateLimit]:
    limit = RateLimit(road.url)
    yield limit
    await limit.close()


async def burst(limit: RateLimit, subject: str, per_minute: int) -> list[BaseException | None]:
    asked = (limit.hit(subject, per_minute=per_minute) for _ in range(BURST))
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_a_burst_waits_for_its_turn_and_is_counted_to_the_last(road: SlowRoad, limit: RateLimit) -> None:
    """All share sixteen connections for longer than it takes to call one connection dead."""
    road.seconds = 0.06

    answers = await burst(limit, "test/burst", BURST - 50)

    assert answers.count(None) == BURST - 50
    refused = [answer for answer in answers if answer is not None]
    assert {type(answer) for answer in refused} == {RateLimited}, "refused by the count, and for no other reason"


async def test_in_an_outage_a_burst_is_refused_as_quickly_as_one(road: SlowRoad, limit: RateLimit) -> None:
    await limit.hit("test/outage", per_minute=BURST * 10)
    road.open.clear()
    began = time.monotonic()

    answers = await burst(limit, "test/outage", BURST * 10)

    assert {type(answer) for answer in answers} == {CountingOutOfReach}
    assert time.monotonic() - began < 6
    road.open.set()
    assert set(await burst(limit, "test/outage", BURST * 10)) == {None}
