"""Events of Stripe as people see them: what arrived by which way, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.errors import NotFound
from api.views.page import Cursor
from axiru.database import rows
from axiru.domain.movement import Mode
from axiru.domain.stripe_event import EventState, Via


class StripeEventView(msgspec.Struct, frozen=True, kw_only=True):
    """`decision_id` is the decision that the object it tells of belongs to; `next_attempt_at` is told while it waits.

    Of the object itself nothing is shown but its id: the decision shows what it is about.
    """

    id: str
    mode: Mode
    type: str
    api_version: str | None
    object_id: str
    stripe_connection_id: str
    stripe_account_id: str
    decision_id: str | None
    happened_at: datetime
    received_at: datetime
    via: Via
    state: EventState
    attempts: int
    next_attempt_at: datetime | None
    processed_at: datetime | None
    detail: str | None


class StripeEventPage(msgspec.Struct, frozen=True):
    items: list[StripeEventView]
    next_cursor: str | None


_SELECT: Final = """
SELECT e.id, e.mode, e.type, e.api_version, e.object_id, e.stripe_connection_id, e.stripe_account_id, o.decision_id,
    e.happened_at, e.received_at, e.via, e.state, e.attempts, e.next_attempt_at, e.processed_at, e.detail
FROM stripe_events e
LEFT JOIN observed_movements o ON o.organization_id = e.organization_id AND o.mode = e.mode
    AND o.stripe_object_id = e.object_id
WHERE e.organization_id = {}
"""


async def find_stripe_events(
    organization_id: str,
    mode: Mode,
    *,
    connection_id: str | None,
    state: EventState | None,
    limit: int,
    after: Cursor | None,
) -> StripeEventPage:
    """One page of an organization's events in one mode, those that arrived last first."""
    conditions, arguments = ["e.mode = {}"], [organization_id, mode]
    for column, wanted in (("e.stripe_connection_id", connection_id), ("e.state", state)):
        if wanted is not None:
            conditions.append(f"{column} = {{}}")
            arguments.append(wanted)
    cursor: list[Any] = []
    if after is not None:
        conditions.append("(e.received_at, e.id) < ({}::timestamptz, {}::text)")
        cursor = [after.at, after.id]
    found = await rows(
        f"{_SELECT} AND {' AND '.join(conditions)} ORDER BY e.received_at DESC, e.id DESC LIMIT {{}}",
        *(*arguments, *cursor, limit + 1),
    )
    shown = found[:limit]
    more = Cursor(shown[-1]["received_at"], shown[-1]["id"]).text() if len(found) > limit else None
    return StripeEventPage([msgspec.convert(event, StripeEventView) for event in shown], more)


async def find_stripe_event(event_id: str, organization_id: str, modes: Sequence[Mode]) -> StripeEventView:
    """Raises NotFound."""
    found = await rows(f"{_SELECT} AND e.id = {{}} AND e.mode = ANY({{}}::text[])", organization_id, event_id, [*modes])
    if not found:
        raise NotFound
    return msgspec.convert(found[0], StripeEventView)
