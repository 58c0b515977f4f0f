"""Axiru's own processes as parts: the same commands that run in production, told where everything is by `AXIRU_*`."""

import sys

from axiru.dev.home import Home
from axiru.dev.http_probe import answers
from axiru.dev.log_probe import said_anew
from axiru.dev.part import Part
from axiru.settings import Settings


def api(home: Home, settings: Settings) -> Part:
    """The HTTP API; ready when it is alive, whatever the other parts do."""
    return Part(
        name="api",
        title="API",
        command=axiru_command("api"),
        log=home.log("api"),
        environment=settings.as_environment(),
        is_ready=answers(f"{settings.api_url}/healthz"),
        stop_grace_seconds=15.0,
    )


def worker(home: Home, settings: Settings) -> Part:
    """The Temporal worker; ready when it says that it polls its task queue."""
    log = home.log("worker")
    return Part(
        name="worker",
        title="Worker",
        command=axiru_command("worker"),
        log=log,
        environment=settings.as_environment(),
        is_ready=said_anew(log, b"worker_started"),
        stop_grace_seconds=20.0,
    )


def console(home: Home, settings: Settings) -> Part:
    """The web console."""
    url = f"http://{settings.console_host}:{settings.console_port}/healthz"
    return Part(
        name="console",
        title="Console",
        command=axiru_command("console"),
        log=home.log("console"),
        environment=settings.as_environment(),
        is_ready=answers(url),
    )


def axiru_command(*arguments: str) -> tuple[str, ...]:
    """`axiru …` by this interpreter; -P keeps the working directory's own modules out."""
    return (sys.executable, "-P", "-m", "axiru.cli", *arguments)
