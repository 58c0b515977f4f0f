"""A database of its own on the shared server, brought to the newest schema by the command people run."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest

from axiru.dev.dev_json import DevJson


class Database(msgspec.Struct, frozen=True):
    """A migrated database: its two ways in, and the command again."""

    owner_url: str
    app_url: str
    migrate: Callable[[], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
async def database(infrastructure: DevJson) -> AsyncIterator[Database]:
    name = f"migrations_{secrets.token_hex(4)}"
    server = await asyncpg.connect(infrastructure.database_admin_url)
    await server.execute(f"CREATE DATABASE {name}")
    owner_url = _with_name(infrastructure.database_admin_url, name)

    def migrate() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "axiru.cli", "migrate"],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ
            | {
                "AXIRU_DATABASE_ADMIN_URL": owner_url,
                "AXIRU_APP_ROLE_PASSWORD": urlsplit(infrastructure.database_url).password or "",
            },
        )

    first = migrate()
    assert first.returncode == 0, first.stderr
    yield Database(owner_url, _with_name(infrastructure.database_url, name), migrate)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
async def app(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """As `axiru_app`, the role of every process of the product; nothing it does is kept."""
    async with _undone(database.app_url) as connection:
        yield connection


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """As the owner of the tables, with triggers in force; nothing it does is kept."""
    async with _undone(database.owner_url) as connection:
        yield connection


@asynccontextmanager
async def _undone(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    begun = connection.transaction()
    await begun.start()
    try:
        yield connection
    finally:
        await begun.rollback()
        await connection.close()


def _with_name(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
