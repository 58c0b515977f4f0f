"""Connections as acts: who may, what is sealed, what comes back when an account is connected again."""

import asyncio
import uuid
from typing import Any

import pytest

from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.settings import Settings
from axiru.stripe_oauth import Grant
from axiru.vault import Vault, refresh_context, token_context
from ledger.acts.connection import (
    AccountTaken,
    Connected,
    StripeAccount,
    change_connection,
    connect,
    disconnect,
    mark_revoked,
)
from ledger.acts.connection_record import ConnectionNotActive, ConnectionNotFound
from ledger.acts.grant import SurfaceNotEnforced, grant_action, revoke_grant, surface_mode
from ledger.acts.intend import intend
from ledger.acts.vote import NotEligible, ReasonRequired


class Owner:
    """An organization, one account of Stripe, and the acts on their connection."""

    def __init__(self, house: Any, vault: Vault) -> None:
        self.house = house
        self.vault = vault
        self.account = f"acct_{uuid.uuid4().hex[:12]}"

    async def connects(self, *, login: str = "admin", mode: Mode = "test", account: str = "") -> Connected:
        chosen = account or self.account
        secret = uuid.uuid4().hex
        return await connect(
            StripeAccount(id=chosen, name="A shop", country="DE", default_currency="eur"),
            Grant(f"rk_{mode}_{secret}", f"rt_{secret}", chosen, mode == "live", "stripe_apps"),
            organization_id=self.house.id,
            mode=mode,
            member_id=self.house.members[login],
            vault=self.vault,
            signer=self.house.signer,
        )

    async def grants(self, connection_id: str, action: Any = "refund", *, login: str = "admin", **more: Any) -> None:
        said = {"reason": "the pilot went well", "organization_id": self.house.id, **more}
        await grant_action(connection_id, action, member_id=self.house.members[login], signer=self.house.signer, **said)

    async def revokes(self, connection_id: str, action: Any = "refund", *, login: str = "admin") -> None:
        await revoke_grant(
            connection_id,
            action,
            organization_id=self.house.id,
            member_id=self.house.members[login],
            signer=self.house.signer,
        )

    async def changes(self, connection_id: str, *, login: str = "admin", **what: Any) -> None:
        given = {"name": None, "make_default": False, **what}
        await change_connection(
            connection_id,
            organization_id=self.house.id,
            member_id=self.house.members[login],
            signer=self.house.signer,
            **given,
        )

    async def disconnects(self, connection_id: str, *, login: str = "admin", reason: str = "sold") -> bool:
        return await disconnect(
            connection_id,
            organization_id=self.house.id,
            member_id=self.house.members[login],
            reason=reason,
            vault=self.vault,
            signer=self.house.signer,
        )

    async def sealed(self, mode: Mode = "test") -> list[str]:
        return [entry["data"]["change"] for entry in await self.house.entries("connection", mode)]


async def kept(connection_id: str) -> dict[str, Any]:
    found = await row("SELECT * FROM stripe_connections WHERE id = {}", connection_id)
    assert found is not None
    return found


async def told(connection_id: str) -> list[dict[str, Any]]:
    return await rows(
        "SELECT payload ->> 'change' AS change, payload ->> 'status' AS status, mode FROM outbox "
        "WHERE topic = 'connection' AND payload ->> 'connection_id' = {} ORDER BY seq, position",
        connection_id,
    )


@pytest.fixture
def owner(house: Any, settings: Settings) -> Owner:
    return Owner(house, Vault.from_settings(settings))


async def test_new_connection_is_read_only_sealed_and_told(owner: Owner) -> None:
    connected = await owner.connects()

    stored = await kept(connected.connection_id)
    assert not connected.again
    assert connected.connection_id.startswith("stripe_conn_")
    assert (stored["status"], stored["mode"], stored["stripe_account_id"]) == ("active", "test", owner.account)
    assert (stored["name"], stored["default_currency"], list(stored["write_actions"])) == ("A shop", "eur", [])
    assert stored["connected_by"] == owner.house.members["admin"]
    place, vault = (owner.house.id, stored["id"]), owner.vault
    assert vault.open(bytes(stored["token_ciphertext"]), context=token_context(*place)).startswith(b"rk_")
    assert vault.open(bytes(stored["refresh_ciphertext"]), context=refresh_context(*place)).startswith(b"rt_")
    (entry,) = await owner.house.entries("connection")
    assert entry["data"] == {
        "connection_id": stored["id"],
        "change": "connected",
        "status": "active",
        "member_id": owner.house.members["admin"],
        "stripe_account_id": owner.account,
        "scope": "stripe_apps",
    }
    assert await told(stored["id"]) == [{"change": "connected", "status": "active", "mode": "test"}]


@pytest.mark.parametrize("login", ["controller", "finance", "viewer", "support"])
async def test_only_admins_connect_grant_and_disconnect(owner: Owner, login: str) -> None:
    with pytest.raises(NotEligible):
        await owner.connects(login=login)
    assert await owner.sealed() == []
    connection_id = (await owner.connects()).connection_id

    for attempt in (
        owner.grants(connection_id, login=login),
        owner.revokes(connection_id, login=login),
        owner.changes(connection_id, login=login, name="Mine"),
        owner.disconnects(connection_id, login=login),
    ):
        with pytest.raises(NotEligible):
            await attempt
    assert await owner.sealed() == ["connected"]


async def test_test_and_live_are_two_connections_in_two_chains(owner: Owner) -> None:
    test, live = await owner.connects(), await owner.connects(mode="live")

    assert test.connection_id != live.connection_id
    assert (await kept(live.connection_id))["is_default"]
    assert not (await kept(test.connection_id))["is_default"]  # the organization's own one is
    assert await owner.sealed("test") == await owner.sealed("live") == ["connected"]


async def test_first_active_connection_of_a_mode_is_the_default(owner: Owner) -> None:
    first = (await owner.connects(mode="live")).connection_id
    second = (await owner.connects(mode="live", account=f"{owner.account}b")).connection_id
    assert ((await kept(first))["is_default"], (await kept(second))["is_default"]) == (True, False)

    await owner.disconnects(first)
    third = (await owner.connects(mode="live", account=f"{owner.account}c")).connection_id

    assert ((await kept(first))["is_default"], (await kept(third))["is_default"]) == (False, True)


async def test_connecting_again_keeps_the_connection_and_gives_it_new_tokens(owner: Owner) -> None:
    first = await owner.connects()
    await owner.changes(first.connection_id, name="Our shop")
    before = await kept(first.connection_id)

    again = await owner.connects()

    assert again == Connected(first.connection_id, True)
    after = await kept(first.connection_id)
    assert bytes(after["token_ciphertext"]) != bytes(before["token_ciphertext"])
    assert (after["name"], after["created_at"]) == ("Our shop", before["created_at"])
    assert await owner.sealed() == ["connected", "renamed", "reconnected"]


async def test_revoked_connection_comes_back_with_what_was_granted(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await owner.grants(connection_id)
    assert await mark_revoked(connection_id, "Taken back in Stripe.", owner.house.signer)
    assert (await kept(connection_id))["status_reason"] == "Taken back in Stripe."

    await owner.connects()

    stored = await kept(connection_id)
    assert (stored["status"], stored["status_reason"], list(stored["write_actions"])) == ("active", None, ["refund"])
    assert [one["status"] for one in await told(connection_id)] == ["active", "active", "revoked", "active"]


async def test_disconnected_connection_comes_back_read_only(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await owner.grants(connection_id)
    assert await owner.disconnects(connection_id)
    ended = await kept(connection_id)
    assert (ended["status"], ended["status_reason"], ended["refresh_ciphertext"]) == ("disconnected", "sold", None)
    assert (
        owner.vault.open(bytes(ended["token_ciphertext"]), context=token_context(owner.house.id, connection_id)) == b""
    )

    again = await owner.connects()

    assert again == Connected(connection_id, True)
    assert list((await kept(connection_id))["write_actions"]) == []


async def test_revoking_twice_or_after_disconnecting_changes_nothing(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    assert await mark_revoked(connection_id, "one", owner.house.signer)
    assert not await mark_revoked(connection_id, "two", owner.house.signer)
    assert (await kept(connection_id))["status_reason"] == "one"

    assert await owner.disconnects(connection_id)
    assert not await owner.disconnects(connection_id)
    assert not await mark_revoked(connection_id, "three", owner.house.signer)
    assert (await kept(connection_id))["status"] == "disconnected"
    assert await owner.sealed() == ["connected", "revoked", "disconnected"]


async def test_what_was_connected_again_since_it_was_looked_at_is_not_revoked(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    assert await mark_revoked(connection_id, "refused", owner.house.signer)
    seen = (await kept(connection_id))["status_changed_at"]
    await owner.connects()

    assert not await mark_revoked(connection_id, "uninstalled", owner.house.signer, as_of=seen)

    assert (await kept(connection_id))["status"] == "active"
    now = (await kept(connection_id))["status_changed_at"]
    assert await mark_revoked(connection_id, "uninstalled", owner.house.signer, as_of=now)


async def test_account_of_another_organization_is_refused_until_it_is_free(
    owner: Owner, new_house: Any, settings: Settings
) -> None:
    mine = (await owner.connects()).connection_id
    other = Owner(await new_house(), owner.vault)
    other.account = owner.account

    with pytest.raises(AccountTaken):
        await other.connects()
    assert await other.sealed() == []
    # The other mode is another account's money.
    await other.connects(mode="live")

    await mark_revoked(mine, "uninstalled", owner.house.signer)
    theirs = await other.connects()
    assert theirs.connection_id != mine
    with pytest.raises(AccountTaken):
        await owner.connects()


async def test_of_two_organizations_at_once_one_gets_the_account(owner: Owner, new_house: Any) -> None:
    others = [owner, *[Owner(await new_house(), owner.vault) for _ in range(3)]]
    for one in others:
        one.account = owner.account

    done = await asyncio.gather(*(one.connects() for one in others), return_exceptions=True)

    assert sum(isinstance(one, Connected) for one in done) == 1
    assert sum(isinstance(one, AccountTaken) for one in done) == 3


async def test_same_account_at_once_is_one_connection(owner: Owner) -> None:
    done = await asyncio.gather(*(owner.connects() for _ in range(4)))

    assert len({one.connection_id for one in done}) == 1
    assert sorted(await owner.sealed()) == ["connected", "reconnected", "reconnected", "reconnected"]


async def test_grant_takes_an_enforced_surface(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id

    with pytest.raises(SurfaceNotEnforced):
        await owner.grants(connection_id, "payout")
    assert list((await kept(connection_id))["write_actions"]) == []

    await owner.house.enforce("payout")
    await owner.grants(connection_id, "payout")
    assert list((await kept(connection_id))["write_actions"]) == ["payout"]
    *_, entry = await owner.house.entries("connection")
    assert (entry["data"]["change"], entry["data"]["action"]) == ("granted", "payout")
    assert entry["data"]["reason"] == "the pilot went well"


async def test_what_is_said_of_one_connection_goes_before_what_is_said_of_all(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await _set(owner, connection_id, "refund", "shadow")
    await _set(owner, connection_id, "transfer", "enforce")

    assert await surface_mode(connection_id, "refund", owner.house.id, "test") == "shadow"
    with pytest.raises(SurfaceNotEnforced):
        await owner.grants(connection_id, "refund")
    await owner.grants(connection_id, "transfer")
    assert await surface_mode("stripe_conn_other", "transfer", owner.house.id, "test") == "shadow"
    assert await surface_mode(connection_id, "refund", owner.house.id, "live") == "shadow"


async def test_granting_twice_and_revoking_twice_is_sealed_once(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await owner.grants(connection_id)
    await owner.grants(connection_id)
    await owner.revokes(connection_id)
    await owner.revokes(connection_id)

    assert list((await kept(connection_id))["write_actions"]) == []
    assert await owner.sealed() == ["connected", "granted", "grant_revoked"]


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
async def test_grants_and_ends_need_a_reason(owner: Owner, reason: str) -> None:
    connection_id = (await owner.connects()).connection_id
    with pytest.raises(ReasonRequired):
        await owner.grants(connection_id, reason=reason)
    with pytest.raises(ReasonRequired):
        await owner.disconnects(connection_id, reason=reason)
    assert await owner.sealed() == ["connected"]


async def test_ended_connection_is_granted_nothing_and_is_nobodys_default(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await mark_revoked(connection_id, "uninstalled", owner.house.signer)

    with pytest.raises(ConnectionNotActive):
        await owner.grants(connection_id)
    with pytest.raises(ConnectionNotActive):
        await owner.changes(connection_id, make_default=True)


async def test_default_goes_from_one_to_the_other(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await owner.changes(connection_id, make_default=True)

    defaults = await rows(
        "SELECT id FROM stripe_connections WHERE organization_id = {} AND mode = 'test' AND is_default", owner.house.id
    )
    assert [one["id"] for one in defaults] == [connection_id]
    await owner.changes(connection_id, make_default=True)
    assert await owner.sealed() == ["connected", "made_default"]


async def test_name_is_committed_to_not_written_out(owner: Owner) -> None:
    connection_id = (await owner.connects()).connection_id
    await owner.changes(connection_id, name="The shop of Erika Muster")

    assert (await kept(connection_id))["name"] == "The shop of Erika Muster"
    *_, entry = await owner.house.entries("connection")
    assert b"Erika" not in bytes(entry["body"])
    assert entry["data"]["personal"].keys() == {"name"}


async def test_connection_of_others_is_not_there(owner: Owner, new_house: Any) -> None:
    theirs = (await Owner(await new_house(), owner.vault).connects()).connection_id

    for attempt in (
        owner.grants(theirs),
        owner.revokes(theirs),
        owner.changes(theirs, name="Mine"),
        owner.disconnects(theirs),
    ):
        with pytest.raises(ConnectionNotFound):
            await attempt
    with pytest.raises(ConnectionNotFound):
        await mark_revoked("stripe_conn_of_nobody", "why", owner.house.signer)


async def test_execution_stops_at_a_connection_that_was_revoked(owner: Owner, refund: Any) -> None:
    """The permission to call is refused; nothing is sent with a token that ended."""

    connection_id = f"stripe_conn_{owner.house.id}"
    receipt = await owner.house.decided(refund(owner.house))
    await mark_revoked(connection_id, "uninstalled", owner.house.signer)

    blocked = await intend(
        receipt.decision_id, organization_id=owner.house.id, mode="test", uncertain_seconds=1, signer=owner.house.signer
    )

    assert getattr(blocked, "reason", None) == "connection_not_active"
    assert await owner.house.state(receipt.decision_id) == "execution_failed"


async def _set(owner: Owner, connection_id: str, action: str, mode: str) -> None:
    await rows(
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ({}, {}, 'test', {}, 'stripe', {}, {}, now())",
        uuid.uuid4().hex,
        owner.house.id,
        connection_id,
        action,
        mode,
    )
