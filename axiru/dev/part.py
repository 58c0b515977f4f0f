"""A part of the stack as a process: what to run, how to know that it is ready, how to end it."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

LAUNCHER = Path(__file__).with_name("launch.py")


class Account(msgspec.Struct, frozen=True):
    """A system account a part runs as."""

    uid: int
    gid: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part. `is_ready` is asked until it says yes; it may raise while the part is still coming up."""

    name: str
    title: str
    command: tuple[str, ...]
    log: Path
    is_ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = {}
    ready_timeout_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    stop_grace_seconds: float = 10.0
    death_signal: int = signal.SIGKILL
    account: Account | None = None


async def spawn(part: Part) -> asyncio.subprocess.Process:
    """Start the part in a session of its own: a terminal's Ctrl-C reaches it through the stack only, in its turn."""
    with part.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *_launched(part.command, part.death_signal, part.account),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(part.environment),
            start_new_session=True,
        )


async def run_to_end(
    command: tuple[str, ...], *, log: Path, environment: Mapping[str, str] | None = None, account: Account | None = None
) -> int:
    """Run a command that ends by itself and return its exit code; it ends at the latest with this task."""
    with log.open("ab") as stream:
        process = await asyncio.create_subprocess_exec(
            *_launched(command, signal.SIGKILL, account),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=_environment(environment or {}),
            start_new_session=True,
        )
    try:
        return await process.wait()
    finally:
        kill_session(process.pid)
        await process.wait()


async def end(part: Part, process: asyncio.subprocess.Process) -> None:
    """Ask the part to stop, wait its grace, then kill it and whatever it started."""
    if process.returncode is None:
        process.send_signal(part.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), part.stop_grace_seconds)
        except TimeoutError:
            process.kill()
            await process.wait()
    kill_session(process.pid)


def kill_session(leader_pid: int) -> None:
    """Kill what is left of a part's session, after its leader ended or to end it."""
    try:
        os.killpg(leader_pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def last_line(log: Path) -> str:
    """The last line of a log that says something; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4096))
            lines = [line.strip() for line in stream.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line), "")


def _launched(command: tuple[str, ...], death_signal: int, account: Account | None) -> list[str]:
    identity = [] if account is None else ["--uid", str(account.uid), "--gid", str(account.gid)]
    launcher = [
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        "--parent",
        str(os.getpid()),
        "--death-signal",
        str(int(death_signal)),
    ]
    return [*launcher, *identity, "--", *command]


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """The stack's environment without its `AXIRU_*`: a part hears exactly the settings it is given."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AXIRU_")} | dict(own)
