"""Forgetting: the logs of what went out and came in are for people who look into something, and end after a while.

What was decided, voted and changed is in the ledger and stays; a vote knows the message it came with.
"""

import asyncio
from typing import Final

import structlog

from axiru.database import rows

log = structlog.get_logger()

DELIVERIES_DAYS: Final = 90
RECEIVED_DAYS: Final = 30
_EVERY_SECONDS: Final = 3_600.0
_AT_ONCE: Final = 1_000


async def forget_forever() -> None:
    """Forget every hour until cancelled; what fails is tried again with the next hour."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await forget_once()
        except Exception:
            log.exception("forgetting_interrupted")


async def forget_once() -> int:
    """Delete what is too old, a little at a time; returns how many rows. What is still to be sent is never too old."""
    forgotten = 0
    for statement, days in ((_DELIVERIES, DELIVERIES_DAYS), (_RECEIVED, RECEIVED_DAYS)):
        while gone := await rows(statement, days, _AT_ONCE):
            forgotten += len(gone)
    return forgotten


_DELIVERIES: Final = """
DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE state <> 'pending' AND finished_at < clock_timestamp() - make_interval(days => {})
    ORDER BY finished_at LIMIT {}
) RETURNING id
"""
_RECEIVED: Final = """
DELETE FROM received_messages WHERE (door, message_id) IN (
    SELECT door, message_id FROM received_messages WHERE received_at < clock_timestamp() - make_interval(days => {})
    ORDER BY received_at LIMIT {}
) RETURNING message_id
"""
