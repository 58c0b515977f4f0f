"""The whole suite: a target or a stack of its own, a twin, every window in turn, and everything put back."""

import asyncio
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import msgspec
from axiru_client import AsyncAxiru, Retry
from temporalio.service import RPCError

from axiru.contract_suite.callers import CONNECTION, Callers
from axiru.contract_suite.cases import PARTS, Extent, Part, windows
from axiru.contract_suite.journal import Journal
from axiru.contract_suite.movements import Movements
from axiru.contract_suite.refusal import SuiteCannotRun
from axiru.contract_suite.surfaces import Surfaces
from axiru.contract_suite.target import Target, find_target, home_of
from axiru.contract_suite.trial import Trial
from axiru.contract_suite.twin import running_twin
from axiru.contract_suite.verdict import Row
from axiru.dev.home import Home
from axiru.dev.lock import locked
from axiru.dev.stack import EVERYTHING, Stack, StackOptions

_PATIENCE: Final = Retry(attempt_seconds=2.0, deadline_seconds=3.0, first_pause_seconds=0.2, longest_pause_seconds=0.5)

NewClient = Callable[..., AsyncAxiru]
OnRows = Callable[[list[Row]], None]


class SuiteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the suite was asked for; without a `target` it starts a stack of its own, without a `home` it finds it."""

    target: str | None = None
    home: Path | None = None
    toxiproxy_url: str | None = None
    extent: Extent = Extent.WHOLE
    parts: tuple[Part, ...] = PARTS


def run_suite(options: SuiteOptions, *, on_rows: OnRows, new_client: NewClient = AsyncAxiru) -> list[Row]:
    """Every row, also told one window at a time. `new_client` is what is tried on the caller's side.

    Raises SuiteCannotRun, StackRefused, KeyboardInterrupt; whatever is raised, surfaces and connections are put back.
    """
    try:
        return asyncio.run(_until_stopped(_run(options, on_rows, new_client)))
    except (httpx.HTTPError, RPCError, OSError) as error:
        raise SuiteCannotRun(f"The target went away, or does not do as it is asked: {error!r}") from error


async def _until_stopped(run: Coroutine[None, None, list[Row]]) -> list[Row]:
    """Ctrl-C and SIGTERM cancel the run, which puts everything back on its way out. Raises KeyboardInterrupt."""
    running = asyncio.create_task(run)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _cancel_once, running)
    try:
        return await running
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


def _cancel_once(running: "asyncio.Task[list[Row]]") -> None:
    """A second Ctrl-C must not interrupt what puts everything back."""
    if not running.cancelling():
        running.cancel()


async def _run(options: SuiteOptions, on_rows: OnRows, new_client: NewClient) -> list[Row]:
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="axiru-contract-suite-")))
        target = await _target(options, directory, stack)
        _check_addresses(target)
        twin = await stack.enter_async_context(running_twin(target, directory / "twin", options.toxiproxy_url))
        journal = Journal(target.settings.stripe_api_base)
        stack.push_async_callback(journal.close)
        clients = {}
        for name in ("decisions", "authorizations"):
            clients[name] = new_client(
                twin.url,
                target.dev.api_keys[name],
                directory=directory / name,
                issuer=twin.issuer,
                organization=target.dev.organization_id,
                retry=_PATIENCE,
            )
            stack.push_async_callback(clients[name].close)
        settling = httpx.AsyncClient(
            base_url=twin.url,
            headers={"Authorization": f"Bearer {target.dev.api_keys['authorizations']}"},
            timeout=_PATIENCE.deadline_seconds,
            trust_env=False,
        )
        callers = Callers(clients["decisions"], clients["authorizations"], await stack.enter_async_context(settling))
        movements = Movements(journal, secrets.token_hex(4))
        surfaces = await stack.enter_async_context(_borrowed_surfaces(target))
        await movements.prepare()
        trial = Trial(target, twin, journal, movements, callers)
        surface_mode = None
        for window in windows(options.extent, options.parts):
            if window.surface_mode != surface_mode:
                surface_mode = window.surface_mode
                await surfaces.set_all(surface_mode)
            found = await trial.run(window)
            rows += found
            on_rows(found)
    return rows


async def _target(options: SuiteOptions, directory: Path, stack: AsyncExitStack) -> Target:
    if options.target is not None:
        found = home_of(options.target) if options.home is None else options.home.expanduser().resolve()
        return find_target(found, options.target)
    home = Home(directory / "home")
    home.prepare()
    stack.enter_context(locked(home))
    own = Stack(
        home,
        StackOptions(home=home.directory, api_port=0, console_port=0, only=EVERYTHING - {"console"}),
    )
    stack.push_async_callback(own.stop)
    await own.start()
    return find_target(home.directory)


@asynccontextmanager
async def _borrowed_surfaces(target: Target) -> AsyncIterator[Surfaces]:
    surfaces = Surfaces(target.dev.api_url, target.dev.api_keys["admin"], CONNECTION)
    try:
        await surfaces.remember()
        yield surfaces
    finally:
        await surfaces.put_back()
        await surfaces.close()


def _check_addresses(target: Target) -> None:
    settings = target.settings
    if settings.temporal_tls or settings.temporal_api_key or settings.redis_url.startswith("rediss:"):
        raise SuiteCannotRun(
            "The target reaches Temporal or Valkey by TLS: the suite puts proxies before plain ones only."
        )
    if not settings.stripe_api_base.startswith("http://"):
        raise SuiteCannotRun(
            f"The target calls Stripe at {settings.stripe_api_base}: the suite counts calls in the sandbox only."
        )
