"""Keys that sign tokens: P-256 (RFC 7518 §3.4), named by their RFC 7638 thumbprint, sealed by the vault at rest.

A key is published when it is created and signs from `active_from` on, when verifiers have seen it, until the next one
does. It stays published until the last token it signed is over. Revoked, it is gone at once.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from axiru.database import row, rows
from axiru.domain.authorization import ALGORITHM, TYPE
from axiru.errors import AxiruError
from axiru.vault import Vault
from ledger.acts.chain import json
from ledger.signing import vault_context

_PUBLISHED: Final = """
SELECT public_jwk FROM (
    SELECT k.*, lead(active_from) OVER (ORDER BY active_from) AS replaced_at FROM signing_keys k
    WHERE purpose = 'token' AND revoked_at IS NULL
) k WHERE replaced_at IS NULL OR replaced_at + make_interval(secs => {}) > clock_timestamp() ORDER BY active_from
"""


class TokenKeyUnknown(AxiruError):
    """No key for tokens has this id, or it was revoked."""

    code = "token_key_unknown"


async def add_key(vault: Vault, *, lead: timedelta) -> str:
    """Create and publish a key that signs once `lead` is over; returns its id."""
    key = ECKey.generate_key("P-256", private=True, auto_kid=False)
    key_id = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": key_id, "use": "sig", "alg": ALGORITHM}
    await rows(
        "SELECT add_token_key({}, {}::jsonb, {}, clock_timestamp() + make_interval(secs => {}))",
        key_id,
        json(public),
        vault.seal(key.as_der(private=True), context=vault_context(key_id)),
        lead.total_seconds(),
    )
    return key_id


async def ensure_token_key(vault: Vault) -> None:
    """Make the first key, which signs at once; with one that signs in place nothing changes."""
    found = await row(
        "SELECT 1 AS there FROM signing_keys WHERE purpose = 'token' AND revoked_at IS NULL "
        "AND active_from <= clock_timestamp() LIMIT 1"
    )
    if found is None:
        await add_key(vault, lead=timedelta(0))


async def published(tail: timedelta) -> list[dict[str, Any]]:
    """The public keys a verifier may meet, as JWKs, the oldest first."""
    found = await rows(_PUBLISHED, tail.total_seconds())
    return [msgspec.json.decode(key["public_jwk"]) for key in found]


class TokenSigner:
    """Signs claims with keys by id; each is taken out of the vault once a process."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._keys: dict[str, ECKey] = {}

    async def sign(self, claims: dict[str, Any], key_id: str) -> str:
        """A compact JWS. Raises TokenKeyUnknown."""
        key = self._keys.get(key_id) or await self._load(key_id)
        header = {"alg": ALGORITHM, "kid": key_id, "typ": TYPE}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    async def _load(self, key_id: str) -> ECKey:
        found = await row(
            "SELECT private_ciphertext FROM signing_keys WHERE key_id = {} AND purpose = 'token' "
            "AND revoked_at IS NULL",
            key_id,
        )
        if found is None:
            raise TokenKeyUnknown("There is no such key.", key_id=key_id)
        private = self._vault.open(bytes(found["private_ciphertext"]), context=vault_context(key_id))
        self._keys[key_id] = key = ECKey.import_key(private)
        return key
