"""Keys of tokens: published before they sign and after, one change at a time, revoked at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from axiru.database import row, rows
from axiru.errors import ConfigurationInvalid
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.chain import act
from ledger.acts.token import new_token
from ledger.acts.token_key import RevokingAdmin, revoke_token_key
from ledger.acts.vote import NotEligible
from ledger.token_keys import (
    KeyTimes,
    TokenKeyRevoked,
    TokenKeyUnknown,
    TokenSigner,
    add_key,
    changing_keys,
    ensure_token_key,
    publish_next,
    published,
    rehearse_next,
    revoke,
    rotate_if_due,
    token_keys,
)

USUAL = KeyTimes.from_settings(Settings())
DAY = timedelta(days=1)


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return Vault.from_settings(settings)


@pytest.fixture(autouse=True)
async def one_key(superuser: asyncpg.Connection, vault: Vault) -> AsyncIterator[str]:
    """One key that has signed for a day and no other; what a test does to the keys goes with it."""
    await superuser.execute("CREATE TEMP TABLE aside AS SELECT * FROM signing_keys WHERE purpose = 'token'")
    await superuser.execute("DELETE FROM signing_keys WHERE purpose = 'token'")
    key_id = await add_key(vault, USUAL, lead=timedelta(0))
    await superuser.execute(
        "UPDATE signing_keys SET active_from = active_from - $1::interval WHERE key_id = $2", DAY, key_id
    )
    yield key_id
    await superuser.execute("DELETE FROM signing_keys WHERE purpose = 'token'")
    await superuser.execute("INSERT INTO signing_keys SELECT * FROM aside")


async def _states() -> list[tuple[str, str]]:
    return [(key.kid, key.state) for key in await token_keys(USUAL.tail)]


async def _signs_now() -> str:
    found = await row("SELECT clock_timestamp() AS now")
    assert found is not None
    return (await new_token(found["now"])).key_id


async def _goes_by(superuser: asyncpg.Connection, time: timedelta) -> None:
    """As if so much time had passed for every key of tokens."""
    await superuser.execute(
        "UPDATE signing_keys SET active_from = active_from - $1::interval, "
        "created_at = created_at - $1::interval WHERE purpose = 'token'",
        time,
    )


async def test_the_next_key_is_seen_for_its_lead_before_it_signs(
    one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    assert await rotate_if_due(vault, USUAL) is None
    await _goes_by(superuser, USUAL.rotation - DAY - USUAL.lead - timedelta(minutes=2))

    coming = await rotate_if_due(vault, USUAL)

    assert await _states() == [(one_key, "signing"), (coming, "next")]
    (_, after) = await token_keys(USUAL.tail)
    assert after.active_from - after.published_at >= USUAL.lead
    assert [key["kid"] for key in await published(vault, USUAL.tail)] == [one_key, coming]
    assert await _signs_now() == one_key

    await _goes_by(superuser, USUAL.lead + timedelta(minutes=3))
    assert await _states() == [(one_key, "published"), (coming, "signing")]
    assert await _signs_now() == coming


async def test_of_many_who_look_at_once_one_publishes(vault: Vault, superuser: asyncpg.Connection) -> None:
    await _goes_by(superuser, USUAL.rotation)

    found = await asyncio.gather(*(rotate_if_due(vault, USUAL) for _ in range(12)))

    assert len([key for key in found if key]) == 1
    assert [state for _, state in await _states()] == ["signing", "next"]


async def test_looks_that_were_missed_shorten_no_lead(
    one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    await _goes_by(superuser, USUAL.rotation * 3)
    assert await _signs_now() == one_key

    await rotate_if_due(vault, USUAL)

    (_, after) = await token_keys(USUAL.tail)
    assert after.state == "next"
    assert after.active_from - after.published_at >= USUAL.lead
    assert await _signs_now() == one_key


async def test_a_replaced_key_stays_for_its_tail_and_then_leaves(
    one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    coming, _ = await publish_next(vault, USUAL)
    await _goes_by(superuser, USUAL.lead + USUAL.tail - timedelta(seconds=30))
    assert [key["kid"] for key in await published(vault, USUAL.tail)] == [one_key, coming]

    await _goes_by(superuser, timedelta(seconds=60))
    assert [key["kid"] for key in await published(vault, USUAL.tail)] == [coming]
    assert await _states() == [(coming, "signing")]


async def test_a_key_never_leaves_before_its_last_token_is_over(
    one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    await publish_next(vault, USUAL)
    await _goes_by(superuser, USUAL.lead + USUAL.token_life - timedelta(seconds=30))

    assert one_key in [key["kid"] for key in await published(vault, timedelta(seconds=1))]


async def test_tokens_live_as_long_as_their_key_says(vault: Vault) -> None:
    await add_key(vault, msgspec.structs.replace(USUAL, token_life=timedelta(seconds=7)), lead=timedelta(0))
    found = await row("SELECT clock_timestamp() AS now")
    assert found is not None

    token = await new_token(found["now"])

    assert token.expires_at - token.issued_at == timedelta(seconds=7)


async def test_publishing_by_hand_twice_gives_the_same_next_key(one_key: str, vault: Vault) -> None:
    first = await publish_next(vault, USUAL)
    assert await publish_next(vault, USUAL) == first
    assert await _states() == [(one_key, "signing"), (first[0], "next")]


async def test_a_rehearsal_changes_nothing(one_key: str, vault: Vault) -> None:
    await rehearse_next(vault, USUAL)
    assert await _states() == [(one_key, "signing")]


async def test_without_any_key_the_next_look_makes_one_that_signs(
    one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("DELETE FROM signing_keys WHERE key_id = $1", one_key)

    key_id = await rotate_if_due(vault, USUAL)
    await ensure_token_key(vault, USUAL)

    assert await _states() == [(key_id, "signing")]


async def test_a_revoked_key_is_gone_at_once_and_another_signs(house: Any, one_key: str, vault: Vault) -> None:
    signer = TokenSigner(vault)
    before = await signer.sign({"jti": "x"}, one_key)

    revoked = await _revoke(house, vault, one_key)

    assert revoked.changed
    assert await _signs_now() == revoked.replaced_by
    assert [key["kid"] for key in await published(vault, USUAL.tail)] == [revoked.replaced_by]
    with pytest.raises(TokenKeyRevoked):
        await signer.sign({"jti": "x"}, one_key)
    with pytest.raises(InvalidKeyIdError):
        jwt.decode(before, KeySet.import_key_set({"keys": await published(vault, USUAL.tail)}), algorithms=["ES256"])  # type: ignore[typeddict-item]


@pytest.mark.parametrize("by", ["admin", None])
async def test_a_revocation_is_sealed_in_every_chain_there_is(
    new_house: Any, one_key: str, vault: Vault, by: str | None
) -> None:
    """Made by an admin of the first house, or by a command; the second house only hears that it was made."""
    first, second = await new_house(), await new_house()

    revoked = await _revoke(first, vault, one_key, by)

    for house in (first, second):
        for mode in ("live", "test"):
            (entry,) = await house.entries("token_key", mode)
            assert entry["data"] == {
                "kid": one_key,
                "change": "revoked",
                "reason": "its private half was seen",
                "replaced_by": revoked.replaced_by,
                "by_member_id": first.members["admin"] if by is not None and house is first else None,
            }


async def test_a_revocation_waits_for_every_act_under_way_and_is_behind_it(
    new_house: Any, one_key: str, vault: Vault
) -> None:
    """What another organization is doing with a token of the key ends before the revocation is acknowledged."""
    first, second = await new_house(), await new_house()
    began, may_end = asyncio.Event(), asyncio.Event()

    async def consume() -> None:
        async with act(second.signer, second.id, "test") as consuming:
            began.set()
            await may_end.wait()
            consuming.seal("token_consumed", {"jti": "jti_1"})

    consuming = asyncio.create_task(consume())
    await began.wait()
    revoking = asyncio.create_task(_revoke(first, vault, one_key))
    await _somebody_waits_for_a_chain()
    assert await _states() == [(one_key, "signing")]
    may_end.set()
    await consuming

    assert (await revoking).changed
    assert [entry["kind"] for entry in await second.entries()] == ["token_consumed", "token_key"]


async def test_a_revocation_that_one_chain_cannot_seal_did_not_happen(
    new_house: Any, one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    """One that was sealed here and not there would be two stories of one key."""
    first, second = await new_house(), await new_house()
    async with act(second.signer, second.id, "test") as before:
        before.seal("token_consumed", {"jti": "jti_1"})
    await superuser.execute("UPDATE chain_heads SET seq = 0 WHERE organization_id = $1", second.id)

    with pytest.raises(asyncpg.UniqueViolationError):
        await _revoke(first, vault, one_key)

    await superuser.execute("UPDATE chain_heads SET seq = 1 WHERE organization_id = $1 AND mode = 'test'", second.id)
    assert await _states() == [(one_key, "signing")]
    assert await first.entries("token_key") == []


async def test_revoking_again_changes_and_seals_nothing(house: Any, one_key: str, vault: Vault) -> None:
    await _revoke(house, vault, one_key)
    before = await _states()

    assert not (await _revoke(house, vault, one_key)).changed
    assert await _states() == before
    assert len(await house.entries("token_key")) == 1


async def test_revoking_the_next_key_leaves_the_one_that_signs(house: Any, one_key: str, vault: Vault) -> None:
    coming, _ = await publish_next(vault, USUAL)

    revoked = await _revoke(house, vault, coming)

    assert revoked.replaced_by is None
    assert await _states() == [(one_key, "signing"), (coming, "revoked")]


async def test_a_key_that_was_replaced_never_signs_again(
    house: Any, one_key: str, vault: Vault, superuser: asyncpg.Connection
) -> None:
    coming, _ = await publish_next(vault, USUAL)
    await _goes_by(superuser, USUAL.lead + timedelta(minutes=1))

    revoked = await _revoke(house, vault, coming)

    assert await _signs_now() == revoked.replaced_by != one_key
    assert one_key in [key["kid"] for key in await published(vault, USUAL.tail)]


async def test_many_who_revoke_at_once_leave_one_key_that_signs(house: Any, one_key: str, vault: Vault) -> None:
    found = await asyncio.gather(*(_revoke(house, vault, one_key) for _ in range(5)))

    assert sum(revoked.changed for revoked in found) == 1
    assert [state for _, state in await _states()] == ["revoked", "signing"]


async def test_only_an_admin_revokes_and_only_a_key_there_is(house: Any, one_key: str, vault: Vault) -> None:
    with pytest.raises(NotEligible):
        await _revoke(house, vault, one_key, "finance")
    with pytest.raises(TokenKeyUnknown):
        await _revoke(house, vault, "unknown")
    ledger_key = await row("SELECT key_id FROM signing_keys WHERE purpose = 'ledger'")
    assert ledger_key is not None
    async with changing_keys():
        with pytest.raises(TokenKeyUnknown):
            await revoke(ledger_key["key_id"], "why", vault, USUAL)
    assert await _states() == [(one_key, "signing")]


async def test_a_key_signs_nothing_before_its_turn(vault: Vault) -> None:
    coming, _ = await publish_next(vault, USUAL)
    with pytest.raises(TokenKeyRevoked):
        await TokenSigner(vault).sign({"jti": "x"}, coming)


async def test_what_is_published_holds_no_private_member(vault: Vault) -> None:
    await publish_next(vault, USUAL)
    for key in await published(vault, USUAL.tail):
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    kept = await rows("SELECT public_jwk, private_ciphertext FROM signing_keys WHERE purpose = 'token'")
    assert all("d" not in msgspec.json.decode(key["public_jwk"]) for key in kept)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"AXIRU_TOKEN_KEY_TAIL_SECONDS": "299"}, "AXIRU_TOKEN_KEY_TAIL_SECONDS"),
        ({"AXIRU_TOKEN_ROTATION_HOURS": "0.5"}, "AXIRU_TOKEN_ROTATION_HOURS"),
        ({"AXIRU_TOKEN_SECONDS": "301"}, "token_seconds"),
        ({"AXIRU_TOKEN_KEY_LEAD_SECONDS": "0"}, "token_key_lead_seconds"),
    ],
)
def test_times_that_would_leave_a_token_without_its_key_are_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=named):
        Settings.from_environment(given)


async def _revoke(house: Any, vault: Vault, key_id: str, login: str | None = "admin") -> Any:
    return await revoke_token_key(
        key_id,
        "its private half was seen",
        by=RevokingAdmin(house.id, house.members[login]) if login else None,
        vault=vault,
        times=USUAL,
        signer=house.signer,
    )


async def _somebody_waits_for_a_chain() -> None:
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%lock_chain%'"
    async with asyncio.timeout(10):
        while not await rows(waiting):  # noqa: ASYNC110 - the database has no event for it
            await asyncio.sleep(0.02)
