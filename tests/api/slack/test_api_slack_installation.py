"""Installing Slack: by an admin, with a token that Slack itself says is of that workspace; sealed."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from axiru.dev.dev_json import DevJson
from axiru.dev.slack_sandbox.people import BOT_TOKEN, CHANNEL_ID, TEAM_ID

INSTALLATION = {"team_id": TEAM_ID, "channel_id": CHANNEL_ID, "bot_token": BOT_TOKEN}


@pytest.fixture
async def admin(log_in: Any, slack: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An admin, whose organization is installed as before when the test is over."""
    client = await log_in("admin")
    yield client
    await slack.no_faults()
    (await client.put("/api/v1/slack", json=INSTALLATION)).raise_for_status()


async def test_installation_is_shown_without_its_token(admin: httpx.AsyncClient) -> None:
    seen = (await admin.put("/api/v1/slack", json=INSTALLATION)).raise_for_status()
    read = (await admin.get("/api/v1/slack")).raise_for_status()

    assert (read.json()["team_id"], read.json()["channel_id"]) == (TEAM_ID, CHANNEL_ID)
    assert read.json()["installed_by"]["name"] == "Demo admin"
    assert BOT_TOKEN not in seen.text + read.text


async def test_removal_silences_slack_and_takes_its_votes_away(
    admin: httpx.AsyncClient, slack: Any, link: Any, asked: Any
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    (await admin.delete("/api/v1/slack")).raise_for_status()

    assert (await admin.get("/api/v1/slack")).json() == dict.fromkeys(
        ("team_id", "channel_id", "installed_at", "installed_by")
    )
    assert (await admin.delete("/api/v1/slack")).status_code == 404
    assert "not installed" in (await slack.command(user, "kill everything"))["body"]["text"]
    reply = await slack.press(user, message, "axiru.approve")
    assert (reply["status"], reply["body"]) == (200, "")
    assert (await admin.get(f"/api/v1/approvals/{decision['approval_id']}")).json()["votes"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bot_token": "xoxb-somebody-elses"}, "bot_token"),
        ({"team_id": "T_OTHER"}, "team_id"),
        ({"bot_token": ""}, "bot_token"),
        ({"bot_token": "xoxp-user-token"}, "bot_token"),
        ({"bot_token": "xoxb-demo-token\r\nHost: evil"}, "bot_token"),
        ({"channel_id": "#approvals"}, "channel_id"),
        ({"team_id": None}, "team_id"),
        ({"team": "T_DEMO"}, "team"),
    ],
)
async def test_installation_that_does_not_fit_is_refused(
    admin: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await admin.put("/api/v1/slack", json={**INSTALLATION, **change})

    assert answer.status_code == 400, answer.text
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]


async def test_nothing_is_installed_while_slack_cannot_say_whose_token_it_is(
    admin: httpx.AsyncClient, slack: Any
) -> None:
    await slack.fault("status_500", method="auth.test")

    answer = await admin.put("/api/v1/slack", json=INSTALLATION)

    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "slack_away")


@pytest.mark.parametrize("role", ["viewer", "support", "finance_manager", "controller"])
async def test_only_an_admin_installs(log_in: Any, role: str) -> None:
    member = await log_in(role)

    for answer in (
        await member.get("/api/v1/slack"),
        await member.put("/api/v1/slack", json=INSTALLATION),
        await member.delete("/api/v1/slack"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_installing_and_linking_are_sealed_and_hold_neither_token_nor_slack_user(
    admin: httpx.AsyncClient, link: Any, log_in: Any, stack: DevJson
) -> None:
    (await admin.put("/api/v1/slack", json=INSTALLATION)).raise_for_status()
    (await (await log_in("viewer")).delete("/api/v1/slack/link"))
    user = await link("viewer")

    connection = await asyncpg.connect(stack.database_url)
    try:
        entries = await connection.fetch(
            "SELECT kind, mode, body FROM ledger_entries WHERE kind IN ('slack_installation', 'slack_link')"
        )
        stored = await connection.fetchval(
            "SELECT bot_token_ciphertext FROM slack_installations WHERE removed_at IS NULL"
        )
    finally:
        await connection.close()
    bodies = b"".join(entry["body"] for entry in entries)
    actions = {
        (entry["kind"], entry["mode"], msgspec.json.decode(entry["body"])["data"]["action"]) for entry in entries
    }
    for mode in ("test", "live"):
        assert {("slack_installation", mode, "install"), ("slack_link", mode, "link")} <= actions
    assert BOT_TOKEN.encode() not in bodies
    assert user.encode() not in bodies
    assert BOT_TOKEN.encode() not in stored
