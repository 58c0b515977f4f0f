"""The socket behind every page: who may open it, and which page may be used through it."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
import socketio  # type: ignore[import-untyped]
from playwright.async_api import Page, expect
from socketio.exceptions import ConnectionError as SocketRefused  # type: ignore[import-untyped]

from axiru.dev.dev_json import DevJson
from console import socket_guard

OpenPage = Callable[..., Awaitable[Page]]
Decide = Callable[..., Awaitable[dict[str, Any]]]
SOCKET = "/_nicegui_ws/socket.io/"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Console(Protocol):
    """Running, without an API."""

    url: str


class Visitor:
    """A browser's part in it: its cookie, the page it was given, and the socket it opens for that page."""

    def __init__(self, console_url: str) -> None:
        self.url = console_url
        self.http = httpx.Client(base_url=console_url, follow_redirects=True)
        self.tab_id = str(uuid.uuid4())

    def log_in(self, stack: DevJson, role: str) -> "Visitor":
        user = next(user for user in stack.users if role in user.roles)
        self.http.post("/login", data={"email": user.email, "password": user.password}).raise_for_status()
        return self

    def page_id(self, path: str = "/") -> str:
        """Load a page and read its id where its own script finds it."""
        found = re.search(r"client_id\W+([0-9a-f-]{36})", self.http.get(path).text)
        assert found is not None
        return found[1]

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    async def connect(self, page_id: str, *, implicitly: bool = True) -> socketio.AsyncClient:
        """Open the socket as NiceGUI's script does. Raises socketio's ConnectionError with the reason of a refusal."""
        client = socketio.AsyncClient(reconnection=False)
        reasons: list[object] = []
        client.on("connect_error", reasons.append)
        try:
            await client.connect(
                f"{self.url}?{urlencode(self._query(page_id, implicitly))}",
                headers={"Origin": self.url, "Cookie": self.cookie},
                socketio_path=SOCKET,
                transports=["websocket"],
            )
        except SocketRefused as error:
            raise SocketRefused(reasons) from error
        return client

    def poll(self, page_id: str, *, implicitly: bool) -> str:
        """The same by polling, as the packets of Engine.IO 4 and Socket.IO 5; returns the answer to `connect`."""
        self.http.headers["Origin"] = self.url
        query = {"EIO": "4", "transport": "polling"} | self._query(page_id, implicitly)
        opened = self.http.get(SOCKET, params=query).text
        query["sid"] = msgspec.json.decode(opened.removeprefix("0"))["sid"]
        self.http.post(SOCKET, params=query, content="40").raise_for_status()
        return self.http.get(SOCKET, params=query).text

    def _query(self, page_id: str, implicitly: bool) -> dict[str, str]:
        more = {"next_message_id": "0", "implicit_handshake": str(implicitly).lower()}
        return {"client_id": page_id, "tab_id": self.tab_id, "document_id": self.tab_id} | more

    def handshake(self, page_id: str) -> dict[str, Any]:
        return {"client_id": page_id, "tab_id": self.tab_id, "document_id": self.tab_id, "next_message_id": 0}


async def refused(visitor: Visitor, page_id: str, *, implicitly: bool = True, transport: str = "websocket") -> bool:
    """Whether it is, with the one reason at which NiceGUI's script loads the page again."""
    if transport == "polling":
        answer = visitor.poll(page_id, implicitly=implicitly)
        assert answer.startswith(("40{", "44{"))
        return answer.startswith("44{") and socket_guard.RELOAD in answer
    try:
        client = await visitor.connect(page_id, implicitly=implicitly)
    except SocketRefused as error:
        return socket_guard.RELOAD in str(error)
    await client.disconnect()
    return False


@pytest.fixture
async def controller(stack: DevJson) -> AsyncIterator[Visitor]:
    visitor = Visitor(stack.console_url).log_in(stack, "controller")
    yield visitor
    visitor.http.post("/logout")
    visitor.http.close()


def open_socket(console_url: str, headers: dict[str, str], transport: str) -> int:
    upgrade = UPGRADE if transport == "websocket" else {}
    query = {"EIO": "4", "transport": transport, "client_id": "any"}
    with httpx.stream("GET", console_url + SOCKET, params=query, headers=headers | upgrade) as answer:
        return answer.status_code


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "null", "", "{url}.elsewhere.example", "{url}1", "ftp{url}", None]
)
def test_another_sites_page_is_refused(lone_console: Console, origin: str | None, transport: str) -> None:
    headers = {} if origin is None else {"Origin": origin.format(url=lone_console.url)}
    assert open_socket(lone_console.url, headers, transport) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_polling_without_an_origin_is_refused_unless_the_browser_calls_it_its_own(
    lone_console: Console, site: str
) -> None:
    assert open_socket(lone_console.url, {"Sec-Fetch-Site": site}, "polling") == 403
    assert open_socket(lone_console.url, {"Sec-Fetch-Site": "same-origin"}, "polling") == 200
    assert open_socket(lone_console.url, {"Sec-Fetch-Site": "same-origin"}, "websocket") == 403


def test_the_consoles_own_origin_is_let_in(lone_console: Console) -> None:
    assert open_socket(lone_console.url, {"Origin": lone_console.url}, "websocket") == 101
    assert open_socket(lone_console.url, {"Origin": lone_console.url}, "polling") == 200


@pytest.mark.parametrize("own_console", [{"AXIRU_CONSOLE_HTTPS_ONLY": "1"}], indirect=True)
def test_behind_https_a_page_that_came_in_clear_is_another_site(own_console: Console) -> None:
    assert open_socket(own_console.url, {"Origin": own_console.url}, "websocket") == 403
    assert open_socket(own_console.url, {"Origin": own_console.url.replace("http:", "https:")}, "websocket") == 101


async def test_the_log_in_page_works_before_a_log_in(lone_console: Console) -> None:
    visitor = Visitor(lone_console.url)
    assert not await refused(visitor, visitor.page_id("/login"))


async def test_a_page_that_is_not_there_is_refused(lone_console: Console) -> None:
    visitor = Visitor(lone_console.url)
    for page_id in (str(uuid.uuid4()), ""):
        assert await refused(visitor, page_id)
        assert await refused(visitor, page_id, implicitly=False)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_page_is_used_by_the_log_in_it_was_rendered_for_and_by_nobody_else(
    controller: Visitor, stack: DevJson, transport: str
) -> None:
    page_id = controller.page_id()
    anonymous, at_the_log_in_page = Visitor(stack.console_url), Visitor(stack.console_url)
    at_the_log_in_page.page_id("/login")
    viewer = Visitor(stack.console_url).log_in(stack, "viewer")
    for stranger in (anonymous, at_the_log_in_page, viewer):
        for implicitly in (True, False):
            assert await refused(stranger, page_id, implicitly=implicitly, transport=transport)
    assert not await refused(controller, page_id, transport=transport)


async def test_after_the_log_out_a_kept_cookie_opens_no_socket(stack: DevJson) -> None:
    visitor = Visitor(stack.console_url).log_in(stack, "viewer")
    page_id, kept = visitor.page_id(), httpx.Cookies(visitor.http.cookies)
    visitor.http.post("/logout")
    visitor.http.cookies = kept
    assert await refused(visitor, page_id)


async def test_ones_own_socket_presses_no_button_on_anothers_page(
    log_in: OpenPage, decide: Decide, controller: Visitor
) -> None:
    page, decision = await log_in("viewer"), await decide(charge="ch_demo_001")
    row = page.locator(f"#row-{decision['decision_id']}")
    await expect(row).to_be_visible()
    show_denied_only = await page.evaluate(
        """() => {
            const [id, filters] = Object.entries(mounted_app.elements).find(([, element]) => element.props?.tabs);
            const args = [JSON.stringify({ state: "denied", query: "", choices: {} })];
            return { id: Number(id), client_id: window.clientId, listener_id: filters.events[0].listener_id, args };
        }"""
    )
    socket = await controller.connect(controller.page_id())
    await socket.emit("event", show_denied_only)
    assert await socket.call("handshake", controller.handshake(show_denied_only["client_id"])) is False
    await socket.disconnect()
    await page.wait_for_timeout(500)
    await expect(row).to_be_visible()

    # The page's own socket is obeyed, so it was not the message that was wrong.
    await page.evaluate("message => window.socket.emit('event', message)", show_denied_only)
    await expect(row).to_have_count(0)


async def test_where_websockets_are_blocked_the_browser_is_served_by_polling(log_in: OpenPage, decide: Decide) -> None:
    page = await log_in("viewer")
    await page.add_init_script(
        "window.WebSocket = function () { this.close = () => {}; setTimeout(() => this.onerror(new Event('error'))); }"
    )
    await page.reload()
    decision = await decide(charge="ch_demo_002")
    await expect(page.locator(f"#row-{decision['decision_id']}")).to_be_visible()
    assert await page.evaluate("window.socket.io.engine.transport.name") == "polling"


async def test_a_page_whose_cookie_is_gone_leads_to_the_log_in_page(log_in: OpenPage) -> None:
    page = await log_in("viewer")
    await page.context.clear_cookies()
    await page.evaluate("window.socket.io.engine.close()")
    await expect(page.get_by_role("heading", name="Log in to Axiru")).to_be_visible()
