"""Once an account is connected, its last 90 days are replayed by themselves, once for each policy in force."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from activities import first_history
from axiru.database import row, rows
from axiru.settings import Settings
from axiru.stripe_oauth import Grant
from axiru.vault import Vault
from ledger.acts.connection import Connected, StripeAccount, connect, disconnect
from ledger.keys import load_signer

JUDGES = {"golden", "refunds-starter"}
"""Policies in force that say something of refunds; `daa-starter` says nothing of them."""


class Shop:
    """An account of the tests' own that the demo organization's admin connects."""

    def __init__(self, settings: Settings, vault: Vault, signer: Any, member_id: str) -> None:
        self.account_id = f"acct_{secrets.token_hex(6)}"
        self._settings, self._vault, self._signer, self._member_id = settings, vault, signer, member_id

    async def connect(self) -> Connected:
        return await connect(
            StripeAccount(id=self.account_id, name="Shop", country="US", default_currency="usd"),
            Grant("sk_test_connected", "rt_test", self.account_id, livemode=False, scope="stripe_apps"),
            organization_id="org_demo",
            mode="test",
            member_id=self._member_id,
            vault=self._vault,
            signer=self._signer,
        )

    async def disconnect(self, connection_id: str) -> None:
        await disconnect(
            connection_id,
            organization_id="org_demo",
            member_id=self._member_id,
            reason="over",
            vault=self._vault,
            signer=self._signer,
        )


@pytest.fixture
async def shop(settings: Settings, movements: Any) -> AsyncIterator[Shop]:
    vault = Vault.from_settings(settings)
    admin = await row("SELECT id FROM members WHERE email = 'admin@demo.example'")
    assert admin is not None
    shop = Shop(settings, vault, await load_signer(vault), admin["id"])
    yield shop
    found = await row("SELECT id FROM stripe_connections WHERE stripe_account_id = {}", shop.account_id)
    if found:
        await shop.disconnect(found["id"])


async def test_a_new_connection_is_looked_back_at_once(shop: Shop) -> None:
    connected = await shop.connect()

    replays = await _all_done(connected.connection_id)

    assert {each["policy_name"].partition(" ")[0] for each in replays} == JUDGES
    for each in replays:
        assert (each["state"], each["error"]) == ("done", None)
        assert each["until"] - each["since"] == timedelta(days=90)
        assert each["expires_at"] - each["created_at"] == timedelta(days=30)


async def test_connecting_an_account_again_looks_back_no_second_time(shop: Shop) -> None:
    connected = await shop.connect()
    replays = await _all_done(connected.connection_id)

    assert (await shop.connect()).again
    await _read_to_the_end()

    assert await _replays(connected.connection_id) == replays


async def test_two_workers_write_one_replay(shop: Shop) -> None:
    connected = await shop.connect()
    chain = {"organization_id": "org_demo", "mode": "test"}
    head = await row("SELECT seq FROM chain_heads WHERE organization_id = 'org_demo' AND mode = 'test'")
    cursor = await row("SELECT seq FROM outbox_cursors WHERE relay = 'first_history' AND mode = 'test'")
    assert head is not None
    seen = {**chain, "seq": head["seq"], "looked_at": cursor["seq"] if cursor else 0}

    await asyncio.gather(*[first_history._read(seen) for _ in range(3)])
    replays = await _all_done(connected.connection_id)

    assert len(replays) == len(JUDGES)


async def _all_done(connection_id: str) -> list[dict[str, Any]]:
    """The replays of a connection once there are some and none is under way."""
    async with asyncio.timeout(60):
        while True:
            found = await _replays(connection_id)
            if found and all(each["state"] in {"done", "failed"} for each in found):
                return found
            await asyncio.sleep(0.1)


async def _replays(connection_id: str) -> list[dict[str, Any]]:
    return await rows("SELECT * FROM replays WHERE stripe_connection_id = {} ORDER BY id", connection_id)


async def _read_to_the_end() -> None:
    """Return once the worker has read everything that is sealed now."""
    head = await row("SELECT seq FROM chain_heads WHERE organization_id = 'org_demo' AND mode = 'test'")
    assert head is not None
    async with asyncio.timeout(30):
        while True:
            cursor = await row(
                "SELECT seq FROM outbox_cursors WHERE relay = 'first_history' AND organization_id = 'org_demo' "
                "AND mode = 'test'"
            )
            if cursor is not None and cursor["seq"] >= head["seq"]:
                return
            await asyncio.sleep(0.1)
