"""An API of the test's own: with a Temporal that is not there, and without Slack."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psutil
from slack_sdk.signature import SignatureVerifier

from axiru.dev.dev_json import DevJson, read
from axiru.dev.slack_sandbox.people import TEAM_ID
from axiru.slack.buttons import APPROVE

READY_SECONDS = 40.0
SLACK_SECONDS = 3
NOWHERE = "127.0.0.1:9"

Send = Callable[[str, dict[str, Any]], Awaitable[httpx.Response]]


@asynccontextmanager
async def api(stack: DevJson, **changes: str) -> AsyncIterator[Send]:
    """The running stack's API with some settings changed; gives what sends it a form, signed as Slack signs."""
    pids = read(Path(stack.home) / "dev.json").pids.api
    assert pids
    settings = {name: value for name, value in psutil.Process(pids[0]).environ().items() if "AXIRU_" in name}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    changed = {f"AXIRU_{name.upper()}": value for name, value in changes.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "axiru.cli", "api"),
        env={**os.environ, **settings, "AXIRU_API_PORT": str(port), **changed},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            deadline = time.monotonic() + READY_SECONDS
            while not await _alive(client):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)

            async def send(path: str, form: dict[str, Any]) -> httpx.Response:
                body, timestamp = urlencode(form).encode(), str(int(time.time()))
                signature = SignatureVerifier(stack.slack_signing_secret).generate_signature(
                    timestamp=timestamp, body=body
                )
                headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature or ""}
                return await client.post(
                    path, content=body, headers={**headers, "Content-Type": "application/x-www-form-urlencoded"}
                )

            yield send
    finally:
        process.terminate()
        await process.wait()


async def _alive(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


def typed(user: str, text: str) -> dict[str, Any]:
    return {"team_id": TEAM_ID, "user_id": user, "channel_id": "C_APPROVALS", "text": text}


async def test_slack_is_answered_in_time_while_temporal_is_away(
    stack: DevJson, slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    """The vote is an act, the kill switch is one; the workflow hears of them from the outbox."""
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    press = {
        "type": "block_actions",
        "team": {"id": TEAM_ID},
        "user": {"id": user},
        "trigger_id": "1.1",
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": message["channel"]},
        "actions": [{"action_id": APPROVE, "value": slack.value(message)}],
    }

    async with api(stack, temporal_address=NOWHERE) as send:
        seconds = []
        for path, form in (
            ("/slack/interactions", {"payload": json.dumps(press)}),
            ("/slack/commands", typed(user, "queue")),
            ("/slack/commands", typed(user, "kill live a drill")),
            ("/slack/commands", typed(user, "release the drill is over")),
        ):
            began = time.monotonic()
            answer = await send(path, form)
            seconds.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text

    assert max(seconds) < SLACK_SECONDS
    seen = (await admin_key.get(f"/api/v1/approvals/{decision['approval_id']}")).json()
    assert (seen["state"], seen["votes"][0]["door"]) == ("approved", "slack")
    settled = await admin_key.get(f"/api/v1/decisions/{decision['decision_id']}", params={"wait": 20})
    assert settled.json()["state"] == "approved"


async def test_without_a_signing_secret_there_is_no_slack(stack: DevJson) -> None:
    async with api(stack, slack_signing_secret="") as send:
        answers = [
            await send(f"/slack/{door}", typed("U_CONTROLLER", "help"))
            for door in ("interactions", "commands", "events")
        ]

    assert [(one.status_code, one.json()["error"]) for one in answers] == [(404, "not_found")] * 3
