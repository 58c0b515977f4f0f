"""What is seen of every request: its id, its metrics, one line in the log. Never a body, never a secret."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from axiru.ids import REQUEST, new_id

REQUESTS: Final = Counter(
    "axiru_http_requests_total", "Answers by route, method and status", ["route", "method", "status"]
)
DURATION: Final = Histogram("axiru_http_request_seconds", "Time until the answer began", ["route"])
DECIDE_SECONDS: Final = Histogram(
    "axiru_decide_seconds",
    "Time from a parsed decision request to its sealed answer",
    ["outcome"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.5, 1, 2, 5, 10),
)
_ID: Final = "axiru_request_id"
_STARTED: Final = "axiru_started"
_UNROUTED: Final = "unrouted"
Headers = Iterable[tuple[bytes, bytes]]
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_log = structlog.get_logger("api")


def request_id_of(scope: Scope) -> str:
    """The id under which this request is logged and answered; made at its first mention."""
    state = scope["state"]
    if _ID not in state:
        state[_ID] = new_id(REQUEST)
    return str(state[_ID])


def timed(app: ASGIApp) -> ASGIApp:
    """Note when a request began. Unrouted ones never come here and count as taking no time."""

    async def note_start(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][_STARTED] = time.perf_counter()
        await app(scope, receive, send)

    return note_start


# Answers hold keys, tokens and other people's money: no cache keeps one unless its route says so.
_DEFAULTS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


def _absent(wanted: Headers, headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    return (header for header in wanted if header[0] not in given)


async def observe_answer(message: Message, scope: Scope) -> None:
    """As an answer begins: name its request in a header, forbid caching it, count it, log it."""
    if message["type"] != "http.response.start":
        return
    method = str(scope.get("method", ""))
    request_id = request_id_of(scope)
    headers = message.get("headers", [])
    message["headers"] = [*headers, *_absent(_DEFAULTS, headers), (b"x-request-id", request_id.encode())]
    began = scope["state"].get(_STARTED)
    route = str(scope.get("path_template") or _UNROUTED) if began else _UNROUTED
    seconds = time.perf_counter() - began if began else 0.0
    REQUESTS.labels(route, method, message["status"]).inc()
    DURATION.labels(route).observe(seconds)
    if route not in _QUIET:
        _log.info(
            "answered",
            request_id=request_id,
            method=method,
            route=route,
            status=message["status"],
            milliseconds=round(seconds * 1000, 1),
        )
