"""What circuit breakers see: which are armed, what moved in their window, and what moved before it."""

from typing import Any, Final, assert_never

import msgspec

from axiru.database import row, rows
from axiru.domain.breaker import Breaker

# Not while its own freeze is in force or its proposal open, nor within one window after either ended: what is still in
# the window was answered already.
_ARMED: Final = """
SELECT b.id, b.organization_id, b.mode, b.name, b.metric, b.rail, b.rail_action, b.source, b.currency, b.window_seconds,
    b.baseline_seconds, b.factor_percent, b.minimum, b.response, b.freeze_seconds, b.updated_at
FROM breakers b WHERE b.retired_at IS NULL AND NOT EXISTS (
    SELECT FROM breaker_trips t LEFT JOIN controls c ON c.id = t.control_id
    WHERE t.organization_id = b.organization_id AND t.mode = b.mode AND t.breaker_id = b.id AND (
        t.state = 'proposed'
        OR (c.id IS NOT NULL AND c.lifted_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp()))
        OR greatest(t.resolved_at, least(c.lifted_at, c.expires_at))
            > clock_timestamp() - make_interval(secs => b.window_seconds)))
"""

# `movements_by_organization` and `executions_failed` bound what is read by time; now() is the statement's clock here,
# and unlike clock_timestamp() may bound an index scan. What was released moved nothing.
_MOVED: Final = """
FROM movements m WHERE m.organization_id = {} AND m.mode = {} AND m.surface_mode IN ('enforce', 'shadow')
    AND m.state <> 'released' AND m.rail = {} AND m.rail_action = {}
    AND m.moved_at > now() - make_interval(secs => {}) AND m.moved_at <= now() - make_interval(secs => {})
    AND ({}::text IS NULL OR m.asset = {})
    AND ({}::text IS NULL OR EXISTS (SELECT FROM decisions d WHERE d.id = m.decision_id AND d.source = {}))
"""

# A call that a control forbade was never made: it is no failure, or every freeze would look like one.
_FAILED: Final = """
FROM executions x JOIN decisions d ON d.id = x.decision_id
WHERE x.organization_id = {} AND x.mode = {} AND x.state = 'failed' AND x.first_call_at IS NOT NULL
    AND d.rail = {} AND d.rail_action = {}
    AND x.settled_at > now() - make_interval(secs => {}) AND x.settled_at <= now() - make_interval(secs => {})
    AND ({}::text IS NULL OR d.currency = {}) AND ({}::text IS NULL OR d.source = {})
"""


async def armed() -> list[Breaker]:
    """Every breaker that may trip now, of all organizations."""
    return [msgspec.convert(found, Breaker) for found in await rows(_ARMED)]


async def still_armed(breaker: Breaker) -> bool:
    """Whether the breaker may trip, under the terms that it was read with. For the act, behind the lock."""
    return await row(f"{_ARMED} AND b.id = {{}} AND b.updated_at = {{}}", breaker.id, breaker.updated_at) is not None


async def window_total(breaker: Breaker) -> int:
    """What the last window holds, by the database's clock."""
    return await _total(breaker, oldest_seconds=breaker.window_seconds, newest_seconds=0)


async def baseline_total(breaker: Breaker) -> int:
    """What the baseline before the last window holds."""
    oldest_seconds = breaker.window_seconds + breaker.baseline_seconds
    return await _total(breaker, oldest_seconds=oldest_seconds, newest_seconds=breaker.window_seconds)


async def _total(breaker: Breaker, *, oldest_seconds: int, newest_seconds: int) -> int:
    (found,) = await rows(
        *total_query(breaker, oldest_seconds=oldest_seconds, newest_seconds=newest_seconds),
    )
    return int(found["total"])


def total_query(breaker: Breaker, *, oldest_seconds: int, newest_seconds: int) -> tuple[Any, ...]:
    """The statement and its arguments that sum the breaker's metric from one age to another."""
    match breaker.metric:
        case "count":
            sql = f"SELECT count(*) AS total {_MOVED}"
        case "amount":
            sql = f"SELECT coalesce(sum(m.units), 0) AS total {_MOVED}"
        case "failures":
            sql = f"SELECT count(*) AS total {_FAILED}"
        case _:
            assert_never(breaker.metric)
    return (
        sql,
        breaker.organization_id,
        breaker.mode,
        breaker.rail,
        breaker.rail_action,
        float(oldest_seconds),
        float(newest_seconds),
        *(breaker.currency, breaker.currency, breaker.source, breaker.source),
    )
