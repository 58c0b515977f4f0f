"""Votes in Slack: the same act as at every other door, once, by who may, for what was shown."""

import asyncio
from typing import Any

import httpx
import pytest

from axiru.slack.buttons import APPROVE, DENY

OTHER_DIGEST = "0" * 64


async def approval(http: httpx.AsyncClient, decision: dict[str, Any]) -> dict[str, Any]:
    answer = await http.get(f"/api/v1/approvals/{decision['approval_id']}")
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def test_message_shows_what_is_asked_why_and_what_stripe_would_be_told(slack: Any, asked: Any) -> None:
    decision = await asked(
        40_000,
        execute="axiru",
        intent={"charge": "ch_demo_003"},
        context={"customer_id": "cus_slack_1", "customer_email": "ada@customer.example", "source": "zendesk"},
    )

    message = await slack.message(decision["approval_id"])
    shown = str(message["blocks"])

    assert message["channel"] == "C_APPROVALS"
    assert "TEST · Refund of $400.00 needs approval" in shown
    for part in ("Refunds over $150 require approval", "refunds.create", "ch_demo_003", "cus_slack_1", "zendesk"):
        assert part in shown
    assert "ada@customer.example" in shown
    assert "controller: 0 of 1" in shown
    assert "<!date^" in shown
    assert slack.buttons(message)[:2] == [APPROVE, DENY]


async def test_approval_in_slack_is_sealed_with_its_door_and_the_buttons_vanish(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    reply = await slack.press(user, message, APPROVE)

    assert reply["status"] == 200
    assert reply["body"] == ""
    await slack.told(user, "Your vote is sealed")
    seen = await approval(admin_key, decision)
    assert (seen["state"], [vote["door"] for vote in seen["votes"]]) == ("approved", ["slack"])
    closed = await slack.message(decision["approval_id"], lambda one: "Approved" in str(one["blocks"]))
    assert APPROVE not in slack.buttons(closed)
    assert DENY not in slack.buttons(closed)


async def test_vote_in_the_console_updates_the_message_and_is_told_in_its_thread(
    slack: Any, asked: Any, log_in: Any
) -> None:
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    controller = await log_in("controller")

    denied = await controller.post(f"/api/v1/approvals/{decision['approval_id']}/deny", json={"reason": "not ours"})

    denied.raise_for_status()
    closed = await slack.message(decision["approval_id"], lambda one: "Denied" in str(one["blocks"]))
    assert closed["ts"] == message["ts"]
    assert APPROVE not in slack.buttons(closed)

    async def told() -> str | None:
        return next((one for one in await slack.replies(message) if "not ours" in one), None)

    assert "console" in await slack.eventually(told)


async def test_comments_are_told_in_the_thread(slack: Any, asked: Any, log_in: Any) -> None:
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    controller = await log_in("controller")

    said = await controller.post(
        f"/api/v1/approvals/{decision['approval_id']}/comments",
        json={"kind": "question", "text": "Whose charge is this, <!channel>?"},
    )

    said.raise_for_status()

    async def told() -> str | None:
        return next((one for one in await slack.replies(message) if "Whose charge" in one), None)

    assert "asks: Whose charge is this, &lt;!channel&gt;?" in await slack.eventually(told)


async def test_denial_asks_for_a_reason_and_takes_none_that_is_blank(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    await slack.press(user, message, DENY)
    modal = await slack.modal(user)
    nothing = await slack.submit(modal["id"], "")
    blank = await slack.submit(modal["id"], " \n ")
    too_long = await slack.submit(modal["id"], "x" * 2_001)

    for refused in (nothing, blank, too_long):
        assert refused["body"]["response_action"] == "errors"
        assert list(refused["body"]["errors"]) == ["reason"]
    assert (await approval(admin_key, decision))["votes"] == []

    given = await slack.submit(modal["id"], "The customer kept the goods")

    assert given["body"]["response_action"] == "update"
    assert given["faults"] == []
    seen = await approval(admin_key, decision)
    assert seen["state"] == "denied"
    assert [vote["reason"] for vote in seen["votes"]] == ["The customer kept the goods"]


async def test_unlinked_slack_user_is_hinted_and_votes_nothing(
    slack: Any, asked: Any, admin_key: httpx.AsyncClient
) -> None:
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    await slack.press("U_STRANGER", message, APPROVE)
    await slack.press("U_STRANGER", message, DENY)

    assert "not linked" in await slack.told("U_STRANGER", "/axiru link")
    assert [view for view in (await slack.state())["views"] if view["user"] == "U_STRANGER"] == []
    assert (await approval(admin_key, decision))["votes"] == []


@pytest.mark.parametrize("role", ["viewer", "support", "finance_manager", "admin"])
async def test_linked_member_without_the_role_is_told_why_not(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient, role: str
) -> None:
    """The admin holds no seat, and owns the key that asked."""
    user = await link(role)
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    before = len([one for one in (await slack.state())["ephemerals"] if one["user"] == user])

    await slack.press(user, message, APPROVE)
    await slack.press(user, message, DENY)

    async def told_twice() -> bool | None:
        told = [one for one in (await slack.state())["ephemerals"] if one["user"] == user]
        return len(told) == before + 2 or None

    await slack.eventually(told_twice)
    assert [view for view in (await slack.state())["views"] if view["user"] == user] == []
    assert (await approval(admin_key, decision))["votes"] == []


async def test_same_signed_request_twice_votes_once(
    slack: Any, asked: Any, link: Any, http: httpx.AsyncClient, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])
    sent = (await slack.press(user, message, APPROVE))["sent"]
    told = len((await slack.state())["ephemerals"])

    again = await asyncio.gather(
        *(http.post(sent["path"], content=sent["body"], headers=sent["headers"]) for _ in range(3))
    )

    assert [(one.status_code, one.content) for one in again] == [(200, b"")] * 3
    assert len((await approval(admin_key, decision))["votes"]) == 1
    assert len((await slack.state())["ephemerals"]) <= told + 1


async def test_double_click_is_told_kindly_that_the_vote_is_in(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    await slack.press(user, message, APPROVE, times=2)

    assert "already" in await slack.told(user, "already")
    assert len((await approval(admin_key, decision))["votes"]) == 1


async def test_vote_counts_only_for_the_digest_that_was_shown(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    await slack.press(user, message, APPROVE, value=f"{decision['approval_id']}:{OTHER_DIGEST}")

    assert await slack.told(user, "not what would be executed")
    assert (await approval(admin_key, decision))["votes"] == []


@pytest.mark.parametrize(
    "value", ["", "ap_1", "ap_00000000000000000000000000:", "'; DROP TABLE votes; --", "x" * 2_000, "\x00"]
)
async def test_button_value_that_is_not_ours_does_nothing(
    slack: Any, asked: Any, link: Any, admin_key: httpx.AsyncClient, value: str
) -> None:
    user = await link("controller")
    decision = await asked()
    message = await slack.message(decision["approval_id"])

    reply = await slack.press(user, message, APPROVE, value=value)

    assert reply["status"] in {200, 400}
    assert (await approval(admin_key, decision))["votes"] == []


async def test_approval_that_there_is_not_is_said_to_be_missing(slack: Any, asked: Any, link: Any) -> None:
    user = await link("controller")
    message = await slack.message((await asked())["approval_id"])
    unknown = f"ap_{'0' * 26}:{OTHER_DIGEST}"

    for action in (APPROVE, DENY):
        await slack.press(user, message, action, value=unknown)

        assert await slack.told(user, "no such approval")
