"""The stand-in for Slack refuses what Slack refuses; otherwise tests against it would prove nothing."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from axiru.dev.slack_sandbox.people import BOT_TOKEN, CHANNEL_ID, TEAM_ID

SECRET = "0123456789abcdef0123456789abcdef"
INPUT = {"type": "plain_text_input", "action_id": "a"}


class App:
    """What Slack sends to; keeps it, and answers as it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: dict[str, Any] = {}
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                app.received.append((self.path, dict(self.headers), body))
                answer = json.dumps(app.answer).encode() if app.answer else b""
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = App()
    yield app
    app.server.shutdown()
    app.server.server_close()


@pytest.fixture(scope="module")
def url(app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state: Path = tmp_path_factory.mktemp("slack")
    options = ("--state", str(state), "--signing-secret", SECRET, "--api-url", app.url)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", "axiru.dev.slack_sandbox", "--port", str(port), *options]
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/_sandbox/health")
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture
async def control(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        await client.delete("/_sandbox/faults")
        await client.delete("/_sandbox/state")
        yield client


@pytest.fixture
def client(url: str, control: httpx.AsyncClient) -> AsyncWebClient:
    """Slack's own library."""
    return AsyncWebClient(BOT_TOKEN, base_url=f"{url}/api/", timeout=5, retry_handlers=[])


def text(words: str, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": kind, "text": words}


def section(words: str = "x") -> dict[str, Any]:
    return {"type": "section", "text": text(words)}


def button(label: str = "Go", action_id: str = "go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": text(label, "plain_text"), **more}


def actions(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(buttons)}


def confirm(**lengths: int) -> dict[str, Any]:
    size = {"title": 100, "text": 300, "confirm": 30, "deny": 30, **lengths}
    return {name: text("x" * length, "plain_text") for name, length in size.items()}


async def post(client: AsyncWebClient, blocks: list[dict[str, Any]]) -> str:
    """The error, or ok."""
    try:
        await client.chat_postMessage(channel=CHANNEL_ID, text="t", blocks=blocks)
    except SlackApiError as error:
        return str(error.response["error"])
    return "ok"


@pytest.mark.parametrize(
    "blocks",
    [
        [section()] * 50,
        [section("x" * 3_000)],
        [{"type": "header", "text": text("x" * 150, "plain_text")}],
        [{"type": "section", "fields": [text("x" * 2_000)] * 10}],
        [{"type": "context", "elements": [text("x")] * 10}],
        [actions(*(button(action_id=str(number)) for number in range(25)))],
        [actions(button("x" * 75, "a" * 255, value="v" * 2_000, confirm=confirm()))],
        [actions(button(), button(action_id="other")), actions(button())],
    ],
)
async def test_what_fits_slacks_limits_is_posted(client: AsyncWebClient, blocks: list[dict[str, Any]]) -> None:
    assert await post(client, blocks) == "ok"


@pytest.mark.parametrize(
    "blocks",
    [
        [section()] * 51,
        [section("x" * 3_001)],
        [section("")],
        [{"type": "section"}],
        [{"type": "header", "text": text("x" * 151, "plain_text")}],
        [{"type": "header", "text": text("x")}],
        [{"type": "section", "fields": [text("x" * 2_001)]}],
        [{"type": "section", "fields": [text("x")] * 11}],
        [{"type": "section", "fields": []}],
        [{"type": "context", "elements": [text("x")] * 11}],
        [actions()],
        [actions(*(button(action_id=str(number)) for number in range(26)))],
        [actions(button("x" * 76))],
        [actions(button(action_id="a" * 256))],
        [actions(button(), button())],
        [actions(button(value="v" * 2_001))],
        [actions(button(url="javascript:alert(1)"))],
        [actions(button(style="green"))],
        [actions(button(confirm=confirm(title=101)))],
        [actions(button(confirm=confirm(text=301)))],
        [actions(button(confirm=confirm(confirm=31)))],
        [{**section(), "block_id": "one"}, {**section(), "block_id": "one"}],
        [{**section(), "colour": "red"}],
        [{"type": "carousel"}],
        [
            {
                "type": "input",
                "label": text("x", "plain_text"),
                "element": INPUT,
            }
        ],
        ["text"],
    ],
)
async def test_what_breaks_slacks_limits_is_refused(client: AsyncWebClient, blocks: list[dict[str, Any]]) -> None:
    assert await post(client, blocks) == "invalid_blocks"


async def test_token_channel_and_message_have_to_exist(client: AsyncWebClient, url: str) -> None:
    for token, error in (("xoxb-other", "invalid_auth"), ("", "not_authed")):
        stranger = AsyncWebClient(token, base_url=f"{url}/api/", retry_handlers=[])
        with pytest.raises(SlackApiError, match=error):
            await stranger.auth_test()
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.chat_postMessage(channel="C_NONE", text="t")
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel=CHANNEL_ID, ts="1.1", text="t")
    with pytest.raises(SlackApiError, match="no_text"):
        await client.chat_postMessage(channel=CHANNEL_ID)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(
            trigger_id="1.1", view={"type": "modal", "title": text("t", "plain_text"), "blocks": []}
        )
    assert (await client.auth_test())["team_id"] == TEAM_ID
    assert (await client.users_info(user="U_ADMIN"))["user"]["real_name"] == "Demo admin"


async def test_bad_days_come_on_cue_and_end(client: AsyncWebClient, control: httpx.AsyncClient) -> None:
    for fault in (
        {"kind": "rate_limited", "seconds": 7},
        {"kind": "status_500"},
        {"kind": "refuse", "error": "account_inactive"},
        {"kind": "hang", "seconds": 8},
    ):
        (await control.post("/_sandbox/faults", json={**fault, "method": "chat.*"})).raise_for_status()

    with pytest.raises(SlackApiError) as limited:
        await client.chat_postMessage(channel=CHANNEL_ID, text="t")
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")
    with pytest.raises(SlackApiError) as broken:
        await client.chat_postMessage(channel=CHANNEL_ID, text="t")
    assert broken.value.response.status_code == 500
    with pytest.raises(SlackApiError, match="account_inactive"):
        await client.chat_postMessage(channel=CHANNEL_ID, text="t")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.chat_postMessage(channel=CHANNEL_ID, text="late"), 0.5)

    assert (await client.chat_postMessage(channel=CHANNEL_ID, text="at last"))["ok"]
    posted = [one["text"] for one in (await control.get("/_sandbox/state")).json()["messages"]]
    assert posted == ["late", "at last"]


async def test_a_pressed_button_is_sent_as_slack_signs_it(
    client: AsyncWebClient, control: httpx.AsyncClient, app: App
) -> None:
    app.received.clear()
    posted = await client.chat_postMessage(channel=CHANNEL_ID, text="t", blocks=[actions(button(value="v1"))])
    press = {"user": "U_ADMIN", "ts": posted["ts"], "action_id": "go"}

    reply = (await control.post("/_sandbox/press", json=press)).raise_for_status().json()

    ((path, headers, body),) = app.received
    assert path == "/slack/interactions"
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)
    payload = json.loads(httpx.QueryParams(body.decode())["payload"])
    assert (payload["user"]["id"], payload["team"]["id"]) == ("U_ADMIN", TEAM_ID)
    assert (payload["actions"][0]["action_id"], payload["actions"][0]["value"]) == ("go", "v1")
    assert reply["in_time"]
    missing = await control.post("/_sandbox/press", json={**press, "action_id": "none"})
    assert missing.status_code == 404


async def test_a_trigger_opens_one_modal_for_three_seconds(
    client: AsyncWebClient, control: httpx.AsyncClient, app: App
) -> None:
    modal = {
        "type": "modal",
        "title": text("Why", "plain_text"),
        "submit": text("Send", "plain_text"),
        "blocks": [
            {
                "type": "input",
                "block_id": "b",
                "label": text("Why", "plain_text"),
                "element": INPUT,
            }
        ],
    }
    triggers = []
    for typed in ("help", "/axiru help"):
        await control.post("/_sandbox/command", json={"user": "U_ADMIN", "text": typed})
        assert httpx.QueryParams(app.received[-1][2].decode())["text"] == "help"
        triggers.append(httpx.QueryParams(app.received[-1][2].decode())["trigger_id"])

    opened = await client.views_open(trigger_id=triggers[0], view=modal)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(trigger_id=triggers[0], view=modal)
    await asyncio.sleep(3.1)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=triggers[1], view=modal)

    submit = {"view_id": opened["view"]["id"], "values": {"a": "because"}}
    app.answer = {"response_action": "errors", "errors": {"b": "no"}}
    assert (await control.post("/_sandbox/submit", json=submit)).json()["body"]["errors"] == {"b": "no"}
    app.answer = {"response_action": "update", "view": {"type": "modal", "blocks": []}}
    assert (await control.post("/_sandbox/submit", json=submit)).json()["faults"] == ["a modal needs a title"]
    app.answer = {}
    assert (await control.post("/_sandbox/submit", json=submit)).status_code == 200
    payload = json.loads(httpx.QueryParams(app.received[-1][2].decode())["payload"])
    assert payload["view"]["state"]["values"]["b"]["a"]["value"] == "because"
    assert (await control.post("/_sandbox/submit", json=submit)).status_code == 404


@pytest.mark.parametrize(
    "view",
    [
        {"type": "modal", "blocks": []},
        {"type": "modal", "title": text("x" * 25, "plain_text"), "blocks": []},
        {"type": "home", "blocks": [section()] * 101},
        {"type": "home", "blocks": [], "title": text("x", "plain_text")},
        {"type": "home"},
    ],
)
async def test_views_that_slack_would_not_show_are_refused(client: AsyncWebClient, view: dict[str, Any]) -> None:
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.views_publish(user_id="U_ADMIN", view=view)


async def test_page_shows_what_was_posted_and_runs_none_of_it(
    client: AsyncWebClient, control: httpx.AsyncClient
) -> None:
    await client.chat_postMessage(channel=CHANNEL_ID, text="t", blocks=[section("<script>alert(1)</script>")])

    page = (await control.get("/")).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
