"""Reads the ledger's tables in one snapshot, for commands that need no more than a database URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import asyncpg

from axiru.errors import AxiruError
from ledger.commitment import PersonalValue
from ledger.entry import BodyNotCanonical, ChainHead, Entry, parse_json

_CONNECT_TIMEOUT_SECONDS: Final = 10
_ROWS_A_FETCH: Final = 500
_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_MOMENT: Final = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)
_UNREADABLE: Final = float("nan")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class LedgerUnreadable(AxiruError):
    """The ledger could not be read, which says nothing about whether it is intact."""

    code = "ledger_unreadable"


@asynccontextmanager
async def snapshot(database_url: str) -> AsyncIterator[Connection]:
    """One read-only REPEATABLE READ transaction: what is read belongs together while others go on writing.

    Raises LedgerUnreadable for a database that is not there, not Axiru's, not to be read by this role, or goes away.
    """
    if not database_url:
        # asyncpg would go and look for a database by itself.
        raise LedgerUnreadable("No database: AXIRU_DATABASE_URL is not set.")
    try:
        connection = await asyncpg.connect(database_url, timeout=_CONNECT_TIMEOUT_SECONDS)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise LedgerUnreadable(f"The database cannot be reached: {_said(error)}") from error
    try:
        await connection.set_type_codec(
            "timestamptz", schema="pg_catalog", format="tuple", encoder=_no_encoder, decoder=_moment
        )
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionResetError) as error:
        raise LedgerUnreadable(f"The ledger's tables cannot be read: {_said(error)}") from error
    finally:
        await connection.close(timeout=_CONNECT_TIMEOUT_SECONDS)


async def chains(connection: Connection, organization_id: str | None = None) -> list[tuple[str, str]]:
    """(organization, mode) of every chain that left a trace anywhere, so that a chain cannot vanish from one table."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT coalesce(organization_id, '') AS organization_id, coalesce(mode, '') AS mode
        FROM (SELECT organization_id, mode FROM ledger_entries
              UNION SELECT organization_id, mode FROM chain_heads
              UNION SELECT organization_id, mode FROM personal_values) AS traces
        WHERE $1::text IS NULL OR organization_id = $1
        ORDER BY 1, 2
        """,
        organization_id,
    )
    return [(row["organization_id"], row["mode"]) for row in rows]


async def chain_head(connection: Connection, organization_id: str, mode: str) -> ChainHead | None:
    """The recorded end of a chain; None if it has none."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(seq, 0) AS seq, coalesce(entry_hash, '') AS entry_hash
        FROM chain_heads WHERE organization_id = $1 AND mode = $2
        """,
        organization_id,
        mode,
    )
    return ChainHead(organization_id, mode, row["seq"], row["entry_hash"]) if row else None


async def entries(connection: Connection, organization_id: str, mode: str) -> AsyncIterator[Entry]:
    """The entries of a chain as they are stored, in the order of `seq`, a few hundred in memory at a time.

    NULL, which only somebody who dropped a constraint can have written, is read as a value that no sealed entry has.
    """
    async for row in connection.cursor(
        """
        SELECT organization_id, mode, coalesce(seq, 0) AS seq, coalesce(kind, '') AS kind, decision_id,
               coalesce(body, '') AS body, coalesce(prev_hash, '') AS prev_hash, coalesce(entry_hash, '') AS entry_hash,
               coalesce(signature, '') AS signature, coalesce(sealed_at, '-infinity') AS sealed_at
        FROM ledger_entries WHERE organization_id = $1 AND mode = $2 ORDER BY ledger_entries.seq
        """,
        organization_id,
        mode,
        prefetch=_ROWS_A_FETCH,
    ):
        yield Entry(**dict(row))


async def personal_values(connection: Connection, organization_id: str, mode: str) -> AsyncIterator[PersonalValue]:
    """The personal values of a chain that were not erased, in the order of `seq`."""
    async for row in connection.cursor(
        """
        SELECT organization_id, mode, coalesce(seq, 0) AS seq, coalesce(path, '') AS path, coalesce(salt, '') AS salt,
               value::text AS value
        FROM personal_values WHERE organization_id = $1 AND mode = $2 ORDER BY personal_values.seq
        """,
        organization_id,
        mode,
        prefetch=_ROWS_A_FETCH,
    ):
        yield PersonalValue(**{**row, "value": _json(row["value"])})


async def decision_without_entry(connection: Connection, organization_id: str, mode: str) -> int | None:
    """The first seq where a decision was sealed and has no entry: a chain that was cut short together with its head."""
    found = await connection.fetchval(
        """
        SELECT d.seq FROM decisions d
        LEFT JOIN ledger_entries e
            ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq AND e.decision_id = d.id
        WHERE d.organization_id = $1 AND d.mode = $2 AND e.seq IS NULL
        ORDER BY d.seq LIMIT 1
        """,
        organization_id,
        mode,
    )
    return None if found is None else int(found)


async def published_jwks(connection: Connection) -> list[tuple[str, Any]]:
    """(key id, JWK) of every key the ledger was ever signed with, as the database has them."""
    rows = await connection.fetch("SELECT key_id, public_jwk::text FROM signing_keys WHERE purpose = 'ledger'")
    return [(row["key_id"], _json(row["public_jwk"])) for row in rows]


def _json(text: str | None) -> Any:
    """Parsed JSON; what cannot be parsed becomes NaN, which nobody can have committed to."""
    try:
        return parse_json(text or "")
    except BodyNotCanonical:
        return _UNREADABLE


def _moment(microseconds: tuple[int]) -> datetime:
    """PostgreSQL's years reach further than Python's; a moment beyond is shown as the nearest there is."""
    try:
        return _POSTGRES_EPOCH + timedelta(microseconds=microseconds[0])
    except OverflowError:
        return _LAST_MOMENT if microseconds[0] > 0 else _FIRST_MOMENT


def _no_encoder(_: object) -> tuple[int]:
    raise LedgerUnreadable("A snapshot of the ledger is only read.")


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
