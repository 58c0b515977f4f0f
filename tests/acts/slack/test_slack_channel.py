"""The channel to Slack: one message an approval, brought up to date by whichever worker, in whatever order."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from activities.slack import SlackChannel
from activities.slack.planning import TOPICS
from axiru.database import row, rows
from axiru.slack.buttons import APPROVE
from ledger.acts.slack import remove_slack

TOKEN = "xoxb-demo-token"


async def test_approval_is_planned_once_and_posted(door: Any, approval_id: str) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event.startswith("approval")]

    sent = await door.channel.send(outgoing)

    assert (outgoing.event, outgoing.target) == ("approval.pending", "C_APPROVALS")
    assert (sent.outcome, sent.status) == ("delivered", 200)
    (message,) = await door.messages(approval_id)
    assert APPROVE in str(message["blocks"])


async def test_body_of_a_delivery_holds_no_secret_and_nothing_personal(door: Any, refund: Callable[..., Any]) -> None:
    receipt = await door.house.decided(refund(door.house, 20_000, customer_email="ada@customer.example"))
    await door.house.vote(receipt.approval_id, verdict="deny", reason="ada is known to us")

    bodies = str([one.body for one in await door.deliveries()])

    assert receipt.approval_id in bodies
    assert "ada" not in bodies
    assert TOKEN not in bodies


async def test_deliveries_in_any_order_and_twice_end_in_the_present_state(door: Any, approval_id: str) -> None:
    await door.house.vote(approval_id)
    due = [one for one in await door.deliveries() if one.event.startswith("approval")]

    for outgoing in (*reversed(due), *due):
        assert (await door.channel.send(outgoing)).outcome == "delivered"

    (message,) = await door.messages(approval_id)
    assert "Approved" in str(message["blocks"])
    assert APPROVE not in str(message["blocks"])


async def test_workers_that_send_at_once_post_one_message(door: Any, approval_id: str) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event == "approval.pending"]
    workers = [door.another_worker() for _ in range(6)]

    sent = await asyncio.gather(*(worker.send(outgoing) for worker in workers))

    assert {one.outcome for one in sent} <= {"delivered", "retry"}
    assert any(one.outcome == "delivered" for one in sent)
    assert all(one.retry_after_seconds > 0 for one in sent if one.outcome == "retry")
    assert len(await door.messages(approval_id)) == 1


async def test_worker_that_died_while_posting_holds_nobody_up_for_long(door: Any, approval_id: str) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event == "approval.pending"]
    claim = "INSERT INTO slack_messages VALUES ({}, {}, {}, 'C_APPROVALS', '', now() - make_interval(secs => {}))"
    await rows(claim, approval_id, door.house.id, door.team_id, 5)
    assert (await door.channel.send(outgoing)).outcome == "retry"

    await rows(
        "UPDATE slack_messages SET posted_at = now() - interval '61 seconds' WHERE approval_id = {}", approval_id
    )

    assert (await door.channel.send(outgoing)).outcome == "delivered"
    assert len(await door.messages(approval_id)) == 1


async def test_message_that_somebody_deleted_is_posted_anew(door: Any, approval_id: str) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event == "approval.pending"]
    await door.channel.send(outgoing)
    await rows("UPDATE slack_messages SET ts = '1.000001' WHERE approval_id = {}", approval_id)

    assert (await door.channel.send(outgoing)).outcome == "delivered"

    kept = await row("SELECT ts FROM slack_messages WHERE approval_id = {}", approval_id)
    assert kept is not None
    assert kept["ts"] == (await door.messages(approval_id))[-1]["ts"]


@pytest.mark.parametrize(
    ("fault", "outcome", "status", "wait"),
    [
        ({"kind": "rate_limited", "seconds": 17}, "retry", 429, 17),
        ({"kind": "status_500"}, "retry", 500, 0),
        ({"kind": "refuse", "error": "internal_error"}, "retry", 200, 0),
        ({"kind": "refuse", "error": "token_revoked"}, "retry", 200, 0),
        ({"kind": "refuse", "error": "invalid_blocks"}, "failed", 200, 0),
    ],
)
async def test_what_slack_answers_decides_whether_it_is_tried_again(
    door: Any, approval_id: str, fault: dict[str, Any], outcome: str, status: int, wait: float
) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event == "approval.pending"]
    await door.fault(**fault)

    sent = await door.channel.send(outgoing)

    assert (sent.outcome, sent.status, sent.retry_after_seconds) == (outcome, status, wait)
    assert (await door.channel.send(outgoing)).outcome == "delivered"
    assert len(await door.messages(approval_id)) == 1


async def test_slack_that_is_not_there_is_tried_again(door: Any, approval_id: str) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event == "approval.pending"]
    nowhere = msgspec.structs.replace(door.settings, slack_api_base="http://127.0.0.1:9/api/")

    sent = await SlackChannel(nowhere, door.vault).send(outgoing)

    assert sent.outcome == "retry"
    assert sent.status is None


async def test_organization_without_slack_is_told_nothing(door: Any, approval_id: str) -> None:
    (outgoing,) = [one for one in await door.deliveries() if one.event == "approval.pending"]
    await remove_slack(
        organization_id=door.house.id, by_member_id=door.house.members["admin"], signer=door.house.signer
    )

    assert await door.deliveries() == []
    assert (await door.channel.send(outgoing)).outcome == "failed"
    assert await door.messages(approval_id) == []


async def test_workspace_is_not_looked_up_for_what_slack_is_never_told(
    door: Any, approval_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[str] = []

    async def looked_up(organization_id: str) -> None:
        asked_for.append(organization_id)

    monkeypatch.setattr("activities.slack.channel.installation_of", looked_up)

    told = await rows("SELECT topic FROM outbox WHERE organization_id = {} AND mode = 'test'", door.house.id)
    await door.deliveries()

    assert "decision" in {one["topic"] for one in told}
    assert len(asked_for) == len([one for one in told if one["topic"] in TOPICS]) < len(told)


async def test_vote_is_told_in_the_thread_and_at_the_homes_of_those_linked(door: Any, approval_id: str) -> None:
    await door.link("controller2", "U_FINANCE")
    await door.house.vote(approval_id, verdict="deny", reason="<!channel> *no*")
    due = await door.deliveries()

    for outgoing in due:
        assert (await door.channel.send(outgoing)).outcome == "delivered"

    (message,) = await door.messages(approval_id)
    assert any(
        "controller denied (api" in one and "&lt;!channel&gt; ∗no∗" in one for one in await door.replies(message)
    )
    assert {one.target for one in due if one.event == "slack.home"} == {"home/U_FINANCE"}
    homes = (await door.http.get("/_sandbox/state")).json()["homes"]
    assert "Nothing waits for you" in str(homes["U_FINANCE"])
