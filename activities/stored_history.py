"""What a replay judges, read from tables: an uploaded file, decisions of a period, or what was pulled from Stripe."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Self

import msgspec

from activities.replay_shapes import Progress
from axiru.database import row, rows
from axiru.domain.evaluation import Evaluation, Outcome
from axiru.domain.movement import Ovt, for_account
from ledger.acts.chain import json
from policies import compile_policy, parse
from policies.history.judging import outcome_of
from policies.history.report import ReplayOutcome
from policies.history.what_if import StoredDecision

_PIECE_BYTES: Final = 256 * 1024
_DECISIONS_A_PAGE: Final = 500
_REFUNDS_A_PAGE: Final = 1_000
_ENDED_OTHERWISE: Final = frozenset({"expired", "execution_failed"})
_WORDS: Final[dict[str, ReplayOutcome]] = {"allow": "allowed", "review": "paused", "deny": "blocked"}


class Upload(NamedTuple):
    """A file. `rows_total` is how many lines it has, which is not far from its rows."""

    content: bytes
    rows_total: int

    @classmethod
    async def read(cls, replay: dict[str, Any]) -> Self | None:
        """None if it was deleted."""
        found = await row("SELECT content FROM replay_uploads WHERE replay_id = {}", replay["id"])
        return None if found is None else cls(found["content"], found["content"].count(b"\n"))

    def rows_done(self, told: Progress) -> int:
        """A file is read, then judged: half of the way each."""
        half = self.rows_total // 2
        if told.stage == "reading":
            return min(told.done // 2, half)
        return half + (self.rows_total - half) * told.done // max(told.total or 1, 1)

    async def pieces(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), _PIECE_BYTES):
            yield self.content[start : start + _PIECE_BYTES]


class Decisions(NamedTuple):
    """The decisions of an organization in one mode, from as long before the period as the policy's windows reach."""

    organization_id: str
    mode: str
    begin: datetime
    since: datetime
    until: datetime
    rows_total: int

    @classmethod
    async def read(cls, replay: dict[str, Any]) -> Self:
        windows = compile_policy(parse(replay["policy_source"])).windows
        before = timedelta(seconds=max((window.within_seconds for window in windows), default=0))
        since, until = replay["since"], replay["until"]
        begin = since - before if since - datetime(1970, 1, 1, tzinfo=UTC) > before else since
        whose = (replay["organization_id"], replay["mode"])
        counted = await row(
            "SELECT count(*) AS total FROM decisions WHERE organization_id = {} AND mode = {} AND decided_at >= {} "
            "AND decided_at < {}",
            *whose,
            begin,
            until,
        )
        return cls(*whose, begin, since, until, int(counted["total"]) if counted else 0)

    def rows_done(self, told: Progress) -> int:
        return min(told.done, self.rows_total)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Lines of `StoredDecision`, in the order in which they were made."""
        after, last = self.begin - timedelta(microseconds=1), ""
        while page := await rows(_PAGE, self.organization_id, self.mode, after, last, self.until, _DECISIONS_A_PAGE):
            yield b"".join(msgspec.json.encode(_stored(each, self.since)) + b"\n" for each in page)
            after, last = page[-1]["decided_at"], page[-1]["id"]


class PulledRefunds(NamedTuple):
    """The refunds that were pulled for a replay, each with its charge and its customer."""

    replay_id: str
    account_id: str
    rows_total: int

    @classmethod
    async def read(cls, replay: dict[str, Any]) -> Self | None:
        """None if the replay was deleted."""
        found = await row(
            "SELECT p.pulled, c.stripe_account_id FROM replay_pulls p JOIN replays r ON r.id = p.replay_id "
            "JOIN stripe_connections c ON c.id = r.stripe_connection_id WHERE p.replay_id = {}",
            replay["id"],
        )
        return None if found is None else cls(replay["id"], found["stripe_account_id"], found["pulled"])

    def rows_done(self, told: Progress) -> int:
        """As of a file: read, then judged."""
        return told.done // 2 if told.stage == "reading" else (self.rows_total + told.done) // 2

    async def pieces(self) -> AsyncIterator[bytes]:
        """Lines of `PulledRefund`, by id."""
        account, last = json(self.account_id), ""
        while page := await rows(_REFUNDS, self.replay_id, last, _REFUNDS_A_PAGE):
            charges = await self._by_id("charge", {each["charge"] for each in page})
            customers = await self._by_id("customer", {charge["customer"] for charge in charges.values()})
            lines = []
            for each in page:
                charge = charges.get(each["charge"], _NOT_TOLD)
                customer = customers.get(charge["customer"], _NOT_TOLD)
                objects = f'"refund": {each["body"]}, "charge": {charge["body"]}, "customer": {customer["body"]}'
                lines.append(f'{{"account": {account}, {objects}}}\n')
            yield "".join(lines).encode()
            last = page[-1]["id"]

    async def _by_id(self, kind: str, named: set[str | None]) -> dict[str | None, dict[str, Any]]:
        found = await rows(_NAMED, self.replay_id, kind, [each for each in named if each])
        return {each["id"]: each for each in found}


# Each by its key: of a table that was filled a moment ago, the planner knows too little to join it to itself.
_REFUNDS: Final = """
SELECT id, body, body ->> 'charge' AS charge FROM replay_objects
WHERE replay_id = {} AND kind = 'refund' AND id > {} ORDER BY id LIMIT {}
"""
_NAMED: Final = """
SELECT id, body, body ->> 'customer' AS customer FROM replay_objects
WHERE replay_id = {} AND kind = {} AND id = ANY({}::text[])
"""
_NOT_TOLD: Final[dict[str, Any]] = {"body": "null", "customer": None}

_PAGE: Final = """
SELECT d.id, d.decided_at, d.state, d.outcome, d.surface_mode, d.evaluation, r.ovt,
    coalesce(c.stripe_account_id, '') AS account_id,
    convert_from(e.body, 'UTF8')::jsonb -> 'data' -> 'labels' AS labels,
    convert_from(e.body, 'UTF8')::jsonb -> 'data' -> 'listed' AS listed,
    convert_from(e.body, 'UTF8')::jsonb -> 'data' -> 'listed_above' AS listed_above
FROM decisions d
JOIN requests r ON r.decision_id = d.id
LEFT JOIN stripe_connections c ON c.organization_id = d.organization_id AND c.mode = d.mode
    AND c.id = r.ovt -> 'merchant' ->> 'stripe_connection_id'
LEFT JOIN ledger_entries e ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq
WHERE d.organization_id = {} AND d.mode = {} AND (d.decided_at, d.id) > ({}::timestamptz, {}::text)
    AND d.decided_at < {}
ORDER BY d.decided_at, d.id LIMIT {}
"""


def _stored(found: dict[str, Any], since: datetime) -> StoredDecision:
    """One decision. What its policy said comes first; where none covered it, what was answered."""
    evaluation = msgspec.json.decode(found["evaluation"])
    said = msgspec.convert(evaluation, Evaluation) if evaluation else None
    by_policy = said.outcome if said else Outcome(found["outcome"])
    state = found["state"]
    return StoredDecision(
        id=found["id"],
        at=found["decided_at"],
        ovt=for_account(msgspec.json.decode(found["ovt"], type=Ovt), found["account_id"]),
        was=outcome_of(said) if said else _WORDS[found["outcome"]],
        surface_mode=found["surface_mode"],
        counted=found["decided_at"] >= since,
        # Denied, but not by the policy: a person or a control has said no, and would have said so again.
        happened=state not in _ENDED_OTHERWISE and not (state == "denied" and by_policy is not Outcome.DENY),
        labels=msgspec.json.decode(found["labels"]) if found["labels"] else {},
        listed=msgspec.json.decode(found["listed"]) if found["listed"] else {},
        listed_above=msgspec.json.decode(found["listed_above"]) if found["listed_above"] else {},
    )
