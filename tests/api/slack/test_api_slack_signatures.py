"""What comes to /slack is Slack's own word, fresh and whole, or it is nothing."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from axiru.dev.dev_json import DevJson
from axiru.dev.slack_sandbox.people import TEAM_ID

PATHS = ["/slack/interactions", "/slack/commands", "/slack/events"]
HELP = urlencode({"team_id": TEAM_ID, "user_id": "U_CONTROLLER", "channel_id": "C_APPROVALS", "text": "help"}).encode()


def signed(secret: str, body: bytes, timestamp: str | None = None) -> dict[str, str]:
    timestamp = timestamp or str(int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body) or ""
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }


@pytest.fixture
def secret(stack: DevJson) -> str:
    return stack.slack_signing_secret


def refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature"), answer.text


async def test_a_signed_command_is_answered(http: httpx.AsyncClient, secret: str) -> None:
    answer = await http.post("/slack/commands", content=HELP, headers=signed(secret, HELP))

    assert answer.status_code == 200
    assert "/axiru queue" in answer.json()["text"]
    assert answer.json()["response_type"] == "ephemeral"


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_signature_nothing_is_read(http: httpx.AsyncClient, path: str) -> None:
    refused(await http.post(path, content=b"not even a form \xff"))


@pytest.mark.parametrize("path", PATHS)
async def test_another_secret_does_not_sign(http: httpx.AsyncClient, path: str) -> None:
    refused(await http.post(path, content=HELP, headers=signed("f" * 32, HELP)))


async def test_a_body_changed_by_one_byte_is_refused(http: httpx.AsyncClient, secret: str) -> None:
    refused(await http.post("/slack/commands", content=HELP + b"&", headers=signed(secret, HELP)))


@pytest.mark.parametrize("age_seconds", [301, 3_600, -301])
async def test_five_minutes_old_is_too_old_and_the_future_is_too_early(
    http: httpx.AsyncClient, secret: str, age_seconds: int
) -> None:
    timestamp = str(int(time.time()) - age_seconds)

    refused(await http.post("/slack/commands", content=HELP, headers=signed(secret, HELP, timestamp)))


@pytest.mark.parametrize("timestamp", ["", "now", "1e9", "-1", "١٢٣", "1_000", "9" * 400, "0x10", "NaN"])
async def test_a_timestamp_that_is_no_number_is_refused_and_breaks_nothing(
    http: httpx.AsyncClient, secret: str, timestamp: str
) -> None:
    headers: Mapping[str, Any] = {
        **signed(secret, HELP),
        "X-Slack-Request-Timestamp": timestamp.encode(),
    }

    refused(await http.post("/slack/commands", content=HELP, headers=headers))


@pytest.mark.parametrize("signature", ["", "v0=", "v1=00", "v0=é", "v0=" + "0" * 64])
async def test_a_signature_that_is_none_is_refused(http: httpx.AsyncClient, secret: str, signature: str) -> None:
    headers = {**signed(secret, HELP), "X-Slack-Signature": signature.encode()}

    refused(await http.post("/slack/commands", content=HELP, headers=headers))


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_a_header_that_is_there_twice_is_refused(http: httpx.AsyncClient, secret: str, name: str) -> None:
    """Whoever reads the first and whoever reads the last must not disagree."""
    right = signed(secret, HELP)
    twice = [*right.items(), (name, right[name])]

    refused(await http.post("/slack/commands", content=HELP, headers=twice))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/slack/interactions", b""),
        ("/slack/interactions", b"payload="),
        ("/slack/interactions", b"payload=%7B"),
        ("/slack/interactions", b"payload=%5B%5D"),
        ("/slack/interactions", b"payload=%7B%7D&payload=%7B%7D"),
        ("/slack/interactions", urlencode({"payload": json.dumps({"type": "block_actions", "user": "U1"})}).encode()),
        ("/slack/interactions", urlencode({"payload": "[" * 10_000}).encode()),
        ("/slack/interactions", urlencode({"payload": '{"type": "x", "user": {"id": "\\u0000"}}'}).encode()),
        ("/slack/commands", b""),
        ("/slack/commands", b"team_id=T_DEMO"),
        ("/slack/commands", b"team_id=T_DEMO&user_id=U1&channel_id=C1&text=%00"),
        ("/slack/commands", b"team_id=T_DEMO&user_id=U1&channel_id=C1&text=%ff"),
        ("/slack/commands", b"&".join(b"f%d=1" % number for number in range(200))),
        ("/slack/events", b""),
        ("/slack/events", b"[]"),
        ("/slack/events", b'{"type": 1}'),
        ("/slack/events", b'{"type": "event_callback", "team_id": "T_DEMO", "event": "app_home_opened"}'),
    ],
)
async def test_a_signed_body_that_says_nothing_readable_is_a_bad_request(
    http: httpx.AsyncClient, secret: str, path: str, body: bytes
) -> None:
    answer = await http.post(path, content=body, headers=signed(secret, body))

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] in {"invalid_request", "invalid_json"}


async def test_a_signed_body_that_is_no_text_is_not_slacks(http: httpx.AsyncClient, secret: str) -> None:
    refused(await http.post("/slack/commands", content=b"\xff\xfe", headers=signed(secret, b"")))


async def test_a_body_too_large_is_not_read(http: httpx.AsyncClient, secret: str) -> None:
    body = b"text=" + b"x" * 300_000

    answer = await http.post("/slack/commands", content=body, headers=signed(secret, body))

    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")


async def test_slack_is_answered_its_challenge(http: httpx.AsyncClient, secret: str) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "t"}).encode()

    answer = await http.post("/slack/events", content=body, headers=signed(secret, body))

    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})


async def test_a_workspace_that_nobody_installed_is_told_so(http: httpx.AsyncClient, secret: str) -> None:
    body = HELP.replace(TEAM_ID.encode(), b"T_ELSEWHERE").replace(b"help", b"kill+all")

    answer = await http.post("/slack/commands", content=body, headers=signed(secret, body))

    assert "not installed" in answer.json()["text"]


@pytest.mark.parametrize("kind", ["block_actions", "view_submission", "view_closed", "shortcut", "message_action"])
async def test_interactions_that_mean_nothing_here_are_taken_note_of(
    http: httpx.AsyncClient, secret: str, kind: str
) -> None:
    payload = {
        "type": kind,
        "user": {"id": "U_CONTROLLER"},
        "team": {"id": TEAM_ID},
        "actions": [{"action_id": "axiru.open", "type": "button"}],
        "view": {"callback_id": "somebody.elses", "private_metadata": ""},
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()

    answer = await http.post("/slack/interactions", content=body, headers=signed(secret, body))

    assert (answer.status_code, answer.content) == (200, b"")
