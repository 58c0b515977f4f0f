"""Ed25519 keys of the ledger (RFC 8032), named by their RFC 7638 thumbprint and published as JWKs (RFC 8037). Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from axiru.domain import base64url
from axiru.errors import AxiruError
from ledger.entry import canonical_json

_KEY_BYTES: Final = 32

PublicKeys = Mapping[str, Ed25519PublicKey]
"""The keys a verifier trusts, by key id."""


class SigningKeyInvalid(AxiruError):
    """A JWK is not an Ed25519 public key, or goes by an id that is not its own."""

    code = "signing_key_invalid"


class Signer:
    """One private key of the ledger. Holds it in memory only; at rest it is sealed by the vault."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key()
        self.key_id = key_id(self.public_key)

    @classmethod
    def generate(cls) -> "Signer":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_private_bytes(cls, private_bytes: bytes) -> "Signer":
        """The key of these 32 bytes (the seed of RFC 8032 §5.1.5). Raises ValueError for another length."""
        return cls(Ed25519PrivateKey.from_private_bytes(private_bytes))

    def private_bytes(self) -> bytes:
        """The 32 bytes to hand to the vault, and to nobody else."""
        return self._private_key.private_bytes_raw()

    def public_jwk(self) -> dict[str, str]:
        return public_jwk(self.public_key)

    def sign(self, entry_hash: bytes, /) -> bytes:
        """64 bytes over the hash of an entry, which covers the whole chain before it."""
        return self._private_key.sign(entry_hash)


def signature_holds(public_key: Ed25519PublicKey, signature: bytes, entry_hash: bytes) -> bool:
    """Whether the key's owner signed this hash. Altered signatures that would still verify do not exist (S < L)."""
    try:
        public_key.verify(signature, entry_hash)
    except InvalidSignature:
        return False
    return True


def key_id(public_key: Ed25519PublicKey) -> str:
    """RFC 7638 thumbprint (SHA-256, base64url): an id that belongs to one key and cannot be given to another."""
    required = {"crv": "Ed25519", "kty": "OKP", "x": base64url.encoded(public_key.public_bytes_raw())}
    return base64url.encoded(hashlib.sha256(canonical_json(required)).digest())


def public_jwk(public_key: Ed25519PublicKey) -> dict[str, str]:
    """RFC 8037 §2, with the thumbprint as `kid`."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": base64url.encoded(public_key.public_bytes_raw()),
        "kid": key_id(public_key),
        "use": "sig",
        "alg": "EdDSA",
    }


def public_key_from_jwk(jwk: Any) -> Ed25519PublicKey:
    """The Ed25519 public key in a JWK of any origin.

    Raises SigningKeyInvalid for anything else, and for a `kid` that is not the key's thumbprint.
    """
    if not isinstance(jwk, dict):
        raise SigningKeyInvalid("a JWK is a JSON object")
    x = jwk.get("x")
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(x, str):
        raise SigningKeyInvalid("a ledger key is a JWK of kty OKP, crv Ed25519, with x", kid=jwk.get("kid"))
    try:
        raw = base64url.decoded(x)
    except ValueError as error:
        raise SigningKeyInvalid("the JWK's x is not base64url", kid=jwk.get("kid")) from error
    if len(raw) != _KEY_BYTES:
        raise SigningKeyInvalid("the JWK's x is not 32 bytes in base64url", kid=jwk.get("kid"))
    public_key = Ed25519PublicKey.from_public_bytes(raw)
    if jwk.get("kid", key_id(public_key)) != key_id(public_key):
        raise SigningKeyInvalid("the JWK's kid is not the thumbprint of its key", kid=jwk.get("kid"))
    return public_key


def public_keys_from_jwks(jwks: Iterable[Any]) -> PublicKeys:
    """All keys of a JWK set, by thumbprint. Raises SigningKeyInvalid for the first that is not one."""
    return {key_id(public_key): public_key for public_key in map(public_key_from_jwk, jwks)}


def vault_context(key_id: str) -> bytes:
    """The vault context under which the private half of a signing key is sealed in `signing_keys`."""
    return b"signing_keys/" + key_id.encode()
