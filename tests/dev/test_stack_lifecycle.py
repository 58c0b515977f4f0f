"""One stack from start to stop: what it promises to people at a terminal and to programs that read `dev.json`."""

import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import redis

STORES = ("--only", "postgres,valkey")
StartStack = Callable[..., Any]


def test_dev_json_is_private_complete_and_gone_after_the_stop(start_stack: StartStack, tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", *STORES)
    announced = stack.ready()
    file = stack.home / "dev.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack.said().splitlines()[-1].startswith("ready")
    assert psutil.Process(announced.pids.postgres).name() == "postgres"
    assert redis.Redis.from_url(announced.redis_url).ping()
    assert stack.stop(signal.SIGINT) == 0
    assert not file.exists()
    assert stack.said().splitlines()[-2:] == ["valkey      stopped", "postgres    stopped"]


async def test_second_start_keeps_data_and_fresh_starts_empty(start_stack: StartStack, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = start_stack(home, *STORES)
    await _execute(first.ready().database_admin_url, "CREATE TABLE kept (id int)")
    assert first.stop() == 0

    second = start_stack(home, *STORES)
    url = second.ready().database_admin_url
    assert await _tables(url) == ["kept"]
    assert second.stop() == 0

    third = start_stack(home, *STORES, "--fresh")
    assert await _tables(third.ready().database_admin_url) == []
    assert third.stop() == 0


def test_fresh_refuses_to_empty_a_directory_that_is_no_home(start_stack: StartStack, tmp_path: Path) -> None:
    home = tmp_path / "thesis"
    home.mkdir()
    (home / "chapter-1.tex").write_text("years of work")

    stack = start_stack(home, *STORES, "--fresh")

    assert stack.process.wait(30) == 1
    assert "is not a home of Axiru" in _one_sentence(stack)
    assert (home / "chapter-1.tex").read_text() == "years of work"


def test_home_of_a_running_stack_is_refused(start_stack: StartStack, tmp_path: Path) -> None:
    first = start_stack(tmp_path / "home", *STORES)
    first.ready()

    second = start_stack(tmp_path / "home", *STORES, "--fresh")

    assert second.process.wait(30) == 1
    assert f"Another `axiru dev` (pid {first.process.pid}) runs in" in _one_sentence(second)
    assert (first.home / "dev.json").exists()
    assert first.stop() == 0


def test_killed_stack_takes_its_parts_along_and_leaves_a_lock_that_is_taken_over(
    start_stack: StartStack, tmp_path: Path
) -> None:
    killed = start_stack(tmp_path / "home", *STORES)
    killed.ready()
    family = killed.family()
    killed.process.kill()
    killed.process.wait(10)

    _, survivors = psutil.wait_procs(family, timeout=10)
    assert survivors == []

    again = start_stack(tmp_path / "home", *STORES)
    again.ready()
    assert f"the last run (pid {killed.process.pid}) did not stop in order" in again.said()
    assert again.stop() == 0


@pytest.mark.parametrize("option", ["--api-port", "--console-port"])
def test_port_in_use_is_one_sentence_and_starts_nothing(start_stack: StartStack, tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = start_stack(tmp_path / "home", *STORES, option, str(port))

        assert stack.process.wait(30) == 1
        assert f"Port {port} " in _one_sentence(stack)
        assert option in stack.said()


@pytest.mark.parametrize("delay_seconds", [0.0, 0.3, 0.8, 1.5])
def test_stop_while_starting_leaves_nothing(start_stack: StartStack, tmp_path: Path, delay_seconds: float) -> None:
    stack = start_stack(tmp_path / "home", *STORES)
    deadline = time.monotonic() + 10
    while not (stack.home / "lock").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(delay_seconds)

    assert stack.stop(signal.SIGINT) == 0
    assert not [process for process in psutil.process_iter(["cmdline"]) if _mentions(process, stack.home)]
    assert "Traceback" not in stack.said()


def test_part_that_dies_is_started_again_with_a_line_and_its_new_pid(start_stack: StartStack, tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", *STORES)
    before = stack.ready()
    for name in ("valkey", "postgres"):
        os.kill(getattr(before.pids, name), signal.SIGKILL)

    stack.wait_until_said("runs again", times=2, timeout_seconds=30)

    after = stack.dev_json()
    assert "PostgreSQL died (SIGKILL); starting it again" in stack.said()
    assert after.pids.postgres != before.pids.postgres
    assert after.database_url == before.database_url
    assert redis.Redis.from_url(after.redis_url).ping()
    assert stack.stop() == 0


def test_database_of_a_home_with_a_long_path_is_reachable(start_stack: StartStack, tmp_path: Path) -> None:
    # A unix socket could not be bound there: 107 bytes is the most.
    stack = start_stack(tmp_path / ("long" * 40) / "home", "--only", "postgres")
    stack.ready()
    assert stack.stop() == 0


def _one_sentence(stack: Any) -> str:
    lines = [line for line in stack.said().splitlines() if line]
    assert len(lines) == 1, stack.said()
    return str(lines[0])


def _mentions(process: psutil.Process, home: Path) -> bool:
    return any(str(home) in argument for argument in process.info["cmdline"] or ())


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def _tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return [row["tablename"] for row in rows]
