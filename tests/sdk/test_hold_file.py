"""Holds outlive whatever happens to the process, and are settled once by whoever gets an answer."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from axiru_client import Axiru, Hold, HoldNotWritten, NotAuthenticated, Retry

KEY = "ak_test_0123456789"
DECISIONS = "/api/v1/decisions"
ONCE = Retry(attempt_seconds=1.5, deadline_seconds=1.6, first_pause_seconds=3)
MANY_PROCESSES = 4
HOLDS_EACH = 8


async def test_hold_is_on_the_disk_before_anybody_is_told(nowhere: str, tmp_path: Path) -> None:
    killed = await _python(
        f"""
        import os, signal
        from axiru_client import Axiru, Retry
        client = Axiru({nowhere!r}, {KEY!r}, directory={str(tmp_path)!r}, retry=Retry(deadline_seconds=0.5),
                       on_hold=lambda hold: os.kill(os.getpid(), signal.SIGKILL))
        client.decide("refund", 17500, "usd", "ticket_1", charge="ch_1")
        """
    )

    assert killed == -signal.SIGKILL
    (hold,) = Axiru(nowhere, KEY, directory=tmp_path).holds()
    assert (hold.idempotency_key, hold.body["intent"]["charge"], hold.attempts) == ("ticket_1", "ch_1", 1)


async def test_many_processes_hold_in_one_file(nowhere: str, tmp_path: Path) -> None:
    codes = await asyncio.gather(
        *(
            _python(
                f"""
                from axiru_client import Axiru, Retry
                client = Axiru({nowhere!r}, {KEY!r}, directory={str(tmp_path)!r}, retry=Retry(deadline_seconds=0.5))
                for number in range({HOLDS_EACH}):
                    assert client.decide("refund", 100, "usd", f"{process}_{{number}}").outcome == "hold"
                    assert client.decide("refund", 100, "usd", f"shared_{{number}}").outcome == "hold"
                """
            )
            for process in range(MANY_PROCESSES)
        )
    )

    assert codes == [0] * MANY_PROCESSES
    holds = Axiru(nowhere, KEY, directory=tmp_path).holds()
    assert len(holds) == (MANY_PROCESSES + 1) * HOLDS_EACH
    assert {hold.attempts for hold in holds if hold.idempotency_key.startswith("shared_")} == {MANY_PROCESSES}


async def test_held_request_is_settled_by_the_answer_to_a_retry(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503), scripted())
    client = connect(axiru.url)
    held = await client.decide("refund", 100, "usd", "key_1", charge="ch_1")

    answered = await client.decide("refund", 100, "usd", "key_1", charge="ch_1")

    assert (held.outcome, answered.outcome) == ("hold", "allow")
    assert axiru.decisions()[0] == axiru.decisions()[1]
    assert await client.holds() == []


async def test_everything_held_is_asked_again_in_order(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url)
    for number in range(3):
        await client.decide("payout", 100 + number, "usd", f"key_{number}", context={"n": number})
    asked = axiru.decisions()
    axiru.says(DECISIONS, scripted())

    answered = await client.retry_holds()

    assert [(decision.idempotency_key, decision.outcome) for decision in answered] == [
        (f"key_{number}", "allow") for number in range(3)
    ]
    assert axiru.decisions()[3:] == asked
    assert await client.holds() == []
    assert await client.retry_holds() == []


async def test_retry_stops_at_the_first_that_is_not_answered(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url)
    for number in range(5):
        await client.decide("payout", 100, "usd", f"key_{number}")
    axiru.says(DECISIONS, scripted(), scripted(), scripted(503))

    assert len(await client.retry_holds()) == 2

    assert [hold.idempotency_key for hold in await client.holds()] == ["key_2", "key_3", "key_4"]
    axiru.says(DECISIONS, scripted())
    assert len(await client.retry_holds()) == 3


async def test_request_that_nobody_answers_holds_up_the_others_once(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url)
    for number in range(3):
        await client.decide("payout", 100, "usd", f"key_{number}")
    axiru.says(DECISIONS, scripted(500, {"error": "decision_failed"}), scripted())

    assert await client.retry_holds() == []
    assert [hold.attempts for hold in await client.holds()] == [2, 1, 1]
    axiru.says(DECISIONS, scripted(), scripted(), scripted(500, {"error": "decision_failed"}))
    assert [answer.idempotency_key for answer in await client.retry_holds()] == ["key_1", "key_2"]
    assert [hold.idempotency_key for hold in await client.holds()] == ["key_0"]


async def test_endpoint_that_is_not_there_holds_up_no_other(connect: Any, axiru: Any, scripted: Any) -> None:
    client = connect(axiru.url)
    agent = {"kind": "agent", "id": "a"}
    for number in range(2):
        await client.authorize("stripe_daa", "agent_payment", 100, "usd", initiator=agent, idempotency_key=f"a{number}")
    axiru.says(DECISIONS, scripted(503))
    await client.decide("refund", 100, "usd", "key_1")
    axiru.says(DECISIONS, scripted())
    asked = len(axiru.asked)

    assert [answer.idempotency_key for answer in await client.retry_holds()] == ["key_1"]

    assert len(axiru.asked) == asked + 2
    assert [hold.idempotency_key for hold in await client.holds()] == ["a0", "a1"]


async def test_refused_hold_is_a_denial_and_does_not_block_the_rest(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url)
    await client.decide("refund", 100, "usd", "key_1", charge="ch_none")
    await client.decide("refund", 100, "usd", "key_2")
    axiru.says(DECISIONS, scripted(400, {"error": "invalid_request", "message": "No such charge."}), scripted())

    answered = await client.retry_holds()

    assert [(decision.outcome, decision.reason) for decision in answered] == [
        ("deny", "invalid_request"),
        ("allow", "default_allow"),
    ]
    assert await client.holds() == []


async def test_key_that_was_revoked_meanwhile_keeps_the_holds(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url)
    await client.decide("refund", 100, "usd", "key_1")
    axiru.says(DECISIONS, scripted(401, {"error": "invalid_api_key", "message": "revoked"}))

    with pytest.raises(NotAuthenticated):
        await client.retry_holds()

    assert len(await client.holds()) == 1
    axiru.says(DECISIONS, scripted())
    assert len(await client.retry_holds()) == 1


async def test_callback_that_fails_loses_no_hold(connect: Any, axiru: Any, scripted: Any) -> None:
    told: list[Hold] = []

    def on_hold(hold: Hold) -> None:
        told.append(hold)
        raise RuntimeError("the pager is down")

    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url, on_hold=on_hold)

    decision = await client.decide("refund", 100, "usd", "key_1")

    assert (decision.outcome, [decision.hold]) == ("hold", told)
    assert await client.holds() == told


def test_coroutine_function_is_no_callback_of_the_client_that_blocks(nowhere: str, tmp_path: Path, caplog: Any) -> None:
    async def on_hold(_hold: Hold) -> None:
        pass

    with Axiru(nowhere, KEY, directory=tmp_path, retry=ONCE, on_hold=on_hold) as client:
        assert client.decide("refund", 100, "usd", "key_1").outcome == "hold"

    assert "coroutine function" in caplog.text


async def test_answer_that_could_not_be_acted_on_comes_again(connect: Any, axiru: Any, scripted: Any) -> None:
    acted: list[str] = []

    def act(hold: Hold, _decision: Any) -> None:
        if not acted and hold.idempotency_key == "key_1":
            acted.append("failed")
            raise RuntimeError("Stripe is down")
        acted.append(hold.idempotency_key)

    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url)
    await client.decide("refund", 100, "usd", "key_1")
    axiru.says(DECISIONS, scripted())

    await client.retry_holds(act)
    assert len(await client.holds()) == 1
    await client.retry_holds(act)

    assert acted == ["failed", "key_1"]
    assert await client.holds() == []


async def test_hold_is_worked_on_by_one_at_a_time(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(503))
    first, second = connect(axiru.url), connect(axiru.url)
    for number in range(3):
        await first.decide("refund", 100, "usd", f"key_{number}")
    axiru.says(DECISIONS, scripted(hangs=0.3))

    answers = await asyncio.gather(first.retry_holds(), second.retry_holds())

    assert sorted(map(len, answers)) == [0, 3]
    assert len(axiru.decisions()) == 3 + 3


async def test_test_and_live_requests_are_kept_apart(axiru: Any, scripted: Any, tmp_path: Path) -> None:
    axiru.says(DECISIONS, scripted(503))
    with (
        Axiru(axiru.url, "ak_test_1", directory=tmp_path, retry=ONCE) as test,
        Axiru(axiru.url, "ak_live_1", directory=tmp_path, retry=ONCE) as live,
    ):
        test.decide("refund", 100, "usd", "key_1")
        live.decide("refund", 900, "usd", "key_1")

        assert [hold.body["intent"]["amount_cents"] for hold in test.holds()] == [100]
        assert [hold.body["intent"]["amount_cents"] for hold in live.holds()] == [900]


async def test_file_is_nobody_elses_to_read_and_holds_no_key(nowhere: str, tmp_path: Path) -> None:
    with Axiru(nowhere, KEY, directory=tmp_path / "state", retry=ONCE) as client:
        client.decide("refund", 100, "usd", "key_1")

    files = list((tmp_path / "state").iterdir())
    assert [file.name for file in files] == ["holds.sqlite3"]
    assert files[0].stat().st_mode & 0o077 == 0
    assert KEY.encode() not in files[0].read_bytes()


def test_service_without_a_hold_file_does_not_start(nowhere: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "holds.sqlite3").write_bytes(b"this is no database" * 100)

    for directory in (tmp_path / "file", tmp_path):
        with pytest.raises(HoldNotWritten):
            Axiru(nowhere, KEY, directory=directory)


async def test_hold_that_cannot_be_kept_is_no_hold(connect: Any, nowhere: str, tmp_path: Path) -> None:
    client = connect(nowhere)
    blocker = sqlite3.connect(tmp_path / "state" / "holds.sqlite3")
    blocker.execute("DROP TABLE requests")
    blocker.close()

    with pytest.raises(HoldNotWritten):
        await client.decide("refund", 100, "usd", "key_1")


async def _python(code: str) -> int:
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {"PYTHONWARNINGS": "error::ResourceWarning"},
        check=False,
        timeout=60,
    )
    return process.returncode
