"""Sign an AP2 mandate as a user's provider and an agent would, and ask for the payment it allows.

    python ap2_mandate.py order-1042 19900

Every run makes keys of its own and registers one as an issuer's: for a stack of your own, never for production.
"""

import base64
import hashlib
import json
import os
import secrets
import sys
import time
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import ECKey

AXIRU_URL = os.environ["AXIRU_URL"]
AUDIENCE, NONCE = "credential-provider", secrets.token_hex(16)
"""What whoever takes the payment asked the agent to sign."""

PAYEE = {"id": "merchant_1", "name": "Demo Merchant", "website": "https://demo-merchant.example"}


def post(path: str, body: dict[str, Any], api_key: str) -> dict[str, Any]:
    answer = httpx.post(AXIRU_URL + path, json=body, headers={"authorization": f"Bearer {api_key}"}, timeout=15)
    told: dict[str, Any] = answer.json()
    if answer.is_error:
        sys.exit(f"{path}: {answer.status_code} {told}")
    return told


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": secrets.token_hex(8)})


def public(key: ECKey) -> dict[str, Any]:
    return {name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y", "kid")}


def signed(key: ECKey, content: dict[str, Any], typ: str, **claims: Any) -> str:
    header = {"alg": "ES256", "kid": key.kid, "typ": typ}
    payload = {"iat": int(time.time()), "delegate_payload": [content], **claims}
    return jws.serialize_compact(header, json.dumps(payload), key)


def sha256(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Chain:
    """An open mandate that the issuer signed for the agent, and the closed one that the agent makes of it."""

    def __init__(self, issuer: ECKey, agent: ECKey, content: dict[str, Any], name: str) -> None:
        confirmed = {"cnf": {"jwk": public(agent)}, **content}
        self.agent, self.opened = agent, signed(issuer, confirmed, "dc+sd-jwt", iss=name) + "~"

    def closed(self, content: dict[str, Any]) -> str:
        bound = {"aud": AUDIENCE, "nonce": NONCE, "jti": secrets.token_hex(8), "sd_hash": sha256(self.opened)}
        return f"{self.opened}~{signed(self.agent, content, 'kb+sd-jwt', **bound)}~"


def main(order: str, cents: int) -> None:
    issuer, agent, name = new_key(), new_key(), f"https://provider-{secrets.token_hex(4)}.example"
    trusted = {"issuer": name, "name": "A provider to try", "jwk": public(issuer)}
    post("/api/v1/ap2-issuers", trusted, os.environ["AXIRU_ADMIN_KEY"])

    bought = f"{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(64)}"
    transaction = sha256(bought)
    checkout = Chain(issuer, agent, {"vct": "mandate.checkout.open.1", "constraints": []}, name)
    constraints = [
        {"type": "payment.reference", "conditional_transaction_id": sha256(checkout.opened)},
        {"type": "payment.amount_range", "currency": "USD", "max": 50_000},
    ]
    payment = Chain(issuer, agent, {"vct": "mandate.payment.open.1", "constraints": constraints}, name)
    body = {
        "rail": "ap2",
        "rail_action": "payment",
        "amount_cents": cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": "agent_shopping", "scopes": ["payments:write"]},
        "mandate": payment.closed(
            {
                "vct": "mandate.payment.1",
                "transaction_id": transaction,
                "payee": PAYEE,
                "payment_instrument": {"id": "card_1", "type": "card"},
                "payment_amount": {"amount": cents, "currency": "USD"},
            }
        ),
        "mandate_audience": AUDIENCE,
        "mandate_nonce": NONCE,
        "checkout_mandate": checkout.closed(
            {"vct": "mandate.checkout.1", "checkout_jwt": bought, "checkout_hash": transaction}
        ),
        "idempotency_key": order,
    }
    answer = post("/api/v1/authorizations", body, os.environ["AXIRU_API_KEY"])
    print(answer["outcome"], answer["reason"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
