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
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

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


class MasterKeys(NamedTuple):
    """32 bytes each by key id, and the id of the one to seal with."""

    keys: Mapping[str, bytes]
    current: str


class Vault:
    """Seals with the current master key and opens with any it holds, so that keys can be rotated one blob at a time."""

    def __init__(
        self, master_keys: Mapping[str, bytes], current: str, *, changed: Callable[[], MasterKeys | None] | None = None
    ) -> None:
        """`master_keys` are 32 bytes each by key id. Raises ConfigurationInvalid for a key that cannot be used.

        `changed` gives the keys as they are now where that is not what it gave before: a process that runs learns of a
        new key before it seals, and before it says that it does not know one.
        """
        self._changed = changed
        self._take(MasterKeys(master_keys, current))

    def _take(self, held: MasterKeys) -> None:
        master_keys, current = held
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
        """The vault under the master keys in the settings, given directly or as a file; the first one is current.

        Raises ConfigurationInvalid with neither or both, for a key of the wrong length or encoding, and for a file that
        others than its owner can read.
        """
        match settings.vault_key, settings.vault_key_file:
            case "", "":
                raise ConfigurationInvalid(
                    "The vault has no master key: set AXIRU_VAULT_KEY (32 bytes in base64) or AXIRU_VAULT_KEY_FILE."
                )
            case text, "":
                return cls(*_master_keys(text.split(","), "AXIRU_VAULT_KEY"))
            case "", path:
                file = KeyFile(path)
                return cls(*file.read(), changed=file.changed)
            case _:
                raise ConfigurationInvalid("Set either AXIRU_VAULT_KEY or AXIRU_VAULT_KEY_FILE, not both.")

    @property
    def current_key_id(self) -> str:
        """The id of the master key that is sealed with."""
        self._learn()
        return self._current

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt for one place, named by `context` (table, row); only the same context opens it again."""
        self._learn()
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
        if key_id not in self._ciphers:
            self._learn()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultKeyUnknown("A sealed value names a master key that is not configured.", key_id=key_id)
        try:
            return cipher.decrypt(nonce, ciphertext, header + context)
        except InvalidTag as error:
            raise VaultSealBroken("A sealed value was altered or belongs elsewhere.", key_id=key_id) from error

    def _learn(self) -> None:
        if self._changed is not None and (held := self._changed()) is not None:
            self._take(held)


class KeyFile:
    """A file of master keys in base64, one a line, the current one first. Only its owner may read it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> MasterKeys:
        """Raises ConfigurationInvalid for a file that cannot be used."""
        self._seen = self._state()
        return _master_keys(_read_private(self.path).splitlines(), self.path)

    def changed(self) -> MasterKeys | None:
        """The keys, if the file is another one than was read last. One that cannot be used changes nothing."""
        if self._state() == self._seen:
            return None
        try:
            return self.read()
        except ConfigurationInvalid:
            return None

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def key_id_of(blob: bytes) -> str:
    """The id of the master key that a blob is sealed under. Raises VaultSealBroken for what is no blob."""
    return _parts(blob)[0][2:].decode("utf-8", "replace")


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


def _master_keys(texts: list[str], origin: str) -> MasterKeys:
    keys = {master_key_id(key): key for text in texts if text.strip() for key in (_decoded(text, origin),)}
    if not keys:
        raise ConfigurationInvalid(f"There is no master key of the vault in {origin}.")
    return MasterKeys(keys, next(iter(keys)))


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


def sealed_for(organization_id: str, purpose: str, place: str) -> bytes:
    """The context of what an organization keeps: whose it is, what for, and in which row."""
    return f"{organization_id}/{purpose}/{place}".encode()


def token_context(organization_id: str, connection_id: str) -> bytes:
    """The context under which the access token of a Stripe connection is sealed in `stripe_connections`."""
    return sealed_for(organization_id, "stripe_connections", connection_id)


def refresh_context(organization_id: str, connection_id: str) -> bytes:
    """The context under which the refresh token of a Stripe connection is sealed in `stripe_connections`."""
    return sealed_for(organization_id, "stripe_connections.refresh", connection_id)
