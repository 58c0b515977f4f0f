"""What the screenshots show of AP2: whose mandates are taken, a payment that one covers, and one that it does not."""

import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import msgspec

sys.path.append(str(Path(__file__).parents[1] / "tests" / "twins"))
from ap2_wallet import Mandated, Wallet, now

SHOPPER = "agent_shopping"
PAYMENTS = """
policy: ap2-payments
schema: 2
description: What agents may pay under mandates of users.
applies_to:
  rail: ap2
rules:
  - id: large_payment
    when: {amount: {currency: usd, gt: 50000}}
    effect: review
    approvers: {role: finance_manager}
    message: Payments over $500 require approval
"""
CONSTRAINTS: tuple[dict[str, Any], ...] = (
    {"type": "payment.amount_range", "currency": "USD", "max": 100_000},
    {"type": "payment.budget", "currency": "USD", "max": 1_500},
    {"type": "payment.agent_recurrence", "frequency": "MONTHLY", "max_occurrences": 12},
)


class MandateScene(msgspec.Struct):
    """The decisions that are shown: one that a mandate covers, one that waits for people, one that is not covered."""

    covered: str
    quarantined: str
    refused: str


async def set_up_mandates(http: httpx.AsyncClient, key: str, approver: str) -> MandateScene:
    """Do all of it, once. `http` may do everything, `key` asks for authorizations, `approver` activates policies.

    Raises httpx.HTTPStatusError.
    """
    draft = {"text": PAYMENTS, "format": "yaml", "note": "What agents may pay for users."}
    draft_id = (await http.post("/api/v1/policies/drafts", json=draft)).raise_for_status().json()["id"]
    made = (await http.post(f"/api/v1/policies/drafts/{draft_id}/publish")).raise_for_status().json()
    path = f"/api/v1/policies/{made['slug']}/versions/{made['version']}/activate"
    (await http.post(path, json={}, headers={"Authorization": f"Bearer {approver}"})).raise_for_status()
    wallet, other, former = Wallet(), Wallet(), Wallet()
    former_id = await _trust(http, former, "Shopping assistant, pilot", "https://assistant-pilot.example")
    reason = {"reason": "The pilot ended; its key is in too many hands."}
    (await http.request("DELETE", f"/api/v1/ap2-issuers/{former_id}", json=reason)).raise_for_status()
    await _trust(http, other, "Bank credentials", "https://credentials.bank.example")
    await _trust(http, wallet, "Our agent provider", "https://agent-provider.example")
    headers = {"Authorization": f"Bearer {key}"}
    limited = [*CONSTRAINTS, {"type": "payment.allowed_payment_instruments", "allowed": [], "per_day": 1}]
    asked = (
        (Mandated(wallet, *CONSTRAINTS, sub="user_5107", exp=now() + 15_552_000), 19_900),
        (Mandated(wallet, *CONSTRAINTS, sub="user_5107"), 64_000),
        (Mandated(wallet, *limited), 4_900),
    )
    return MandateScene(*[await _pay(http, headers, mandated, cents) for mandated, cents in asked])


async def _trust(http: httpx.AsyncClient, wallet: Wallet, name: str, issuer: str) -> str:
    wallet.name = issuer
    told = {"issuer": issuer, "name": name, "jwk": wallet.issuer.public}
    made = (await http.post("/api/v1/ap2-issuers", json=told)).raise_for_status().json()
    return str(made["id"])


async def _pay(http: httpx.AsyncClient, headers: dict[str, str], mandated: Mandated, cents: int) -> str:
    body = {
        "rail": "ap2",
        "rail_action": "payment",
        "amount_cents": cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": SHOPPER, "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": "acct_1DemoMerchant"},
        "idempotency_key": f"screenshot-{uuid.uuid4()}",
        **mandated.shown(amount=cents),
    }
    answer = (await http.post("/api/v1/authorizations", json=body, headers=headers)).raise_for_status().json()
    return str(answer["decision_id"])
