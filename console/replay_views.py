"""What the API says of replays of history, as the console reads it."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from axiru.domain.replay import ReplaySource, ReplayState
from console.views import Person

Outcome = Literal["allowed", "blocked", "paused", "drift"]


_NAMES: Final[dict[ReplaySource, str]] = {
    "csv": "CSV file",
    "decisions": "Decisions",
    "stripe": "History from Stripe",
}


class Total(msgspec.Struct, frozen=True):
    """How many movements, and their sums in minor units by currency."""

    count: int = 0
    amount: dict[str, int | str] = {}


class RuleTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule held back or marked; no rule: the policy's default."""

    outcome: Outcome
    count: int
    amount: dict[str, int | str]
    rule: str | None = None
    message: str = ""


class OutcomeChange(msgspec.Struct, frozen=True, kw_only=True):
    """How many stored decisions would have gone from one outcome to another."""

    was: Outcome
    becomes: Outcome
    count: int
    amount: dict[str, int | str]


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """`allowed`, `blocked` and `paused` add up to `refunds`; `drift` is a part of `allowed`."""

    rows: int
    refunds: int
    allowed: Total
    blocked: Total
    paused: Total
    drift: Total
    not_evaluable: tuple[str, ...] = ()
    by_rule: tuple[RuleTotal, ...] = ()
    changes: tuple[OutcomeChange, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    caveats: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()


class ReplayError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a replay failed; a fault in a file has its place there."""

    message: str
    line: int | None = None
    column: int | None = None


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """How far history has been read from Stripe: back to `covered_from`, having waited for its rate limits."""

    stage: str
    pulled: int = 0
    covered_from: datetime | None = None
    waited_seconds: int = 0


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """One replay. `rows_total` is about right while it runs."""

    id: str
    source: ReplaySource
    title: str
    state: ReplayState
    policy: str
    requested_by: Person
    created_at: datetime
    expires_at: datetime
    since: datetime | None = None
    until: datetime | None = None
    rows_done: int = 0
    rows_total: int | None = None
    result: ReplayResult | None = None
    error: ReplayError | None = None
    pull: Pull | None = None

    @property
    def is_under_way(self) -> bool:
        return self.state in {"waiting", "running"}

    @property
    def name(self) -> str:
        return self.title or _NAMES[self.source]


class ReplayPage(msgspec.Struct, frozen=True):
    items: tuple[Replay, ...]


class ReplayStarted(msgspec.Struct, frozen=True):
    id: str


class FoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """One movement that would not simply have been allowed. `was`: how a stored decision was decided."""

    id: str
    outcome: Outcome
    amount_cents: int | str
    currency: str
    line: int | None = None
    rule: str | None = None
    reason: str = ""
    message: str = ""
    at: datetime | None = None
    was: Outcome | None = None


class FoundRows(msgspec.Struct, frozen=True):
    items: tuple[FoundRow, ...]
    next_cursor: str | None = None
