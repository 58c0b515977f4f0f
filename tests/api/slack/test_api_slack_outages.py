"""Slack slow, limited, broken or away: votes and decisions go on, and the message catches up."""

import time
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.slack.buttons import APPROVE, DENY

SLACK_SECONDS = 3


async def votes(http: httpx.AsyncClient, decision: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await http.get(f"/api/v1/approvals/{decision['approval_id']}")
    found: list[dict[str, Any]] = answer.raise_for_status().json()["votes"]
    return found


async def test_while_slack_hangs_decisions_and_votes_go_on_and_the_message_catches_up(
    slack: Any, asked: Any, log_in: Any, caller: httpx.AsyncClient, refund: Any
) -> None:
    controller = await log_in("controller")
    await slack.fault("hang", times=100, seconds=30)

    began = time.monotonic()
    decision = await asked()
    allowed = (await caller.post("/api/v1/decisions", json=refund())).json()
    voted = await controller.post(f"/api/v1/approvals/{decision['approval_id']}/approve", json={})
    done = (await controller.get(f"/api/v1/decisions/{decision['decision_id']}", params={"wait": 10})).json()
    seconds = time.monotonic() - began

    assert allowed["outcome"] == "allowed"
    assert voted.json()["approval_state"] == "approved"
    assert done["state"] == "approved"
    assert seconds < 10
    await slack.no_faults()
    message = await slack.message(decision["approval_id"], lambda one: "Approved" in str(one["blocks"]))
    assert APPROVE not in slack.buttons(message)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limited", "seconds": 1},
        {"kind": "status_500"},
        {"kind": "refuse", "error": "internal_error"},
        {"kind": "refuse", "error": "not_in_channel"},
    ],
)
async def test_message_is_tried_again(slack: Any, asked: Any, fault: dict[str, Any]) -> None:
    await slack.fault(**fault, method="chat.postMessage", times=1)

    decision = await asked()

    message = await slack.message(decision["approval_id"])
    assert APPROVE in slack.buttons(message)


async def test_vote_is_answered_in_time_while_slack_hangs(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    await slack.fault("hang", times=20, seconds=12)

    reply = await slack.press(user, message, APPROVE)

    assert reply["status"] == 200
    assert reply["seconds"] < SLACK_SECONDS
    assert len(await votes(admin_key, decision)) == 1
    await slack.no_faults()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang", "seconds": 6},
        {"kind": "status_500"},
        {"kind": "rate_limited", "seconds": 30},
        {"kind": "refuse", "error": "expired_trigger_id"},
    ],
)
async def test_denial_whose_modal_does_not_open_points_to_the_console(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient, fault: dict[str, Any]
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    told = (await slack.state())["ephemerals"]
    await slack.fault(**fault, method="views.open", times=1)

    reply = await slack.press(user, message, DENY)

    assert reply["seconds"] < SLACK_SECONDS

    async def pointed() -> bool | None:
        fresh = (await slack.state())["ephemerals"][len(told) :]
        return any("in the console" in one["text"] and one["user"] == user for one in fresh) or None

    await slack.eventually(pointed)
    assert await votes(admin_key, decision) == []


async def test_slack_is_answered_in_time_while_the_database_does_not_answer(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    async with database.transaction():
        await database.execute("LOCK TABLE slack_installations IN ACCESS EXCLUSIVE MODE")

        replies = [
            await slack.press(user, message, APPROVE),
            await slack.command(user, "queue"),
            await slack.open_home(user),
        ]

        assert [reply["status"] for reply in replies] == [200, 200, 200]
        assert max(reply["seconds"] for reply in replies) < SLACK_SECONDS
        assert "does not answer" in replies[1]["body"]["text"]
        assert await votes(admin_key, decision) == []

    async def voted() -> bool | None:
        return len(await votes(admin_key, decision)) == 1 or None

    await slack.eventually(voted)


async def test_kill_switch_is_engaged_in_time_while_slack_hangs(slack: Any, link: Any, log_in: Any) -> None:
    user = await link("controller")
    controller = await log_in("controller")
    await slack.fault("hang", times=20, seconds=12)
    try:
        reply = await slack.command(user, "kill live a drill")

        assert "is engaged" in reply["body"]["text"]
        assert reply["seconds"] < SLACK_SECONDS
    finally:
        await slack.command(user, "release the drill is over")
        await slack.no_faults()
    controls = (await controller.get("/api/v1/controls", params={"in_force": True})).json()["items"]
    assert [one for one in controls if one["kind"] == "kill_switch"] == []


async def test_button_under_a_message_that_slack_never_confirmed_is_brought_up_to_date(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    """Slack posted it and its answer was lost: the approval was posted again, and the stray one has buttons, too."""
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    stray = await slack.http.post(
        "/api/chat.postMessage",
        json={"channel": message["channel"], "text": "stray", "blocks": message["blocks"]},
        headers={"Authorization": "Bearer xoxb-demo-token"},
    )

    await slack.press(user, {**message, "ts": stray.json()["ts"]}, APPROVE)

    async def closed() -> bool | None:
        found = next(one for one in (await slack.state())["messages"] if one["ts"] == stray.json()["ts"])
        return APPROVE not in slack.buttons(found) or None

    await slack.eventually(closed)
    assert len(await votes(admin_key, decision)) == 1
