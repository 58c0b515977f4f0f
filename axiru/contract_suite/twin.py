"""The twin: the target's own API and worker once more, on the same data, whose every connection can be cut."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
from temporalio.service import RPCError

from axiru.contract_suite.cases import PARTS, Manner, Part
from axiru.contract_suite.refusal import SuiteCannotRun
from axiru.contract_suite.target import Target
from axiru.contract_suite.toxiproxy import Toxiproxy
from axiru.dev.binaries import find_toxiproxy
from axiru.dev.home import Home
from axiru.dev.http_probe import answers
from axiru.dev.log_probe import said_anew
from axiru.dev.part import Part as Process
from axiru.dev.ports import LOOPBACK, Ports
from axiru.dev.processes import api, axiru_command
from axiru.dev.supervisor import Supervisor
from axiru.settings import Settings
from axiru.temporal import connect

_DEFAULT_PORTS: Final = {
    "postgresql": 5432,
    "postgres": 5432,
    "redis": 6379,
    "http": 80,
    "https": 443,
    "temporal": 7233,
}


class Twin:
    """A running twin. `url` leads to its API through the proxy of the network, `direct_url` past it."""

    def __init__(self, toxiproxy: Toxiproxy, names: dict[Part, str], url: str, settings: Settings) -> None:
        self.url = url
        self.direct_url = settings.api_url
        self.task_queue = settings.temporal_task_queue
        self.issuer = settings.issuer
        self._toxiproxy = toxiproxy
        self._names = names

    async def cut(self, part: Part, manner: Manner) -> None:
        await self._toxiproxy.cut(self._names[part], manner)

    async def heal(self, part: Part) -> None:
        await self._toxiproxy.heal(self._names[part])


@asynccontextmanager
async def running_twin(target: Target, directory: Path, toxiproxy_url: str | None) -> AsyncIterator[Twin]:
    """Start a twin and, unless one is named, a toxiproxy; stop them at the end. Raises SuiteCannotRun, StackRefused."""
    home, ports, supervisor = Home(directory), Ports(), Supervisor(lambda: None)
    home.prepare()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(supervisor.stop)
        url = toxiproxy_url or await _start_toxiproxy(home, ports, supervisor)
        toxiproxy = Toxiproxy(url)
        stack.push_async_callback(toxiproxy.close)
        await _check(toxiproxy, url)
        suffix = secrets.token_hex(4)
        names: dict[Part, str] = {part: f"axiru-{part.lower()}-{suffix}" for part in PARTS}
        listens = {part: f"{LOOPBACK}:{ports.free()}" for part in PARTS}
        settings = _settings_of_twin(target.settings, listens, ports.free(), suffix)
        for part, upstream in _upstreams(target.settings, settings).items():
            await toxiproxy.create(names[part], listen=listens[part], upstream=upstream)
            stack.push_async_callback(toxiproxy.delete, names[part])
        stack.push_async_callback(_hand_over, target.settings, settings.temporal_task_queue)
        await asyncio.gather(*(supervisor.start(process) for process in (api(home, settings), _worker(home, settings))))
        yield Twin(toxiproxy, names, f"http://{listens['network']}", settings)


async def _start_toxiproxy(home: Home, ports: Ports, supervisor: Supervisor) -> str:
    binary = await find_toxiproxy()
    if binary is None:
        raise SuiteCannotRun(
            "toxiproxy is not on this machine and cannot be built without Go: install it (program toxiproxy-server), "
            "or name a running one with --toxiproxy."
        )
    port = ports.free()
    process = Process(
        name="toxiproxy",
        title="toxiproxy",
        command=(str(binary), "-host", LOOPBACK, "-port", str(port)),
        log=home.log("toxiproxy"),
        is_ready=answers(f"http://{LOOPBACK}:{port}/version"),
    )
    await supervisor.start(process)
    return f"http://{LOOPBACK}:{port}"


async def _hand_over(settings: Settings, task_queue: str) -> None:
    """End the workflows that still wait on the twin's queue: the target's sweep gives their decisions new ones."""
    client = await connect(settings)
    async for workflow in client.list_workflows(f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Running'"):
        with contextlib.suppress(RPCError):
            await client.get_workflow_handle(workflow.id).terminate("the contract suite is over")


async def _check(toxiproxy: Toxiproxy, url: str) -> None:
    try:
        await toxiproxy.version()
    except httpx.HTTPError as error:
        raise SuiteCannotRun(f"No toxiproxy answers at {url} ({type(error).__name__}).") from error


def _worker(home: Home, settings: Settings) -> Process:
    """Takes tasks only: what watches over everybody's tables would find other people's work, and leave it half done."""
    log = home.log("worker")
    return Process(
        name="worker",
        title="Worker",
        command=axiru_command("worker", "--tasks-only"),
        log=log,
        environment=settings.as_environment(),
        is_ready=said_anew(log, b"worker_started"),
        stop_grace_seconds=20.0,
    )


def _settings_of_twin(settings: Settings, listens: dict[Part, str], api_port: int, suffix: str) -> Settings:
    return msgspec.structs.replace(
        settings,
        database_url=_at(settings.database_url, listens["PostgreSQL"]),
        redis_url=_at(settings.redis_url, listens["Valkey"]),
        temporal_address=listens["Temporal"],
        temporal_task_queue=f"contract-suite-{suffix}",
        stripe_api_base=_at(settings.stripe_api_base, listens["Stripe"]),
        api_host=LOOPBACK,
        api_port=api_port,
        api_url=f"http://{LOOPBACK}:{api_port}",
    )


def _upstreams(settings: Settings, twin: Settings) -> dict[Part, str]:
    return {
        "PostgreSQL": _host_and_port(settings.database_url),
        "Valkey": _host_and_port(settings.redis_url),
        "Temporal": _host_and_port(f"temporal://{settings.temporal_address}"),
        "Stripe": _host_and_port(settings.stripe_api_base),
        "network": _host_and_port(twin.api_url),
    }


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def _at(url: str, address: str) -> str:
    """The same URL at another host and port."""
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}{address}"))
