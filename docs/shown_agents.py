"""What the screenshots show of agents: a family, what it asked for, what is left, and a version that looks on."""

import uuid
from typing import Any

import httpx
import msgspec

BILLING = "agent_billing_reconciler_v2"
SUPPLIES = "agent_supplies_buyer"
RESEARCH = "agent_research_buyer"
LIMITS = """
policy: agent-limits
schema: 2
description: What may go to one supplier, and from the whole organization, by agents on Stripe DAA.
applies_to:
  rail: stripe_daa
rules:
  - id: supplier_week
    when:
      rolling_window: {measure: sum, per: counterparty, within: 7d, currency: usd, gt: 90000}
    effect: deny
    message: One supplier is paid no more than $900 within 7 days
  - id: organization_day
    when:
      rolling_window: {measure: sum, per: organization, within: 24h, currency: usd, gt: 500000}
    effect: review
    approvers: {role: finance_manager}
    message: Agents move no more than $5,000 within 24 hours without a person
  - id: large_payout
    when:
      all:
        - rail_action: agent_payout
        - amount: {currency: usd, gt: 30000}
    effect: review
    approvers: {role: finance_manager}
    message: Payouts by agents over $300 require approval
"""
USDC_ON_BASE = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
SELLER = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"


class AgentScene(msgspec.Struct):
    """The decisions that are shown: a token that was settled, one that waits for people, one of x402."""

    settled: str
    quarantined: str
    x402: str


async def set_up_agents(http: httpx.AsyncClient, key: str, approver: str) -> AgentScene:
    """Do all of it, once. `http` may do everything, `key` asks for authorizations, `approver` activates policies.

    Raises httpx.HTTPStatusError.
    """
    await _publish(http, approver)
    await _register(http)
    headers = {"Authorization": f"Bearer {key}"}
    asked = [await _ask(http, headers, body) for body in _REQUESTS]
    for answer, moved in ((asked[0], None), (asked[1], "38000")):
        used = f"/api/v1/authorizations/{answer['jti']}"
        (await http.post(f"{used}/consume", headers=headers)).raise_for_status()
        settlement = {"settlement": "settled", **({"amount_units": moved} if moved else {})}
        (await http.post(f"{used}/settlement", json=settlement, headers=headers)).raise_for_status()
    return AgentScene(asked[1]["decision_id"], asked[4]["decision_id"], asked[5]["decision_id"])


async def _publish(http: httpx.AsyncClient, approver: str) -> None:
    """Limits for suppliers and the organization, x402's own, and a stricter cap that looks on beside the live one."""
    live = (await http.get("/api/v1/policies/daa-starter/versions/1")).raise_for_status().json()["yaml"]
    stricter = live.replace("gt: 50000", "gt: 20000").replace("exceed $500", "exceed $200")
    x402 = (await http.get("/api/v1/policies/templates/x402-starter")).raise_for_status().json()["yaml"]
    for text, active in ((LIMITS, True), (x402, True), (stricter, False)):
        draft = {"text": text, "format": "yaml", "note": "What agents may move."}
        draft_id = (await http.post("/api/v1/policies/drafts", json=draft)).raise_for_status().json()["id"]
        made = (await http.post(f"/api/v1/policies/drafts/{draft_id}/publish")).raise_for_status().json()
        if active:
            path = f"/api/v1/policies/{made['slug']}/versions/{made['version']}/activate"
            second = {"Authorization": f"Bearer {approver}"}
            (await http.post(path, json={}, headers=second)).raise_for_status()


async def _register(http: httpx.AsyncClient) -> None:
    members = (await http.get("/api/v1/members")).raise_for_status().json()["items"]
    owner = next(member["id"] for member in members if "agent_owner" in member["roles"])
    family: tuple[dict[str, Any], ...] = (
        {"agent_id": BILLING, "name": "Billing reconciler", "scopes": ["payments:write", "payouts:write"]},
        {"agent_id": SUPPLIES, "name": "Supplies buyer", "scopes": ["payments:write"], "delegated_by": BILLING},
        {"agent_id": RESEARCH, "name": "Research buyer", "scopes": ["x402:pay"]},
    )
    for agent in family:
        (await http.post("/api/v1/agents", json={**agent, "owner_member_id": owner})).raise_for_status()
    bound = {"name": "Supplies runtime", "scopes": ["authorizations:write"], "mode": "test", "agent": SUPPLIES}
    (await http.post("/api/v1/keys", json=bound)).raise_for_status()


async def _ask(http: httpx.AsyncClient, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    asked = {"idempotency_key": f"screenshot-{uuid.uuid4()}", **body}
    answer: dict[str, Any] = (
        (await http.post("/api/v1/authorizations", json=asked, headers=headers)).raise_for_status().json()
    )
    return answer


def _daa(agent: str, cents: int, supplier: str, action: str = "agent_payment") -> dict[str, Any]:
    scope = "payments:write" if action == "agent_payment" else "payouts:write"
    return {
        "rail": "stripe_daa",
        "rail_action": action,
        "amount_cents": cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": agent, "scopes": [scope]},
        "counterparty": {"stripe_account_id": supplier, "country": "US"},
    }


_REQUESTS = (
    _daa(BILLING, 25_000, "acct_1PaperMill"),
    _daa(SUPPLIES, 42_000, "acct_1PaperMill"),
    _daa(SUPPLIES, 15_500, "acct_1PaperMill"),
    _daa(BILLING, 62_000, "acct_1Freight"),
    _daa("agent_payout_scheduler", 36_000, "acct_1Freight", "agent_payout"),
    {
        "rail": "x402",
        "rail_action": "payment",
        "initiator": {"kind": "agent", "id": RESEARCH, "scopes": ["x402:pay"]},
        "payment_requirements": {
            "scheme": "exact",
            "network": "eip155:8453",
            "amount": "1500000",
            "asset": USDC_ON_BASE,
            "payTo": SELLER,
            "maxTimeoutSeconds": 60,
        },
        "resource": {"url": "https://api.example.com/market-data"},
    },
    _daa("agent_payout_scheduler", 9_000, "acct_1Freight", "agent_payout"),
)
