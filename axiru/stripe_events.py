"""Where events of Stripe are kept before anybody is told that they arrived: once, for every connection they concern."""

from collections.abc import Sequence
from typing import Any

import msgspec

from axiru.database import rows
from axiru.domain.stripe_event import EVENT_TYPES, EventState, StripeEvent, Via


async def keep_events(events: Sequence[StripeEvent], via: Via, *, connection_id: str | None = None) -> int:
    """Keep what is not kept yet, in one statement and without a lock; returns how many events were new.

    An event of an account that no active connection stands for leaves nothing. `connection_id` is the only one to keep
    them for, where they were read with its token.
    """
    told = [_told(event) for event in events]
    kept = await rows(
        """
        INSERT INTO stripe_events (organization_id, mode, id, stripe_connection_id, stripe_account_id, type,
            api_version, object_id, body, happened_at, received_at, via, state, next_attempt_at)
        SELECT c.organization_id, c.mode, e.id, c.id, e.stripe_account_id, e.type, e.api_version, e.object_id, e.body,
            e.happened_at, clock_timestamp(), {}, e.state, CASE e.state WHEN 'received' THEN clock_timestamp() END
        FROM jsonb_to_recordset({}::jsonb) AS e (id text, type text, mode text, stripe_account_id text,
            api_version text, object_id text, body jsonb, happened_at timestamptz, state text)
        JOIN stripe_connections c ON c.mode = e.mode AND c.stripe_account_id = e.stripe_account_id
            AND c.status = 'active' AND coalesce(c.id = {}, true)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        via,
        msgspec.json.encode(told).decode(),
        connection_id,
    )
    return len(kept)


def _told(event: StripeEvent) -> dict[str, Any]:
    """Of what nothing is done about, only which object it told of is kept."""
    acted_on = event.type in EVENT_TYPES
    state: EventState = "received" if acted_on else "ignored"
    body = event.body if acted_on else {name: event.body[name] for name in ("id", "object") if name in event.body}
    return {**msgspec.structs.asdict(event), "body": body, "state": state}
