"""A replay's workflow on a real Temporal: it survives what it runs on, ends where it must, and keeps its history."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import stripe
from temporalio.client import WorkflowHistory
from temporalio.common import RetryPolicy
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from activities import history, stripe_history
from axiru.database import row, rows
from axiru.domain.replay import ReplayInput
from axiru.temporal import data_converter
from policies import pack
from workflows import history_replay
from workflows.history_replay import HistoryReplay, ReplayExpiry

GOLDEN = Path(__file__).parent / "histories" / "replays"
ROWS = 10_000
"""Which take longer than finding the process that goes over them."""
HEADER = "id,Amount Refunded,Currency,Created,Customer ID\n"
OUTCOMES = {
    "done": "done",
    "bad_file": "failed",
    "given_up": "failed",
    "deleted": "deleted",
    "pulled": "done",
    "connection_not_active": "failed",
    "stripe_unreachable": "failed",
    "deleted_while_pulled": "deleted",
}


async def test_a_replay_whose_process_is_killed_is_made_again(movements: Any) -> None:
    lines = "".join(f"ch_{number},200.00,usd,2024-03-01 10:00,cus_{number}\n" for number in range(ROWS))
    handle = await _started(movements, HEADER + lines)
    (await _child()).kill()
    assert await asyncio.wait_for(handle.result(), 60) == "done"
    shown = await _row(handle.id)
    assert (shown["state"], shown["rows_done"], shown["rows_total"]) == ("done", ROWS, ROWS)
    found = await row("SELECT count(*) AS findings FROM replay_findings WHERE replay_id = {}", handle.id)
    assert found == {"findings": ROWS}
    assert [event.activity_task_started_event_attributes.attempt async for event in _starts(handle)] == [2]


async def test_a_replay_that_runs_twice_finds_everything_once(movements: Any) -> None:
    handle = await _started(movements, HEADER + "ch_1,200.00,usd,2024-03-01 10:00,cus_1\n")
    assert await handle.result() == "done"
    again = await movements.client.start_workflow(
        HistoryReplay.run, ReplayInput(handle.id), id=f"{handle.id}-again", task_queue=movements.task_queue
    )
    assert await again.result() == "done"
    found = await row("SELECT count(*) AS findings FROM replay_findings WHERE replay_id = {}", handle.id)
    assert found == {"findings": 1}


async def test_replay_of_a_file_ends_done(movements: Any, keep_history: Any) -> None:
    handle = await _started(movements, HEADER + "ch_1,200.00,usd,2024-03-01 10:00,cus_1\n")
    await _ends("done", handle, keep_history)


async def test_replay_of_a_bad_file_fails_at_the_first_attempt(movements: Any, keep_history: Any) -> None:
    handle = await _started(movements, HEADER + "ch_1,five,usd,2024-03-01 10:00,cus_1\n")
    await _ends("bad_file", handle, keep_history)
    assert '"line": 2' in (await _row(handle.id))["error"]


async def test_replay_that_cannot_be_made_is_given_up_and_says_so(
    movements: Any, keep_history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> AsyncIterator[object]:
        raise RuntimeError("broken")
        yield

    monkeypatch.setattr(history, "judged", broken)
    monkeypatch.setattr(history_replay, "REPLAY_RETRY", RetryPolicy(maximum_attempts=1))
    handle = await _started(movements, HEADER)
    await _ends("given_up", handle, keep_history)
    shown = await _row(handle.id)
    assert shown["state"] == "failed"
    assert '"internal_error"' in shown["error"]


async def test_replay_that_was_deleted_ends(movements: Any, keep_history: Any) -> None:
    replay_id = f"rp_{secrets.token_hex(8)}"
    handle = await movements.client.start_workflow(
        HistoryReplay.run, ReplayInput(replay_id), id=replay_id, task_queue=movements.task_queue
    )
    await _ends("deleted", handle, keep_history)


async def test_replay_of_stripes_history_is_pulled_and_judged(movements: Any, keep_history: Any) -> None:
    handle = await _pulling(movements)
    await _ends("pulled", handle, keep_history)
    pull = await row("SELECT stage FROM replay_pulls WHERE replay_id = {}", handle.id)
    assert pull == {"stage": "pulled"}


async def test_replay_without_an_active_connection_fails_and_judges_nothing(movements: Any, keep_history: Any) -> None:
    handle = await _pulling(movements, connection="stripe_conn_gone")
    await _ends("connection_not_active", handle, keep_history)
    assert '"connection_not_active"' in (await _row(handle.id))["error"]


async def test_replay_that_stripe_never_answers_is_given_up_and_says_so(
    movements: Any, keep_history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_replay, "PULL_RETRY", RetryPolicy(maximum_attempts=1))
    monkeypatch.setattr(stripe_history.StripeHistory, "_page", _no_answer)
    handle = await _pulling(movements)
    await _ends("stripe_unreachable", handle, keep_history)
    assert '"stripe_unreachable"' in (await _row(handle.id))["error"]


async def test_replay_that_was_deleted_before_it_is_pulled_ends(movements: Any, keep_history: Any) -> None:
    replay_id = f"rp_{secrets.token_hex(8)}"
    handle = await movements.client.start_workflow(
        HistoryReplay.run, ReplayInput(replay_id, pulls=True), id=replay_id, task_queue=movements.task_queue
    )
    await _ends("deleted_while_pulled", handle, keep_history)


async def test_expiry_deletes_what_is_over(movements: Any, keep_history: Any) -> None:
    kept, expired = await _replay(HEADER), await _replay(HEADER, days=-1)
    workflow_id = f"expiry-{secrets.token_hex(8)}"
    handle = await movements.client.start_workflow(ReplayExpiry.run, id=workflow_id, task_queue=movements.task_queue)
    assert await handle.result() >= 1
    keep_history("replays/expiry", await handle.fetch_history())
    left = await rows("SELECT id FROM replays WHERE id = ANY({}::text[])", [kept, expired])
    assert [each["id"] for each in left] == [kept]
    assert await row("SELECT FROM replay_uploads WHERE replay_id = {}", expired) is None


@pytest.mark.parametrize("name", [*OUTCOMES, "expiry"])
async def test_golden_history_of_a_replay_is_still_followed(name: str) -> None:
    replayer = Replayer(
        workflows=[HistoryReplay, ReplayExpiry],
        data_converter=data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, (GOLDEN / f"{name}.json").read_text()))


async def _ends(name: str, handle: Any, keep_history: Any) -> None:
    assert await asyncio.wait_for(handle.result(), 30) == OUTCOMES[name]
    keep_history(f"replays/{name}", await handle.fetch_history())


async def _started(movements: Any, text: str) -> Any:
    replay_id = await _replay(text)
    return await movements.client.start_workflow(
        HistoryReplay.run, ReplayInput(replay_id), id=replay_id, task_queue=movements.task_queue
    )


async def _no_answer(*_: object) -> None:
    raise stripe.APIConnectionError("nobody there")  # type: ignore[no-untyped-call]


async def _pulling(movements: Any, connection: str = "stripe_conn_demo") -> Any:
    """A replay of what the demo account, or one that was disconnected, refunded in the last days."""
    if connection != "stripe_conn_demo":
        await rows(
            "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
            "write_actions, default_currency, is_default, status, profile, created_at) VALUES ({}, 'org_demo', 'test', "
            "'acct_gone', {}, ARRAY[]::text[], 'usd', false, 'disconnected', jsonb_build_object(), now()) "
            "ON CONFLICT DO NOTHING",
            connection,
            b"",
        )
    replay_id = f"rp_{secrets.token_hex(8)}"
    await rows(
        "INSERT INTO replays (id, organization_id, mode, source, title, state, policy_source, policy_name, since, "
        "until, requested_by, created_at, expires_at, stripe_connection_id) SELECT {}, 'org_demo', 'test', 'stripe', "
        "'', 'waiting', {}, 'refunds-starter', now() - interval '90 days', now(), id, now(), "
        "now() + interval '30 days', {} FROM members WHERE email = 'controller@demo.example'",
        replay_id,
        pack("refunds-starter"),
        connection,
    )
    return await movements.client.start_workflow(
        HistoryReplay.run, ReplayInput(replay_id, pulls=True), id=replay_id, task_queue=movements.task_queue
    )


async def _replay(text: str, days: int = 30) -> str:
    replay_id = f"rp_{secrets.token_hex(8)}"
    member = await row("SELECT id FROM members WHERE email = 'controller@demo.example'")
    assert member is not None
    await rows(
        "INSERT INTO replays (id, organization_id, mode, source, title, state, policy_source, policy_name, "
        "requested_by, created_at, expires_at) VALUES ({}, 'org_demo', 'test', 'csv', '', 'waiting', {}, "
        "'refunds-starter', {}, now(), now() + make_interval(days => {}))",
        replay_id,
        pack("refunds-starter"),
        member["id"],
        days,
    )
    await rows("INSERT INTO replay_uploads (replay_id, content) VALUES ({}, {})", replay_id, text.encode())
    return replay_id


async def _row(replay_id: str) -> dict[str, Any]:
    found = await row("SELECT * FROM replays WHERE id = {}", replay_id)
    assert found is not None
    return found


async def _starts(handle: Any) -> AsyncIterator[Any]:
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_started_event_attributes"):
            yield event


async def _child() -> psutil.Process:
    """The replaying process of the worker in this process, once it is there."""
    async with asyncio.timeout(15):
        while True:
            for child in psutil.Process().children(recursive=True):
                # One of an earlier test may end while it is looked at.
                with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                    if "activities.replay_child" in child.cmdline():
                        return child
            await asyncio.sleep(0.02)


async def test_a_replay_deleted_while_it_runs_ends_and_leaves_nothing(movements: Any) -> None:
    lines = "".join(f"ch_{number},200.00,usd,2024-03-01 10:00,cus_{number}\n" for number in range(ROWS))
    handle = await _started(movements, HEADER + lines)
    await _child()
    await rows("DELETE FROM replays WHERE id = {}", handle.id)
    assert await asyncio.wait_for(handle.result(), 60) == "deleted"
    assert await row("SELECT FROM replay_findings WHERE replay_id = {}", handle.id) is None
