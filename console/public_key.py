"""A public key as people paste it: one JWK, or a set with one key in it."""

from typing import Any, Final

import msgspec

_KEPT: Final = ("kty", "crv", "x", "y", "kid", "alg", "use")
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class NoPublicKey(ValueError):
    """What was pasted is not one public key for ES256; the message is a sentence for whoever pasted it."""


class PrivateKeyPasted(NoPublicKey):
    """Worse: what was pasted signs mandates."""


def read_public_key(text: str) -> dict[str, str]:
    """The parts of the key that verify a signature, as the API takes them. Raises NoPublicKey.

    What is said beside them (`key_ops`, certificates) is left out; what is no point on the curve the API refuses.
    """
    if "-----BEGIN" in text:
        raise NoPublicKey('This is PEM. Paste the key as a JWK: {"kty": "EC", "crv": "P-256", …}.')
    try:
        told = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise NoPublicKey('A JWK is a JSON object: {"kty": "EC", "crv": "P-256", …}.') from error
    keys = told["keys"] if isinstance(told.get("keys"), list) else [told]
    if any(isinstance(one, dict) and one.keys() & _PRIVATE for one in keys):
        raise PrivateKeyPasted("This is a private key. Nobody but its issuer may have it: ask for its public half.")
    if len(keys) != 1 or not isinstance(keys[0], dict):
        raise NoPublicKey(f"This is a set of {len(keys)} keys. Paste the one that mandates are signed with.")
    (key,) = keys
    if (key.get("kty"), key.get("crv")) != ("EC", "P-256"):
        raise NoPublicKey('Mandates are signed with ES256: the key has "kty": "EC" and "crv": "P-256".')
    return {name: key[name] for name in _KEPT if isinstance(key.get(name), str)}
