"""Two kinds of load, and what is read off them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import quantiles

import msgspec

Request = Callable[[], Awaitable[None]]


class Measured(msgspec.Struct, frozen=True):
    """Latencies in milliseconds, from the moment a request was due; throughput in requests answered a second."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float
    requests: int
    failures: int


async def open_loop(request: Request, *, per_second: float, seconds: float) -> Measured:
    """Send at a fixed rate whether answers come or not, so that a slow server cannot slow its own measurement."""
    began = time.perf_counter()
    latencies: list[float] = []
    failures = 0

    async def one(due: float) -> None:
        nonlocal failures
        try:
            await request()
        except Exception:
            failures += 1
        else:
            latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(round(per_second * seconds)):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return _measured(latencies, failures, time.perf_counter() - began)


async def closed_loop(request: Request, *, concurrency: int, seconds: float) -> Measured:
    """So many callers, each sending its next request when it has its answer: what the server can carry."""
    began = time.perf_counter()
    latencies: list[float] = []
    failures = 0

    async def caller() -> None:
        nonlocal failures
        while time.perf_counter() - began < seconds:
            sent = time.perf_counter()
            try:
                await request()
            except Exception:
                failures += 1
            else:
                latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*(caller() for _ in range(concurrency)))
    return _measured(latencies, failures, time.perf_counter() - began)


def _measured(latencies: list[float], failures: int, seconds: float) -> Measured:
    cuts = quantiles((latency * 1000 for latency in latencies), n=100, method="inclusive")
    return Measured(
        p50_ms=round(cuts[49], 1),
        p95_ms=round(cuts[94], 1),
        p99_ms=round(cuts[98], 1),
        per_second=round(len(latencies) / seconds, 1),
        requests=len(latencies),
        failures=failures,
    )
