"""The vault: secrets at rest under AES-256-GCM, each bound to the place it is kept for.

A sealed blob is `version (1 byte) ‖ length of key id (1 byte) ‖ key id ‖ nonce (12 bytes) ‖ ciphertext and tag`. What
stands before the nonce, and the caller's context, is authenticated with it: a blob copied to another row does not open.
Nonces are random: NIST SP 800-38D §8.3 allows 2^32 seals a key, which is far more than there are secrets here.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from axiru.errors import AxiruError, ConfigurationInvalid
from axiru.settings import Settings

MASTER_KEY_BYTES: Final = 32
_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class VaultSealBroken(AxiruError):
    """A blob was altered, cut short, or sealed for another context; nothing of it can be trusted."""

    code = "vault_seal_broken"


class VaultKeyUnknown(AxiruError):
    """A blob names a master key that this process was not given."""

    code = "vault_key_unknown"


class Vault:
    """Seals with the current master key and opens with any it holds, so that keys can be rotated one blob at a time."""

    def __init__(self, master_keys: Mapping[str, bytes], current: str) -> None:
        """`master_keys` are 32 bytes each by key id. Raises ConfigurationInvalid for a key that cannot be used."""
        for key_id, key in master_keys.items():
            if len(key) != MASTER_KEY_BYTES:
                raise ConfigurationInvalid(
                    f"The vault's master key has {len(key)} bytes; AES-256 needs {MASTER_KEY_BYTES}.", key_id=key_id
                )
            if not 1 <= len(key_id.encode()) <= 255:
                raise ConfigurationInvalid("The id of a master key has between 1 and 255 bytes.", key_id=key_id)
        if current not in master_keys:
            raise ConfigurationInvalid("The vault's current master key is not among its keys.", key_id=current)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in master_keys.items()}
        self._current = current

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        """The vault under the one master key in the settings, given directly or as a file.

        Raises ConfigurationInvalid with neither or both, for a key of the wrong length or encoding, and for a file that
        others than its owner can read.
        """
        match settings.vault_key, settings.vault_key_file:
            case "", "":
                raise ConfigurationInvalid(
                    "The vault has no master key: set AXIRU_VAULT_KEY (32 bytes in base64) or AXIRU_VAULT_KEY_FILE."
                )
            case text, "":
                key = _decoded(text, "AXIRU_VAULT_KEY")
            case "", path:
                key = _decoded(_read_private(path), path)
            case _:
                raise ConfigurationInvalid("Set either AXIRU_VAULT_KEY or AXIRU_VAULT_KEY_FILE, not both.")
        key_id = master_key_id(key)
        return cls({key_id: key}, key_id)

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt for one place, named by `context` (table, row); only the same context opens it again."""
        header = _header(self._current)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return header + nonce + self._ciphers[self._current].encrypt(nonce, plaintext, header + context)

    def open(self, blob: bytes, *, context: bytes) -> bytes:
        """The plaintext, or an error and never a part of it.

        Raises VaultSealBroken if a bit of `blob` or `context` is not what was sealed, VaultKeyUnknown for a blob under
        a key this vault does not hold.
        """
        header, nonce, ciphertext = _parts(blob)
        key_id = header[2:].decode("utf-8", "replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultKeyUnknown("A sealed value names a master key that is not configured.", key_id=key_id)
        try:
            return cipher.decrypt(nonce, ciphertext, header + context)
        except InvalidTag as error:
            raise VaultSealBroken("A sealed value was altered or belongs elsewhere.", key_id=key_id) from error


def master_key_id(key: bytes) -> str:
    """A short public name for a master key; says nothing about a key that was drawn at random."""
    return hashlib.sha256(b"axiru.vault.key-id\x00" + key).hexdigest()[:16]


def _header(key_id: str) -> bytes:
    name = key_id.encode()
    return bytes((_VERSION, len(name))) + name


def _parts(blob: bytes) -> tuple[bytes, bytes, bytes]:
    if len(blob) < 2 or blob[0] != _VERSION:
        raise VaultSealBroken("A sealed value has no version this vault knows.")
    nonce_at = 2 + blob[1]
    ciphertext_at = nonce_at + _NONCE_BYTES
    if len(blob) < ciphertext_at + _TAG_BYTES:
        raise VaultSealBroken("A sealed value was cut short.")
    return blob[:nonce_at], blob[nonce_at:ciphertext_at], blob[ciphertext_at:]


def _decoded(text: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationInvalid(f"The vault's master key in {origin} is not base64.") from error
    if len(key) != MASTER_KEY_BYTES:
        raise ConfigurationInvalid(
            f"The vault's master key in {origin} has {len(key)} bytes; AES-256 needs {MASTER_KEY_BYTES}."
        )
    return key


def _read_private(path: str) -> str:
    try:
        # The mode is read from the opened file, so it cannot be another file's than the one that is read.
        with open(path, encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ConfigurationInvalid(
                    f"The vault's key file {path} has mode {mode:04o}: not only its owner can reach it. Use chmod 600."
                )
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"The vault's key file {path} cannot be read: {error}.") from error


def token_context(connection_id: str) -> bytes:
    """The context under which the access token of a Stripe connection is sealed in `stripe_connections`."""
    return b"stripe_connections/" + connection_id.encode()


def refresh_context(connection_id: str) -> bytes:
    """The context under which the refresh token of a Stripe connection is sealed in `stripe_connections`."""
    return b"stripe_connections.refresh/" + connection_id.encode()
