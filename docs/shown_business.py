"""What the screenshots show: a policy that looks on, refunds, controls, and an account on Stripe with disputes."""

import asyncio
import uuid
from typing import Any

import httpx
import msgspec
from shown_agents import AgentScene, set_up_agents
from shown_mandates import MandateScene, set_up_mandates

NEW_LIMIT = "Half of what was lost last quarter went out in refunds between $45 and $150."
FACTS = {
    "customer_name": "Mira Olsen",
    "shipping_tracking_number": "1Z999AA10123456784",
    "product_description": "A pair of trail running shoes, size 42, from the order of 19 October.",
}
REFUNDS: tuple[dict[str, Any], ...] = (
    {"amount_cents": 4_900, "charge": "ch_demo_011", "customer": "cus_demo_020", "source": "support_console"},
    {
        "amount_cents": 12_000,
        "charge": "ch_demo_012",
        "customer": "cus_demo_012",
        "source": "refund_agent",
        "tenure": 3,
    },
    {"amount_cents": 14_200, "charge": "ch_demo_013", "customer": "cus_demo_013", "source": "refund_agent"},
    {"amount_cents": 2_350, "charge": "ch_demo_014", "customer": "cus_demo_014", "source": "support_console"},
    {"amount_cents": 18_000, "charge": "ch_demo_015", "customer": "cus_demo_015", "source": "zendesk", "approve": True},
    {"amount_cents": 6_450, "charge": "ch_demo_016", "customer": "cus_demo_016", "source": "support_console"},
    {
        "amount_cents": 9_900,
        "charge": "ch_demo_017",
        "customer": "cus_demo_017",
        "source": "zendesk",
        "why": "fraudulent",
    },
    {
        "amount_cents": 23_150,
        "charge": "ch_demo_018",
        "customer": "cus_demo_018",
        "source": "refund_agent",
        "deny": True,
    },
    {"amount_cents": 1_299, "charge": "ch_demo_019", "customer": "cus_demo_019", "source": "support_console"},
    {"amount_cents": 40_000, "charge": "ch_demo_020", "customer": "cus_demo_020", "source": "support_console"},
)


class User(msgspec.Struct):
    email: str
    password: str
    roles: list[str]


class Stack(msgspec.Struct):
    """What is needed of `dev.json`."""

    api_url: str
    console_url: str
    stripe_api_base: str
    api_keys: dict[str, str]
    users: list[User]


class Scene(msgspec.Struct):
    """The ids of what is shown: the refunds in the order of `REFUNDS`, one that never asked, and a replay."""

    decisions: list[str]
    bypass: str
    replay: str
    agents: AgentScene
    mandates: MandateScene

    @property
    def executed(self) -> str:
        return self.decisions[next(place for place, refund in enumerate(REFUNDS) if refund.get("approve"))]


async def set_up(stack: Stack) -> Scene:
    """Do all of it, once, on a fresh demo. Raises httpx.HTTPStatusError, and TimeoutError for what does not come."""
    await _publish_shadow(stack)
    bypass = await _use_stripe(stack)
    decisions = await _ask_for_refunds(stack)
    await _ask_for_information(stack, decisions[-1])
    replay = await _replay(stack, {"source": "decisions", "title": "Decisions of the last 30 days"})
    await _replay(stack, {"source": "stripe", "stripe_connection_id": "stripe_conn_demo"})
    await _propose_list(stack)
    await _use_controls(stack)
    return Scene(decisions, bypass, replay, *await _send_agents(stack))


async def _send_agents(stack: Stack) -> tuple[AgentScene, MandateScene]:
    async with _as_admin(stack) as http:
        approver = await _token(http, stack, "controller")
        key = stack.api_keys["authorizations"]
        return await set_up_agents(http, key, approver), await set_up_mandates(http, key, approver)


def _as_admin(stack: Stack) -> httpx.AsyncClient:
    key = {"Authorization": f"Bearer {stack.api_keys['admin']}"}
    return httpx.AsyncClient(base_url=stack.api_url, timeout=30, headers=key)


async def _publish_shadow(stack: Stack) -> None:
    """A stricter version that looks on beside the live one."""
    async with _as_admin(stack) as http:
        live = (await http.get("/api/v1/policies/refunds-starter/versions/1")).raise_for_status().json()["yaml"]
        text = live.replace("gt: 15000", "gt: 4500").replace("over $150", "over $45")
        draft = {"text": text, "format": "yaml", "note": NEW_LIMIT}
        draft_id = (await http.post("/api/v1/policies/drafts", json=draft)).raise_for_status().json()["id"]
        (await http.post(f"/api/v1/policies/drafts/{draft_id}/publish")).raise_for_status()


async def _use_stripe(stack: Stack) -> str:
    """Makes a refund that never asks, tells of disputes and gathers evidence; gives the decision on the refund."""
    sandbox = httpx.AsyncClient(base_url=stack.stripe_api_base, timeout=30, auth=("sk_test_pictures", ""))
    async with sandbox, _as_admin(stack) as http:
        named = await http.patch("/api/v1/connections/stripe_conn_demo", json={"name": "Online shop"})
        named.raise_for_status()
        refund = {"path": "/v1/refunds", "params": {"charge": "ch_demo_010", "amount": 12_000}}
        (await sandbox.post("/_sandbox/dashboard", json=refund)).raise_for_status()
        for number in range(1, 5):
            seen = await sandbox.post(f"/v1/disputes/du_demo_00{number}", data={"metadata[seen]": "yes"})
            seen.raise_for_status()
        enforced = {"surface_mode": "enforce", "override_reason": "The settlement job is new: nothing to compare with."}
        body = {"surface": "stripe.transfer", "mode": "test", "reason": "Transfers above the plan wait for people."}
        (await http.put("/api/v1/surfaces", json={**body, **enforced})).raise_for_status()
        bypass = (await _found(http, "/api/v1/decisions?bypass=true", 1))[0]["decision_id"]
        await _found(http, "/api/v1/disputes", 4)
        for field, text in FACTS.items():
            path = "/api/v1/disputes/du_demo_002/packets"
            (await http.post(path, json={"facts": {field: text}})).raise_for_status()
    return str(bypass)


async def _found(http: httpx.AsyncClient, path: str, count: int) -> list[Any]:
    for _ in range(60):
        items: list[Any] = (await http.get(path)).raise_for_status().json()["items"]
        if len(items) >= count:
            return items
        await asyncio.sleep(0.5)
    raise TimeoutError(path)


async def _ask_for_information(stack: Stack, decision_id: str) -> None:
    """What people say to each other about the decision that is shown."""
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as http:
        for role, kind, text in (
            ("controller", "question", "Was the second parcel returned as well? The order lists two."),
            ("support", "answer", "Both came back on Friday; the warehouse has checked them."),
        ):
            key = {"Authorization": f"Bearer {await _token(http, stack, role)}"}
            decision = (await http.get(f"/api/v1/decisions/{decision_id}", headers=key)).raise_for_status().json()
            path = f"/api/v1/approvals/{decision['approval']['approval_id']}/comments"
            (await http.post(path, json={"kind": kind, "text": text}, headers=key)).raise_for_status()


async def _token(http: httpx.AsyncClient, stack: Stack, role: str) -> str:
    user = next(user for user in stack.users if role in user.roles)
    credentials = {"email": user.email, "password": user.password}
    token: str = (await http.post("/api/v1/sessions", json=credentials)).raise_for_status().json()["token"]
    return token


async def _replay(stack: Stack, history: dict[str, str]) -> str:
    """What was done just now, through the strict template."""
    async with _as_admin(stack) as http:
        body = {**history, "policy": {"pack": "refunds-strict"}}
        replay: str = (await http.post("/api/v1/replays", json=body)).raise_for_status().json()["id"]
        for _ in range(60):
            if (await http.get(f"/api/v1/replays/{replay}")).raise_for_status().json()["state"] == "done":
                return replay
            await asyncio.sleep(0.5)
    raise TimeoutError(replay)


async def _propose_list(stack: Stack) -> None:
    async with _as_admin(stack) as http:
        values = ["cus_Q1mT8", "cus_R7bK2", "cus_P4xN6", "cus_L9dW3", "cus_M2fY5"]
        about = {"kind": "customer", "description": "Customers whose refunds are looked at by hand."}
        body = {"slug": "watched_customers", **about, "values": values, "note": "From the review of last month"}
        (await http.post("/api/v1/lists", json=body)).raise_for_status()


async def _use_controls(stack: Stack) -> None:
    """A freeze and a mark in force, a breaker that proposes another, an agent, and a webhook's endpoint."""
    freeze = {"kind": "freeze", "scope": {"customer_id": "cus_W5rT7"}, "reason": "Chargebacks on four orders."}
    mark = {"kind": "mark_for_review", "scope": {"stripe_account_id": "acct_demo_0042"}, "reason": "New owner."}
    breaker = {
        "name": "Refund spike",
        "mode": "test",
        "metric": "amount",
        "surface": "stripe.refund",
        "currency": "usd",
        "window_seconds": 3_600,
        "baseline_seconds": 604_800,
        "factor_percent": 300,
        "minimum": 50_000,
        "response": "propose",
        "freeze_seconds": 14_400,
    }
    endpoint = {"url": "https://hooks.example.com/axiru", "events": ["approval.*"], "mode": "test"}
    async with _as_admin(stack) as http:
        members = (await http.get("/api/v1/members")).raise_for_status().json()["items"]
        owner = next(member["id"] for member in members if "agent_owner" in member["roles"])
        agent = {"agent_id": "refund_agent", "name": "Refund agent", "owner_member_id": owner}
        for path, body in (
            ("controls", {**freeze, "mode": "test"}),
            ("controls", {**mark, "mode": "test"}),
            ("breakers", breaker),
            ("webhooks", {**endpoint, "description": "Back office"}),
            ("agents", agent),
        ):
            (await http.post(f"/api/v1/{path}", json=body)).raise_for_status()
        for _ in range(60):
            if (await http.get("/api/v1/breaker-trips")).raise_for_status().json()["items"]:
                return
            await asyncio.sleep(0.5)
    raise TimeoutError(breaker["name"])


async def _ask_for_refunds(stack: Stack) -> list[str]:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as http:
        token = await _token(http, stack, "controller")
        asked = []
        for refund in REFUNDS:
            key = {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
            answer = await http.post("/api/v1/decisions", json=_body(refund), headers=key)
            decision = answer.raise_for_status().json()
            asked.append(decision["decision_id"])
            verdict = "approve" if refund.get("approve") else "deny" if refund.get("deny") else None
            if verdict is not None:
                reason = "Duplicate charge, checked." if verdict == "approve" else "The order was delivered."
                vote = f"/api/v1/approvals/{decision['approval_id']}/{verdict}"
                answer = await http.post(vote, json={"reason": reason}, headers={"Authorization": f"Bearer {token}"})
                answer.raise_for_status()
                executed = f"/api/v1/decisions/{decision['decision_id']}?wait=20"
                (await http.get(executed, headers=key)).raise_for_status()
    return asked


def _body(refund: dict[str, Any]) -> dict[str, Any]:
    return {
        "idempotency_key": f"screenshot-{uuid.uuid4()}",
        "execute": "axiru",
        "source": refund["source"],
        "intent": {
            "kind": "refund",
            "amount_cents": refund["amount_cents"],
            "currency": "usd",
            "charge": refund["charge"],
            "stripe_connection_id": "stripe_conn_demo",
        },
        "context": {
            "customer_id": refund["customer"],
            "customer_tenure_days": refund.get("tenure", 412),
            "reason_code": refund.get("why", "requested_by_customer"),
        },
        "metadata": {"ticket": "48213"},
    }
