"""The one connection pool of a process, and how rooms read and write through it.

Sealed state is written by `ledger/acts` only; everything else reads.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any, cast

from asyncpg import Connection, InterfaceError
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction
from piccolo.querystring import QueryString

from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead

# An act takes milliseconds. A process that is paused or cut off inside one must not keep the chain from everybody else,
# the kill switch least of all.
_SESSION = {"idle_in_transaction_session_timeout": "5s", "lock_timeout": "8s"}


def engine_for(url: str) -> PostgresEngine:
    """A Piccolo engine for `url`; opens nothing yet."""
    return PostgresEngine(config={"dsn": url}, extensions=())


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[PostgresEngine]:
    """Open the pool, bind every table to it, close it in order. Raises ConfigurationInvalid without a database URL."""
    settings.require("database_url")
    engine = engine_for(settings.database_url)
    await engine.start_connection_pool(
        min_size=2,
        max_size=settings.database_pool_size,
        init=_read_numbers,
        reset=_keep_session,
        server_settings=_SESSION,
    )
    for table in ALL_TABLES:
        table._meta.db = engine
    try:
        yield engine
    finally:
        await engine.close_connection_pool()


async def rows(sql: str, *arguments: Any) -> list[dict[str, Any]]:
    """Run one statement, in the transaction under way if there is one. `{}` stands for an argument.

    No other brace may occur in the statement. Times come back as aware datetimes, `jsonb` as text, `bytea` as bytes,
    `numeric` without a fraction as integers of any size.
    """
    found = await _engine().run_querystring(QueryString(sql, *arguments))
    return [dict(row) for row in found]


async def row(sql: str, *arguments: Any) -> dict[str, Any] | None:
    """The first row of `rows()`, or None."""
    return next(iter(await rows(sql, *arguments)), None)


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """One READ COMMITTED transaction for every statement inside; an exception rolls all of it back."""
    engine = _engine()
    begun = engine.transaction(allow_nested=False)
    try:
        async with begun:
            yield
    finally:
        _let_go(engine, begun)


def _let_go(engine: PostgresEngine, ended: PostgresTransaction) -> None:
    """What Piccolo leaves undone where BEGIN was cancelled or ROLLBACK failed, as on a connection that was lost.

    Without it the task could never begin another transaction, and the pool would be one connection short for good.
    """
    engine.current_transaction.set(None)
    if hasattr(ended, "connection"):
        # Refused for a connection that went back to the pool in order.
        with suppress(InterfaceError):
            ended.connection.terminate()


async def _read_numbers(connection: Connection) -> None:
    """`numeric` holds amounts in whole units, however many: integers, and nothing that could lose one."""
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=_number, format="text")


def _number(text: str) -> int | Decimal:
    return Decimal(text) if "." in text else int(text)


async def _keep_session(_connection: object) -> None:
    """Nothing here changes a session's settings, so a pooled connection needs no round trip to reset them."""


def _engine() -> PostgresEngine:
    return cast(PostgresEngine, ChainHead._meta.db)
