"""Keys rotate every other second under authorizations that are being asked for; at length in `tests/torture`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from axiru.database import connected
from axiru.dev.dev_json import DevJson
from axiru.dev.home import Home
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from bench.tokens.rotation import run
from ledger.token_keys import KeyTimes, add_key, changing_keys, revoke, rotate_if_due, token_keys

SCALED = KeyTimes(
    rotation=timedelta(seconds=2), lead=timedelta(seconds=1), tail=timedelta(seconds=3), token_life=timedelta(seconds=3)
)


@pytest.fixture
async def vault(stack: DevJson) -> AsyncIterator[Vault]:
    """The stack's vault and database; afterwards a key with the usual times signs again."""
    settings = Settings(database_url=stack.database_url, vault_key_file=str(Home(Path(stack.home)).vault_key()))
    vault, usual = Vault.from_settings(settings), KeyTimes.from_settings(settings)
    before = ChainHead._meta._db
    async with connected(settings):
        yield vault
        async with changing_keys():
            for key in await token_keys(usual.tail):
                if key.state == "next":
                    await revoke(key.kid, "the test is over", vault, usual)
            await add_key(vault, usual, lead=timedelta(0))
    for table in ALL_TABLES:
        table._meta._db = before


async def test_rotation_under_load_fails_nobody(stack: DevJson, vault: Vault) -> None:
    async def look_forever() -> None:
        while True:
            await rotate_if_due(vault, SCALED)
            await asyncio.sleep(0.1)

    async with changing_keys():
        await add_key(vault, SCALED, lead=timedelta(0))
    looking = asyncio.create_task(look_forever())
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30, headers=headers) as http:
        done = await run(
            http, audience=stack.organization_id, seconds=7, per_second=25, kept_seconds=SCALED.lead.total_seconds()
        )
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)

    assert not done.failures
    assert done.tokens == 175
    assert done.verified == 2 * done.tokens
    assert done.refused > done.tokens
    assert len(done.key_ids) >= 3
