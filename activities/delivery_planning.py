"""Planning: reads what was sealed, asks one channel whom to tell of it, and writes the deliveries down.

Every channel has a cursor of its own on every chain, so one that cannot plan holds up no other. Planning a happening
again, after a crash or beside another worker, writes nothing new: `dedupe` names what a delivery tells whom.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from axiru import ids
from axiru.database import rows
from axiru.domain.delivery import Channel, Happening, Planned

log = structlog.get_logger()

_BATCH: Final = 200
GATHERED_SECONDS: Final = 2.0
"""How long a message that shows a state waits for more of the same: a burst of changes is told once."""
_AWAY: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What passes by itself. Anything else a plan raises would be raised again by every attempt."""
_OURS: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""What PostgreSQL says of a value that it is given, however often; the rest of what it says may pass."""


class Place(msgspec.Struct, frozen=True):
    """Something to be told to one target, or the failure to find out whom to tell."""

    happening: Happening
    planned: Planned
    failed_because: str | None = None


async def plan_once(channel: Channel) -> int:
    """Plan one batch of every chain; returns how many happenings were read.

    A chain that fails holds up no other one; the first failure is raised when all have had their turn.
    """
    read = 0
    failures: list[Exception] = []
    for chain in await rows(_BEHIND, relay_name(channel)):
        try:
            read += await _plan_chain(channel, chain)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return read


def relay_name(channel: Channel) -> str:
    """The name of the channel's cursors in `outbox_cursors`."""
    return f"deliveries/{channel.name}"


_BEHIND: Final = """
SELECT h.organization_id, h.mode, h.seq, coalesce(c.seq, 0) AS planned FROM chain_heads h
LEFT JOIN outbox_cursors c ON c.relay = {} AND c.organization_id = h.organization_id AND c.mode = h.mode
WHERE h.seq > coalesce(c.seq, 0)
"""


async def _plan_chain(channel: Channel, chain: Mapping[str, Any]) -> int:
    """Plan what lies behind one chain's cursor, write it, then move the cursor."""
    organization_id, mode = chain["organization_id"], chain["mode"]
    # No further than the head that was read: entries sealed meanwhile must not fall behind the cursor unseen.
    upto = min(chain["seq"], chain["planned"] + _BATCH)
    told = await rows(
        """
        SELECT organization_id, mode, seq, position, topic, payload, written_at FROM outbox
        WHERE organization_id = {} AND mode = {} AND seq > {} AND seq <= {} ORDER BY seq, position
        """,
        organization_id,
        mode,
        chain["planned"],
        upto,
    )
    for message in told:
        happening = msgspec.convert({**message, "payload": msgspec.json.decode(message["payload"])}, Happening)
        await _write(channel, await _places(channel, happening))
    await rows(
        """
        INSERT INTO outbox_cursors AS held (relay, organization_id, mode, seq) VALUES ({}, {}, {}, {})
        ON CONFLICT (relay, organization_id, mode) DO UPDATE SET seq = greatest(held.seq, excluded.seq)
        """,
        relay_name(channel),
        organization_id,
        mode,
        upto,
    )
    return len(told)


async def _places(channel: Channel, happening: Happening) -> list[Place]:
    try:
        return [Place(happening, planned) for planned in await channel.plan(happening)]
    except Exception as error:
        if isinstance(error, _AWAY) and not isinstance(error, _OURS):
            raise
        # A defect of ours in one message must not silence the chain for ever: it is logged as a failed delivery.
        log.exception("delivery_not_planned", channel=channel.name, topic=happening.topic, seq=happening.seq)
        unknown = Planned(target="", event=happening.topic, body=happening.payload)
        return [Place(happening, unknown, f"Whom to tell could not be found out: {type(error).__name__}.")]


async def _write(channel: Channel, places: Sequence[Place]) -> None:
    if not places:
        return
    written = [
        {
            "id": ids.new_id(ids.DELIVERY),
            "organization_id": each.happening.organization_id,
            "mode": each.happening.mode,
            "target": each.planned.target,
            "event": each.planned.event,
            "body": each.planned.body,
            "dedupe": _dedupe(channel, each),
            "state": "pending" if each.failed_because is None else "failed",
            "last_detail": each.failed_because,
            "shows_state": each.planned.shows_state,
        }
        for each in places
    ]
    await rows(
        """
        INSERT INTO deliveries (id, organization_id, mode, channel, target, event, body, dedupe, state, last_detail,
            next_attempt_at, created_at, finished_at)
        SELECT id, organization_id, mode, {}, target, event, body, dedupe, state, last_detail,
            clock_timestamp() + make_interval(secs => CASE WHEN shows_state THEN {} ELSE 0 END),
            clock_timestamp(), CASE state WHEN 'failed' THEN clock_timestamp() END
        FROM jsonb_to_recordset({}::jsonb) AS w (id text, organization_id text, mode text, target text, event text,
            body jsonb, dedupe text, state text, last_detail text, shows_state boolean)
        WHERE NOT (shows_state AND EXISTS (SELECT FROM deliveries d WHERE d.organization_id = w.organization_id
            AND d.channel = {} AND d.target = w.target AND d.event = w.event
            AND d.state = 'pending' AND d.attempts = 0))
        ON CONFLICT (dedupe) DO NOTHING
        """,
        channel.name,
        GATHERED_SECONDS,
        msgspec.json.encode(written).decode(),
        channel.name,
    )


def _dedupe(channel: Channel, place: Place) -> str:
    happening = place.happening
    chain = f"{happening.organization_id}/{happening.mode}/{happening.seq}/{happening.position}"
    return f"{chain}/{channel.name}/{place.planned.target}/{place.planned.event}"
