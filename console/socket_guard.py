"""NiceGUI's socket presses a page's buttons: it is answered only to that page, in the browser that logged in for it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from nicegui import Client
from socketio import AsyncServer  # type: ignore[import-untyped]
from socketio.exceptions import ConnectionRefusedError  # type: ignore[import-untyped]
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from console.sessions import COOKIE_FIELD, SessionStore

SOCKET_PATH: Final = "/_nicegui_ws"
OPEN_PAGES: Final = frozenset({"/login", "/password", ""})
"""Pages that show nothing of anybody, so that they work before a log-in: the ways in, and what is not there."""

RELOAD: Final = "Implicit handshake failed"
"""What NiceGUI's own script answers by loading the page again, which leads to the log-in page where that is due."""


class SameOriginSockets:
    """ASGI middleware. Refuses with 403 every socket, and every polling request, that a foreign page may have sent.

    A browser holds its requests to the same origin, but not its WebSockets (RFC 6455, section 10.2), and sends the
    cookie with both. So the Origin has to be the host that was asked for; a proxy in front must pass Host on as it is.
    """

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        self._app = app
        self._schemes = ("https",) if https_only else ("https", "http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not self._is_own(scope):
            # Closed before it is accepted, the browser is answered 403.
            await WebSocketClose(code=1008)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(SOCKET_PATH) and not self._is_own(scope):
            await PlainTextResponse("Another site may not use this.", status_code=403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            # Polling its own host with GET, a browser names no Origin; this header no page can set (Fetch Metadata).
            return scope["type"] == "http" and headers.get("sec-fetch-site") == "same-origin"
        return origin.lower() in {f"{scheme}://{headers.get('host', '').lower()}" for scheme in self._schemes}


def guard_pages(sockets: AsyncServer, sessions: SessionStore) -> None:
    """Bind each socket to one page, named in its address, and each page to the log-in it was rendered for.

    NiceGUI takes the page's id, which stands in its HTML, for proof enough, and takes it from every message anew.
    Raises KeyError when NiceGUI no longer has the handlers that are wrapped here.
    """
    handlers: dict[str, Callable[..., Any]] = sockets.handlers["/"]
    connect = handlers["connect"]

    async def connect_own_page(socket_id: str, environ: dict[str, Any], auth: object = None) -> None:
        page = Client.instances.get(_page_id(environ))
        if page is None or not _may_use(page, environ["asgi.scope"]["session"], sessions):
            raise ConnectionRefusedError(RELOAD)
        await connect(socket_id, environ, auth)

    for name in handlers.keys() - {"connect", "disconnect"}:
        sockets.on(name, _for_own_page(sockets, handlers[name]))
    sockets.on("connect", connect_own_page)


def _for_own_page(sockets: AsyncServer, handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler` for messages about the socket's own page; others are dropped, and a handshake is told so by False."""

    async def handle(socket_id: str, message: object = None) -> Any:
        environ = sockets.get_environ(socket_id)
        if environ is None or not isinstance(message, dict) or message.get("client_id") != _page_id(environ):
            return False
        answer = handler(socket_id, message)
        return await answer if inspect.isawaitable(answer) else answer

    return handle


def _page_id(environ: Mapping[str, Any]) -> str:
    query: str = environ.get("QUERY_STRING", "")
    return parse_qs(query).get("client_id", [""])[0]


def _may_use(page: Client, cookie: Mapping[str, Any], sessions: SessionStore) -> bool:
    if page.page.path in OPEN_PAGES:
        return True
    log_in = page.request.session.get(COOKIE_FIELD)
    return log_in == cookie.get(COOKIE_FIELD) and sessions.find(log_in) is not None
