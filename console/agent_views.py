"""What the API says of agents: who answers for each, what each may claim, under whom it stands, what it spent."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.movement import Mode
from console.views import Person


class AgentName(msgspec.Struct, frozen=True):
    """An agent beside another one, by the API's id and by the one that requests name it with."""

    id: str
    agent_id: str


class AgentKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that asks for this agent and for no other."""

    id: str
    name: str
    mode: Mode
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class AgentSpending(msgspec.Struct, frozen=True):
    """What was reserved or moved within 24 hours, in the smallest unit of the asset."""

    mode: Mode
    asset: str
    units: str


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent by the id that requests name it with; its owner never approves what it asked for.

    `scopes` and `expires_at` are its own, `effective_scopes` and `ends_at` what they come to under those above it.
    `over` says why it may ask for nothing now, by itself or by one above it.
    """

    id: str
    agent_id: str
    name: str
    owner: Person
    registered_at: datetime | None = None
    retired_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    effective_scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    ends_at: datetime | None = None
    over: Literal["agent_retired", "agent_expired"] | None = None
    parent: AgentName | None = None
    children: tuple[AgentName, ...] = ()
    keys: tuple[AgentKey, ...] = ()
    last_asked_at: datetime | None = None
    spent_24h: tuple[AgentSpending, ...] = ()


def standing(agent: Agent) -> Agent:
    """The agent without what changes with every payment that it asks for."""
    keys = tuple(msgspec.structs.replace(key, last_used_at=None) for key in agent.keys)
    return msgspec.structs.replace(agent, keys=keys, last_asked_at=None, spent_24h=())


class AgentList(msgspec.Struct, frozen=True):
    items: tuple[Agent, ...]


class Branch(msgspec.Struct, frozen=True):
    """An agent and those that have their authority from it."""

    agent: Agent
    below: tuple["Branch", ...] = ()


def branches(agents: Iterable[Agent]) -> tuple[Branch, ...]:
    """Agents in use as a tree, in their order; one whose parent is out of use stands at the top."""
    used = {agent.id: agent for agent in agents if agent.retired_at is None}
    below: dict[str, list[Agent]] = {}
    for agent in used.values():
        if agent.parent is not None and agent.parent.id in used:
            below.setdefault(agent.parent.id, []).append(agent)

    def branch(agent: Agent) -> Branch:
        return Branch(agent, tuple(branch(one) for one in below.get(agent.id, ())))

    return tuple(branch(agent) for agent in used.values() if agent.parent is None or agent.parent.id not in used)


def line_of(agent: Agent, by_id: Mapping[str, Agent]) -> Iterator[Agent]:
    """The agent and those above it, nearest first."""
    one: Agent | None = agent
    while one is not None:
        yield one
        one = by_id.get(one.parent.id) if one.parent is not None else None
