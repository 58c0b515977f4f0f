"""What a lost database connection may cost: the act under way, and nothing else."""

from typing import Any

import asyncpg
import pytest

from axiru.database import row, rows, transaction


async def test_transactions_work_again_after_their_connections_were_cut(
    house: Any, refund: Any, superuser: asyncpg.Connection, settings: Any
) -> None:
    for _ in range(settings.database_pool_size + 1):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await _cut_within_a_transaction(superuser)

    receipt = await house.decided(refund(house))

    assert receipt.state == "allowed"


async def _cut_within_a_transaction(superuser: asyncpg.Connection) -> None:
    async with transaction():
        found = await row("SELECT pg_backend_pid() AS pid")
        assert found is not None
        await superuser.execute("SELECT pg_terminate_backend($1)", found["pid"])
        await rows("SELECT 1")
