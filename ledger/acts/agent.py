"""Agents: registered under the id that requests name them with, each with a member who answers for it.

That member never approves what the agent asked for, so an owner alone cannot pass their agent on.
"""

from datetime import datetime

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from ledger.acts.chain import Act, acts
from ledger.acts.second_person import BOTH_MODES
from ledger.acts.vote import NotEligible
from ledger.entry import EntrySigner


class AgentNotFound(AxiruError):
    """There is no such agent in this organization."""

    code = "not_found"


class AgentConflict(AxiruError):
    """An agent of that id is registered already, or was retired."""

    code = "conflict"


class AgentOwnerRefused(AxiruError):
    """That member cannot answer for an agent."""

    code = "invalid_request"


class Agent(msgspec.Struct, frozen=True):
    """An agent as an act finds it behind the lock."""

    id: str
    agent_id: str
    name: str
    owner_member_id: str
    retired_at: datetime | None


async def register(
    *, organization_id: str, by_member_id: str, agent_id: str, name: str, owner_member_id: str, signer: EntrySigner
) -> str:
    """Register an agent, or one that was retired again; returns its id. An agent_owner registers their own only.

    Raises NotEligible, AgentConflict, AgentOwnerRefused.
    """
    async with acts(signer, organization_id, BOTH_MODES) as registering:
        roles = await _roles(by_member_id, organization_id)
        _check_may(by_member_id, roles, owner_member_id)
        await _check_owner(owner_member_id, organization_id)
        known = await row(
            "SELECT * FROM agents WHERE organization_id = {} AND agent_id = {}", organization_id, agent_id
        )
        if known is not None:
            if known["retired_at"] is None:
                raise AgentConflict("An agent of this id is registered already.", state="registered")
            _check_may(by_member_id, roles, known["owner_member_id"])
            _check_passing_on(by_member_id, roles, known["owner_member_id"], owner_member_id)
        ident: str = known["id"] if known else ids.new_id(ids.AGENT)
        await rows(
            """
            INSERT INTO agents (id, organization_id, agent_id, name, owner_member_id, registered_by, registered_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}) ON CONFLICT (organization_id, agent_id) DO UPDATE
            SET name = excluded.name, owner_member_id = excluded.owner_member_id, retired_at = NULL
            """,
            ident,
            organization_id,
            agent_id,
            name,
            owner_member_id,
            by_member_id,
            registering[0].now,
        )
        agent = Agent(ident, agent_id, name, owner_member_id, None)
        _seal(registering, "registered", agent, by_member_id)
        return ident


async def change_agent(
    ident: str,
    *,
    organization_id: str,
    by_member_id: str,
    name: str | None,
    owner_member_id: str | None,
    signer: EntrySigner,
) -> None:
    """Rename an agent, or have somebody else answer for it: an admin who is not its owner says so.

    Raises AgentNotFound, NotEligible, AgentConflict, AgentOwnerRefused.
    """
    async with acts(signer, organization_id, BOTH_MODES) as changing:
        agent = await _agent(ident, organization_id)
        roles = await _roles(by_member_id, organization_id)
        _check_may(by_member_id, roles, agent.owner_member_id)
        if agent.retired_at is not None:
            raise AgentConflict("This agent was retired.", state="retired")
        if owner_member_id is not None:
            _check_passing_on(by_member_id, roles, agent.owner_member_id, owner_member_id)
            await _check_owner(owner_member_id, organization_id)
        after = msgspec.structs.replace(
            agent, name=name or agent.name, owner_member_id=owner_member_id or agent.owner_member_id
        )
        if after != agent:
            await rows(
                "UPDATE agents SET name = {}, owner_member_id = {} WHERE id = {}",
                after.name,
                after.owner_member_id,
                ident,
            )
            _seal(changing, "changed", after, by_member_id)


async def retire_agent(ident: str, *, organization_id: str, by_member_id: str, signer: EntrySigner) -> None:
    """Take an agent off the list; again changes nothing. Raises AgentNotFound, NotEligible."""
    async with acts(signer, organization_id, BOTH_MODES) as retiring:
        agent = await _agent(ident, organization_id)
        _check_may(by_member_id, await _roles(by_member_id, organization_id), agent.owner_member_id)
        if agent.retired_at is None:
            await rows("UPDATE agents SET retired_at = {} WHERE id = {}", retiring[0].now, ident)
            _seal(retiring, "retired", agent, by_member_id)


def _seal(acting: tuple[Act, ...], change: str, agent: Agent, by_member_id: str) -> None:
    for one in acting:
        one.seal(
            "agent",
            {
                "agent": agent.id,
                "agent_id": agent.agent_id,
                "name": agent.name,
                "owner_member_id": agent.owner_member_id,
                "change": change,
                "by_member_id": by_member_id,
            },
        )


def _check_may(member_id: str, roles: list[str], owner_member_id: str) -> None:
    if "admin" in roles or ("agent_owner" in roles and member_id == owner_member_id):
        return
    raise NotEligible("An admin does this, or an agent_owner for agents of their own.", because="role")


def _check_passing_on(member_id: str, roles: list[str], before: str, after: str) -> None:
    if before != after and ("admin" not in roles or member_id == before):
        raise NotEligible("Nobody passes on their own agent; another admin does.", because="owner")


async def _check_owner(member_id: str, organization_id: str) -> None:
    if not await _roles(member_id, organization_id):
        raise AgentOwnerRefused("There is no such member.", field="owner_member_id")


async def _roles(member_id: str, organization_id: str) -> list[str]:
    found = await row(
        "SELECT roles FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
        member_id,
        organization_id,
    )
    return list(found["roles"]) if found else []


async def _agent(ident: str, organization_id: str) -> Agent:
    found = await row("SELECT * FROM agents WHERE id = {} AND organization_id = {}", ident, organization_id)
    if found is None:
        raise AgentNotFound("There is no such agent.")
    return msgspec.convert(found, Agent)
