"""Webhook endpoints as people see them. A secret is shown once, when it is made, and never again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.errors import NotFound
from api.views.people import Person
from axiru.database import rows
from axiru.domain.movement import Mode


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """`votes_as` is whose votes come in signed with its secret; until `previous_secret_until` two secrets sign.

    `failing_since` is when the first message was made that did not arrive, if none has arrived that was made later.
    """

    id: str
    url: str
    mode: Mode
    events: list[str]
    description: str
    votes_as: Person | None
    created_at: datetime
    created_by: Person
    disabled_at: datetime | None
    previous_secret_until: datetime | None
    failing_since: datetime | None


class EndpointWithSecret(EndpointView, frozen=True, kw_only=True):
    """`secret` (`whsec_…`) is for any Standard Webhooks library. It cannot be shown again."""

    secret: str


class EndpointList(msgspec.Struct, frozen=True):
    items: list[EndpointView]


async def find_endpoints(organization_id: str, modes: Sequence[Mode]) -> EndpointList:
    """Those that were not removed, newest first."""
    found = await rows(_SELECT + " ORDER BY w.created_at DESC, w.id DESC", organization_id, list(modes))
    return EndpointList([EndpointView(**_fields(endpoint)) for endpoint in found])


async def find_endpoint(endpoint_id: str, organization_id: str, modes: Sequence[Mode]) -> EndpointView:
    """Raises NotFound."""
    found = await rows(_SELECT + " AND w.id = {}", organization_id, list(modes), endpoint_id)
    if not found:
        raise NotFound
    return EndpointView(**_fields(found[0]))


_SELECT: Final = """
SELECT w.id, w.url, w.mode, w.events, w.description, w.created_at, w.disabled_at,
    CASE WHEN w.previous_secret_until > clock_timestamp() THEN w.previous_secret_until END AS previous_secret_until,
    w.created_by, c.name AS created_by_name, w.votes_as, v.name AS votes_as_name, tried.failing_since
FROM webhook_endpoints w JOIN members c ON c.id = w.created_by LEFT JOIN members v ON v.id = w.votes_as,
LATERAL (
    SELECT max(created_at) AS at FROM deliveries WHERE organization_id = w.organization_id AND channel = 'webhook'
        AND target = w.id AND state = 'delivered'
) arrived, LATERAL (
    SELECT min(created_at) AS failing_since FROM deliveries WHERE organization_id = w.organization_id
        AND channel = 'webhook' AND target = w.id AND state <> 'delivered' AND last_detail IS NOT NULL
        AND created_at > coalesce(arrived.at, '-infinity')
) tried
WHERE w.organization_id = {} AND w.mode = ANY({}::text[]) AND w.removed_at IS NULL
"""


def _fields(found: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in found.items() if not name.endswith("_name")}
    return {
        **plain,
        "events": list(found["events"]),
        "created_by": Person(found["created_by"], found["created_by_name"]),
        "votes_as": Person(found["votes_as"], found["votes_as_name"]) if found["votes_as"] else None,
    }
