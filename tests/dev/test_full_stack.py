"""The whole product as `axiru dev` starts it: what `dev.json` promises is there, and stays there when parts die."""

import os
import signal
import time
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from axiru.dev import dev_json
from axiru.dev.dev_json import DevJson, Pids


def test_every_part_runs_and_says_so(stack: DevJson) -> None:
    names = {"postgres", "valkey", "temporal", "stripe", "slack", "mail", "api", "worker", "console"}
    running = _running(stack)
    pids = {name: getattr(running, name) for name in names}

    assert all(psutil.pid_exists(pid if isinstance(pid, int) else pid[0]) for pid in pids.values())
    assert httpx.get(f"{stack.api_url}/readyz").status_code == 200
    assert httpx.get(f"{stack.console_url}/", follow_redirects=True).status_code == 200
    assert httpx.get(stack.temporal_ui_url).status_code == 200
    for stand_in in (stack.stripe_api_base, stack.slack_url, stack.messages_url):
        assert httpx.get(f"{stand_in}/_sandbox/health").status_code == 200


def test_demo_organization_has_every_role_and_two_controllers(stack: DevJson) -> None:
    roles = sorted(role for user in stack.users for role in user.roles)

    assert roles == ["admin", "agent_owner", "controller", "controller", "finance_manager", "support", "viewer"]
    assert set(stack.api_keys) == {"decisions", "authorizations", "admin"}
    assert all(key.startswith("ak_test_") for key in stack.api_keys.values())


def test_processes_know_the_database_as_axiru_app_only(stack: DevJson) -> None:
    running = _running(stack)
    for pid in (*(running.api or []), *(running.worker or []), running.console):
        environment = psutil.Process(pid).environ()
        assert environment.get("AXIRU_DATABASE_ADMIN_URL", "") == ""
        assert "axiru_owner" not in " ".join(environment.values())


async def test_application_role_owns_no_table(stack: DevJson) -> None:
    connection = await asyncpg.connect(stack.database_url)
    owned = await connection.fetch("SELECT tablename FROM pg_tables WHERE tableowner = current_user")
    await connection.close()

    assert owned == []


@pytest.mark.parametrize("part", ["api", "worker"])
def test_killed_process_comes_back_at_the_same_address_with_a_new_pid(stack: DevJson, part: str) -> None:
    file = Path(stack.home) / "dev.json"
    before = getattr(dev_json.read(file).pids, part)
    os.kill(before[0], signal.SIGKILL)

    deadline = time.monotonic() + 60
    while getattr(dev_json.read(file).pids, part) == before or not _ready(stack):
        assert time.monotonic() < deadline, f"{part} did not come back"
        time.sleep(0.1)

    assert dev_json.read(file).api_url == stack.api_url


def _ready(stack: DevJson) -> bool:
    try:
        return httpx.get(f"{stack.api_url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _running(stack: DevJson) -> Pids:
    """The pids of this moment: other tests kill parts of the same stack."""
    return dev_json.read(Path(stack.home) / "dev.json").pids
