"""Agents: registered under the id that requests name them with, each with a member who answers for it.

That member never approves what the agent asked for, so an owner alone cannot pass their agent on. What an agent has
from another is never more than that one has, and ends no later; the database holds to the same.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from ledger.acts.agent_delegation import Agent, Kept, check_may, in_order, narrowed
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


class WantedAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent to be registered. `delegated_by` is its parent, by either id, whose end it has unless it says one."""

    agent_id: str
    name: str
    owner_member_id: str
    scopes: Collection[str] = ()
    expires_at: datetime | None = None
    delegated_by: str | None = None


class AgentChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of an agent. No `expires_at` at all means the parent's, or none."""

    name: str | None = None
    owner_member_id: str | None = None
    scopes: Collection[str] | None = None
    expires_at: datetime | UnsetType | None = UNSET
    delegated_by: str | None = None


async def register(wanted: WantedAgent, *, organization_id: str, by_member_id: str, signer: EntrySigner) -> str:
    """Register an agent, or one that was retired again; returns its id. An agent_owner registers their own only.

    One that is registered again stays under the parent it had. Raises NotEligible, AgentConflict, AgentOwnerRefused,
    DelegationWidens.
    """
    agent_id, owner_member_id = wanted.agent_id.strip(), wanted.owner_member_id
    async with acts(signer, organization_id, BOTH_MODES) as registering:
        roles = await _roles(by_member_id, organization_id)
        check_may(by_member_id, roles, owner_member_id)
        await _check_owner(owner_member_id, organization_id)
        known = await row(
            "SELECT * FROM agents WHERE organization_id = {} AND lower(btrim(agent_id)) = lower(btrim({})) "
            "ORDER BY agent_id <> {} LIMIT 1",
            organization_id,
            agent_id,
            agent_id,
        )
        if known is not None:
            agent_id = known["agent_id"]
            if known["retired_at"] is None:
                raise AgentConflict("An agent of this id is registered already.", state="registered")
            check_may(by_member_id, roles, known["owner_member_id"])
            _check_passing_on(by_member_id, roles, known["owner_member_id"], owner_member_id)
        ident: str = known["id"] if known else ids.new_id(ids.AGENT)
        parent = known["delegated_by"] if known else None
        agent = await narrowed(
            Agent(
                ident, agent_id, wanted.name, owner_member_id, None, in_order(wanted.scopes), wanted.expires_at, parent
            ),
            wanted.delegated_by,
            organization_id,
            by_member_id,
            roles,
            registering[0].now,
            before=None,
        )
        await rows(
            """
            INSERT INTO agents (id, organization_id, agent_id, name, owner_member_id, registered_by, registered_at,
                scopes, expires_at, delegated_by)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (organization_id, agent_id) DO UPDATE
            SET name = excluded.name, owner_member_id = excluded.owner_member_id, retired_at = NULL,
                scopes = excluded.scopes, expires_at = excluded.expires_at, delegated_by = excluded.delegated_by
            """,
            ident,
            organization_id,
            agent_id,
            agent.name,
            owner_member_id,
            by_member_id,
            registering[0].now,
            list(agent.scopes),
            agent.expires_at,
            agent.delegated_by,
        )
        _seal(registering, "registered", agent, by_member_id)
        return ident


async def change_agent(
    ident: str, change: AgentChange, *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Change an agent; somebody else is to answer for it only where an admin who is not its owner says so.

    Scopes that it had beyond its parent's are gone with any change, as they counted for nothing. Raises AgentNotFound,
    NotEligible, AgentConflict, AgentOwnerRefused, DelegationWidens.
    """
    async with acts(signer, organization_id, BOTH_MODES) as changing:
        agent = await _agent(ident, organization_id)
        roles = await _roles(by_member_id, organization_id)
        check_may(by_member_id, roles, agent.owner_member_id)
        if agent.retired_at is not None:
            raise AgentConflict("This agent was retired.", state="retired")
        if change.owner_member_id is not None:
            _check_passing_on(by_member_id, roles, agent.owner_member_id, change.owner_member_id)
            await _check_owner(change.owner_member_id, organization_id)
        told = msgspec.structs.replace(
            agent,
            name=change.name or agent.name,
            owner_member_id=change.owner_member_id or agent.owner_member_id,
            scopes=in_order(change.scopes) if change.scopes is not None else agent.scopes,
            expires_at=agent.expires_at if change.expires_at is UNSET else change.expires_at,
        )
        kept = Kept(scopes=change.scopes is None, expires_at=change.expires_at is UNSET)
        now = changing[0].now
        after = await narrowed(
            told, change.delegated_by, organization_id, by_member_id, roles, now, before=agent, kept=kept
        )
        if after != agent:
            await rows(
                "UPDATE agents SET name = {}, owner_member_id = {}, scopes = {}, expires_at = {}, delegated_by = {} "
                "WHERE id = {}",
                after.name,
                after.owner_member_id,
                list(after.scopes),
                after.expires_at,
                after.delegated_by,
                ident,
            )
            _seal(changing, "changed", after, by_member_id)


async def retire_agent(ident: str, *, organization_id: str, by_member_id: str, signer: EntrySigner) -> None:
    """Take an agent off the list; again changes nothing. Raises AgentNotFound, NotEligible."""
    async with acts(signer, organization_id, BOTH_MODES) as retiring:
        agent = await _agent(ident, organization_id)
        check_may(by_member_id, await _roles(by_member_id, organization_id), agent.owner_member_id)
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
                "scopes": agent.scopes,
                "expires_at": agent.expires_at.isoformat() if agent.expires_at else None,
                "delegated_by": agent.delegated_by,
                "change": change,
                "by_member_id": by_member_id,
            },
        )
        one.tell("agent", {"agent_id": agent.agent_id, "change": change})


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
