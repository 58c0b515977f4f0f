"""Agents and those they have their authority from: what is passed on narrows, at every moment and not only at first."""

from datetime import datetime
from typing import Final, Literal

import msgspec

MOST_IN_LINE: Final = 8
"""How many agents a line has, from the root to the last it was passed on to."""

Over = Literal["agent_retired", "agent_expired"]


class LineAgent(msgspec.Struct, frozen=True):
    """One agent of a line, with what it was given itself."""

    id: str
    agent_id: str
    owner_member_id: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    retired_at: datetime | None = None


class Lineage(msgspec.Struct, frozen=True):
    """A registered agent, first, and those above it up to the root. `line` is never empty."""

    line: tuple[LineAgent, ...]

    @property
    def agent(self) -> LineAgent:
        return self.line[0]

    @property
    def above(self) -> tuple[str, ...]:
        """The ids of those above, nearest first, as requests name them."""
        return tuple(one.agent_id for one in self.line[1:])

    @property
    def effective_scopes(self) -> tuple[str, ...]:
        """What the agent may claim: what every agent of its line has, in order."""
        return tuple(sorted(set.intersection(*(set(one.scopes) for one in self.line))))

    @property
    def ends_at(self) -> datetime | None:
        """When the first of its line ends; None where none does."""
        return min((one.expires_at for one in self.line if one.expires_at is not None), default=None)

    def over(self, now: datetime) -> Over | None:
        """Why the agent has no authority at `now`, whoever of its line it is."""
        if any(one.retired_at is not None for one in self.line):
            return "agent_retired"
        return "agent_expired" if self.ends_at is not None and self.ends_at <= now else None
