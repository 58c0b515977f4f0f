"""Replays of history: read what is stored, let a process of its own judge it, write what it found."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, assert_never, cast

import msgspec
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.replay_process import judged
from activities.replay_shapes import Done, Found, Job, ListInForce, Progress, Refused
from activities.stored_history import Decisions, PulledRefunds, Upload
from axiru.database import row, rows, transaction
from axiru.domain.exact import exact
from axiru.domain.replay import ReplayInput, ReplaySource, ReplayState
from policies.history import Finding, Report

DELETED: Final = "deleted"
_HEARTBEAT_SECONDS: Final = 3.0
_TOLD_EVERY_SECONDS: Final = 0.5
_LONGEST_SUBJECT: Final = 500
_DELETED_AT_ONCE: Final = 100


class Replays:
    """One replay at a time a worker: each takes a core, and decisions come first."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    @activity.defn
    async def replay(self, asked: ReplayInput) -> str:
        """Make the replay from its beginning and write all it found; returns the state it ends in.

        One that was deleted meanwhile ends as `deleted`. Running it twice finds the same twice and keeps it once.
        """
        async with beating(), self._turn:
            return await _replay(asked.replay_id)

    @activity.defn
    async def give_up(self, asked: ReplayInput) -> None:
        """Say that the replay failed for a reason that is ours, or Stripe's."""
        error = {"code": "internal_error", "message": "The replay could not be made; it has been recorded."}
        pulling = "SELECT stage FROM replay_pulls WHERE replay_id = {} AND stage <> 'pulled'"
        if await row(pulling, asked.replay_id) is not None:
            error = {"code": "stripe_unreachable", "message": "Stripe did not answer for hours; start a new replay."}
        await fail(asked.replay_id, error)

    @activity.defn
    async def delete_expired(self) -> int:
        """Delete every replay whose days are over, with its upload and findings; returns how many there were."""
        deleted = 0
        while gone := await rows(
            "DELETE FROM replays WHERE id IN (SELECT id FROM replays WHERE expires_at <= clock_timestamp() "
            "ORDER BY expires_at LIMIT {}) RETURNING id",
            _DELETED_AT_ONCE,
        ):
            deleted += len(gone)
            activity.heartbeat(deleted)
        return deleted


@contextlib.asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Tell Temporal that this worker lives, for as long as the block lasts."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


async def fail(replay_id: str, error: dict[str, Any]) -> str:
    """End a replay as failed, with the code and the message of why; returns the state it ends in."""
    return await _finish(replay_id, "failed", error=error)


async def _replay(replay_id: str) -> str:
    replay = await row(
        "UPDATE replays SET state = 'running', rows_done = 0 WHERE id = {} AND state IN ('waiting', 'running') "
        "RETURNING *",
        replay_id,
    )
    if replay is None:
        found = await row("SELECT state FROM replays WHERE id = {}", replay_id)
        return str(found["state"]) if found else DELETED
    source = cast(ReplaySource, replay["source"])
    history = await _history(source, replay)
    if history is None:
        return DELETED
    job = Job(source, replay["policy_source"], await _lists(replay["organization_id"]))
    # What an attempt before this one has found is found again.
    await rows("DELETE FROM replay_findings WHERE replay_id = {}", replay_id)
    found_so_far, last = 0, 0.0
    async with contextlib.aclosing(judged(job, history)) as judging:
        async for told in judging:
            match told:
                case Progress():
                    # In between, a word now and then is enough; the end is told by the report.
                    if (now := time.monotonic()) - last > _TOLD_EVERY_SECONDS:
                        last = now
                        if not await _tell(replay_id, history.rows_done(told), history.rows_total):
                            return DELETED
                case Found():
                    await _write_findings(replay_id, found_so_far, told.findings)
                    found_so_far += len(told.findings)
                case Done():
                    return await _finish(replay_id, "done", report=told.report, findings=found_so_far)
                case Refused():
                    return await _finish(replay_id, "failed", error=_error(told))
    raise ApplicationError("The replaying process ended before it was done.")


async def _history(source: ReplaySource, replay: dict[str, Any]) -> Upload | Decisions | PulledRefunds | None:
    match source:
        case "csv":
            return await Upload.read(replay)
        case "decisions":
            return await Decisions.read(replay)
        case "stripe":
            return await PulledRefunds.read(replay)
        case _:
            assert_never(source)


def _error(refused: Refused) -> dict[str, Any]:
    place = {"line": refused.line, "column": refused.column} if refused.line else {}
    return {"code": refused.code, "message": refused.message, **place}


async def _lists(organization_id: str) -> dict[str, ListInForce]:
    found = await rows(
        "SELECT v.slug, l.kind, array_remove(array_agg(x.value), NULL) AS held FROM list_versions v "
        "JOIN lists l USING (organization_id, slug) LEFT JOIN list_values x ON x.list_version_id = v.id "
        "WHERE v.organization_id = {} AND v.status = 'active' GROUP BY v.slug, l.kind",
        organization_id,
    )
    return {each["slug"]: ListInForce(each["kind"], tuple(each["held"])) for each in found}


async def _tell(replay_id: str, done: int, total: int) -> bool:
    """Write the progress; False if the replay was deleted meanwhile."""
    found = await row(
        "UPDATE replays SET rows_done = {}, rows_total = {} WHERE id = {} RETURNING id", done, total, replay_id
    )
    return found is not None


async def _finish(
    replay_id: str,
    state: ReplayState,
    *,
    report: Report | None = None,
    error: dict[str, Any] | None = None,
    findings: int = 0,
) -> str:
    """Write the end of a replay, once, and let go of its file and of what a failed one had found."""
    async with transaction():
        finished = await row(
            "UPDATE replays SET state = {}, result = {}::jsonb, error = {}::jsonb, rows_done = {}, rows_total = {}, "
            "finished_at = clock_timestamp() WHERE id = {} AND state IN ('waiting', 'running') RETURNING id",
            state,
            msgspec.json.encode(exact(msgspec.to_builtins(report))).decode() if report else None,
            msgspec.json.encode(error).decode() if error else None,
            report.rows if report else 0,
            report.rows if report else None,
            replay_id,
        )
        if finished is None:
            return DELETED
        if state == "failed":
            await rows("DELETE FROM replay_findings WHERE replay_id = {}", replay_id)
        kept = await row("SELECT count(*) AS findings FROM replay_findings WHERE replay_id = {}", replay_id)
        if kept is None or kept["findings"] != findings:
            # Another attempt, thought to be lost, was still at it. The next one is alone.
            raise ApplicationError("The findings are not those of one run.")
        await rows("DELETE FROM replay_uploads WHERE replay_id = {}", replay_id)
    return state


async def _write_findings(replay_id: str, first: int, findings: Sequence[Finding]) -> None:
    told = [
        {
            "position": position,
            "line": each.line,
            "subject": each.id[:_LONGEST_SUBJECT],
            "outcome": each.outcome,
            "rule": each.rule,
            "reason": each.reason,
            "message": each.message,
            "amount_cents": each.amount_cents,
            "currency": each.currency,
            "moved_at": each.at,
            "flags": each.flags,
            "was": None if each.was is msgspec.UNSET else each.was,
        }
        for position, each in enumerate(findings, start=first)
    ]
    await rows(
        "INSERT INTO replay_findings (replay_id, position, line, subject, outcome, rule, reason, message, "
        "amount_cents, currency, moved_at, flags, was) SELECT {}, f.* FROM jsonb_to_recordset({}::jsonb) AS f ("
        "position integer, line integer, subject text, outcome text, rule text, reason text, message text, "
        "amount_cents numeric, currency text, moved_at timestamptz, flags text[], was text) ON CONFLICT DO NOTHING",
        replay_id,
        msgspec.json.encode(told).decode(),
    )
