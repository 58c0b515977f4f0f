"""Tokens that last an hour and refresh tokens that are good once: exchanged by one at a time, stored before used."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
import stripe

import axiru.stripe_tokens
from activities.stripe_client import StripeClients
from axiru.database import row, rows
from axiru.settings import Settings
from axiru.stripe_oauth import exchange_code, exchange_refresh_token
from axiru.stripe_tokens import CUT_OFF, ENDED, StripeTokens
from axiru.vault import Vault, VaultSealBroken, refresh_context, token_context
from ledger.acts.connection import StripeAccount, connect, disconnect, revoking_with
from ledger.keys import load_signer


class Connection:
    """One account of the test's own, connected by OAuth."""

    def __init__(self, connection_id: str, account: str, settings: Settings, vault: Vault) -> None:
        self.id = connection_id
        self.account = account
        self.vault = vault
        self.settings = settings

    async def row(self) -> dict[str, Any]:
        found = await row("SELECT * FROM stripe_connections WHERE id = {}", self.id)
        assert found is not None
        return found

    async def ends_in(self, seconds: int) -> None:
        """By Axiru's clock, the access token has so long left."""
        await rows(
            "UPDATE stripe_connections SET token_expires_at = clock_timestamp() + make_interval(secs => {}) "
            "WHERE id = {}",
            seconds,
            self.id,
        )

    async def refresh_token(self) -> str:
        found = await self.row()
        context = refresh_context(found["organization_id"], self.id)
        return self.vault.open(bytes(found["refresh_ciphertext"]), context=context).decode()

    async def leased_for(self, seconds: float) -> None:
        """Another process began to exchange its tokens."""
        await rows(
            "UPDATE stripe_connections SET refreshing_until = clock_timestamp() + make_interval(secs => {}) "
            "WHERE id = {}",
            seconds,
            self.id,
        )

    async def changes(self) -> list[str]:
        """What was sealed of it, in order."""
        found = await rows(
            "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'change' AS change FROM ledger_entries "
            "WHERE kind = 'connection' AND convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'connection_id' = {} "
            "ORDER BY seq",
            self.id,
        )
        return [one["change"] for one in found]


@pytest.fixture
async def connection(executions: Any, sandbox: Any, settings: Settings) -> Connection:
    vault = Vault.from_settings(settings)
    account = f"acct_{uuid.uuid4().hex[:12]}"
    grant = await exchange_code(settings, "test", sandbox.agree(account), verifier=None)
    admin = await row("SELECT id FROM members WHERE email = 'admin@demo.example'")
    assert admin is not None
    connected = await connect(
        StripeAccount(id=account, name="A shop", country="US", default_currency="usd"),
        grant,
        organization_id="org_demo",
        mode="test",
        member_id=admin["id"],
        vault=vault,
        signer=await load_signer(vault),
    )
    sandbox.forget()
    return Connection(connected.connection_id, account, settings, vault)


@pytest.fixture
async def tokens(executions: Any, settings: Settings) -> AsyncIterator[StripeTokens]:
    vault = Vault.from_settings(settings)
    made = StripeTokens(settings, vault, revoking_with(vault))
    yield made
    await made.close()


@pytest.fixture
async def other_process(executions: Any, settings: Settings) -> AsyncIterator[StripeTokens]:
    """It shares nothing with `tokens` but the database."""
    vault = Vault.from_settings(settings)
    made = StripeTokens(settings, vault, revoking_with(vault))
    yield made
    await made.close()


@pytest.fixture
async def clients(executions: Any, settings: Settings) -> AsyncIterator[StripeClients]:
    made = StripeClients(settings, Vault.from_settings(settings))
    yield made
    await made.close()


async def test_token_that_lasts_is_opened_and_nothing_is_asked(
    connection: Connection, tokens: StripeTokens, sandbox: Any
) -> None:
    access = await tokens.of(connection.id)

    assert access is not None
    assert access.token.startswith("rk_test_")
    assert (access.stripe_account_id, access.mode) == (connection.account, "test")
    assert sandbox.exchanges() == 0


async def test_key_without_an_end_is_never_exchanged(tokens: StripeTokens, sandbox: Any) -> None:
    access = await tokens.of("stripe_conn_demo")

    assert access is not None
    assert access.token.startswith("sk_test_")
    assert await tokens.renew("stripe_conn_demo") == access
    assert sandbox.exchanges() == 0


async def test_no_connection_has_no_token(tokens: StripeTokens) -> None:
    assert await tokens.of("stripe_conn_of_nobody") is None


async def test_token_near_its_end_is_exchanged_and_both_are_stored(
    connection: Connection, tokens: StripeTokens, clients: StripeClients, sandbox: Any
) -> None:
    before = await tokens.of(connection.id)
    refresh_before = await connection.refresh_token()
    await connection.ends_in(300)

    after = await tokens.of(connection.id)

    assert before is not None
    assert after is not None
    assert after.token != before.token
    assert await connection.refresh_token() != refresh_before
    stored = await connection.row()
    assert stored["refreshing_until"] is None
    left = await row(
        "SELECT extract(epoch FROM token_expires_at - clock_timestamp())::integer AS seconds FROM stripe_connections "
        "WHERE id = {}",
        connection.id,
    )
    assert left is not None
    assert 3_500 < left["seconds"] <= 3_600
    assert (await tokens.of(connection.id)) == after
    assert sandbox.exchanges() == 1
    client = await clients.of(connection.id)
    assert client is not None
    assert (await client.v1.accounts.retrieve_current_async()).id == connection.account


async def test_many_who_need_a_new_token_at_once_exchange_it_once(
    connection: Connection, tokens: StripeTokens, other_process: StripeTokens, sandbox: Any
) -> None:
    await connection.ends_in(-1)

    got = await asyncio.gather(*(one.of(connection.id) for one in (tokens, other_process) * 6))

    assert len({access.token for access in got if access is not None}) == 1
    assert None not in got
    assert sandbox.exchanges() == 1


async def test_good_token_is_used_while_another_process_exchanges(
    connection: Connection, tokens: StripeTokens, sandbox: Any
) -> None:
    before = await tokens.of(connection.id)
    await connection.ends_in(300)
    await connection.leased_for(60)

    async with asyncio.timeout(1):
        assert await tokens.of(connection.id) == before

    assert sandbox.exchanges() == 0


async def test_ended_token_waits_for_the_process_that_exchanges(
    connection: Connection, tokens: StripeTokens, other_process: StripeTokens, sandbox: Any
) -> None:
    await connection.ends_in(-1)
    sandbox.plan_fault("delay_before_seconds", seconds=0.5, path="/v1/oauth/token")
    first = asyncio.create_task(other_process.of(connection.id))
    await until(lambda: _leased(connection))

    second = await tokens.of(connection.id)

    assert second is not None
    assert second == await first
    assert sandbox.exchanges() == 1


async def test_exchange_goes_on_when_whoever_asked_gives_up(
    connection: Connection, tokens: StripeTokens, sandbox: Any
) -> None:
    await connection.ends_in(-1)
    sandbox.plan_fault("delay_before_seconds", seconds=0.5, path="/v1/oauth/token")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await tokens.of(connection.id)
    await tokens.close()

    access = await tokens.of(connection.id)
    assert access is not None
    assert sandbox.exchanges() == 1
    assert (await connection.row())["status"] == "active"


async def test_store_is_tried_again_when_the_database_does_not_answer(
    connection: Connection, tokens: StripeTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.ends_in(-1)
    failures = [OSError("the database went away"), OSError("still away")]

    async def failing(sql: str, *arguments: Any) -> list[dict[str, Any]]:
        if "refreshed_at = clock_timestamp()" in sql and failures:
            raise failures.pop()
        return await rows(sql, *arguments)

    monkeypatch.setattr(axiru.stripe_tokens, "rows", failing)
    monkeypatch.setattr(axiru.stripe_tokens, "_STORE_AGAIN_SECONDS", 0.01)
    access = await tokens.of(connection.id)

    assert failures == []
    monkeypatch.undo()
    assert access is not None
    assert await tokens.of(connection.id) == access


async def test_crash_before_the_new_tokens_were_stored_ends_the_connection_and_says_so(
    connection: Connection, tokens: StripeTokens, sandbox: Any
) -> None:
    """What the process that died had begun: a lease that ran out, and a refresh token that is used up."""
    await exchange_refresh_token(connection.settings, "test", await connection.refresh_token())
    await connection.ends_in(300)
    await connection.leased_for(-1)

    assert await tokens.of(connection.id) is None

    stored = await connection.row()
    assert (stored["status"], stored["status_reason"]) == ("revoked", CUT_OFF)
    assert await connection.changes() == ["connected", "revoked"]


async def test_answer_that_was_lost_leaves_the_token_that_is_good(
    connection: Connection, tokens: StripeTokens, sandbox: Any
) -> None:
    before = await tokens.of(connection.id)
    await connection.ends_in(300)
    sandbox.plan_fault("drop_connection_after", path="/v1/oauth/token")

    assert await tokens.of(connection.id) == before
    assert (await connection.row())["status"] == "active"
    # Until the lease is over nobody asks again.
    assert await tokens.of(connection.id) == before
    assert sandbox.exchanges() == 1


@pytest.mark.parametrize("kind", ["status_500_before", "status_500_after", "hang_seconds"])
async def test_ended_token_without_an_answer_is_an_outage_not_a_revocation(
    connection: Connection, tokens: StripeTokens, sandbox: Any, kind: str
) -> None:
    await connection.ends_in(-1)
    sandbox.plan_fault(kind, seconds=2, path="/v1/oauth/token")

    with pytest.raises(stripe.APIConnectionError):
        await tokens.of(connection.id)

    assert (await connection.row())["status"] == "active"


async def test_stripe_out_of_reach_is_asked_again_at_once(
    connection: Connection, settings: Settings, sandbox: Any
) -> None:
    await connection.ends_in(-1)
    vault = Vault.from_settings(settings)
    away = StripeTokens(
        msgspec.structs.replace(settings, stripe_api_base="http://127.0.0.1:9"), vault, revoking_with(vault)
    )

    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            await away.of(connection.id)

    there = StripeTokens(settings, vault, revoking_with(vault))
    assert await there.of(connection.id) is not None


async def test_app_that_is_set_up_wrongly_says_nothing_about_the_connection(
    connection: Connection, settings: Settings, tokens: StripeTokens
) -> None:
    vault = Vault.from_settings(settings)
    wrong = StripeTokens(
        msgspec.structs.replace(settings, stripe_app_key_test="sk_test_of_somebody"), vault, revoking_with(vault)
    )
    good = await tokens.of(connection.id)
    await connection.ends_in(300)

    assert await wrong.of(connection.id) == good
    await connection.ends_in(-1)
    with pytest.raises(stripe.APIConnectionError):
        await wrong.of(connection.id)

    assert (await connection.row())["status"] == "active"


async def test_refresh_token_that_stripe_ended_revokes_the_connection(
    connection: Connection, tokens: StripeTokens, sandbox: Any
) -> None:
    sandbox.uninstall(connection.account)
    await connection.ends_in(300)

    assert await tokens.of(connection.id) is None

    stored = await connection.row()
    assert (stored["status"], stored["status_reason"]) == ("revoked", ENDED)
    told = await rows(
        "SELECT payload ->> 'change' AS change FROM outbox WHERE topic = 'connection' "
        "AND payload ->> 'connection_id' = {} ORDER BY seq",
        connection.id,
    )
    assert [one["change"] for one in told] == ["connected", "revoked"]


async def test_call_that_stripe_refuses_for_its_token_revokes_the_connection(
    connection: Connection, clients: StripeClients, sandbox: Any
) -> None:
    client = await clients.of(connection.id)
    assert client is not None
    sandbox.uninstall(connection.account)

    with pytest.raises(stripe.PermissionError):
        await client.v1.charges.list_async()

    await until(lambda: _is(connection, "revoked"))
    assert await clients.of(connection.id) is None
    assert await connection.changes() == ["connected", "revoked"]


async def test_token_that_ended_early_at_stripe_is_exchanged_not_given_up(
    connection: Connection, clients: StripeClients, sandbox: Any
) -> None:
    client = await clients.of(connection.id)
    assert client is not None
    sandbox.advance_clock(2)

    with pytest.raises(stripe.AuthenticationError):
        await client.v1.charges.list_async()

    await until(lambda: _exchanged_once(sandbox))
    assert await clients.check(connection.id)
    client = await clients.of(connection.id)
    assert client is not None
    await client.v1.charges.list_async()
    assert (await connection.row())["status"] == "active"


async def test_refused_token_that_another_process_exchanges_is_not_given_up(
    connection: Connection, clients: StripeClients, settings: Settings, sandbox: Any
) -> None:
    elsewhere = StripeClients(settings, connection.vault)
    sandbox.advance_clock(2)
    sandbox.plan_fault("delay_before_seconds", seconds=0.5, path="/v1/oauth/token")
    first = asyncio.create_task(elsewhere.check(connection.id))
    await until(lambda: _leased(connection))

    with pytest.raises(stripe.APIConnectionError):
        await clients.check(connection.id)

    assert await first
    assert await clients.check(connection.id)
    assert (await connection.row())["status"] == "active"
    assert sandbox.exchanges() == 1
    await elsewhere.close()


async def test_refused_token_is_not_given_up_while_no_other_is_to_be_had(
    connection: Connection, clients: StripeClients, sandbox: Any
) -> None:
    sandbox.advance_clock(2)
    sandbox.plan_fault("status_500_before", path="/v1/oauth/token")

    with pytest.raises(stripe.APIConnectionError):
        await clients.check(connection.id)

    assert (await connection.row())["status"] == "active"


async def test_refusal_for_a_connected_account_says_nothing_about_the_connection(
    connection: Connection, clients: StripeClients
) -> None:
    client = await clients.of(connection.id)
    assert client is not None

    with pytest.raises(stripe.PermissionError):
        await client.v1.charges.list_async(options={"stripe_account": "acct_of_somebody_else"})

    assert await clients.check(connection.id)
    assert (await connection.row())["status"] == "active"


async def test_disconnecting_during_an_exchange_keeps_no_token(
    connection: Connection, tokens: StripeTokens, settings: Settings, sandbox: Any
) -> None:
    await connection.ends_in(-1)
    sandbox.plan_fault("delay_before_seconds", seconds=0.5, path="/v1/oauth/token")
    asked = asyncio.create_task(tokens.of(connection.id))
    await until(lambda: _leased(connection))
    admin = await row("SELECT id FROM members WHERE email = 'admin@demo.example'")
    assert admin is not None
    await disconnect(
        connection.id,
        organization_id="org_demo",
        member_id=admin["id"],
        reason="no longer ours",
        vault=connection.vault,
        signer=await load_signer(connection.vault),
    )

    assert await asked is None

    stored = await connection.row()
    assert stored["refresh_ciphertext"] is None
    assert (
        connection.vault.open(
            bytes(stored["token_ciphertext"]), context=token_context(stored["organization_id"], connection.id)
        )
        == b""
    )
    assert await tokens.of(connection.id) is None


async def test_tokens_are_sealed_each_for_its_own_place(connection: Connection, tokens: StripeTokens) -> None:
    access = await tokens.of(connection.id)
    stored = await connection.row()
    token, refresh = bytes(stored["token_ciphertext"]), bytes(stored["refresh_ciphertext"])

    assert access is not None
    assert access.token.encode() not in token
    for blob, context in (
        (token, refresh_context(stored["organization_id"], connection.id)),
        (refresh, token_context(stored["organization_id"], connection.id)),
        (token, token_context(stored["organization_id"], "stripe_conn_demo")),
        (token, token_context("org_of_others", connection.id)),
    ):
        with pytest.raises(VaultSealBroken):
            connection.vault.open(blob, context=context)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what comes about in the background."""
    async with asyncio.timeout(10):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


async def _leased(connection: Connection) -> bool:
    return (await connection.row())["refreshing_until"] is not None


async def _is(connection: Connection, status: str) -> bool:
    return bool((await connection.row())["status"] == status)


async def _exchanged_once(sandbox: Any) -> bool:
    return bool(sandbox.exchanges() == 1)
