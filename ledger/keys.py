"""The signing key that is current, kept in `signing_keys` under the vault's seal."""

from datetime import UTC, datetime

from axiru.database import row, rows
from axiru.errors import ConfigurationInvalid
from axiru.vault import Vault
from ledger.acts.chain import json
from ledger.signing import Signer, vault_context


async def load_signer(vault: Vault) -> Signer:
    """The current ledger key. Raises ConfigurationInvalid without one: a process that cannot seal must not start."""
    found = await row(
        "SELECT key_id, private_ciphertext FROM signing_keys WHERE purpose = 'ledger' AND retired_at IS NULL"
    )
    if found is None:
        raise ConfigurationInvalid("There is no signing key for the ledger: run `axiru migrate` first.")
    private = vault.open(bytes(found["private_ciphertext"]), context=vault_context(found["key_id"]))
    return Signer.from_private_bytes(private)


async def ensure_signing_key(vault: Vault) -> None:
    """Make the first ledger key; with a key in place nothing changes."""
    signer = Signer.generate()
    await rows(
        "INSERT INTO signing_keys (key_id, purpose, public_jwk, private_ciphertext, created_at) "
        "VALUES ({}, 'ledger', {}::jsonb, {}, {}) ON CONFLICT DO NOTHING",
        signer.key_id,
        json(signer.public_jwk()),
        vault.seal(signer.private_bytes(), context=vault_context(signer.key_id)),
        datetime.now(UTC),
    )
