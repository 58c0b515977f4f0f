"""Whoever owns the database and changes what acts have sealed is found by `axiru ledger verify`, at the right entry."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axiru.database import rows
from axiru.dev.dev_json import DevJson
from ledger.verify_command import verify_database

BYTEA_COLUMNS = ("body", "prev_hash", "entry_hash", "signature")
COLUMNS = {
    "ledger_entries": (*BYTEA_COLUMNS, "kind", "decision_id"),
    "personal_values": ("salt", "path"),
    "chain_heads": ("entry_hash",),
}
KEYS = {
    "ledger_entries": ("organization_id", "mode", "seq"),
    "personal_values": ("organization_id", "mode", "seq"),
    "chain_heads": ("organization_id", "mode"),
}


@pytest.fixture
async def sealed(house: Any, refund: Any) -> list[dict[str, Any]]:
    """The entries of an organization in which everything has happened once."""
    approved = await house.decided(refund(house, 20_000, customer_id="cus_1"))
    await house.vote(approved.approval_id)
    denied = await house.decided(refund(house, 20_000))
    await house.vote(denied.approval_id, verdict="deny", reason="no receipt")
    await house.decided(refund(house, 99_000))
    entries: list[dict[str, Any]] = await house.entries()
    assert [entry["kind"] for entry in entries] == [
        *("policy_published", "policy_activated", "decision", "vote", "decision", "vote", "decision")
    ]
    return entries


async def test_intact_ledger_is_said_to_be_intact(house: Any, sealed: Any, infrastructure: DevJson) -> None:
    code, said = await _verify_command(infrastructure, house.id)

    assert code == 0
    assert f"{house.id}/test: intact, {len(sealed)} entries" in said


@pytest.mark.parametrize("column", BYTEA_COLUMNS)
async def test_command_names_the_entry_that_was_changed(
    house: Any, sealed: Any, superuser: asyncpg.Connection, infrastructure: DevJson, column: str
) -> None:
    await superuser.execute(
        f"UPDATE ledger_entries SET {column} = set_byte({column}, 7, get_byte({column}, 7) # 1) "  # noqa: S608
        "WHERE organization_id = $1 AND mode = 'test' AND seq = 3",
        house.id,
    )

    code, said = await _verify_command(infrastructure, house.id)

    assert code == 1
    assert f"{house.id}/test: TAMPERED at seq 3:" in said


async def test_command_finds_a_chain_that_was_cut_short_together_with_its_head(
    house: Any, sealed: Any, superuser: asyncpg.Connection, infrastructure: DevJson
) -> None:
    for table in ("ledger_entries", "personal_values"):
        await superuser.execute(
            f"DELETE FROM {table} WHERE organization_id = $1 AND mode = 'test' AND seq = 7",  # noqa: S608
            house.id,
        )
    await superuser.execute(
        "UPDATE chain_heads SET seq = 6, entry_hash = (SELECT entry_hash FROM ledger_entries "
        "WHERE organization_id = $1 AND mode = 'test' AND seq = 6) WHERE organization_id = $1 AND mode = 'test'",
        house.id,
    )

    code, said = await _verify_command(infrastructure, house.id)

    assert code == 1
    assert f"{house.id}/test: TAMPERED at seq 7: a decision was sealed here" in said


async def test_any_byte_of_any_row_that_is_changed_is_found(
    house: Any, sealed: list[dict[str, Any]], infrastructure: DevJson
) -> None:
    cells = [cell for table in COLUMNS for cell in await _cells(table, house.id)]

    def search() -> None:
        # Hypothesis drives synchronous functions; this loop is its own, in a thread beside the one of the fixtures.
        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(infrastructure.database_admin_url))
            runner.run(connection.execute("SET session_replication_role = replica"))

            @settings(max_examples=80, deadline=None)
            @given(data=st.data())
            def changed_and_found(data: st.DataObject) -> None:
                cell = data.draw(st.sampled_from(cells), label="cell")
                place = data.draw(st.integers(0, len(cell.held_bytes) - 1), label="byte")
                # Seven bits: what is ASCII stays text that PostgreSQL can hold.
                changed = bytearray(cell.held_bytes)
                changed[place] ^= 1 << data.draw(st.integers(0, 6), label="bit")
                if isinstance(cell.held, str) and changed[place] == 0:
                    return
                tampered = changed.decode() if isinstance(cell.held, str) else bytes(changed)
                runner.run(cell.write(connection, cell.held, tampered))
                try:
                    found = runner.run(_first_bad_seq(infrastructure, house.id))
                finally:
                    runner.run(cell.write(connection, tampered, cell.held))
                assert found == cell.seq

            changed_and_found()
            assert runner.run(_first_bad_seq(infrastructure, house.id)) is None
            runner.run(connection.close())

    await asyncio.to_thread(search)


class Cell(msgspec.Struct, frozen=True):
    """One value of one row of a chain, and the entry at which verification finds it changed."""

    table: str
    column: str
    row: dict[str, Any]
    seq: int

    @property
    def held(self) -> str | bytes:
        value: str | bytes = self.row[self.column]
        return value

    @property
    def held_bytes(self) -> bytes:
        return self.held.encode() if isinstance(self.held, str) else bytes(self.held)

    async def write(self, connection: Any, before: str | bytes, after: str | bytes) -> None:
        """Replace the value in its row, found by everything else that identifies it."""
        keys = {name: self.row[name] for name in KEYS[self.table]} | {self.column: before}
        where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(keys, 2))
        changed = await connection.execute(
            f"UPDATE {self.table} SET {self.column} = $1 WHERE {where}",  # noqa: S608
            after,
            *keys.values(),
        )
        assert changed == "UPDATE 1"


async def _cells(table: str, organization_id: str) -> list[Cell]:
    """Every value of the test chain's rows in a table that could be changed."""
    found = await rows(f"SELECT * FROM {table} WHERE organization_id = {{}} AND mode = 'test'", organization_id)  # noqa: S608
    return [
        Cell(table, column, one, one["seq"]) for one in found for column in COLUMNS[table] if one[column] is not None
    ]


async def _first_bad_seq(infrastructure: DevJson, organization_id: str) -> int | None:
    report = await verify_database(infrastructure.database_url, organization_id, None)
    return next((verdict.tampering.seq for verdict in report.verdicts if verdict.tampering), None)


async def _verify_command(infrastructure: DevJson, organization_id: str) -> tuple[int, str]:
    """`axiru ledger verify` as a person runs it: its exit code and what it printed."""
    finished = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "axiru.cli", "ledger", "verify", "--org", organization_id],
        env=os.environ | {"AXIRU_DATABASE_URL": infrastructure.database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout
