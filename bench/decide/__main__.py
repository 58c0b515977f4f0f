"""`python -m bench.decide [--seconds N] [--rounds N] [--authorizations]`: starts a stack, measures it beside a floor,
prints JSON. With `--authorizations` it measures those as well, beside decisions."""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
from temporalio.client import Client

from axiru.dev.dev_json import DevJson, read
from bench.decide.floor import decide_bare
from bench.decide.load import Measured, Request, closed_loop, open_loop

GOALS = {"open_30_p95_ms": 50, "open_50_p95_ms": 80, "closed_8_per_second": 60}
WARM_UP_SECONDS = 5.0


async def main(seconds: float, rounds: int, *, authorizations: bool) -> None:
    async with _stack() as stack, _floor_worker(stack), aiohttp.ClientSession() as http:
        client = await Client.connect(stack.temporal_address, namespace=stack.temporal_namespace)
        requests: dict[str, Request] = {"axiru": lambda: _decide(http, stack), "floor": lambda: decide_bare(client)}
        if authorizations:
            requests["authorizations"] = lambda: _authorize(http, stack)
        for request in requests.values():
            await open_loop(request, per_second=20, seconds=WARM_UP_SECONDS)
        measured: dict[str, dict[str, list[Measured]]] = {
            load: {name: [] for name in requests} for load in ("open_30", "open_50", "closed_8")
        }
        # Rounds alternate, so that a noisy minute of the machine falls on both.
        for _ in range(rounds):
            for name, request in requests.items():
                measured["open_30"][name].append(await open_loop(request, per_second=30, seconds=seconds))
                measured["open_50"][name].append(await open_loop(request, per_second=50, seconds=seconds))
                measured["closed_8"][name].append(await closed_loop(request, concurrency=8, seconds=seconds))
    report = {load: _summary(names) for load, names in measured.items()}
    json.dump(
        {"cores": os.cpu_count(), "rounds": rounds, "seconds": seconds, "goals": GOALS, **report}, sys.stdout, indent=2
    )
    print()


async def _decide(http: aiohttp.ClientSession, stack: DevJson) -> None:
    """One allowed refund, asked for by a caller who executes it: the reference page's body under the threshold."""
    body = {
        "intent": {"kind": "refund", "amount_cents": 5000, "currency": "usd"},
        "context": {"customer_tenure_days": 412, "reason_code": "duplicate_charge", "customer_id": uuid.uuid4().hex},
        "idempotency_key": uuid.uuid4().hex,
    }
    headers = {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
    async with http.post(f"{stack.api_url}/api/v1/decisions", json=body, headers=headers) as response:
        answer = await response.json()
        if response.status != 200 or answer["outcome"] != "allowed":
            raise RuntimeError(f"{response.status}: {answer}")


async def _authorize(http: aiohttp.ClientSession, stack: DevJson) -> None:
    """One payment that an agent may make, with its token: the guide's body, of an agent that has paid nothing yet."""
    body = {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 25_000,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}", "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": "acct_1Abc", "country": "US"},
        "idempotency_key": uuid.uuid4().hex,
    }
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    async with http.post(f"{stack.api_url}/api/v1/authorizations", json=body, headers=headers) as response:
        answer = await response.json()
        if response.status != 200 or "authorization_token" not in answer:
            raise RuntimeError(f"{response.status}: {answer}")


def _summary(names: dict[str, list[Measured]]) -> dict[str, object]:
    """Medians over the rounds with their spread, and how many times the floor Axiru takes."""
    medians = {name: _median(rounds) for name, rounds in names.items()}
    summary: dict[str, object] = {
        **{name: {**median, "spread": _spread(names[name])} for name, median in medians.items()},
        "ratio_to_floor": _ratio(medians["axiru"], medians["floor"]),
    }
    if "authorizations" in medians:
        summary["authorizations_to_decisions"] = _ratio(medians["authorizations"], medians["axiru"])
    return summary


def _ratio(of: dict[str, float], to: dict[str, float]) -> dict[str, float]:
    return {field: round(of[field] / to[field], 2) for field in ("p50_ms", "p95_ms", "p99_ms", "per_second")}


def _median(rounds: list[Measured]) -> dict[str, float]:
    columns = [msgspec.structs.asdict(measured) for measured in rounds]
    return {field: statistics.median(column[field] for column in columns) for field in columns[0]}


def _spread(rounds: list[Measured]) -> dict[str, list[float]]:
    columns = [msgspec.structs.asdict(measured) for measured in rounds]
    fields = ("p50_ms", "p95_ms", "per_second")
    return {
        field: [min(column[field] for column in columns), max(column[field] for column in columns)] for field in fields
    }


@asynccontextmanager
async def _stack() -> AsyncIterator[DevJson]:
    with tempfile.TemporaryDirectory(prefix="axiru-bench-") as directory:
        home = Path(directory) / "home"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "axiru.cli", "dev", "--home", home, "--api-port", "0", "--console-port", "0",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            await _ready(process)
            draining = asyncio.create_task(_drain(process))
            yield read(home / "dev.json")
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
        await draining


@asynccontextmanager
async def _floor_worker(stack: DevJson) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.decide.floor", stack.temporal_address, stack.temporal_namespace,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await _ready(process)
        yield
    finally:
        assert process.stdin is not None  # noqa: S101 - the process was started with a pipe
        process.stdin.close()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None  # noqa: S101 - the process was started with a pipe
    while line := await process.stdout.readline():
        if line.startswith(b"ready"):
            return
    raise RuntimeError("a process ended before it was ready")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None  # noqa: S101 - the process was started with a pipe
    while await process.stdout.readline():
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    parser.add_argument("--authorizations", action="store_true", help="measure what agents ask for as well")
    options = parser.parse_args()
    asyncio.run(main(options.seconds, options.rounds, authorizations=options.authorizations))
