"""Messages that leave the house: what happened, what is to be sent of it, and how sending went."""

from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from axiru.domain.movement import Mode

ChannelName = Literal["webhook", "slack", "email"]


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox, behind the entry `seq` of its chain, sealed at `written_at`."""

    organization_id: str
    mode: Mode
    seq: int
    position: int
    topic: str
    payload: dict[str, Any]
    written_at: datetime


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A message to one target. `body` is kept until it is sent, so it never holds a secret or a token.

    `shows_state`: it shows how things stand when it is sent, so that one which still waits stands for this one too.
    """

    target: str
    event: str
    body: dict[str, Any]
    shows_state: bool = False


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is due; `attempt` counts from 1, and `id` stays the same for every attempt."""

    id: str
    organization_id: str
    mode: Mode
    target: str
    event: str
    body: dict[str, Any]
    attempt: int


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt went. `failed` is for good; `retry` comes again, not before `retry_after_seconds`."""

    outcome: Literal["delivered", "retry", "failed"]
    detail: str
    status: int | None = None
    retry_after_seconds: float = 0.0


class Channel(Protocol):
    """One way out of the house. `plan` reads and writes nothing; `send` never raises for what the other side does."""

    @property
    def name(self) -> ChannelName:
        """The channel's name, for cursors and the log."""
        ...

    async def plan(self, happening: Happening) -> list[Planned]:
        """Who has to be told of this, and what. Called again for the same happening after a crash."""
        ...

    async def send(self, outgoing: Outgoing) -> Sent:
        """Try once. Messages that show an approval are made from its present state, not from `body`."""
        ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...
