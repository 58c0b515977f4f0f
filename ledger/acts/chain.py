"""The frame of every act: one transaction under the lock of its chain, ending in sealed entries and outbox rows."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from axiru.database import row, rows, transaction
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.commitment import SALT_BYTES, PersonalValue, commit
from ledger.entry import ChainHead, Entry, EntrySigner, seal


class ChainMissing(AxiruError):
    """The organization has no chain in this mode: it was never set up."""

    code = "chain_missing"


class ChainBusy(AxiruError):
    """Another act holds the chain for longer than anybody may wait. Nothing was changed; ask again."""

    code = "conflict"


class Act:
    """What one act seals and tells. Nothing is written before the act's body has ended without an exception.

    `now` is the database's clock, read after the chain was locked.
    """

    def __init__(self, head: ChainHead, mode: Mode, now: datetime, signer: EntrySigner) -> None:
        self.organization_id = head.organization_id
        self.mode = mode
        self.now = now
        self._head = head
        self._signer = signer
        self._entries: list[Entry] = []
        self._personal: list[PersonalValue] = []
        self._told: list[tuple[int, int, str, Mapping[str, Any]]] = []

    def seal(
        self,
        kind: str,
        data: Mapping[str, Any],
        *,
        policy_hash: str | None = None,
        personal: Mapping[str, tuple[bytes, Any]] | None = None,
    ) -> Entry:
        """Append one entry. `personal` are salted values by path; only commitments to them enter the body."""
        if personal:
            data = {**data, "personal": commitments_to(personal)}
        entry = seal(self._head, kind=kind, data=data, policy_hash=policy_hash, sealed_at=self.now, signer=self._signer)
        self._head = entry.head
        self._entries.append(entry)
        self._personal += [
            PersonalValue(self.organization_id, self.mode, entry.seq, path, salt, value)
            for path, (salt, value) in (personal or {}).items()
        ]
        return entry

    def tell(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Put a message into the outbox, behind the entry sealed last."""
        self._told.append((self._head.seq, len(self._told), topic, payload))

    async def write(self) -> None:
        """Write entries, personal values, outbox rows and the new head in one statement, and wake the listeners."""
        if not self._entries:
            return
        await rows(
            """
            WITH sealed AS (
                INSERT INTO ledger_entries (organization_id, mode, seq, kind, decision_id, body, prev_hash, entry_hash,
                    signature, sealed_at)
                SELECT {}, {}, * FROM unnest({}::bigint[], {}::text[], {}::text[], {}::bytea[], {}::bytea[],
                    {}::bytea[], {}::bytea[], {}::timestamptz[])
            ), kept AS (
                INSERT INTO personal_values (organization_id, mode, seq, path, salt, value)
                SELECT {}, {}, * FROM unnest({}::bigint[], {}::text[], {}::bytea[], {}::jsonb[])
            ), told AS (
                INSERT INTO outbox (organization_id, mode, seq, position, topic, payload, written_at)
                SELECT {}, {}, *, {} FROM unnest({}::bigint[], {}::integer[], {}::text[], {}::jsonb[])
            )
            UPDATE chain_heads SET seq = {}, entry_hash = {} WHERE chain = {}
            RETURNING pg_notify('axiru_chain', organization_id)
            """,
            self.organization_id,
            self.mode,
            [entry.seq for entry in self._entries],
            [entry.kind for entry in self._entries],
            [entry.decision_id for entry in self._entries],
            [entry.body for entry in self._entries],
            [entry.prev_hash for entry in self._entries],
            [entry.entry_hash for entry in self._entries],
            [entry.signature for entry in self._entries],
            [entry.sealed_at for entry in self._entries],
            self.organization_id,
            self.mode,
            [value.seq for value in self._personal],
            [value.path for value in self._personal],
            [value.salt for value in self._personal],
            [json(value.value) for value in self._personal],
            self.organization_id,
            self.mode,
            self.now,
            [seq for seq, _, _, _ in self._told],
            [position for _, position, _, _ in self._told],
            [topic for _, _, topic, _ in self._told],
            [json(payload) for _, _, _, payload in self._told],
            self._head.seq,
            self._head.entry_hash,
            chain_id(self.organization_id, self.mode),
        )


@asynccontextmanager
async def act(signer: EntrySigner, organization_id: str, mode: Mode) -> AsyncIterator[Act]:
    """One act on one chain. Raises ChainMissing; any exception inside leaves nothing written."""
    async with acts(signer, organization_id, (mode,)) as (one,):
        yield one


@asynccontextmanager
async def acts(signer: EntrySigner, organization_id: str, modes: Sequence[Mode]) -> AsyncIterator[tuple[Act, ...]]:
    """One act on the chains of several modes, locked in alphabetical order so that two such acts cannot deadlock."""
    async with transaction(), sealing(signer, organization_id, modes) as opened:
        yield opened


@asynccontextmanager
async def sealing(signer: EntrySigner, organization_id: str, modes: Sequence[Mode]) -> AsyncIterator[tuple[Act, ...]]:
    """As `acts`, at the end of a transaction under way: what it wrote before, nobody had to wait for."""
    opened = tuple([await _opened(signer, organization_id, mode) for mode in sorted(modes)])
    yield opened
    for one in opened:
        await one.write()


async def _opened(signer: EntrySigner, organization_id: str, mode: Mode) -> Act:
    try:
        # A statement of its own: what is read after it sees everything that was committed while it waited.
        locked = await row("SELECT seq, entry_hash, locked_at FROM lock_chain({})", chain_id(organization_id, mode))
    except asyncpg.LockNotAvailableError as error:
        raise ChainBusy("The ledger is busy and nothing was changed; try again.", state="busy") from error
    if locked is None:
        raise ChainMissing("This organization has no ledger in this mode.", organization_id=organization_id, mode=mode)
    head = ChainHead(organization_id, mode, locked["seq"], bytes(locked["entry_hash"]))
    return Act(head, mode, locked["locked_at"], signer)


async def begin_chain(organization_id: str, mode: Mode) -> None:
    """Set up the empty chain of (organization, mode); a chain that exists stays as it is."""
    head = ChainHead.genesis(organization_id, mode)
    await rows(
        "INSERT INTO chain_heads (chain, organization_id, mode, seq, entry_hash) VALUES ({}, {}, {}, {}, {}) "
        "ON CONFLICT DO NOTHING",
        chain_id(organization_id, mode),
        organization_id,
        mode,
        head.seq,
        head.entry_hash,
    )


def chain_id(organization_id: str, mode: str) -> str:
    """The key of `chain_heads`."""
    return f"{organization_id}/{mode}"


def salted(values: Mapping[str, Any]) -> dict[str, tuple[bytes, Any]]:
    """Give every personal value a salt of its own."""
    return {path: (secrets.token_bytes(SALT_BYTES), value) for path, value in values.items()}


def commitments_to(personal: Mapping[str, tuple[bytes, Any]]) -> dict[str, str]:
    return {path: commit(salt, value) for path, (salt, value) in personal.items()}


def json(value: Any) -> str:
    """JSON text for a `jsonb` argument."""
    return msgspec.json.encode(value).decode()
