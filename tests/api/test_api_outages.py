"""An API whose parts are away: it fails closed, says so quickly, keeps the controls working, and recovers by itself."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest
from temporalio.client import Client

from axiru.dev.dev_json import DevJson, read

Refund = Callable[..., dict[str, Any]]
READY_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Api:
    """An API process of a test's own, with the settings of the running stack but for those it changes."""

    def __init__(self, stack: DevJson, **changes: str) -> None:
        api_pids = read(Path(stack.home) / "dev.json").pids.api
        assert api_pids
        settings = {name: value for name, value in psutil.Process(api_pids[0]).environ().items() if "AXIRU_" in name}
        self.port = free_port()
        changed = {f"AXIRU_{name.upper()}": value for name, value in changes.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "axiru.cli", "api"],
            env={**os.environ, **settings, "AXIRU_API_PORT": str(self.port), **changed},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until_alive(self) -> None:
        async with httpx.AsyncClient(base_url=self.url) as client, asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    await client.get("/healthz")
                    return
                except httpx.TransportError:
                    assert self.process.poll() is None, self.process.communicate()[0]
                    await asyncio.sleep(0.05)

    async def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and everything it logged."""
        self.process.send_signal(number)
        output, _ = await asyncio.to_thread(self.process.communicate, timeout=20)
        return self.process.returncode, output.decode()


@asynccontextmanager
async def api_process(stack: DevJson, **changes: str) -> AsyncIterator[Api]:
    api = Api(stack, **changes)
    try:
        await api.until_alive()
        yield api
    finally:
        if api.process.poll() is None:
            api.process.kill()
            api.process.wait()


@asynccontextmanager
async def forwarded(port: int, url: str) -> AsyncIterator[None]:
    """Answer on `port` with what is at `url`; ends every connection when it is over, as an outage does."""
    target = urlsplit(url)
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(target.hostname, target.port)
        writers.extend((writer, far_writer))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def test_without_valkey_nobody_gets_in_until_it_is_back(stack: DevJson, refund: Refund) -> None:
    port = free_port()
    headers = {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
    redis = urlsplit(stack.redis_url)
    away = redis._replace(netloc=redis.netloc.replace(f"{redis.hostname}:{redis.port}", f"127.0.0.1:{port}")).geturl()
    async with (
        api_process(stack, redis_url=away) as api,
        httpx.AsyncClient(base_url=api.url, headers=headers, timeout=10) as client,
    ):

        async def refused_quickly() -> None:
            for _ in range(3):
                began = time.monotonic()
                answer = await client.post("/api/v1/decisions", json=refund())
                assert time.monotonic() - began < 2
                assert (answer.status_code, answer.json()["error"]) == (429, "rate_limited")
                assert int(answer.headers["retry-after"]) >= 1

        await refused_quickly()
        assert (await client.get("/axiru-jwks.json")).json()["keys"]
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]["valkey"]["status"]) == (503, "down")
        async with forwarded(port, stack.redis_url):
            assert (await client.post("/api/v1/decisions", json=refund())).status_code == 200
        await refused_quickly()
        async with forwarded(port, stack.redis_url):
            assert (await client.post("/api/v1/decisions", json=refund())).status_code == 200


async def test_without_temporal_nothing_is_allowed_and_the_same_key_decides_later(
    stack: DevJson, caller: httpx.AsyncClient, refund: Refund
) -> None:
    headers = {"Authorization": f"Bearer {stack.api_keys['admin']}"}
    async with (
        api_process(stack, temporal_address=f"127.0.0.1:{free_port()}", decide_timeout_seconds="1") as api,
        httpx.AsyncClient(base_url=api.url, headers=headers, timeout=15) as client,
    ):
        body = refund()
        failed = await client.post("/api/v1/decisions", json=body)
        assert (failed.status_code, failed.json()["error"]) == (500, "decision_failed")
        assert failed.json()["request_id"]
        assert (await client.get("/axiru-jwks.json")).json()["keys"]
        control = {"kind": "freeze", "mode": "test", "reason": "a test", "scope": {"source": "nobody"}}
        engaged = await client.post("/api/v1/controls", json=control)
        assert engaged.status_code == 201
        assert (await client.delete(f"/api/v1/controls/{engaged.json()['id']}")).status_code == 200
        ready = (await client.get("/readyz")).json()
        assert (ready["status"], ready["parts"]["temporal"]["status"]) == ("not_ready", "down")
        code, log = await api.stop()
    assert code == 0
    assert "Traceback" not in failed.text
    assert failed.json()["request_id"] in log
    decided = await caller.post("/api/v1/decisions", json=body)
    assert (decided.status_code, decided.json()["outcome"]) == (200, "allowed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_ends_streams_finishes_answers_and_exits_0(stack: DevJson, refund: Refund, number: int) -> None:
    headers = {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
    async with (
        api_process(stack) as api,
        httpx.AsyncClient(base_url=api.url, headers=headers, timeout=30) as client,
        client.stream("GET", "/api/v1/events") as stream,
    ):
        await anext(stream.aiter_raw())
        waiting = asyncio.create_task(client.post("/api/v1/decisions?wait=60", json=refund(17_500)))
        asked = (await client.post("/api/v1/decisions", json=refund(17_500))).json()
        lookup = {"name": "axiru.decisions.get", "arguments": {"decision_id": asked["decision_id"], "wait_seconds": 60}}
        tool = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": lookup}
        called = asyncio.create_task(client.post("/mcp", json=tool))
        await asyncio.sleep(1)
        began = time.monotonic()
        code, _ = await api.stop(number)
        assert code == 0
        assert time.monotonic() - began < 8
        assert (await waiting).json()["state"] == "pending_approval"
        assert (await called).json()["result"]["structuredContent"]["state"] == "pending_approval"


async def test_a_port_in_use_is_one_clear_sentence(stack: DevJson) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        api = Api(stack, api_port=str(port))
        output, _ = await asyncio.to_thread(api.process.communicate, timeout=30)
    assert api.process.returncode not in {0, None}
    assert f"cannot listen on 127.0.0.1:{port}" in output.decode()
    assert "Traceback" not in output.decode()


async def test_secrets_and_bodies_stay_out_of_the_log(stack: DevJson, refund: Refund) -> None:
    key = stack.api_keys["decisions"]
    async with api_process(stack, log_level="debug") as api:
        async with httpx.AsyncClient(base_url=api.url, timeout=10) as client:
            await client.post("/api/v1/decisions", json=refund(), headers={"Authorization": f"Bearer {key}"})
            body = {"org_api_key": key, "amount_cents": 100, "customer_id": "cus_very_private"}
            await client.post("/api/decision", json=body)
            await client.post("/api/v1/sessions", json={"email": stack.users[0].email, "password": "hunter2 hunter2"})
        _, log = await api.stop()
    assert "/api/decision" in log
    for secret in (key, "cus_very_private", "hunter2"):
        assert secret not in log


async def test_a_database_that_is_not_there_is_one_clear_sentence(stack: DevJson) -> None:
    api = Api(stack, database_url=f"postgresql://axiru_app:x@127.0.0.1:{free_port()}/axiru")
    output, _ = await asyncio.to_thread(api.process.communicate, timeout=30)
    assert api.process.returncode not in {0, None}
    assert output.decode().splitlines()[-1].startswith("Error: The API could not start")


async def test_a_request_whose_workflow_is_gone_undecided_is_decided_when_it_is_asked_again(
    stack: DevJson, caller: httpx.AsyncClient, refund: Refund
) -> None:
    body = refund()
    headers = {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
    async with (
        api_process(stack, temporal_address=f"127.0.0.1:{free_port()}", decide_timeout_seconds="1") as api,
        httpx.AsyncClient(base_url=api.url, headers=headers, timeout=15) as client,
    ):
        assert (await client.post("/api/v1/decisions", json=body)).status_code == 500
    database = await asyncpg.connect(stack.database_admin_url)
    key = body["idempotency_key"]
    decision_id = await database.fetchval("SELECT decision_id FROM idempotency_keys WHERE key = $1", key)
    temporal = await Client.connect(stack.temporal_address, namespace=stack.temporal_namespace)
    gone = await temporal.start_workflow("MoneyMovement", id=decision_id, task_queue="nobody's")
    await gone.terminate("a test")

    again = (await caller.post("/api/v1/decisions", json=body)).json()

    assert (again["outcome"], again["decision_id"]) == ("allowed", decision_id)
    await database.close()
