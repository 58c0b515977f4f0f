"""The lines of registered agents, as they are now: read where a request comes in, and before its token is used."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from axiru.database import rows
from axiru.domain.control import ControlHit
from axiru.domain.lineage import Lineage, LineAgent
from axiru.domain.movement import Ovt, folded_agent

NO_AGENTS: Final = frozenset({"api_key", "axiru", "stripe"})
"""Kinds of initiators whose ids are nobody's to register."""

MESSAGES: Final = {
    "agent_retired": "This agent, or one it has its authority from, was retired.",
    "agent_expired": "The time of this agent, or of one it has its authority from, is over.",
    "scope_not_granted": "This agent no longer has a scope that it asked under.",
}


async def lineages(organization_id: str, agent_ids: Collection[str]) -> dict[str, Lineage]:
    """The line of every agent that is registered, by its id as it was asked for."""
    asked = sorted(set(agent_ids))
    if not asked:
        return {}
    found = await rows(
        """
        SELECT asked.agent_id AS asked, line.* FROM unnest({}::text[], {}::text[]) AS asked (agent_id, folded)
        CROSS JOIN LATERAL (SELECT a.id FROM agents a WHERE a.organization_id = {}
            AND lower(btrim(a.agent_id)) IN (lower(btrim(asked.agent_id)), asked.folded)
            ORDER BY a.agent_id <> asked.agent_id LIMIT 1) known
        CROSS JOIN LATERAL agent_line(known.id) line
        ORDER BY asked.agent_id, line.depth
        """,
        asked,
        # btrim takes spaces off, and no other blanks.
        [folded_agent(one) for one in asked],
        organization_id,
    )
    lines: dict[str, list[LineAgent]] = {}
    for one in found:
        lines.setdefault(one["asked"], []).append(msgspec.convert(one, LineAgent))
    return {asked: Lineage(tuple(line)) for asked, line in lines.items()}


async def find_line(organization_id: str, named: str) -> Lineage | None:
    """The line of the agent that goes by this id, ours or its own."""
    found = await rows(
        "SELECT id FROM agents WHERE organization_id = {} AND (id = {} OR lower(btrim(agent_id)) = lower(btrim({}))) "
        "ORDER BY id <> {} LIMIT 1",
        organization_id,
        *(named,) * 3,
    )
    return await line_of(found[0]["id"]) if found else None


async def line_of(ident: str) -> Lineage | None:
    """The line of the agent with this id of ours."""
    found = await rows("SELECT * FROM agent_line({})", ident)
    return Lineage(tuple(msgspec.convert(one, LineAgent) for one in found)) if found else None


async def authority_lost(organization_id: str, ovt: Ovt, now: datetime) -> ControlHit | None:
    """What has become of the agent that asked, where it could not ask any more: as binding as a freeze of it."""
    asking = ovt.initiator
    if asking.kind in NO_AGENTS:
        return None
    known = (await lineages(organization_id, [asking.id])).get(asking.id)
    if known is None:
        return None
    why = known.over(now)
    reason: str | None = why
    if why is None and not set(asking.scopes) <= set(known.effective_scopes):
        reason = "scope_not_granted"
    return ControlHit(known.agent.id, reason, MESSAGES[reason], "agent") if reason is not None else None
