"""An agent as it is shown: who answers for it, what it may claim now, whose authority it has, and what it spent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from api.auth import Caller
from api.views.people import Person
from axiru.database import rows
from axiru.domain.lineage import Lineage, LineAgent
from axiru.domain.movement import Mode


class AgentName(msgspec.Struct, frozen=True):
    """An agent beside this one, by our id and by its own."""

    id: str
    agent_id: str


class AgentKey(msgspec.Struct, frozen=True):
    """A key that is for this agent; `last_used_at` is right to the minute."""

    id: str
    name: str
    mode: Mode
    last_used_at: datetime | None
    revoked_at: datetime | None


class AgentSpending(msgspec.Struct, frozen=True):
    """What the agent itself had reserved or moved within 24 hours, in the smallest unit of the asset."""

    mode: Mode
    asset: str
    units: str


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    """`scopes` and `expires_at` are the agent's own; `effective_scopes` and `ends_at` are what they come to under those
    above it. `over` says why it may ask for nothing now, by itself or by one above it. `parent` and `children` are the
    agents next to it; what it spent and its keys are those of the mode that is seen.
    """

    id: str
    agent_id: str
    name: str
    owner: Person
    registered_by: Person
    registered_at: datetime
    retired_at: datetime | None
    scopes: list[str]
    effective_scopes: tuple[str, ...]
    expires_at: datetime | None
    ends_at: datetime | None
    over: str | None
    parent: AgentName | None
    children: list[AgentName]
    keys: list[AgentKey]
    last_asked_at: datetime | None
    spent_24h: list[AgentSpending]


async def agent_views(caller: Caller, ident: str | None = None) -> list[AgentView]:
    """Every agent of the organization by id, retired ones too, or the one named."""
    found = await rows(_SELECT, *(caller.modes,) * 3, caller.organization_id, ident, ident)
    return [_view(agent) for agent in found]


_SELECT: Final = """
SELECT a.*, o.name AS owner_name, r.name AS registered_by_name, p.agent_id AS parent_agent_id, clock_timestamp() AS now,
    (SELECT json_agg(json_build_object('id', l.id, 'agent_id', l.agent_id, 'owner_member_id', l.owner_member_id,
        'scopes', l.scopes, 'expires_at', l.expires_at, 'retired_at', l.retired_at) ORDER BY l.depth)
        FROM agent_line(a.id) l)::text AS line,
    (SELECT coalesce(json_agg(json_build_object('id', c.id, 'agent_id', c.agent_id) ORDER BY c.agent_id), '[]')
        FROM agents c WHERE c.delegated_by = a.id)::text AS children,
    (SELECT coalesce(json_agg(json_build_object('id', k.id, 'name', k.name, 'mode', k.mode,
        'last_used_at', k.last_used_at, 'revoked_at', k.revoked_at) ORDER BY k.created_at, k.id), '[]')
        FROM api_keys k WHERE k.agent = a.id AND k.mode = ANY({}::text[]))::text AS keys,
    (SELECT max(newest.decided_at) FROM unnest({}::text[]) AS seen (mode) CROSS JOIN LATERAL (
        SELECT d.decided_at FROM decisions d WHERE d.organization_id = a.organization_id AND d.mode = seen.mode
            AND d.initiator_id = a.agent_id ORDER BY d.decided_at DESC LIMIT 1) newest) AS last_asked_at,
    (SELECT coalesce(json_agg(json_build_object('mode', s.mode, 'asset', s.asset, 'units', s.units::text)
            ORDER BY s.mode, s.asset), '[]')
        FROM (SELECT m.mode, m.asset, sum(m.units) AS units FROM movements m JOIN decisions d ON d.id = m.decision_id
            WHERE m.organization_id = a.organization_id AND m.mode = ANY({}::text[])
                AND m.surface_mode IN ('enforce', 'shadow') AND m.moved_at > statement_timestamp() - interval '24 hours'
                AND m.initiator_id = ANY(ARRAY(SELECT unnest(ARRAY[l.agent_id, lower(btrim(l.agent_id))])
                    FROM agent_line(a.id) l))
                AND d.initiator_id = a.agent_id AND m.state <> 'released' GROUP BY m.mode, m.asset) s)::text AS spent
FROM agents a JOIN members o ON o.id = a.owner_member_id JOIN members r ON r.id = a.registered_by
LEFT JOIN agents p ON p.id = a.delegated_by
WHERE a.organization_id = {} AND ({}::text IS NULL OR a.id = {}) ORDER BY a.agent_id
"""


def _view(found: Mapping[str, Any]) -> AgentView:
    lineage = Lineage(msgspec.json.decode(found["line"], type=tuple[LineAgent, ...]))
    return AgentView(
        id=found["id"],
        agent_id=found["agent_id"],
        name=found["name"],
        owner=Person(found["owner_member_id"], found["owner_name"]),
        registered_by=Person(found["registered_by"], found["registered_by_name"]),
        registered_at=found["registered_at"],
        retired_at=found["retired_at"],
        scopes=list(found["scopes"]),
        effective_scopes=lineage.effective_scopes,
        expires_at=found["expires_at"],
        ends_at=lineage.ends_at,
        over=lineage.over(found["now"]),
        parent=AgentName(found["delegated_by"], found["parent_agent_id"]) if found["delegated_by"] else None,
        children=msgspec.json.decode(found["children"], type=list[AgentName]),
        keys=msgspec.json.decode(found["keys"], type=list[AgentKey]),
        last_asked_at=found["last_asked_at"],
        spent_24h=msgspec.json.decode(found["spent"], type=list[AgentSpending]),
    )
