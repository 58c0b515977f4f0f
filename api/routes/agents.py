"""`/api/v1/agents`: agents by the id that requests name them with, who answers for each, and what each may claim."""

from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, patch, post
from msgspec import UNSET, Meta, UnsetType

from api.auth import Caller, require_scope, requires
from api.errors import NotFound
from api.fields import decode, decode_by_rules, past_time, unseen
from api.intake.authorization_common import Scope
from api.intake.text import AgentId, Identifier, Moment
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.routes.members import PersonName
from api.services import services_of
from api.views.agent import AgentView, agent_views
from ledger.acts.agent import AgentChange, WantedAgent, change_agent, register, retire_agent
from ledger.acts.lineage import find_line

Scopes = Annotated[list[Scope], Meta(max_length=50)]


class AgentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`agent_id` is what requests carry; its owner never approves what it asked for.

    `scopes` are all that it may claim. `delegated_by` names, by either of its ids, the agent that it has them from: it
    has no more than that one, ends no later, and stays under it.
    """

    agent_id: AgentId
    name: PersonName
    owner_member_id: Identifier
    scopes: Scopes = []
    expires_at: Moment | None = None
    delegated_by: Identifier | None = None


class AgentChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`expires_at` null: no end of its own."""

    name: PersonName | None = None
    owner_member_id: Identifier | None = None
    scopes: Scopes | None = None
    expires_at: Moment | UnsetType | None = UNSET
    delegated_by: Identifier | None = None


class AgentList(msgspec.Struct, frozen=True):
    items: list[AgentView]


@get("/api/v1/agents", guards=[requires(Permission.READ)], security=BEARER)
async def list_agents(request: Request[Caller, Any, Any]) -> AgentList:
    """Every agent, retired ones too, by id."""
    return AgentList(await agent_views(request.user))


@post(
    "/api/v1/agents",
    guards=[requires(Permission.READ), may_reach_live],
    status_code=201,
    operation_class=taking(AgentBody),
    security=BEARER,
)
async def register_agent(request: Request[Caller, Any, Any]) -> AgentView:
    """Register an agent, or one that was retired again. An agent_owner registers agents of their own."""
    caller = request.user
    require_scope(Permission.MEMBERS, caller)
    raw = await read_object(request)
    body = decode_by_rules(raw, AgentBody, [*past_time(raw, "expires_at"), *unseen(raw, "agent_id")])
    wanted = WantedAgent(
        agent_id=body.agent_id,
        name=body.name.strip(),
        owner_member_id=body.owner_member_id,
        scopes=body.scopes,
        expires_at=body.expires_at,
        delegated_by=body.delegated_by,
    )
    ident = await register(
        wanted,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await _find(ident, caller)


@get("/api/v1/agents/{agent_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_agent(request: Request[Caller, Any, Any], agent_id: str) -> AgentView:
    """One agent, by our id of it or its own."""
    return await _find(await _named(agent_id, request.user), request.user)


@patch(
    "/api/v1/agents/{agent_id:str}",
    guards=[requires(Permission.READ), may_reach_live],
    status_code=200,
    operation_class=taking(AgentChangeBody),
    security=BEARER,
)
async def change_one_agent(request: Request[Caller, Any, Any], agent_id: str) -> AgentView:
    """Rename an agent, change what it may claim, or put it under another, where it stays.

    Somebody else is to answer for it only where an admin who is not its owner says so.
    """
    caller = request.user
    require_scope(Permission.MEMBERS, caller)
    ident = await _named(agent_id, caller)
    body = decode(await read_object(request), AgentChangeBody)
    change = AgentChange(
        name=body.name.strip() if body.name is not None else None,
        owner_member_id=body.owner_member_id,
        scopes=body.scopes,
        expires_at=body.expires_at,
        delegated_by=body.delegated_by,
    )
    await change_agent(
        ident,
        change,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await _find(ident, caller)


@delete("/api/v1/agents/{agent_id:str}", guards=[requires(Permission.READ), may_reach_live], security=BEARER)
async def retire_one_agent(request: Request[Caller, Any, Any], agent_id: str) -> None:
    """Take an agent off the list. Again changes nothing."""
    caller = request.user
    require_scope(Permission.MEMBERS, caller)
    await retire_agent(
        await _named(agent_id, caller),
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )


async def _named(agent_id: str, caller: Caller) -> str:
    """Our id of the agent that goes by this one, ours or its own. Raises NotFound."""
    line = await find_line(caller.organization_id, agent_id)
    if line is None:
        raise NotFound
    return line.agent.id


async def _find(ident: str, caller: Caller) -> AgentView:
    found = await agent_views(caller, ident)
    if not found:
        raise NotFound
    return found[0]
