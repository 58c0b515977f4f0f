"""Who asks: what a registered agent may claim, which of them a key is for, and those they have their authority from."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from api.auth import Caller
from api.errors import FieldError, InvalidBody
from api.intake.request import Asked
from api.intake.reserve import find_reservation
from axiru.domain.lineage import Lineage
from axiru.domain.movement import Initiator, Ovt, folded_agent, named_agents
from ledger.acts.lineage import MESSAGES, NO_AGENTS, lineages


async def checked_initiator(asked: Asked, caller: Caller) -> Asked:
    """An authorization with its initiator resolved: a registered agent as it is registered, with those above it.

    Raises InvalidBody for what the agent may not claim, and for a key that is for another. A replay of what was
    decided is answered whatever has become of its agent since.
    """
    ovt = asked.ovt
    if errors := [*_own_kind(ovt), *_bound(ovt, caller, ovt.initiator.id)]:
        raise InvalidBody(errors)
    # A key that is for an agent asks as that one, in whatever spelling it names it.
    own_id = caller.agent_id or ovt.initiator.id
    known = await lineages(caller.organization_id, [own_id, *named_agents(ovt)])
    own = known.get(own_id)
    if own is not None and (errors := list(_not_granted(ovt.initiator, own))):
        if await find_reservation(asked, caller) is None:
            raise InvalidBody(errors)
        return asked
    initiator = replace(
        ovt.initiator,
        id=own.agent.agent_id if own else ovt.initiator.id,
        lineage=own.above if own else (),
        named_lineage=_above(ovt, known),
    )
    return replace(asked, ovt=replace(ovt, initiator=initiator))


async def checked_asker(asked: Asked, caller: Caller) -> Asked:
    """A decision as its key may ask for it: one that is for an agent asks as that agent.

    Raises InvalidBody where the agent's time is over, or another agent is named.
    """
    ovt = asked.ovt
    named = named_agents(ovt)
    if caller.agent_id is None and not named:
        return asked
    if errors := list(_bound(ovt, caller, None)):
        raise InvalidBody(errors)
    known = await lineages(caller.organization_id, [*([caller.agent_id] if caller.agent_id else []), *named])
    initiator = replace(ovt.initiator, named_lineage=_above(ovt, known))
    if caller.agent_id is not None:
        own = known[caller.agent_id]
        if (over := own.over(datetime.now(UTC))) is not None:
            if await find_reservation(asked, caller) is None:
                raise InvalidBody.single("initiator.id", over, MESSAGES[over])
            return asked
        initiator = replace(
            initiator, kind="agent", id=own.agent.agent_id, scopes=own.effective_scopes, lineage=own.above
        )
    return replace(asked, ovt=replace(ovt, initiator=initiator))


def _own_kind(ovt: Ovt) -> Iterator[FieldError]:
    if ovt.initiator.kind.strip().lower() in NO_AGENTS:
        yield FieldError("initiator.kind", "not_allowed", "Nobody asks for an authorization as this.")


def _bound(ovt: Ovt, caller: Caller, initiator_id: str | None) -> Iterator[FieldError]:
    """What a key that is for one agent says of another."""
    if caller.agent_id is None:
        return
    said = {
        "initiator.id": initiator_id,
        "context.agent_id": ovt.context.extra.get("agent_id"),
        "metadata.agent_id": ovt.metadata.get("agent_id"),
    }
    for field, agent_id in said.items():
        if agent_id is not None and folded_agent(str(agent_id)) != folded_agent(caller.agent_id):
            yield FieldError(field, "not_allowed", f"This key asks for the agent {caller.agent_id} only.")


def _not_granted(initiator: Initiator, own: Lineage) -> Iterator[FieldError]:
    if initiator.kind != "agent":
        yield FieldError("initiator.kind", "not_allowed", "This is the id of a registered agent: its kind is agent.")
    if (over := own.over(datetime.now(UTC))) is not None:
        yield FieldError("initiator.id", over, MESSAGES[over])
    for position, scope in enumerate(initiator.scopes):
        if scope not in own.effective_scopes:
            yield FieldError(f"initiator.scopes[{position}]", "not_granted", "This agent does not have this scope.")


def _above(ovt: Ovt, known: dict[str, Lineage]) -> tuple[str, ...]:
    """Those above the agents that the request names beside who asks."""
    named = (agent_id for one in named_agents(ovt) if one in known for agent_id in known[one].above)
    return tuple(dict.fromkeys(named))
