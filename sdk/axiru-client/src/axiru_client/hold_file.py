"""What must survive this process: requests nobody answered, what Axiru said against a request, evidence packets.

One SQLite file, for any number of processes and threads. Each call opens it anew, so that forks share no connection,
and has reached the disk when it returns: EXTRA also syncs the directory
(https://sqlite.org/pragma.html#pragma_synchronous).
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from axiru_client.errors import HoldNotWritten
from axiru_client.evidence import EvidencePacket
from axiru_client.requests import Asked
from axiru_client.results import Decision, Hold, Unreachable

_BUSY_SECONDS: Final = 10.0
_ANSWERS_KEPT_SECONDS: Final = 90 * 86_400.0

# state: held (waits), alone (went ahead without an answer, Axiru is still to hear of it), said (Axiru denied it or told
# it to wait: `outcome`).
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS requests (
    scope TEXT NOT NULL, endpoint TEXT NOT NULL, idempotency_key TEXT NOT NULL, action TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('held', 'alone', 'said')), cause TEXT NOT NULL,
    outcome TEXT, first_at REAL NOT NULL, last_at REAL NOT NULL, attempts INTEGER NOT NULL,
    leased_until REAL NOT NULL DEFAULT 0, PRIMARY KEY (scope, endpoint, idempotency_key)
);
CREATE TABLE IF NOT EXISTS packets (
    scope TEXT NOT NULL, dispute TEXT NOT NULL, packet TEXT NOT NULL, fetched_at REAL NOT NULL,
    PRIMARY KEY (scope, dispute)
);
"""


class HoldFile:
    """The requests and packets of one scope: one Axiru and one mode."""

    def __init__(self, path: Path, *, scope: str) -> None:
        """Open or make the file. Raises HoldNotWritten, so that a service without one does not start."""
        self._path = path
        self._scope = scope
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Before SQLite makes it readable for whoever the umask lets in: bodies hold customers' data.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise HoldNotWritten(f"the hold file {path} cannot be used: {error.strerror}") from error
        with self._open() as file:
            file.executescript(_SCHEMA)

    def hold(self, asked: Asked, cause: Unreachable, *, now: float) -> Hold:
        """Keep a request that was not answered; the record is on the disk on return. Raises HoldNotWritten."""
        return self._keep(asked, cause, "held", now)

    def went_alone(self, asked: Asked, cause: Unreachable, *, now: float) -> None:
        """Keep that a request went ahead without an answer, so that Axiru will hear of it. Raises HoldNotWritten."""
        self._keep(asked, cause, "alone", now)

    def body_of(self, asked: Asked) -> Any:
        """The body that is kept under the same key while it waits for an answer, else None."""
        with self._open() as file:
            found = file.execute(
                "SELECT body FROM requests WHERE scope = ? AND endpoint = ? AND idempotency_key = ? "
                "AND state IN ('held', 'alone')",
                (self._scope, asked.endpoint, asked.idempotency_key),
            ).fetchone()
        return json.loads(found[0]) if found else None

    def said_of(self, asked: Asked) -> str | None:
        """What Axiru has said against this request before: `deny`, `review` or None."""
        with self._open() as file:
            found = file.execute(
                "SELECT outcome FROM requests WHERE scope = ? AND endpoint = ? AND idempotency_key = ?",
                (self._scope, asked.endpoint, asked.idempotency_key),
            ).fetchone()
        return found[0] if found and found[0] in ("deny", "review") else None

    def answered(self, asked: Asked, decision: Decision, *, now: float) -> None:
        """Forget a request that is settled. A denial or a wait is kept: no later outage may let it pass."""
        against = decision.outcome in ("deny", "review") and not decision.may_execute
        with self._open() as file:
            if not against:
                file.execute(_FORGET, (self._scope, asked.endpoint, asked.idempotency_key))
                return
            self._upsert(file, asked, "said", decision.reason, now)
            file.execute(
                "UPDATE requests SET outcome = ? WHERE scope = ? AND endpoint = ? AND idempotency_key = ?",
                (decision.outcome, self._scope, asked.endpoint, asked.idempotency_key),
            )
            if asked.dispute is not None and decision.outcome == "deny":
                file.execute("DELETE FROM packets WHERE scope = ? AND dispute = ?", (self._scope, asked.dispute))

    def refused(self, endpoint: str, idempotency_key: str) -> None:
        """Let a request go that Axiru will never take; what it said under this key before stays."""
        with self._open() as file:
            named = (self._scope, endpoint, idempotency_key)
            file.execute(f"{_FORGET} AND outcome IS NULL", named)
            file.execute(
                "UPDATE requests SET state = 'said' WHERE scope = ? AND endpoint = ? AND idempotency_key = ?", named
            )

    def holds(self) -> list[Hold]:
        """The requests that wait, oldest first."""
        with self._open() as file:
            found = file.execute(
                f"SELECT {_COLUMNS} FROM requests WHERE scope = ? AND state = 'held' ORDER BY first_at",  # noqa: S608
                (self._scope,),
            )
            return [_hold(row) for row in found]

    def lease(self, *, now: float, seconds: float) -> list[Hold]:
        """What Axiru is still to answer and no other process is at; it is ours for `seconds`.

        What was tried longest ago comes first.
        """
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")
            found = [
                _hold(row)
                for row in file.execute(
                    f"SELECT {_COLUMNS} FROM requests WHERE scope = ? AND state IN ('held', 'alone') "  # noqa: S608
                    "AND leased_until <= ? ORDER BY last_at, first_at",
                    (self._scope, now),
                )
            ]
            file.execute(
                "UPDATE requests SET leased_until = ? WHERE scope = ? AND state IN ('held', 'alone') "
                "AND leased_until <= ?",
                (now + seconds, self._scope, now),
            )
            file.execute("DELETE FROM requests WHERE state = 'said' AND last_at < ?", (now - _ANSWERS_KEPT_SECONDS,))
        return found

    def tried(self, hold: Hold, cause: Unreachable, *, now: float) -> None:
        """Note that a kept request was asked once more and not answered."""
        with self._open() as file:
            file.execute(
                "UPDATE requests SET cause = ?, last_at = ?, attempts = attempts + 1 "
                "WHERE scope = ? AND endpoint = ? AND idempotency_key = ? AND state IN ('held', 'alone')",
                (cause.cause, now, self._scope, hold.endpoint, hold.idempotency_key),
            )

    def release(self, holds: list[Hold]) -> None:
        """Give back what was leased and not worked on."""
        with self._open() as file:
            file.executemany(
                "UPDATE requests SET leased_until = 0 WHERE scope = ? AND endpoint = ? AND idempotency_key = ?",
                [(self._scope, hold.endpoint, hold.idempotency_key) for hold in holds],
            )

    def keep_packet(self, packet: EvidencePacket) -> None:
        """Replace the packet of a dispute."""
        with self._open() as file:
            file.execute(
                "INSERT INTO packets VALUES (?, ?, ?, ?) ON CONFLICT (scope, dispute) "
                "DO UPDATE SET packet = excluded.packet, fetched_at = excluded.fetched_at",
                (self._scope, packet.dispute, json.dumps(dict(packet.facts)), packet.fetched_at),
            )

    def packet(self, dispute: str) -> EvidencePacket | None:
        """The packet of a dispute that was kept last."""
        with self._open() as file:
            found = file.execute(
                "SELECT packet, fetched_at FROM packets WHERE scope = ? AND dispute = ?", (self._scope, dispute)
            ).fetchone()
        return EvidencePacket.read(dispute, json.loads(found[0]), fetched_at=found[1]) if found else None

    def _keep(self, asked: Asked, cause: Unreachable, state: str, now: float) -> Hold:
        with self._open() as file:
            self._upsert(file, asked, state, cause.cause, now)
            row = file.execute(
                f"SELECT {_COLUMNS} FROM requests WHERE scope = ? AND endpoint = ? AND idempotency_key = ?",  # noqa: S608
                (self._scope, asked.endpoint, asked.idempotency_key),
            ).fetchone()
        return _hold(row)

    def _upsert(self, file: sqlite3.Connection, asked: Asked, state: str, cause: str, now: float) -> None:
        file.execute(
            "INSERT INTO requests (scope, endpoint, idempotency_key, action, body, state, cause, first_at, last_at, "
            "attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (scope, endpoint, idempotency_key) DO UPDATE "
            # What went on alone has been done: that nothing lets it go any more does not make it something to do.
            "SET body = excluded.body, cause = excluded.cause, last_at = excluded.last_at, attempts = attempts + 1, "
            "state = CASE WHEN requests.state = 'alone' AND excluded.state = 'held' THEN 'alone' "
            "ELSE excluded.state END",
            (
                *(self._scope, asked.endpoint, asked.idempotency_key, asked.action),
                *(asked.payload.decode(), state, cause, now, now),
            ),
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end. Raises HoldNotWritten for whatever is wrong with the file."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection, connection:
                connection.execute("PRAGMA synchronous = EXTRA")
                yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            raise HoldNotWritten(f"the hold file {self._path} cannot be used: {error}") from error


_FORGET: Final = "DELETE FROM requests WHERE scope = ? AND endpoint = ? AND idempotency_key = ?"
_COLUMNS: Final = "endpoint, idempotency_key, action, body, cause, first_at, last_at, attempts, state"


def _hold(row: tuple[Any, ...]) -> Hold:
    endpoint, key, action, body, cause, first_at, last_at, attempts, state = row
    return Hold(
        endpoint=endpoint,
        idempotency_key=key,
        action=action,
        body=json.loads(body),
        cause=cause,
        held_since=first_at,
        last_tried_at=last_at,
        attempts=attempts,
        went_alone=state == "alone",
    )
