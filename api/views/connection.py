"""A connection to Stripe as it is shown: whose account, what may be done with it, how Stripe's news arrive."""

from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

from api.errors import NotFound
from api.views.people import Person
from axiru.database import rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from axiru.domain.undoing import UNDO_TEXT
from ledger.acts.connection_record import WriteAction


class ConnectionAction(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of movement: whether Axiru may make it here, whether it is enforced, and what Stripe lets be undone."""

    action: WriteAction
    granted: bool
    surface_mode: SurfaceMode
    undo: str


class EventHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How Stripe's news arrive; `missed_by_webhook` were found by asking Stripe, after no webhook had told of them."""

    last_received_at: datetime | None
    received_24h: int
    waiting: int
    failed: int
    reconciled_at: datetime | None
    missed_by_webhook: int


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    """`revoked`: Stripe takes its tokens no more; `disconnected`: it was ended here. Tokens are never told."""

    id: str
    mode: Mode
    name: str
    stripe_account_id: str
    country: str | None
    default_currency: str
    is_default: bool
    status: Literal["active", "revoked", "disconnected"]
    status_reason: str | None
    status_changed_at: datetime | None
    connected_at: datetime
    connected_by: Person | None
    token_expires_at: datetime | None
    actions: list[ConnectionAction]
    events: EventHealth


class ConnectionList(msgspec.Struct, frozen=True):
    """Active ones first, then by name."""

    items: list[ConnectionView]


async def find_connections(organization_id: str, mode: Mode) -> ConnectionList:
    """Every connection of one mode, ended ones too."""
    return ConnectionList([_view(found) for found in await rows(_READ + _IN_MODE, organization_id, mode)])


async def find_connection(connection_id: str, organization_id: str, mode: Mode | None) -> ConnectionView:
    """One connection; of `mode` alone where that is given. Raises NotFound."""
    found = await rows(_READ + _BY_ID, organization_id, connection_id)
    if not found or (mode is not None and found[0]["mode"] != mode):
        raise NotFound
    return _view(found[0])


def _view(found: dict[str, Any]) -> ConnectionView:
    enforced, set_here = set(found["enforced"]), set(found["set_here"])
    enforced_here = set(found["enforced_here"])
    actions = [
        ConnectionAction(
            action=action,
            granted=action in found["write_actions"],
            surface_mode="enforce" if action in (enforced_here if action in set_here else enforced) else "shadow",
            undo=UNDO_TEXT[action],
        )
        for action in get_args(WriteAction)
    ]
    events = EventHealth(
        last_received_at=found["last_received_at"],
        received_24h=found["received"],
        waiting=found["waiting"],
        failed=found["failed"],
        reconciled_at=found["reconciled_at"],
        missed_by_webhook=found["missed_events"],
    )
    connected_by = found["connected_by"]
    return ConnectionView(
        id=found["id"],
        mode=found["mode"],
        name=found["name"],
        stripe_account_id=found["stripe_account_id"],
        country=found["country"],
        default_currency=found["default_currency"],
        is_default=found["is_default"],
        status=found["status"],
        status_reason=found["status_reason"],
        status_changed_at=found["status_changed_at"],
        connected_at=found["created_at"],
        connected_by=Person(connected_by, found["member_name"] or connected_by) if connected_by else None,
        token_expires_at=found["token_expires_at"],
        actions=actions,
        events=events,
    )


_READ: Final = """
SELECT c.id, c.mode, c.name, c.stripe_account_id, c.profile ->> 'country' AS country, c.default_currency, c.is_default,
    c.status, c.status_reason, c.status_changed_at, c.created_at, c.connected_by, m.name AS member_name,
    c.token_expires_at, c.write_actions, c.reconciled_at, c.missed_events,
    ARRAY(SELECT s.rail_action FROM surfaces s WHERE s.organization_id = c.organization_id AND s.mode = c.mode
        AND s.rail = 'stripe' AND s.stripe_connection_id = '' AND s.surface_mode = 'enforce') AS enforced,
    ARRAY(SELECT s.rail_action FROM surfaces s WHERE s.organization_id = c.organization_id AND s.mode = c.mode
        AND s.rail = 'stripe' AND s.stripe_connection_id = c.id) AS set_here,
    ARRAY(SELECT s.rail_action FROM surfaces s WHERE s.organization_id = c.organization_id AND s.mode = c.mode
        AND s.rail = 'stripe' AND s.stripe_connection_id = c.id AND s.surface_mode = 'enforce') AS enforced_here,
    (SELECT max(e.received_at) FROM stripe_events e WHERE e.stripe_connection_id = c.id) AS last_received_at,
    (SELECT count(*) FROM stripe_events e WHERE e.stripe_connection_id = c.id
        AND e.received_at > now() - interval '1 day') AS received,
    (SELECT count(*) FROM stripe_events e WHERE e.stripe_connection_id = c.id AND e.state = 'received') AS waiting,
    (SELECT count(*) FROM stripe_events e WHERE e.stripe_connection_id = c.id AND e.state = 'failed') AS failed
FROM stripe_connections c LEFT JOIN members m ON m.id = c.connected_by
WHERE c.organization_id = {}
"""
_IN_MODE: Final = " AND c.mode = {} ORDER BY c.status <> 'active', c.name, c.id"
_BY_ID: Final = " AND c.id = {}"
