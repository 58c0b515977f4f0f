"""The console as a process: it refuses to start half configured, answers for itself, and stops in order."""

import importlib.util
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx
import pytest

TIMEOUT_SECONDS = 60
StartConsole = Callable[..., subprocess.Popen[str]]


class Console(Protocol):
    """Running, without an API."""

    process: subprocess.Popen[str]
    url: str


def test_without_a_secret_it_refuses_to_start(start_console: StartConsole, tmp_path: Path) -> None:
    process = start_console(tmp_path)
    said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 1
    assert "AXIRU_CONSOLE_SECRET is not set" in said
    assert "Traceback" not in said


@pytest.mark.skipif(importlib.util.find_spec("webview") is not None, reason="pywebview is here")
def test_a_window_without_its_library_is_refused_in_a_sentence(start_console: StartConsole, tmp_path: Path) -> None:
    process = start_console(tmp_path, "--desktop", AXIRU_CONSOLE_SECRET="a secret of a test")
    said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 1
    assert "pywebview" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_with_code_0_and_leaves_nothing_on_disk(
    own_console: Console, tmp_path: Path, number: int
) -> None:
    httpx.get(f"{own_console.url}/login").raise_for_status()
    own_console.process.send_signal(number)
    assert own_console.process.wait(TIMEOUT_SECONDS) == 0
    assert not list(tmp_path.iterdir())


def test_pages_may_not_be_framed_and_run_no_scripts_but_their_own(lone_console: Console) -> None:
    page = httpx.get(f"{lone_console.url}/login")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in policy["script-src"]
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy["script-src"])
    assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 0
    assert httpx.get(f"{lone_console.url}/login").headers["content-security-policy"].count(nonce) == 0


def test_an_api_out_of_reach_is_not_called_a_wrong_password(lone_console: Console) -> None:
    form = {"email": "a@demo.example", "password": "right"}
    answer = httpx.post(f"{lone_console.url}/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?note=api_out_of_reach")


def test_a_log_in_sent_by_another_sites_page_is_not_used(lone_console: Console) -> None:
    form = {"email": "a@demo.example", "password": "right"}
    answer = httpx.post(f"{lone_console.url}/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"] == "/login?note=cross_site"


@pytest.mark.parametrize("path", ["/", "/controls", "/decisions/ed_1"])
def test_nobody_comes_in_without_a_log_in(lone_console: Console, path: str) -> None:
    for cookie in ("", "axiru_console=bm90IHNpZ25lZA==.abc.def"):
        answer = httpx.get(f"{lone_console.url}{path}", headers={"Cookie": cookie})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("own_console", [{"AXIRU_CONSOLE_HTTPS_ONLY": "1"}], indirect=True)
def test_behind_https_the_cookie_never_travels_in_clear_and_the_browser_is_told_to_stay(own_console: Console) -> None:
    page = httpx.get(f"{own_console.url}/login")
    (cookie,) = page.headers.get_list("set-cookie")
    assert cookie.startswith("axiru_console=")
    assert {"secure", "httponly", "samesite=lax"} <= set(cookie.lower().split("; "))
    assert page.headers["strict-transport-security"] == "max-age=31536000"


def test_without_https_no_browser_is_told_to_insist_on_it(lone_console: Console) -> None:
    assert "strict-transport-security" not in httpx.get(f"{lone_console.url}/login").headers
