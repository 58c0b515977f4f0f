"""The guide's code, as it stands in `docs/webhooks.md`, receives and votes."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest
from aiohttp import web

from axiru.dev.dev_json import DevJson
from axiru.domain.webhook_events import EVENTS

GUIDE = Path(__file__).parents[2] / "docs" / "webhooks.md"


@pytest.fixture(scope="module")
def guide() -> dict[str, Any]:
    """What the guide's Python blocks define."""
    defined: dict[str, Any] = {}
    blocks = re.findall(r"^```python \w+\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, GUIDE.name, "exec"), defined)  # noqa: S102 - our own page
    return defined


async def test_reader_of_the_guide_is_asked_and_answers(
    guide: dict[str, Any],
    stack: DevJson,
    caller: httpx.AsyncClient,
    log_in: Callable[[str], Awaitable[httpx.AsyncClient]],
    refund: Callable[..., dict[str, Any]],
) -> None:
    secret = ""
    asked: dict[str, Any] = {}
    is_asked = asyncio.Event()
    answers: list[httpx.Response] = []

    async def handle(request: web.Request) -> web.Response:
        message = guide["receive"](await request.read(), dict(request.headers), secret)
        if message is None:
            return web.Response(status=401)
        approval = message["data"]["approval"]
        await is_asked.wait()
        if approval["approval_id"] == asked["approval_id"]:
            answers.append(await anyio.to_thread.run_sync(guide["vote"], stack.api_url, secret, approval, "approve"))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    admin, controller = await log_in("admin"), await log_in("controller")
    body = {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/", "events": ["approval.requested"], "mode": "test"}
    endpoint = (await admin.post("/api/v1/webhooks", json=body)).raise_for_status().json()
    path = f"/api/v1/webhooks/{endpoint['id']}"
    secret = (await controller.post(f"{path}/rotate", json={"votes_as_me": True})).json()["secret"]
    try:
        asked = (await caller.post("/api/v1/decisions", json=refund(40_000))).json()
        is_asked.set()
        settled = await caller.get(f"/api/v1/decisions/{asked['decision_id']}", params={"wait": 30})
    finally:
        await admin.delete(path)
        await runner.cleanup()

    assert [answer.status_code for answer in answers] == [200]
    assert settled.json()["state"] == "approved"


async def test_receiver_of_the_guide_takes_nothing_that_is_not_signed(guide: dict[str, Any]) -> None:
    secret = "whsec_" + "A" * 44
    for headers in (
        {},
        {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1"},
        {"webhook-id": "msg_1", "webhook-timestamp": "4102444800", "webhook-signature": "v1,!!"},
    ):
        assert guide["receive"](b"{}", headers, secret) is None
    assert (
        guide["receive"](b"\xff", {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,A"}, secret)
        is None
    )


def test_guide_names_every_event_there_is() -> None:
    rows = [line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("| `")]
    told = set()
    for line in rows:
        family, names = [re.findall(r"`([a-z_.]+)`", cell) for cell in line.strip("|").split("|")[:2]]
        told |= {name if "." in name else f"{family[0]}.{name}" for name in names}

    assert told == set(EVENTS) - {"ping"}
