"""What the vectors are made of: keys that follow from their names, and tokens in every wrong spelling.

Signatures are deterministic (RFC 6979), so the vectors are the same bytes each time. The keys sign nothing else.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

NOW: Final = 1_800_000_000
ISSUER: Final = "https://api.axiru.example"
AUDIENCE: Final = "org_vectors"
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (SEC 2, §2.4.2)."""

OVT: Final[dict[str, Any]] = {
    "rail": "stripe_daa",
    "rail_action": "agent_payment",
    "amount_cents": 25000,
    "currency": "usd",
    "initiator": {"kind": "agent", "id": "agent_billing_reconciler_v2", "scopes": ["payments:write"]},
    "counterparty": {"stripe_account_id": "acct_1Abc…", "country": "US"},
    "idempotency_key": "example-daa-invoice-id",
}


class SigningKey:
    """A P-256 key that follows from its name."""

    def __init__(self, name: str) -> None:
        secret = int.from_bytes(hashlib.sha256(f"axiru vectors: {name}".encode()).digest()) % ORDER
        self._key = ec.derive_private_key(secret, ec.SECP256R1())
        self.kid = f"vectors-{name}"

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        x, y = (b64(number.to_bytes(32)) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "use": "sig", "alg": "ES256"}

    def sign(self, signing_input: bytes) -> bytes:
        """r and s, 32 bytes each (RFC 7518 §3.4)."""
        der = self._key.sign(signing_input, ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return r.to_bytes(32) + s.to_bytes(32)


KEY: Final = SigningKey("signing")
OTHER_KEY: Final = SigningKey("other")
UNPUBLISHED_KEY: Final = SigningKey("unpublished")
HEADER: Final = {"alg": "ES256", "kid": KEY.kid, "typ": "axiru-authz+jwt"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def fingerprint(ovt: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(dict(ovt))).hexdigest()


CLAIMS: Final[dict[str, Any]] = {
    "jti": "jti_vectors_1",
    "iss": ISSUER,
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 300,
    "sub": "agent_billing_reconciler_v2",
    "aud": AUDIENCE,
    "ovt_fingerprint": fingerprint(OVT),
    "rail": "stripe_daa",
    "rail_action": "agent_payment",
    "amount_cents": 25000,
    "currency": "usd",
    "amount": {"units": "25000", "asset": "usd", "exponent": 2},
    "decision_id": "ed_vectors_1",
    "mode": "test",
}
USDC: Final = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
TOKEN_CLAIMS: Final = {
    **CLAIMS,
    "rail": "x402",
    "rail_action": "payment",
    "amount_cents": None,
    "currency": USDC,
    "amount": {"units": "340282366920938463463374607431768211456", "asset": USDC, "exponent": 6},
}


def token(header: Any = HEADER, claims: Any = CLAIMS, *, key: SigningKey = KEY) -> str:
    """Bytes go in as they are; everything else as JSON."""
    parts = [b64(part if isinstance(part, bytes) else compact(part)) for part in (header, claims)]
    return ".".join([*parts, b64(key.sign(".".join(parts).encode()))])


def spelt_otherwise(text: str) -> str:
    """The same bytes with spare bits set in the last character (86 characters spell 64 bytes and four bits)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def mirrored(text: str) -> str:
    """The other signature that ECDSA takes for the same message: r and n - s."""
    signing_input, _, signature = text.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    return f"{signing_input}.{b64(raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32))}"
