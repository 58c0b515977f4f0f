"""Who signs mandates in tests: an issuer, a user's agent, a shop. Written from AP2's and RFC 9901's text alone."""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AUDIENCE, NONCE = "https://shop.example", "a nonce of the shop"
MERCHANT = {"id": "merchant_1", "name": "Demo Merchant", "website": "https://demo-merchant.example"}
CARD = {"id": "card_1", "type": "card", "description": "network ··· 1234"}
PISP = {"legal_name": "Example Payments Ltd.", "brand_name": "ExamplePay", "domain_name": "examplepay.example"}

Json = dict[str, Any]


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sha256(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


def disclosure(*parts: Any) -> str:
    return b64(json.dumps([secrets.token_urlsafe(12), *parts]).encode())


def now() -> int:
    return int(datetime.now(UTC).timestamp())


class Key:
    """An ES256 key with its id. It signs whatever it is given, under any header."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_numbers()
        x, y = (b64(one.to_bytes(32)) for one in (point.x, point.y))
        self.public: Json = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": sha256(x)}

    def sign(self, claims: Json, **header: Any) -> str:
        told = {"alg": "ES256", "kid": self.public["kid"], **header}
        signing_input = f"{b64(json.dumps(told).encode())}.{b64(json.dumps(claims).encode())}"
        numbers = decode_dss_signature(self._key.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signing_input}.{b64(b''.join(one.to_bytes(32) for one in numbers))}"


class Wallet:
    """One issuer, one agent, and the chains they make."""

    def __init__(self) -> None:
        self.issuer, self.agent = Key(), Key()
        self.name = f"https://issuer-{secrets.token_hex(4)}.example"

    def open(self, content: Json, *disclosures: str, **claims: Any) -> str:
        """An open mandate, as it is given to the agent."""
        confirmed = {"cnf": {"jwk": self.agent.public}, **content}
        signed = self.issuer.sign({"iss": self.name, "iat": now(), "delegate_payload": [confirmed], **claims})
        return "~".join((signed, *disclosures, ""))

    def close(self, opened: str, content: Json, *, by: Key | None = None, typ: str = "kb+sd-jwt", **claims: Any) -> str:
        """The chain that shows `content` under what was opened."""
        told = {
            "iat": now(),
            "jti": secrets.token_hex(8),
            "aud": AUDIENCE,
            "nonce": NONCE,
            "sd_hash": sha256(opened),
            **claims,
        }
        signed = (by or self.agent).sign({**told, "delegate_payload": [content]}, typ=typ)
        return f"{opened.removesuffix('~')}~~{signed}~"

    def checkout(self, bought: str, **closed: Any) -> tuple[str, str]:
        """A checkout's chain, and the reference by which payment mandates name it."""
        opened = self.open({"vct": "mandate.checkout.open.1", "constraints": []})
        content = {"vct": "mandate.checkout.1", "checkout_jwt": bought, "checkout_hash": sha256(bought), **closed}
        shown = {name: said for name, said in content.items() if said is not None}
        return self.close(opened, shown), sha256(opened)

    def shown(self, *constraints: Json, payment: Json | None = None, **opened: Any) -> Json:
        """What the body of an authorization says of a mandate with these constraints beside its reference."""
        return Mandated(self, *constraints, **opened).shown(**(payment or {}))


class Mandated:
    """One open mandate, and its checkout."""

    def __init__(self, wallet: Wallet, *constraints: Json, reference: bool = True, **opened: Any) -> None:
        self.wallet, bought = wallet, f"a.{secrets.token_urlsafe(16)}.c"
        self.transaction_id = sha256(bought)
        self.checkout, hashed = wallet.checkout(bought)
        referred = [{"type": "payment.reference", "conditional_transaction_id": hashed}] if reference else []
        self.opened = wallet.open({"vct": "mandate.payment.open.1", "constraints": [*referred, *constraints], **opened})

    def shown(self, *, amount: int = 10_000, currency: str = "USD", **payment: Any) -> Json:
        content = {
            "vct": "mandate.payment.1",
            "transaction_id": self.transaction_id,
            "payee": MERCHANT,
            "payment_instrument": CARD,
            "payment_amount": {"amount": amount, "currency": currency},
            **payment,
        }
        return {
            "mandate": self.wallet.close(self.opened, content),
            "mandate_audience": AUDIENCE,
            "mandate_nonce": NONCE,
            "checkout_mandate": self.checkout,
        }
