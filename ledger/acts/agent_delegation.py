"""What an agent has from another: no more than that one has, no longer, and somebody who may say so has said it."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from axiru.database import row
from axiru.domain.lineage import MOST_IN_LINE, Lineage
from axiru.errors import AxiruError
from ledger.acts.lineage import find_line, line_of
from ledger.acts.vote import NotEligible


class DelegationWidens(AxiruError):
    """An agent would have more than the one it has it from, or for longer, or nobody could say from whom."""

    code = "invalid_request"


class Agent(msgspec.Struct, frozen=True):
    """An agent as an act finds it behind the lock. `delegated_by` is the agent that it has its authority from."""

    id: str
    agent_id: str
    name: str
    owner_member_id: str
    retired_at: datetime | None
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    delegated_by: str | None = None


class Kept(NamedTuple):
    """Of which it was not said now what it is to be: what the parent does not have is let go without a word."""

    scopes: bool = False
    expires_at: bool = False


_NOTHING_KEPT: Final = Kept()


async def narrowed(
    agent: Agent,
    delegated_by: str | None,
    organization_id: str,
    by_member_id: str,
    roles: list[str],
    now: datetime,
    *,
    before: Agent | None,
    kept: Kept = _NOTHING_KEPT,
) -> Agent:
    """`agent` under the parent it has or is given, with no more than that has. Raises DelegationWidens, NotEligible."""
    parent_id = agent.delegated_by
    if delegated_by is not None:
        named = await find_line(organization_id, delegated_by)
        if named is None:
            raise DelegationWidens("There is no such agent.", field="delegated_by")
        if parent_id not in {None, named.agent.id}:
            raise DelegationWidens("An agent stays under its parent.", field="delegated_by")
        parent_id = named.agent.id
    if parent_id is None:
        return agent
    above = await line_of(parent_id)
    if above is None:
        raise DelegationWidens("There is no such agent.", field="delegated_by")
    if before is None or before.delegated_by != parent_id:
        await _check_place(agent, above, now)
    after = _within(agent, above, kept)
    if before is None or before.delegated_by != parent_id or _has_more(after, before):
        # Whoever passes an agent's authority on has to be one who may say what that agent does.
        check_may(by_member_id, roles, above.agent.owner_member_id)
    return after


def _has_more(after: Agent, before: Agent) -> bool:
    """Whether scopes were added, or the end moved away."""
    later = before.expires_at is not None and (after.expires_at is None or after.expires_at > before.expires_at)
    return later or not set(after.scopes) <= set(before.scopes)


def _within(agent: Agent, above: Lineage, kept: Kept) -> Agent:
    """`agent` with what those above it have as its bounds."""
    scopes, ends_at = agent.scopes, agent.expires_at
    if kept.scopes:
        scopes = in_order(set(scopes) & set(above.effective_scopes))
    elif more := set(scopes) - set(above.effective_scopes):
        raise DelegationWidens(f"Its parent does not have: {', '.join(sorted(more))}.", field="scopes")
    if ends_at is None or (kept.expires_at and above.ends_at is not None):
        ends_at = min((one for one in (ends_at, above.ends_at) if one is not None), default=None)
    elif above.ends_at is not None and ends_at > above.ends_at:
        raise DelegationWidens("It would end later than its parent.", field="expires_at")
    return msgspec.structs.replace(agent, scopes=scopes, expires_at=ends_at, delegated_by=above.agent.id)


async def _check_place(agent: Agent, above: Lineage, now: datetime) -> None:
    """That there is room under the parent, and that it has authority to pass on."""
    if any(one.id == agent.id for one in above.line):
        raise DelegationWidens("An agent is not below itself.", field="delegated_by")
    if above.over(now) is not None:
        raise DelegationWidens("This agent, or one above it, has no authority any more.", field="delegated_by")
    found = await row(
        """
        WITH RECURSIVE below AS (SELECT {}::text AS id, 1 AS level UNION ALL
            SELECT a.id, b.level + 1 FROM below b JOIN agents a ON a.delegated_by = b.id WHERE b.level <= {})
        SELECT max(level) AS levels FROM below
        """,
        agent.id,
        MOST_IN_LINE,
    )
    if found is not None and len(above.line) + found["levels"] > MOST_IN_LINE:
        raise DelegationWidens(f"A line of agents has no more than {MOST_IN_LINE}.", field="delegated_by")


def in_order(scopes: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(scopes)))


def check_may(member_id: str, roles: list[str], owner_member_id: str) -> None:
    if "admin" in roles or ("agent_owner" in roles and member_id == owner_member_id):
        return
    raise NotEligible("An admin does this, or an agent_owner for agents of their own.", because="role")
