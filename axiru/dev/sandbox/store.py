"""The sandbox's memory: one SQLite file, written before anything is answered.

The sandbox stands in for another company, so its file has nothing to do with Axiru's database. Every call here is
synchronous and the server runs on one thread, so a transaction is never interleaved with another.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axiru.errors import AxiruError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (account, object, id)
) STRICT;
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, object, seq);
CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (account, object, json_extract(body, '$.charge'), seq);
CREATE INDEX IF NOT EXISTS objects_by_payment_intent
    ON objects (account, object, json_extract(body, '$.payment_intent'), seq);
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL, key TEXT NOT NULL, endpoint TEXT NOT NULL, fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL, stored_at INTEGER NOT NULL, answer BLOB NOT NULL,
    PRIMARY KEY (account, key)
) STRICT;
CREATE INDEX IF NOT EXISTS objects_by_id ON objects (object, id);
CREATE TABLE IF NOT EXISTS agenda (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due_at INTEGER NOT NULL, account TEXT NOT NULL, deed TEXT NOT NULL, object_id TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS agenda_by_time ON agenda (due_at, seq);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, event_id TEXT NOT NULL, attempts INTEGER NOT NULL, due_at REAL NOT NULL
) STRICT;
"""


class SandboxStateUnusable(AxiruError):
    """The state file cannot be opened, or another sandbox holds it."""

    code = "sandbox_state_unusable"


class Store:
    """An open state file. A second process that opens the same file is refused."""

    def __init__(self, file: Path) -> None:
        """Open or create `file`. Raises SandboxStateUnusable."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(file, isolation_level=None, timeout=1)
            # In-progress idempotency keys live in the process, so two processes on one file would both execute.
            self.connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self.connection.execute("PRAGMA journal_mode=WAL")
            # NORMAL keeps every commit through the death of the process; only a power cut could lose the last ones.
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self.connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SandboxStateUnusable(
                f"The Stripe sandbox cannot use {file}: {error}. Is another sandbox running on it?", file=str(file)
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; committed when the block is left normally."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def meta(self, name: str) -> str | None:
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def close(self) -> None:
        self.connection.close()
