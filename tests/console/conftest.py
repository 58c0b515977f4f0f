"""A real browser at the console of the running stack, and consoles on their own."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    async_playwright,
    expect,
)

from axiru.dev.dev_json import DevJson
from axiru.dev.ports import Ports

START_SECONDS = 60
STOP_SECONDS = 20
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MILLISECONDS = 20_000
"""For conditions that must come true, on a machine that runs everything at once."""

expect.set_options(timeout=WAIT_MILLISECONDS)
OpenPage = Callable[..., Awaitable[Page]]
StartConsole = Callable[..., subprocess.Popen[str]]


def start(directory: Path, *options: str, **settings: str) -> subprocess.Popen[str]:
    """`axiru console` as a child, with no settings but these."""
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("AXIRU_")}
    return subprocess.Popen(  # noqa: S603 - Axiru itself
        [sys.executable, "-P", "-m", "axiru.cli", "console", *options],
        cwd=directory,
        env=foreign | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class LoneConsole(msgspec.Struct, frozen=True):
    """A console whose API is not there."""

    process: subprocess.Popen[str]
    url: str

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"{self.url}/healthz").raise_for_status()
                return
            except httpx.TransportError:
                assert self.process.poll() is None, self.process.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)


def start_lone_console(directory: Path, **settings: str) -> LoneConsole:
    port = str(Ports().free())
    needed = {"AXIRU_CONSOLE_SECRET": "a secret of a test", "AXIRU_API_URL": "http://127.0.0.1:9"}
    console = LoneConsole(start(directory, AXIRU_CONSOLE_PORT=port, **needed, **settings), f"http://127.0.0.1:{port}")
    console.wait_until_it_answers()
    return console


@pytest.fixture
def start_console() -> StartConsole:
    """`start_console(directory, "--desktop", AXIRU_CONSOLE_SECRET="…")`."""
    return start


@pytest.fixture(scope="session")
def lone_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneConsole]:
    """For tests that only ask; one for all of them."""
    console = start_lone_console(tmp_path_factory.mktemp("lone_console"))
    yield console
    console.end()


@pytest.fixture
def own_console(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LoneConsole]:
    """In `tmp_path`, for a test that ends it or has settings for it (the fixture's parameter)."""
    console = start_lone_console(tmp_path, **getattr(request, "param", {}))
    yield console
    console.end()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("the console's tests need Chromium on PATH: apt-get install chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGUMENTS])
        yield running
        await running.close()


class Contexts:
    """Browser contexts, each one person's at a time: who comes next finds no cookie and no choice of the last one's,
    but does not load and compile the console's scripts again."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[BrowserContext] = []

    async def take(self, cookies: StorageState | None) -> BrowserContext:
        context = self._free.pop() if self._free else await self._browser.new_context()
        await context.add_cookies([{**cookie} for cookie in cookies["cookies"]] if cookies else [])
        return context

    async def give_back(self, context: BrowserContext, origin: str) -> None:
        # By setting a whole storage state, the browser would forget the scripts as well.
        for page in context.pages:
            if page.url.startswith(origin):
                await page.evaluate("localStorage.clear()")
            await page.close()
        await context.clear_cookies()
        self._free.append(context)


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    return Contexts(browser)


@pytest.fixture
async def open_page(contexts: Contexts, stack: DevJson) -> AsyncIterator[OpenPage]:
    """Opens pages, each in a context of its own unless `beside` another one; fails on what no page may ever do."""
    misdeeds: list[str] = []
    taken: list[BrowserContext] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: misdeeds.append(f"script error: {error}"))
        page.on("console", note_error)
        page.on("request", note_foreign)

    def note_error(message: ConsoleMessage) -> None:
        # A page that is not there answers 404, which is no script's fault.
        if message.type == "error" and "status of 404" not in message.text:
            misdeeds.append(f"console: {message.text}")

    def note_foreign(request: Request) -> None:
        if not request.url.startswith((stack.console_url, stack.console_url.replace("http", "ws", 1), "data:")):
            misdeeds.append(f"request to elsewhere: {request.url}")

    async def open_one(
        path: str = "/", *, beside: Page | None = None, width: int = 1280, cookies: StorageState | None = None
    ) -> Page:
        if beside is None:
            taken.append(await contexts.take(cookies))
        context = taken[-1] if beside is None else beside.context
        page = await context.new_page()
        await page.set_viewport_size({"width": width, "height": 860})
        page.set_default_timeout(WAIT_MILLISECONDS)
        watch(page)
        await page.goto(stack.console_url + path)
        return page

    yield open_one
    for context in taken:
        await contexts.give_back(context, stack.console_url)
    assert not misdeeds


@pytest.fixture(scope="session")
def logged_in() -> dict[str, StorageState]:
    """The cookies of the first log-in of every role, for the tests that do not end it."""
    return {}


@pytest.fixture
async def log_in(open_page: OpenPage, stack: DevJson, logged_in: dict[str, StorageState]) -> OpenPage:
    """`await log_in("controller")`: a page at the live queue of the first demo user with that role.

    With `fresh`, by a log-in of its own, which the test may end.
    """

    async def as_role(role: str, path: str = "/", *, width: int = 1280, fresh: bool = False) -> Page:
        user = next(user for user in stack.users if role in user.roles)
        known = None if fresh else logged_in.get(role)
        page = await open_page(path, width=width, cookies=known)
        if known is None:
            await page.get_by_label("E-mail").fill(user.email)
            await page.get_by_label("Password").fill(user.password)
            await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible()
        if not fresh:
            logged_in.setdefault(role, await page.context.storage_state())
        return page

    return as_role


@pytest.fixture
async def api(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """The API with the demo key that may do everything."""
    headers = {"Authorization": f"Bearer {stack.api_keys['admin']}"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=60) as client:
        yield client


Decide = Callable[..., Awaitable[dict[str, object]]]


@pytest.fixture
def decide(api: httpx.AsyncClient) -> Decide:
    """Asks for a refund, by default one that Axiru executes and a controller has to approve."""

    async def ask(amount_cents: int = 16_000, *, charge: str, **more: object) -> dict[str, object]:
        intent = {"kind": "refund", "amount_cents": amount_cents, "currency": "usd", "charge": charge}
        body: dict[str, object] = {
            "execute": "axiru",
            "idempotency_key": f"console-test-{uuid.uuid4()}",
            "intent": {**intent, "stripe_connection_id": "stripe_conn_demo"},
            "context": {"customer_tenure_days": 412, "reason_code": "requested_by_customer"},
        }
        body |= more
        response = await api.post("/api/v1/decisions", json=body)
        assert response.status_code == 200, response.text
        decision: dict[str, object] = response.json()
        return decision

    return ask
