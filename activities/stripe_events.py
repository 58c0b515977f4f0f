"""Events of Stripe, acted on behind their receipt: leased, told apart, tried again, and given up after a while.

An event only says which object changed. Events may come twice, late and in any order, and several tell of one movement;
what is written of a movement is the same in the end.
"""

import asyncio
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from temporalio.client import Client

from activities.event_effects import EventEffects
from activities.stripe_client import StripeClients
from activities.sweep import ensure_workflow
from axiru.database import rows
from axiru.domain.movement import Mode
from axiru.domain.stripe_event import EventState
from ledger.entry import EntrySigner

log = structlog.get_logger()

BACKOFF_SECONDS: Final = (2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0)
"""The wait after each failed attempt but the last."""

ATTEMPTS: Final = len(BACKOFF_SECONDS) + 1
_IDLE_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 2.0
_AT_ONCE: Final = 4
_LEASE_SECONDS: Final = 120.0
_ATTEMPT_SECONDS: Final = 90.0
_SHORTEST_WAIT_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 60.0


class LeasedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that this worker has for a while; `attempts` counts this one."""

    organization_id: str
    mode: Mode
    id: str
    stripe_connection_id: str
    stripe_account_id: str
    type: str
    body: dict[str, Any]
    happened_at: datetime
    received_at: datetime
    attempts: int
    waited_seconds: float


async def observe_forever(client: Client, task_queue: str, clients: StripeClients, signer: EntrySigner) -> None:
    """Act on what arrives until cancelled. A few at a time: decisions come first."""
    effects = EventEffects(clients, signer, lambda movement: ensure_workflow(client, task_queue, movement))
    while True:
        try:
            observed = await observe_once(effects)
        except Exception:
            # PostgreSQL comes back; a lease that nobody wrote an end of runs out.
            log.exception("observing_interrupted")
            await asyncio.sleep(_AWAY_SECONDS)
        else:
            if not observed:
                await asyncio.sleep(_IDLE_SECONDS)


async def observe_once(effects: EventEffects) -> int:
    """Act on a few events that are due, side by side; returns how many."""
    leased = await rows(_LEASE, _LEASE_SECONDS, _AT_ONCE)
    events = [msgspec.convert({**one, "body": msgspec.json.decode(one["body"])}, LeasedEvent) for one in leased]
    await asyncio.gather(*(_attempt(effects, event) for event in events))
    return len(events)


async def _attempt(effects: EventEffects, event: LeasedEvent) -> None:
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            effect = await effects.of(event)
    except Exception as error:
        log.warning("stripe_event_not_processed", event_id=event.id, attempt=event.attempts, exc_info=error)
        await _tried(event, f"{type(error).__name__}: {getattr(error, 'code', None) or 'see the log'}")
    else:
        if effect is None:
            await _wait(event)
        else:
            await _record(event, effect.state, effect.detail, wait_seconds=None)


async def _tried(event: LeasedEvent, detail: str) -> None:
    if event.attempts >= ATTEMPTS:
        await _record(event, "failed", detail, wait_seconds=None)
    else:
        await _record(event, "received", detail, wait_seconds=BACKOFF_SECONDS[event.attempts - 1])


async def _wait(event: LeasedEvent) -> None:
    """Too early to tell; that is no failed attempt. The longer it has waited, the longer it can wait for more."""
    wait_seconds = min(max(event.waited_seconds / 2, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
    await _record(event, "received", None, wait_seconds=wait_seconds, attempts=event.attempts - 1)


async def _record(
    event: LeasedEvent,
    state: EventState,
    detail: str | None,
    *,
    wait_seconds: float | None,
    attempts: int | None = None,
) -> None:
    await rows(
        """
        UPDATE stripe_events SET state = {}, detail = {}, attempts = {},
            next_attempt_at = clock_timestamp() + make_interval(secs => {}::float),
            processed_at = CASE WHEN {} = 'received' THEN NULL ELSE clock_timestamp() END
        WHERE organization_id = {} AND mode = {} AND id = {} AND state = 'received'
        """,
        *(state, detail, event.attempts if attempts is None else attempts, wait_seconds, state),
        *(event.organization_id, event.mode, event.id),
    )


_LEASE: Final = """
UPDATE stripe_events e SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => {})
FROM (SELECT organization_id, mode, id FROM stripe_events
    WHERE state = 'received' AND next_attempt_at <= clock_timestamp()
    ORDER BY next_attempt_at LIMIT {} FOR UPDATE SKIP LOCKED) due
WHERE e.organization_id = due.organization_id AND e.mode = due.mode AND e.id = due.id
RETURNING e.organization_id, e.mode, e.id, e.stripe_connection_id, e.stripe_account_id, e.type, e.body, e.happened_at,
    e.received_at, e.attempts, extract(epoch FROM clock_timestamp() - e.received_at)::float AS waited_seconds
"""
