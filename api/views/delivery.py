"""Deliveries as people see them: what went to whom through which channel, and every attempt at it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from api.errors import NotFound
from api.views.page import Cursor
from axiru.database import rows
from axiru.domain.delivery import ChannelName
from axiru.domain.movement import Mode

DeliveryState = Literal["pending", "delivered", "failed"]


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """`detail` is the beginning of what the other side said, or why nothing was heard of it."""

    attempt: int
    began_at: datetime
    milliseconds: int
    outcome: Literal["delivered", "retry", "failed"]
    status: int | None
    detail: str


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """`target` is an endpoint, a Slack channel or a member; `next_attempt_at` is told while there is one to come.

    `decision_id` is what the message is about, where it is about one decision.
    """

    id: str
    mode: Mode
    channel: ChannelName
    target: str
    event: str
    decision_id: str | None
    state: DeliveryState
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    last_status: int | None
    last_detail: str | None
    resend_of: str | None
    attempts: list[AttemptView]


class DeliveryPage(msgspec.Struct, frozen=True):
    items: list[DeliveryView]
    next_cursor: str | None


class DeliveryFilter(msgspec.Struct, frozen=True):
    """None is any."""

    modes: Sequence[Mode]
    channel: ChannelName | None = None
    target: str | None = None
    state: DeliveryState | None = None


async def find_deliveries(
    organization_id: str, wanted: DeliveryFilter, *, limit: int, after: Cursor | None
) -> DeliveryPage:
    """Deliveries, newest first."""
    conditions, arguments = "", list[Any]((organization_id, list(wanted.modes)))
    for column, value in (("channel", wanted.channel), ("target", wanted.target), ("state", wanted.state)):
        if value is not None:
            conditions += f" AND {column} = {{}}"
            arguments.append(value)
    if after is not None:
        conditions += " AND (created_at, id) < ({}, {})"
        arguments += [after.at, after.id]
    found = await rows(f"{_SELECT}{conditions} ORDER BY created_at DESC, id DESC LIMIT {{}}", *arguments, limit + 1)
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return DeliveryPage(await _views(shown), Cursor(last["created_at"], last["id"]).text() if last else None)


async def find_delivery(delivery_id: str, organization_id: str, modes: Sequence[Mode]) -> DeliveryView:
    """Raises NotFound."""
    found = await rows(_SELECT + " AND id = {}", organization_id, list(modes), delivery_id)
    if not found:
        raise NotFound
    return (await _views(found))[0]


_SELECT: Final = """
SELECT id, mode, channel, target, event, state, created_at, finished_at, last_status, last_detail, resend_of,
    coalesce(body ->> 'decision_id', body -> 'told' ->> 'decision_id') AS decision_id,
    CASE state WHEN 'pending' THEN next_attempt_at END AS next_attempt_at
FROM deliveries WHERE organization_id = {} AND mode = ANY({}::text[])
"""


async def _views(found: Sequence[Mapping[str, Any]]) -> list[DeliveryView]:
    tried = await rows(
        "SELECT * FROM delivery_attempts WHERE delivery_id = ANY({}::text[]) ORDER BY delivery_id, attempt",
        [delivery["id"] for delivery in found],
    )
    attempts: dict[str, list[AttemptView]] = {}
    for each in tried:
        attempts.setdefault(each["delivery_id"], []).append(msgspec.convert(each, AttemptView))
    return [DeliveryView(**delivery, attempts=attempts.get(delivery["id"], [])) for delivery in found]
