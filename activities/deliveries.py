"""Deliveries: what was sealed leaves the house, through every channel on its own.

Each channel plans and sends by itself: one that hangs or fails delays no other, and nothing else in the worker. A
delivery is leased before it is tried; a worker that dies lets go of it when the lease is over, so what is told is told
at least once, under the same id. Nothing promises an order, not even to one target.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import msgspec
import structlog

from activities.delivery_planning import plan_once
from axiru.database import row, rows, transaction
from axiru.domain.delivery import Channel, Outgoing, Sent

log = structlog.get_logger()

BACKOFF_SECONDS: Final = (5.0, 30.0, 120.0, 600.0, 3_600.0, 10_800.0, 21_600.0)
"""The wait after each failed attempt but the last; with all of them a target has half a day to come back."""

ATTEMPTS: Final = len(BACKOFF_SECONDS) + 1
_LONGEST_RETRY_AFTER_SECONDS: Final = 86_400.0
_SEND_SECONDS: Final = 45.0
_LEASE_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 0.5
_GATHER_SECONDS: Final = 0.2
_AWAY_SECONDS: Final = 2.0
_GRACE_SECONDS: Final = 3.0
_AT_ONCE: Final = 64
_AT_ONCE_A_TARGET: Final = 4
_LOOKED_AT: Final = 2_000
_LONGEST_DETAIL: Final = 4_096


async def deliver_forever(channels: Sequence[Channel]) -> None:
    """Plan and send through every channel until cancelled; then let what is being sent finish, and close them."""
    try:
        async with asyncio.TaskGroup() as group:
            for channel in channels:
                fresh = asyncio.Event()
                group.create_task(_plan_forever(channel, fresh), name=f"plan {channel.name}")
                group.create_task(_send_forever(channel, fresh), name=f"send {channel.name}")
    finally:
        for channel in channels:
            await channel.close()


async def _plan_forever(channel: Channel, fresh: asyncio.Event) -> None:
    while True:
        try:
            read = await plan_once(channel)
        except Exception:
            # PostgreSQL comes back; the cursor has not moved past what was not planned.
            log.exception("planning_interrupted", channel=channel.name)
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        if read:
            fresh.set()
        # What is sealed meanwhile is planned together: a look for each decision would cost every decision.
        await asyncio.sleep(_GATHER_SECONDS if read else _IDLE_SECONDS)


async def _send_forever(channel: Channel, fresh: asyncio.Event) -> None:
    under_way: dict[asyncio.Task[None], str] = {}

    def ended(task: asyncio.Task[None]) -> None:
        del under_way[task]
        fresh.set()

    try:
        while True:
            fresh.clear()
            try:
                leased = await lease(channel, _AT_ONCE - len(under_way), busy=set(under_way.values()))
            except Exception:
                log.exception("sending_interrupted", channel=channel.name)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            for outgoing in leased:
                task = asyncio.create_task(attempt(channel, outgoing))
                under_way[task] = outgoing.target
                task.add_done_callback(ended)
            if not leased or len(under_way) >= _AT_ONCE:
                await _rung(fresh)
    finally:
        if under_way:
            _, late = await asyncio.wait(set(under_way), timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)


async def _rung(fresh: asyncio.Event) -> None:
    """Return when there is something new, or when it is time to look anyway."""
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            await fresh.wait()
    except TimeoutError:
        return


async def lease(channel: Channel, most: int, *, busy: Collection[str] = ()) -> list[Outgoing]:
    """Take up to `most` deliveries that are due, for a minute, few of any one target and none of the `busy` ones.

    So a target that hangs takes a few places, never all of them.
    """
    if most <= 0:
        return []
    leased = await rows(
        """
        WITH due AS (
            SELECT id, target, next_attempt_at FROM deliveries
            WHERE state = 'pending' AND channel = {} AND next_attempt_at <= clock_timestamp()
                AND target <> ALL({}::text[])
            ORDER BY next_attempt_at LIMIT {}
        ), fair AS (
            SELECT id, row_number() OVER (PARTITION BY target ORDER BY next_attempt_at) AS place FROM due
        ), taken AS (
            SELECT d.id FROM deliveries d JOIN fair f ON f.id = d.id
            WHERE f.place <= {} AND d.state = 'pending' AND d.next_attempt_at <= clock_timestamp()
            LIMIT {} FOR UPDATE OF d SKIP LOCKED
        )
        UPDATE deliveries SET attempts = attempts + 1,
            next_attempt_at = clock_timestamp() + make_interval(secs => {})
        WHERE id IN (SELECT id FROM taken)
        RETURNING id, organization_id, mode, target, event, body, attempts AS attempt
        """,
        channel.name,
        list(busy),
        _LOOKED_AT,
        _AT_ONCE_A_TARGET,
        most,
        _LEASE_SECONDS,
    )
    return [msgspec.convert({**each, "body": msgspec.json.decode(each["body"])}, Outgoing) for each in leased]


async def attempt(channel: Channel, outgoing: Outgoing) -> None:
    """Send once and write down how it went. What could not be written down is tried again when the lease is over."""
    began_at, began = datetime.now(UTC), monotonic()
    sent = await _sent(channel, outgoing)
    if sent.outcome == "retry" and outgoing.attempt >= ATTEMPTS:
        sent = msgspec.structs.replace(sent, outcome="failed")
    milliseconds = round((monotonic() - began) * 1_000)
    try:
        await _record(outgoing, sent, began_at, milliseconds)
    except Exception:
        log.exception("attempt_not_recorded", channel=channel.name, delivery_id=outgoing.id)


async def _sent(channel: Channel, outgoing: Outgoing) -> Sent:
    if outgoing.attempt > ATTEMPTS:
        return Sent(outcome="failed", detail="Given up: every attempt ended without an answer.")
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            return await channel.send(outgoing)
    except TimeoutError:
        return Sent(outcome="retry", detail=f"Not sent within {_SEND_SECONDS:.0f} s.")
    except Exception as error:
        log.exception("send_failed", channel=channel.name, delivery_id=outgoing.id)
        return Sent(outcome="retry", detail=f"Sending failed here: {type(error).__name__}.")


async def _record(outgoing: Outgoing, sent: Sent, began_at: datetime, milliseconds: int) -> None:
    detail = _stored(sent.detail)
    async with transaction():
        # Another worker may have taken it over when this one's lease was over: the newest attempt says how it stands.
        held = await row(
            """
            UPDATE deliveries SET state = CASE {} WHEN 'retry' THEN 'pending' ELSE {} END,
                next_attempt_at = clock_timestamp() + make_interval(secs => {}),
                finished_at = CASE WHEN {} = 'retry' THEN NULL ELSE clock_timestamp() END,
                last_status = {}, last_detail = {}
            WHERE id = {} AND state = 'pending' AND (attempts = {} OR {} = 'delivered') RETURNING id
            """,
            sent.outcome,
            sent.outcome,
            _wait_seconds(outgoing, sent),
            sent.outcome,
            sent.status,
            detail,
            outgoing.id,
            outgoing.attempt,
            sent.outcome,
        )
        await rows(
            """
            INSERT INTO delivery_attempts (delivery_id, attempt, began_at, milliseconds, outcome, status, detail)
            VALUES ({}, {}, {}, {}, {}, {}, {}) ON CONFLICT DO NOTHING
            """,
            outgoing.id,
            outgoing.attempt,
            began_at,
            milliseconds,
            sent.outcome,
            sent.status,
            detail,
        )
    if held is not None and sent.outcome != "delivered":
        log.warning("not_delivered", delivery_id=outgoing.id, attempt=outgoing.attempt, outcome=sent.outcome)


def _wait_seconds(outgoing: Outgoing, sent: Sent) -> float:
    """The step of this attempt, or longer where the other side asks for it; never longer than a day."""
    step = BACKOFF_SECONDS[min(outgoing.attempt, len(BACKOFF_SECONDS)) - 1]
    return min(max(step, sent.retry_after_seconds), _LONGEST_RETRY_AFTER_SECONDS)


def _stored(detail: str) -> str:
    """What the other side said, as PostgreSQL's text can hold it."""
    return detail.encode("utf-8", "replace").decode().replace("\x00", "�")[:_LONGEST_DETAIL]
