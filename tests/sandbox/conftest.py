"""The sandbox as a process of its own; stripe-mock checks the requests, and Stripe's published schemas the answers."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import stripe
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from axiru.dev.binaries import STRIPE_MOCK_MODULE, find_stripe_mock

WEBHOOK_SECRET = "whsec_0123456789abcdef"
REDIRECT_URI = "https://axiru.example/stripe/callback"
START_SECONDS = 60

LOOPBACK_HTTP = httpx.Client()
"""One client for the controls: making one costs more than a request."""


class StripeSchema:
    """Stripe's published API description as a judge of answers.

    Unknown properties are refused: the description allows them, but here one can only be a misspelling.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._components = spec["components"]["schemas"]
        self._paths = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", path)), path, ways) for path, ways in spec["paths"].items()
        ]
        form = spec["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]["content"]
        asked = form["application/x-www-form-urlencoded"]["schema"]["properties"]["enabled_events"]["items"]["enum"]
        self.event_types = frozenset(asked)
        self._registry: Registry[Any] = Registry(retrieve=self._component)  # type: ignore[call-arg]
        self.operations = {
            (method.upper(), re.sub(r"{\w+}", "{id}", path)) for path, ways in spec["paths"].items() for method in ways
        }

    def check(self, method: str, url: str, status: int, body: bytes) -> None:
        """Fail unless `body` is what Stripe would answer to this request with this status."""
        path = httpx.URL(url).path
        fitting = [(shape, ways) for pattern, shape, ways in self._paths if pattern.fullmatch(path)]
        document = json.loads(body)
        if status >= 400:
            self.check_component("error", document)
            return
        _, ways = min(fitting, key=lambda one: one[0].count("{"))
        responses = ways[method.lower()]["responses"]
        self._validate(responses["200"]["content"]["application/json"]["schema"], document)
        for event in document.get("data", []) if path == "/v1/events" else [document]:
            if event["object"] == "event":
                assert event["type"] in self.event_types, event["type"]
                self.check_component(event["data"]["object"]["object"], event["data"]["object"])

    def check_component(self, name: str, document: Any) -> None:
        self._validate({"$ref": f"#/components/schemas/{name}"}, document)

    def _validate(self, schema: Mapping[str, Any], document: Any) -> None:
        Draft202012Validator(_json_schema(schema), registry=self._registry).validate(document)

    def _component(self, uri: str) -> Resource[Any]:
        return Resource.from_contents(
            _json_schema(self._components[uri.removeprefix("stripe:")]), default_specification=DRAFT202012
        )


def _json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: `nullable`, references by name, and nothing beyond the named properties."""
    if isinstance(schema, list):
        return [_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": "stripe:" + schema["$ref"].rpartition("/")[2]}
    kept = {name: value for name, value in schema.items() if name not in ("nullable", "properties", "format")}
    converted = {name: value if name == "enum" else _json_schema(value) for name, value in kept.items()}
    if schema.get("properties"):
        converted["properties"] = {name: _json_schema(value) for name, value in schema["properties"].items()}
        converted.setdefault("additionalProperties", False)
    return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") else converted


class JudgedHTTPClient(stripe.HTTPXClient):
    """The library's own httpx client; every answer that passes is held against Stripe's schema."""

    def __init__(self, schema: StripeSchema | None, timeout_seconds: float = 10) -> None:
        super().__init__(allow_sync_methods=True, timeout=timeout_seconds)
        self.schema = schema

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        return self._judged(method, url, super().request(method, url, headers, post_data))

    async def request_async(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        return self._judged(method, url, await super().request_async(method, url, headers, post_data))

    def _judged(self, method: str, url: str, answer: tuple[bytes, int, Mapping[str, str]]) -> Any:
        body, status, _ = answer
        if self.schema is not None:
            self.schema.check(method, url, status, body)
        return answer


class SandboxProcess:
    """One `python -m axiru.dev.sandbox` on a state directory; it can be stopped, killed and started again."""

    def __init__(self, state: Path, stripe_mock_url: str | None, schema: StripeSchema | None, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._state = state
        self._schema = schema
        self._options = options if stripe_mock_url is None else (*options, "--validate-with", stripe_mock_url)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "SandboxProcess":
        command = [sys.executable, "-m", "axiru.dev.sandbox", "--port", str(self.port), "--state", str(self._state)]
        self.process = subprocess.Popen([*command, *self._options])  # noqa: S603
        wait_for_http(f"{self.url}/_sandbox/health", self.process)
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=10)

    def client(self, *, key: str = "sk_test_123", timeout_seconds: float = 10, **options: Any) -> stripe.StripeClient:
        http_client = JudgedHTTPClient(self._schema, timeout_seconds)
        return stripe.StripeClient(
            key, base_addresses={"api": self.url}, http_client=http_client, max_network_retries=0, **options
        )

    def plan_fault(self, kind: str, *, seconds: float = 1.0, times: int = 1, path: str = "/v1/refunds") -> None:
        fault = {"method": "POST", "path": path, "times": times, "kind": kind, "seconds": seconds}
        LOOPBACK_HTTP.post(f"{self.url}/_sandbox/faults", json=fault).raise_for_status()

    def advance_clock(self, seconds: int) -> None:
        LOOPBACK_HTTP.post(f"{self.url}/_sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()


class WebhookReceiver:
    """An endpoint that keeps what is posted to it and answers as it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.statuses: list[int] = []
        self.release = Event()
        self.release.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.release.wait(5)
                receiver.received.append((self.headers["Stripe-Signature"], body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/stripe"
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def events(self) -> list[stripe.Event]:
        """All that came, each with its signature verified by the stripe library."""
        return [stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET) for signature, body in self.received]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_http(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            LOOPBACK_HTTP.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{process.args!r} did not answer at {url}")


@pytest.fixture(scope="session")
def stripe_mock_url() -> Iterator[str | None]:
    """A running stripe-mock; None, so that requests go unchecked, where it cannot be had."""
    binary = asyncio.run(find_stripe_mock())
    if binary is None:
        yield None
        return
    port = free_port()
    process = subprocess.Popen(  # noqa: S603
        [binary, "-http-addr", f"127.0.0.1:{port}", "-https-addr", "127.0.0.1:0"], stdout=subprocess.DEVNULL
    )
    wait_for_http(f"http://127.0.0.1:{port}/", process)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def stripe_schema() -> StripeSchema | None:
    """The description inside the stripe-mock module; None, so that answers go unjudged, where it cannot be had."""
    go = shutil.which("go")
    if go is None:
        return None
    found = subprocess.run(  # noqa: S603
        [go, "mod", "download", "-json", STRIPE_MOCK_MODULE], capture_output=True, check=False
    )
    if found.returncode != 0:
        return None
    spec = Path(json.loads(found.stdout)["Dir"]) / "embedded" / "openapi" / "spec3.json"
    return StripeSchema(json.loads(spec.read_bytes()))


@pytest.fixture
def start_sandbox(
    tmp_path: Path, stripe_mock_url: str | None, stripe_schema: StripeSchema | None
) -> Iterator[Callable[..., SandboxProcess]]:
    """Start a sandbox of the test's own; the same state directory every time."""
    started: list[SandboxProcess] = []

    def start(*options: str, stripe_mock_url: str | None = stripe_mock_url) -> SandboxProcess:
        started.append(SandboxProcess(tmp_path / "stripe", stripe_mock_url, stripe_schema, *options).start())
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.kill()


@pytest.fixture(scope="session")
def sandbox(
    tmp_path_factory: pytest.TempPathFactory, stripe_mock_url: str | None, stripe_schema: StripeSchema | None
) -> Iterator[SandboxProcess]:
    """One sandbox for all tests that bring their own charge."""
    options = ("--redirect-uri", REDIRECT_URI, "--redirect-uri", f"{REDIRECT_URI}/other")
    process = SandboxProcess(tmp_path_factory.mktemp("stripe"), stripe_mock_url, stripe_schema, *options).start()
    yield process
    process.kill()


@pytest.fixture(scope="session")
def client(sandbox: SandboxProcess) -> stripe.StripeClient:
    return sandbox.client()


@pytest.fixture
def charge(client: stripe.StripeClient) -> stripe.Charge:
    """A fresh charge of $400."""
    return client.v1.charges.create({"amount": 40_000, "currency": "usd", "source": "tok_visa"})


@pytest.fixture
def webhook_receiver() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def webhook_options(webhook_receiver: WebhookReceiver) -> tuple[str, ...]:
    return ("--webhook-url", webhook_receiver.url, "--webhook-secret", WEBHOOK_SECRET)
