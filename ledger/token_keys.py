"""Keys that sign tokens: P-256 (RFC 7518 §3.4), named by their RFC 7638 thumbprint, sealed by the vault at rest.

A key is published when it is created and signs from `active_from` on, when verifiers have seen it, until the next one
does. It stays published until the last token it signed is over. Revoked, it is gone at once. Which key is what is said
by the database's clock alone, so every process has the same answer, and the next key takes over with nobody there.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
import structlog
from joserfc import jwt
from joserfc.jwk import ECKey

from axiru.database import row, rows, transaction
from axiru.domain.authorization import ALGORITHM, TYPE
from axiru.errors import AxiruError
from axiru.settings import Settings
from axiru.vault import Vault, VaultKeyUnknown, VaultSealBroken
from ledger.acts.chain import json
from ledger.signing import vault_context

log = structlog.get_logger()

KeyState = Literal["next", "signing", "published", "revoked"]
"""`next`: published, signs from its `active_from` on; `signing`: signs now; `published`: signs no more, and its tokens
are still verified; `revoked`: neither."""

_ONE_CHANGE_AT_A_TIME: Final = 0x746F6B656E  # an advisory lock is a number: "token"
_SHORTEST_TICK: Final = timedelta(seconds=1)
_LONGEST_TICK: Final = timedelta(minutes=5)

_KEYS: Final = """
SELECT * FROM (
    SELECT key_id, private_ciphertext, created_at, active_from, revoked_at, revoked_reason, replaced_at,
        replaced_at + make_interval(secs => greatest({}, token_seconds)) AS gone_at, CASE
            WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN active_from > now THEN 'next'
            WHEN replaced_at IS NULL OR replaced_at > now THEN 'signing'
            WHEN replaced_at + make_interval(secs => greatest({}, token_seconds)) > now THEN 'published'
        END AS state
    FROM (SELECT clock_timestamp() AS now) clock, (
        SELECT *, lead(active_from) OVER (PARTITION BY revoked_at IS NULL ORDER BY active_from) AS replaced_at
        FROM signing_keys WHERE purpose = 'token'
    ) keys
) keys WHERE state = ANY({}::text[]) ORDER BY active_from, key_id
"""
_IN_THE_SET: Final[tuple[KeyState, ...]] = ("next", "signing", "published")


class TokenKeyRevoked(AxiruError):
    """The key of a token was revoked before the token was signed. Whoever asks again is given another."""

    code = "decision_failed"


class TokenKeyUnknown(AxiruError):
    """No key for tokens has this id."""

    code = "not_found"


class KeyTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a key signs, is published before and after that, and how long a token under it is valid."""

    rotation: timedelta
    lead: timedelta
    tail: timedelta
    token_life: timedelta

    @classmethod
    def from_settings(cls, settings: Settings) -> "KeyTimes":
        return cls(
            rotation=timedelta(hours=settings.token_rotation_hours),
            lead=timedelta(seconds=settings.token_key_lead_seconds),
            tail=timedelta(seconds=settings.token_key_tail_seconds),
            token_life=timedelta(seconds=settings.token_seconds),
        )

    @property
    def tick(self) -> timedelta:
        """How often somebody sees to the next key; one whose turn comes before the look after next is published."""
        return min(max(self.lead / 4, _SHORTEST_TICK), _LONGEST_TICK)


class TokenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key for people to look at. `gone_at`: when it leaves the published set, once it is known."""

    kid: str
    state: KeyState
    published_at: datetime
    active_from: datetime
    replaced_at: datetime | None
    gone_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None


class _Rehearsed(Exception):
    """Takes back what was rehearsed."""


class RevokedKey(msgspec.Struct, frozen=True):
    """`replaced_by`: the key that signs in its place since; `changed` is false for one that was revoked before."""

    kid: str
    replaced_by: str | None
    changed: bool


async def ensure_token_key(vault: Vault, times: KeyTimes) -> None:
    """Make the first key, which signs at once; with one that signs in place nothing changes."""
    async with changing_keys():
        if await _signing() is None:
            await add_key(vault, times, lead=timedelta(0))


async def rotate_if_due(vault: Vault, times: KeyTimes) -> str | None:
    """Publish the next key when its time has come; returns its id. However many ask at once, one does it.

    A look that was missed makes the change later and shortens no lead: the key there is signs until then.
    """
    async with changing_keys():
        signing = await _signing()
        if signing is None:
            return await add_key(vault, times, lead=timedelta(0))
        remaining: timedelta = signing["active_from"] + times.rotation - signing["now"]
        if await _next() is not None or remaining > times.lead + times.tick:
            return None
        return await add_key(vault, times, lead=max(remaining, times.lead))


async def publish_next(vault: Vault, times: KeyTimes) -> tuple[str, datetime]:
    """Publish the next key, due or not; returns its id and when it begins to sign. One that waits already is the next.

    Without a key that signs, it signs at once.
    """
    async with changing_keys():
        if await _next() is None:
            await add_key(vault, times, lead=times.lead if await _signing() else timedelta(0))
        coming = await _next() or await _signing()
        if coming is None:
            raise RuntimeError("a key that was just added is not there")
        return coming["key_id"], coming["active_from"]


async def rehearse_next(vault: Vault, times: KeyTimes) -> None:
    """Go through a rotation and sign with the key that came of it, in a transaction that is taken back.

    Raises joserfc.errors.JoseError for a token that the published half does not verify.
    """
    with suppress(_Rehearsed):
        async with changing_keys():
            key_id = await add_key(vault, times, lead=timedelta(0))
            token = await TokenSigner(vault).sign({"rehearsal": True}, key_id)
            public = next(key for key in await published(vault, times.tail) if key["kid"] == key_id)
            jwt.decode(token, ECKey.import_key(public), algorithms=[ALGORITHM])
            raise _Rehearsed


async def revoke(key_id: str, reason: str, vault: Vault, times: KeyTimes) -> RevokedKey:
    """Take a key out of use and out of the published set, inside `changing_keys`. `ledger.acts.token_key` seals it.

    Where it signed, another signs from the same moment on, seen by nobody before: verifiers ask again for a key they do
    not know. Revoking again changes nothing. Raises TokenKeyUnknown.
    """
    revoked_before = await is_revoked(key_id)
    signing = await _signing()
    await rows("SELECT revoke_token_key({}, {})", key_id, reason)
    replaced_by = None
    if signing is None or signing["key_id"] == key_id:
        replaced_by = await add_key(vault, times, lead=timedelta(0))
    return RevokedKey(key_id, replaced_by, changed=not revoked_before)


async def is_revoked(key_id: str) -> bool:
    """Whether a key is out of use for good. Raises TokenKeyUnknown."""
    known = await row("SELECT revoked_at FROM signing_keys WHERE key_id = {} AND purpose = 'token'", key_id)
    if known is None:
        raise TokenKeyUnknown("There is no such key.")
    return known["revoked_at"] is not None


@asynccontextmanager
async def changing_keys() -> AsyncIterator[None]:
    """A transaction in which nobody else, in whatever process, adds or revokes keys of tokens."""
    async with transaction():
        await lock_keys()
        yield


async def lock_keys() -> None:
    """Until the transaction under way ends, nobody else adds or revokes keys of tokens."""
    await rows("SELECT pg_advisory_xact_lock({})", _ONE_CHANGE_AT_A_TIME)


async def add_key(vault: Vault, times: KeyTimes, *, lead: timedelta) -> str:
    """Create and publish a key that signs once `lead` is over; returns its id."""
    key = ECKey.generate_key("P-256", private=True, auto_kid=False)
    key_id = key.thumbprint()
    await rows(
        "SELECT add_token_key({}, {}::jsonb, {}, make_interval(secs => {}), {})",
        key_id,
        json(_jwk(key, key_id)),
        vault.seal(key.as_der(private=True), context=vault_context(key_id)),
        lead.total_seconds(),
        int(times.token_life.total_seconds()),
    )
    return key_id


async def published(vault: Vault, tail: timedelta) -> list[dict[str, Any]]:
    """The public keys a verifier may meet, as JWKs, the oldest first.

    Each is taken from its private half, which only this installation's vault can have sealed: whoever can write to
    the database alone has no key of their own published.
    """
    keys = await _keys(tail, _IN_THE_SET)
    halves = [_public_half(vault, key["key_id"], bytes(key["private_ciphertext"])) for key in keys]
    return [half for half in halves if half is not None]


async def token_keys(tail: timedelta) -> list[TokenKey]:
    """The keys of the published set, and those that were revoked, the oldest first."""
    return [
        TokenKey(
            kid=key["key_id"],
            state=key["state"],
            published_at=key["created_at"],
            active_from=key["active_from"],
            replaced_at=key["replaced_at"] if key["revoked_at"] is None else None,
            gone_at=key["gone_at"] if key["revoked_at"] is None else key["revoked_at"],
            revoked_at=key["revoked_at"],
            revoked_reason=key["revoked_reason"],
        )
        for key in await _keys(tail, (*_IN_THE_SET, "revoked"))
    ]


class TokenSigner:
    """Signs claims with keys by id. Each is taken out of the vault once a process; whether it may still sign is asked
    of the database every time, so that a key revoked anywhere signs nowhere."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._keys: dict[str, ECKey] = {}

    async def sign(self, claims: dict[str, Any], key_id: str) -> str:
        """A compact JWS. Raises TokenKeyRevoked."""
        found = await row(
            "SELECT private_ciphertext FROM signing_keys WHERE key_id = {} AND purpose = 'token' "
            "AND revoked_at IS NULL AND active_from <= clock_timestamp()",
            key_id,
        )
        if found is None:
            self._keys.pop(key_id, None)
            raise TokenKeyRevoked("The key of this token was revoked. Ask again with the same idempotency key.")
        key = self._keys.get(key_id)
        if key is None:
            private = self._vault.open(bytes(found["private_ciphertext"]), context=vault_context(key_id))
            self._keys[key_id] = key = ECKey.import_key(private)
        return jwt.encode({"alg": ALGORITHM, "kid": key_id, "typ": TYPE}, claims, key, algorithms=[ALGORITHM])


def _jwk(key: ECKey, key_id: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key_id, "use": "sig", "alg": ALGORITHM}


def _public_half(vault: Vault, key_id: str, sealed: bytes) -> dict[str, Any] | None:
    """None for a key that was not made here, which is told of and left out."""
    try:
        key = ECKey.import_key(vault.open(sealed, context=vault_context(key_id)))
    except (VaultSealBroken, VaultKeyUnknown):
        log.error("token_key_not_ours", kid=key_id)
        return None
    return _jwk(key, key_id)


async def _keys(tail: timedelta, states: Sequence[KeyState]) -> list[dict[str, Any]]:
    seconds = tail.total_seconds()
    return await rows(_KEYS, seconds, seconds, list(states))


async def _signing() -> dict[str, Any] | None:
    return await row(
        "SELECT key_id, active_from, clock_timestamp() AS now FROM signing_keys WHERE purpose = 'token' "
        "AND revoked_at IS NULL AND active_from <= clock_timestamp() ORDER BY active_from DESC LIMIT 1"
    )


async def _next() -> dict[str, Any] | None:
    return await row(
        "SELECT key_id, active_from FROM signing_keys WHERE purpose = 'token' AND revoked_at IS NULL "
        "AND active_from > clock_timestamp() ORDER BY active_from LIMIT 1"
    )
