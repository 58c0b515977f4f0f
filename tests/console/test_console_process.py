"""The console as a process: it refuses to start half configured, answers for itself, and stops in order."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from axiru.dev.ports import Ports

START_SECONDS = 60
STOP_SECONDS = 20


def start(directory: Path, *options: str, **settings: str) -> subprocess.Popen[str]:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("AXIRU_")}
    return subprocess.Popen(  # noqa: S603 - Axiru itself
        [sys.executable, "-P", "-m", "axiru.cli", "console", *options],
        cwd=directory,
        env=foreign | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def port() -> int:
    return Ports().free()


@pytest.fixture
def running(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A console whose API is not there."""
    process = start(
        tmp_path,
        AXIRU_CONSOLE_PORT=str(port),
        AXIRU_CONSOLE_SECRET="a secret of a test",
        AXIRU_API_URL="http://127.0.0.1:9",
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
            break
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield process
    process.kill()
    process.wait(STOP_SECONDS)


def test_without_a_secret_it_refuses_to_start(tmp_path: Path) -> None:
    process = start(tmp_path)
    said, _ = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1
    assert "AXIRU_CONSOLE_SECRET is not set" in said
    assert "Traceback" not in said


@pytest.mark.skipif(importlib.util.find_spec("webview") is not None, reason="pywebview is here")
def test_a_window_without_its_library_is_refused_in_a_sentence(tmp_path: Path) -> None:
    process = start(tmp_path, "--desktop", AXIRU_CONSOLE_SECRET="a secret of a test")
    said, _ = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1
    assert "pywebview" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_with_code_0_and_leaves_nothing_on_disk(
    running: subprocess.Popen[str], tmp_path: Path, number: int
) -> None:
    running.send_signal(number)
    assert running.wait(STOP_SECONDS) == 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_pages_may_not_be_framed_and_run_no_scripts_but_their_own(running: subprocess.Popen[str], port: int) -> None:
    page = httpx.get(f"http://127.0.0.1:{port}/login")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in policy["script-src"]
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy["script-src"])
    assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 0
    assert httpx.get(f"http://127.0.0.1:{port}/login").headers["content-security-policy"].count(nonce) == 0


def test_an_api_out_of_reach_is_not_called_a_wrong_password(running: subprocess.Popen[str], port: int) -> None:
    form = {"email": "a@demo.example", "password": "right"}
    answer = httpx.post(f"http://127.0.0.1:{port}/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?note=api_out_of_reach")


def test_a_log_in_sent_by_another_sites_page_is_not_used(running: subprocess.Popen[str], port: int) -> None:
    form = {"email": "a@demo.example", "password": "right"}
    answer = httpx.post(f"http://127.0.0.1:{port}/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"] == "/login?note=cross_site"


@pytest.mark.parametrize("path", ["/", "/controls", "/decisions/ed_1"])
def test_nobody_comes_in_without_a_log_in(running: subprocess.Popen[str], port: int, path: str) -> None:
    for cookie in ("", "axiru_console=bm90IHNpZ25lZA==.abc.def"):
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
