"""Whoever owns the database and changes what acts have sealed is found by `axiru ledger verify`, at the right entry."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axiru.dev.dev_json import DevJson

BYTEA_COLUMNS = ("body", "prev_hash", "entry_hash", "signature")
TEXT_COLUMNS = ("kind", "decision_id")


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
        *("policy_activated", "decision", "vote", "decision", "vote", "decision")
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
    await superuser.execute(
        "DELETE FROM ledger_entries WHERE organization_id = $1 AND mode = 'test' AND seq = 6", house.id
    )
    await superuser.execute(
        "UPDATE chain_heads SET seq = 5, entry_hash = (SELECT entry_hash FROM ledger_entries "
        "WHERE organization_id = $1 AND mode = 'test' AND seq = 5) WHERE organization_id = $1 AND mode = 'test'",
        house.id,
    )

    code, said = await _verify_command(infrastructure, house.id)

    assert code == 1
    assert f"{house.id}/test: TAMPERED at seq 6: a decision was sealed here" in said


def test_any_byte_of_any_entry_that_is_changed_is_found(
    house: Any, sealed: list[dict[str, Any]], infrastructure: DevJson
) -> None:
    # Hypothesis drives synchronous functions; this loop is its own, beside the one of the fixtures.
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(infrastructure.database_admin_url))
        runner.run(connection.execute("SET session_replication_role = replica"))

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(data=st.data())
        def changed_and_found(data: st.DataObject) -> None:
            entry = data.draw(st.sampled_from(sealed), label="entry")
            column = data.draw(st.sampled_from(BYTEA_COLUMNS + TEXT_COLUMNS), label="column")
            held = entry[column]
            before = held.encode() if isinstance(held, str) else bytes(held or b"")
            if not before:
                return
            place = data.draw(st.integers(0, len(before) - 1), label="byte")
            bit = data.draw(st.integers(0, 6), label="bit")
            after = bytearray(before)
            after[place] ^= 1 << bit
            if column in TEXT_COLUMNS and after[place] == 0:
                return
            value = after.decode() if column in TEXT_COLUMNS else bytes(after)
            runner.run(_replace(connection, entry, column, value))
            try:
                found = runner.run(_first_bad_seq(infrastructure, house.id))
            finally:
                runner.run(_replace(connection, entry, column, held))
            assert found == entry["seq"]

        changed_and_found()
        assert runner.run(_first_bad_seq(infrastructure, house.id)) is None
        runner.run(connection.close())


async def _replace(connection: Any, entry: dict[str, Any], column: str, value: Any) -> None:
    await connection.execute(
        f"UPDATE ledger_entries SET {column} = $1 WHERE organization_id = $2 AND mode = 'test' AND seq = $3",  # noqa: S608
        value,
        entry["organization_id"],
        entry["seq"],
    )


async def _first_bad_seq(infrastructure: DevJson, organization_id: str) -> int | None:
    from ledger.verify_command import verify_database  # noqa: PLC0415

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
