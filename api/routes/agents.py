"""`/api/v1/agents`: agents by the id that requests name them with, and who answers for each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, delete, get, patch, post

from api.auth import Caller, InsufficientScope, requires
from api.errors import NotFound
from api.fields import decode
from api.intake.text import Identifier
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import SCOPE_OF, Permission
from api.routes.members import PersonName
from api.services import services_of
from api.views.people import Person
from axiru.database import rows
from ledger.acts.agent import change_agent, register, retire_agent


class AgentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`agent_id` is what requests carry; its owner never approves what it asked for."""

    agent_id: Identifier
    name: PersonName
    owner_member_id: Identifier


class AgentChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: PersonName | None = None
    owner_member_id: Identifier | None = None


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    agent_id: str
    name: str
    owner: Person
    registered_by: Person
    registered_at: datetime
    retired_at: datetime | None


class AgentList(msgspec.Struct, frozen=True):
    items: list[AgentView]


@get("/api/v1/agents", guards=[requires(Permission.READ)], security=BEARER)
async def list_agents(request: Request[Caller, Any, Any]) -> AgentList:
    """Every agent, retired ones too, by id."""
    found = await rows(f"{_SELECT} ORDER BY a.agent_id", request.user.organization_id)
    return AgentList([_view(agent) for agent in found])


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
    _require_scope(caller)
    body = decode(await read_object(request), AgentBody)
    ident = await register(
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        agent_id=body.agent_id,
        name=body.name.strip(),
        owner_member_id=body.owner_member_id,
        signer=services_of(request).signer,
    )
    return await _find(ident, caller)


@patch(
    "/api/v1/agents/{agent_id:str}",
    guards=[requires(Permission.READ), may_reach_live],
    status_code=200,
    operation_class=taking(AgentChangeBody),
    security=BEARER,
)
async def change_one_agent(request: Request[Caller, Any, Any], agent_id: str) -> AgentView:
    """Rename an agent, or have somebody else answer for it: an admin who is not its owner."""
    caller = request.user
    _require_scope(caller)
    body = decode(await read_object(request), AgentChangeBody)
    await change_agent(
        agent_id,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        name=body.name.strip() if body.name is not None else None,
        owner_member_id=body.owner_member_id,
        signer=services_of(request).signer,
    )
    return await _find(agent_id, caller)


@delete("/api/v1/agents/{agent_id:str}", guards=[requires(Permission.READ), may_reach_live], security=BEARER)
async def retire_one_agent(request: Request[Caller, Any, Any], agent_id: str) -> None:
    """Take an agent off the list. Again changes nothing."""
    caller = request.user
    _require_scope(caller)
    await retire_agent(
        agent_id,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )


def _require_scope(caller: Caller) -> None:
    """A key needs the scope; which person may do it is for the act to say, with the reason why not."""
    if caller.api_key_id is not None and Permission.MEMBERS not in caller.permissions:
        raise InsufficientScope(SCOPE_OF[Permission.MEMBERS])


_SELECT: Final = """
SELECT a.*, o.name AS owner_name, r.name AS registered_by_name FROM agents a
JOIN members o ON o.id = a.owner_member_id JOIN members r ON r.id = a.registered_by WHERE a.organization_id = {}
"""


async def _find(ident: str, caller: Caller) -> AgentView:
    found = await rows(f"{_SELECT} AND a.id = {{}}", caller.organization_id, ident)
    if not found:
        raise NotFound
    return _view(found[0])


def _view(found: Mapping[str, Any]) -> AgentView:
    return AgentView(
        id=found["id"],
        agent_id=found["agent_id"],
        name=found["name"],
        owner=Person(found["owner_member_id"], found["owner_name"]),
        registered_by=Person(found["registered_by"], found["registered_by_name"]),
        registered_at=found["registered_at"],
        retired_at=found["retired_at"],
    )
