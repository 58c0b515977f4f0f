"""The contract suite on a running stack: it holds, and it puts everything back."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
import psutil
import pytest

from axiru.contract_suite.cases import PARTS
from axiru.dev.dev_json import DevJson

_STARTED_SECONDS = 120


def test_reduced_run_holds(stack: DevJson) -> None:
    before = _surfaces(stack)

    ended = subprocess.run(  # noqa: S603 - Axiru itself
        _command(stack, "--reduced", "--json"), capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr + ended.stdout
    rows = json.loads(ended.stdout)
    assert {row["part"] for row in rows} == set(PARTS)
    assert {row["surface_mode"] for row in rows} == {"enforce", "shadow"}
    assert sum(row["calls_while_cut"] for row in rows) == 0
    executed = [row for row in rows if row["execute"] == "axiru" and row["surface_mode"] == "enforce"]
    assert {row["calls_after"] for row in executed} == {1}
    agents = [row["told"] for row in rows if row["action"] == "agent_payment" and row["surface_mode"] == "enforce"]
    assert {(told["outcome"], told["kept"], told["may_execute"]) for told in agents} == {("hold", True, False)}
    assert {row["told"]["degraded"] for row in rows if _is_callers_dispute(row)} == {True}
    assert _surfaces(stack) == before
    verified = subprocess.run(
        [sys.executable, "-P", "-m", "axiru.cli", "ledger", "verify"],
        env=os.environ | {"AXIRU_DATABASE_URL": stack.database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout


def test_interrupted_run_puts_everything_back(stack: DevJson) -> None:
    before = _surfaces(stack)
    running = subprocess.Popen(  # noqa: S603 - Axiru itself
        _command(stack), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _until_surfaces_are_set(stack, before, running)
        family = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[0].decode()
    finally:
        running.kill()

    assert running.returncode == 130, said
    assert "Stopped; surfaces and connections are as they were." in said
    assert _surfaces(stack) == before
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def _command(stack: DevJson, *arguments: str) -> list[str]:
    target = ("--target", stack.api_url)
    return [sys.executable, "-P", "-m", "axiru.cli", "contract-suite", *target, *arguments]


def _surfaces(stack: DevJson) -> dict[str, Any]:
    answer = httpx.get(
        f"{stack.api_url}/api/v1/surfaces", headers={"Authorization": f"Bearer {stack.api_keys['admin']}"}, timeout=30
    )
    found = answer.raise_for_status().json()["items"]
    return {f"{one['stripe_connection_id']}/{one['surface']}": one["surface_mode"] for one in found}


def _until_surfaces_are_set(stack: DevJson, before: dict[str, Any], running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _STARTED_SECONDS
    while _surfaces(stack) == before:
        if running.poll() is not None or time.monotonic() > deadline:
            pytest.fail("the suite did not begin")
        time.sleep(0.2)


def _is_callers_dispute(row: dict[str, Any]) -> bool:
    enforced = row["surface_mode"] == "enforce" and row["part"] != "Stripe"
    return enforced and row["action"] == "dispute" and row["execute"] == "caller"
