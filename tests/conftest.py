"""A running stack for every test that needs one: real PostgreSQL, Valkey and Temporal, as `axiru dev` starts them."""

import functools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import length
import msgspec
import psutil
import pytest
from httpx._transports import default

from axiru.dev import dev_json
from axiru.dev.dev_json import DevJson

# A first start may have to build the Temporal server.
READY_TIMEOUT_SECONDS = 400
STOP_TIMEOUT_SECONDS = 90
TESTS = Path(__file__).parent
_ROOMS = {"end_to_end": 0, "console": 1, "workflows": 2, "sandbox": 3, "dev": 4}
NESTED_CALLS = sys.getrecursionlimit()

# Every client reads the list of public authorities, which takes longer than most tests; one reading does for all.
default.create_ssl_context = functools.cache(httpx.create_ssl_context)  # type: ignore[attr-defined]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long suites run on demand, with a seed that is printed and can be given again."""
    group = parser.getgroup("torture")
    group.addoption(
        "--torture",
        action="store_true",
        help="run the long suites in tests/torture, and others at full length",
    )
    group.addoption("--torture-kills", type=int, default=200, help="how many processes are killed")
    group.addoption(
        "--torture-seed", type=int, default=time.time_ns() % 1_000_000, help="what the suites' chance starts from"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tests that have a longer form take it where the long suites were asked for."""
    length.at_length = config.getoption("--torture")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the long suites out unless they were asked for; None leaves the question to pytest."""
    if collection_path.name == "torture" and not config.getoption("--torture"):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rooms whose files hold few tests that take long begin first, so that none of them is left to run alone."""
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (_ROOMS.get(item.path.relative_to(TESTS).parts[0], len(_ROOMS)), -sizes[item.path]))


def pytest_collection_finish() -> None:
    """Libraries of wallets raise Python's limit as they are imported, past what the stack of a process holds."""
    sys.setrecursionlimit(NESTED_CALLS)


class StackProcess(msgspec.Struct, frozen=True):
    """One `axiru dev` as a child of the tests, with its output in a file."""

    process: subprocess.Popen[bytes]
    home: Path
    output: Path

    def said(self) -> str:
        """Everything printed so far."""
        return self.output.read_text("utf-8")

    def wait_until_said(self, text: str, *, times: int = 1, timeout_seconds: float = READY_TIMEOUT_SECONDS) -> None:
        """Wait for a piece of the output; fail with all of it when it does not come."""
        deadline = time.monotonic() + timeout_seconds
        while self.said().count(text) < times:
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"`axiru dev` did not say {text!r}:\n{self.said()}{self._last_log_lines()}")
            time.sleep(0.05)

    def ready(self) -> DevJson:
        """Wait for the ready line and read `dev.json`."""
        self.wait_until_said("\nready")
        return self.dev_json()

    def dev_json(self) -> DevJson:
        """`dev.json` as it is now."""
        return dev_json.read(self.home / "dev.json")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask to stop, and return the exit code; nothing that was started may be left."""
        family = self.family()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"`axiru dev` did not stop:\n{self.said()}")
        left = [child for child in family if alive(child)]
        assert not left, f"left running: {left}\n{self.said()}"
        return code

    def family(self) -> list[psutil.Process]:
        """Every process the stack started that still runs."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _last_log_lines(self) -> str:
        logs = sorted((self.home / "logs").glob("*.log"))
        return "".join(
            f"\n--- {log.name}\n" + "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:]) for log in logs
        )


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that ended and waits to be collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


StartStack = Callable[..., StackProcess]


def start_stack_process(home: Path, *arguments: str, environment: dict[str, str] | None = None) -> StackProcess:
    """Start `axiru dev` in `home` on free ports; further arguments come last and so win."""
    home.parent.mkdir(parents=True, exist_ok=True)
    output = home.parent / f"{home.name}.{time.monotonic_ns()}.out"
    command = [
        sys.executable,
        "-P",
        "-m",
        "axiru.cli",
        "dev",
        "--home",
        str(home),
        "--api-port",
        "0",
        "--console-port",
        "0",
    ]
    with output.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - Axiru itself
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )
    return StackProcess(process, home, output)


@pytest.fixture
def start_stack() -> Iterator[StartStack]:
    """Starts stacks of a test's own; those still running at its end are killed with everything they started."""
    started: list[StackProcess] = []

    def start(home: Path, *arguments: str, environment: dict[str, str] | None = None) -> StackProcess:
        started.append(start_stack_process(home, *arguments, environment=environment))
        return started[-1]

    yield start
    for stack in started:
        for child in stack.family():
            child.kill()
        stack.process.kill()
        stack.process.wait(10)


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevJson]:
    """PostgreSQL, Valkey and Temporal, for tests of one room; the database has no tables yet."""
    running = start_stack_process(
        tmp_path_factory.mktemp("infrastructure") / "home", "--only", "postgres,valkey,temporal"
    )
    try:
        yield running.ready()
    finally:
        code = running.stop()
    assert code == 0, running.said()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevJson]:
    """The whole product with its demo organization, shared by the suite; `.home` has the `dev.json` with newer pids."""
    running = start_stack_process(tmp_path_factory.mktemp("stack") / "home")
    try:
        yield running.ready()
    finally:
        code = running.stop()
    assert code == 0, running.said()
