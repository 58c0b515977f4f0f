"""An Axiru that answers as a test says, over HTTP, and both clients behind one interface."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axiru_client import AsyncAxiru, Axiru, Retry
from joserfc import jws
from joserfc.jwk import OKPKey

KEY = "ak_test_0123456789"
ONCE = Retry(attempt_seconds=1.5, deadline_seconds=1.6, first_pause_seconds=3)
DECISIONS = "/api/v1/decisions"
ALLOWED = {
    "decision_id": "ed_1",
    "outcome": "allow",
    "reason": "default_allow",
    "message": "Allowed",
    "state": "allowed",
    "surface_mode": "enforce",
}


class Scripted(NamedTuple):
    """One answer. `hangs` seconds pass first; `drops` closes the connection in the middle of the body."""

    status: int = 200
    body: Any = ALLOWED
    headers: Mapping[str, str] = {}
    hangs: float = 0
    drops: bool = False


class ScriptedAxiru:
    """Answers each path with its answers in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Scripted]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def says(self, path: str, *answers: Scripted) -> None:
        self.answers[path] = list(answers)

    def decisions(self) -> list[Any]:
        return [body for path, body in self.asked if path == DECISIONS]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        axiru = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["content-length"])) or b"null"))

            def _answer(self, body: Any) -> None:
                axiru.asked.append((self.path, body))
                axiru.headers.append(dict(self.headers))
                script = axiru.answers.get(self.path, [Scripted(404, {"error": "not_found"})])
                said = script.pop(0) if len(script) > 1 else script[0]
                time.sleep(said.hangs)
                raw = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                for name, value in {"content-length": str(len(raw)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw[: len(raw) // 2] if said.drops else raw)
                self.close_connection = said.drops

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def axiru() -> Iterator[ScriptedAxiru]:
    server = ScriptedAxiru()
    yield server
    server.close()


@pytest.fixture
def nowhere() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class Awaited:
    """The blocking client, each call in a thread, so that one test drives either."""

    def __init__(self, client: Axiru) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        async def awaited(*arguments: Any, **named: Any) -> Any:
            return await asyncio.to_thread(call, *arguments, **named)

        return awaited


Connect = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
async def connect(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Connect]:
    """Makes a client of either kind on the test's own directory."""
    made: list[Any] = []

    def client(url: str, **options: Any) -> Any:
        options = {"directory": tmp_path / "state", "retry": ONCE} | options
        made.append(Awaited(Axiru(url, KEY, **options)) if request.param == "sync" else AsyncAxiru(url, KEY, **options))
        return made[-1]

    yield client
    for opened in made:
        await opened.close()


class Authority:
    """Who signs fail-safe documents in a test."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519")

    @property
    def jwk(self) -> dict[str, Any]:
        return {**self.key.as_dict(private=False), "kid": self.key.thumbprint(), "alg": "Ed25519", "use": "sig"}

    def claims(self, issuer: str, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": issuer,
            "aud": "org_demo",
            "mode": "test",
            "iat": now,
            "exp": now + 86_400,
            "surfaces": {"stripe.refund": "enforce", "stripe.payout": "enforce", "stripe.transfer": "shadow"},
            "unreachable": {"refund": "hold", "payout": "hold", "transfer": "hold", "dispute": "last_good_packet"},
            "programmes": [
                {
                    "programme": "weekly_sellers",
                    "currency": "usd",
                    "max_amount_cents": 50_000,
                    "expires_at": "2999-01-01T00:00:00Z",
                }
            ],
        } | changed

    def sign(self, claims: Any, *, key: OKPKey | None = None, **header: Any) -> str:
        header = {"alg": "Ed25519", "typ": "axiru-fail-safe+jwt", "kid": self.key.thumbprint()} | header
        return jws.serialize_compact(
            header, json.dumps(claims).encode(), key or self.key, algorithms=["Ed25519", "HS256", "ES256"]
        )

    def document(self, issuer: str, **changed: Any) -> dict[str, Any]:
        """The answer of `GET /api/v1/fail-safe`."""
        return {"document": self.sign(self.claims(issuer, **changed)), "public_key": self.jwk}


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted
