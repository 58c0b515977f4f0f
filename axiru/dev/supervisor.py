"""Starts parts one after the other, starts again what dies, and stops everything in the reverse order."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable

from axiru.dev.part import Part, end, kill_session, last_line, spawn
from axiru.dev.progress import step
from axiru.dev.refusal import PartFailed

READY_POLL_SECONDS = 0.05
RESTART_DELAYS_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)

# A part that lived this long is healthy: when it dies after all, it is started again without delay.
HEALTHY_SECONDS = 30.0


class _Running:
    """A started part and the process it is at the moment."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process) -> None:
        self.part = part
        self.process = process
        self.watcher: asyncio.Task[None] | None = None


class Supervisor:
    """Owns the processes of one stack. `on_change` is called whenever a pid changed."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._running: list[_Running] = []
        self._on_change = on_change

    async def start(self, part: Part) -> None:
        """Start a part and wait until it is ready. Raises PartFailed when it ends first or is not ready in time."""
        begun = time.monotonic()
        running = _Running(part, await spawn(part))
        self._running.append(running)
        if not await _became_ready(part, running.process):
            raise PartFailed(_failure(part, running.process), part=part.name)
        running.watcher = asyncio.create_task(self._watch(running))
        step(part.name, f"{part.title} is ready ({time.monotonic() - begun:.1f} s, pid {running.process.pid})")

    def pids(self) -> dict[str, int]:
        """The pid of every part, by name."""
        return {running.part.name: running.process.pid for running in self._running}

    async def stop(self) -> None:
        """Stop every part, the last started first."""
        for running in self._running:
            if running.watcher is not None:
                running.watcher.cancel()
        while self._running:
            running = self._running.pop()
            ran = running.process.returncode is None
            await end(running.part, running.process)
            if ran:
                step(running.part.name, "stopped")

    async def _watch(self, running: _Running) -> None:
        part = running.part
        deaths = 0
        while True:
            born = time.monotonic()
            await running.process.wait()
            deaths = 1 if time.monotonic() - born > HEALTHY_SECONDS else deaths + 1
            kill_session(running.process.pid)
            step(part.name, f"{part.title} died ({_end_of(running.process)}); starting it again")
            await asyncio.sleep(RESTART_DELAYS_SECONDS[min(deaths, len(RESTART_DELAYS_SECONDS)) - 1])
            try:
                running.process = await spawn(part)
            except OSError as error:
                step(part.name, f"{part.title} cannot be started: {error}")
                continue
            self._on_change()
            if await _became_ready(part, running.process):
                step(part.name, f"{part.title} runs again (pid {running.process.pid})")
            elif running.process.returncode is None:
                running.process.kill()


async def _became_ready(part: Part, process: asyncio.subprocess.Process) -> bool:
    deadline = time.monotonic() + part.ready_timeout_seconds
    while process.returncode is None and time.monotonic() < deadline:
        # However the question fails, the part is not ready yet; when it never is, its log says why.
        with contextlib.suppress(Exception):
            if await part.is_ready() and process.returncode is None:
                return True
        await asyncio.sleep(READY_POLL_SECONDS)
    return False


def _failure(part: Part, process: asyncio.subprocess.Process) -> str:
    how = (
        f"was not ready after {part.ready_timeout_seconds:.0f} s"
        if process.returncode is None
        else f"ended while starting ({_end_of(process)})"
    )
    said = last_line(part.log)
    return f"{part.title} {how}; its log is {part.log}" + (f", the last line: {said}" if said else ".")


def _end_of(process: asyncio.subprocess.Process) -> str:
    code = process.returncode
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
