"""A database that was in use under the first schema comes to the newest one with everything that was in it."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest

from axiru.dev.dev_json import DevJson

FIRST_SCHEMA = """
import asyncio
from piccolo.apps.migrations.commands.forwards import run_forwards
assert asyncio.run(run_forwards(app_name="axiru", migration_id="0001")).success
"""

IN_USE = """
INSERT INTO organizations VALUES ('org', 'Organization', now());
INSERT INTO members VALUES ('author', 'org', 'a@b.example', 'A', 'none', '{admin}', now()),
    ('second', 'org', 'c@d.example', 'C', 'none', '{admin}', now());
INSERT INTO policies VALUES ('org/p', 'org', 'p', now());
INSERT INTO policy_versions VALUES
    ('v1', 'org', 'p', 1, 'retired', 's1', 'h1', 'author', 'first', now(), now(), now()),
    ('v2', 'org', 'p', 2, 'active', 's2', 'h2', 'author', 'second', now(), now(), now()),
    ('v3', 'org', 'p', 3, 'shadow', 's3', 'h3', 'author', '', now(), now(), NULL),
    ('v4', 'org', 'p', 4, 'draft', 's4', 'h4', 'author', '', now(), now(), NULL),
    ('v5', 'org', 'p', 5, 'draft', 's5', 'h5', 'author', 'not yet', now(), NULL, NULL);
"""


@pytest.fixture
async def upgraded(infrastructure: DevJson) -> AsyncIterator[asyncpg.Connection]:
    """A database at the first schema, in use, that was then migrated; the connection is its owner's."""
    name = f"upgraded_{secrets.token_hex(4)}"
    server = await asyncpg.connect(infrastructure.database_admin_url)
    await server.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(infrastructure.database_admin_url)._replace(path=f"/{name}"))
    environment = os.environ | {"AXIRU_DATABASE_ADMIN_URL": url, "PICCOLO_CONF": "axiru.migrations.piccolo_conf"}
    _run(environment, "-c", FIRST_SCHEMA)
    connection = await asyncpg.connect(url)
    await connection.execute(IN_USE)
    for seq, (version_id, mode) in enumerate([("v1", "live"), ("v2", "live"), ("v2", "test")], start=1):
        body = {"data": {"version_id": version_id, "member_id": "second", "replaces": None}}
        await connection.execute(
            "INSERT INTO ledger_entries VALUES ('org', $1, $2, 'policy_activated', NULL, $3, 'p', $4, 's', now())",
            mode,
            seq,
            msgspec.json.encode(body),
            bytes([seq]),
        )
    await connection.execute(
        "INSERT INTO ledger_entries VALUES ('org', 'live', 9, 'decision', 'ed', $1, 'p', 'x', 's', now())", b"not JSON"
    )
    _run(environment, "-m", "axiru.cli", "migrate")
    yield connection
    await connection.close()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_published_versions_stay_what_they_were_and_unpublished_ones_become_drafts(
    upgraded: asyncpg.Connection,
) -> None:
    versions = await upgraded.fetch(
        "SELECT id, status, source, content_hash, author_member_ids, language, canary_percent FROM policy_versions "
        "ORDER BY version"
    )
    drafts = await upgraded.fetch("SELECT slug, format, source, note, author_member_ids, revision FROM policy_drafts")

    assert [(one["id"], one["status"]) for one in versions] == [
        *(("v1", "retired"), ("v2", "active"), ("v3", "shadow"), ("v4", "shadow"))
    ]
    assert {(tuple(one["author_member_ids"]), one["language"], one["canary_percent"]) for one in versions} == {
        (("author",), 2, 0)
    }
    assert [(one["source"], one["content_hash"]) for one in versions] == [
        *(("s1", "h1"), ("s2", "h2"), ("s3", "h3"), ("s4", "h4"))
    ]
    assert [tuple(draft) for draft in drafts] == [("p", "yaml", "s5", "not yet", ["author"], 1)]


async def test_activations_are_taken_over_from_the_ledger(upgraded: asyncpg.Connection) -> None:
    found = await upgraded.fetch(
        "SELECT v.id, a.member_id, a.percent, a.mode, a.seq FROM activations a "
        "JOIN policy_versions v ON v.activation_id = a.id ORDER BY a.seq"
    )

    assert [tuple(one) for one in found] == [("v1", "second", 100, "live", 1), ("v2", "second", 100, "live", 2)]


async def test_old_activation_puts_nothing_in_force_again(upgraded: asyncpg.Connection) -> None:
    for activation in ("activation_id", "NULL", "(SELECT id FROM activations WHERE seq = 1)"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await upgraded.execute(
                f"UPDATE policy_versions SET status = 'retired', activation_id = {activation} WHERE id = 'v2'"  # noqa: S608
            )


def _run(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-P", *arguments], check=True, env=environment, capture_output=True)  # noqa: S603
