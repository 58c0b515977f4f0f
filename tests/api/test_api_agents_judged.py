"""What is refused to an agent is refused to those below it at every door; the answer says as whom it was judged."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from axiru.dev.dev_json import DevJson

Payment = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PolicyInForce = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def admin(log_in: LogIn) -> httpx.AsyncClient:
    return await log_in("admin")


@pytest.fixture
async def line(admin: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Three agents, the root first."""
    members = (await admin.get("/api/v1/members")).json()["items"]
    owner = next(one["id"] for one in members if one["email"] == "admin@demo.example")
    made: list[dict[str, Any]] = []
    for name in ("root", "between", "child"):
        body = {"agent_id": f"{name}_{uuid.uuid4().hex}", "name": name, "owner_member_id": owner}
        under = {"delegated_by": made[-1]["agent_id"]} if made else {}
        answer = await admin.post("/api/v1/agents", json={**body, "scopes": ["payments:write"], **under})
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    return made


def denying(rail: str, agent: dict[str, Any]) -> str:
    return (
        f"policy: judged-{uuid.uuid4().hex[:12]}\nschema: 2\napplies_to: {{rail: {rail}}}\nrules:\n"
        f"  - {{id: not_this_agent, when: {{initiator_id: {agent['agent_id']}}}, effect: deny, "
        "message: This agent pays nothing.}\n"
    )


async def test_authorization_of_a_sub_agent_is_judged_as_each_agent_above_it(
    backend: httpx.AsyncClient,
    payment: Payment,
    line: list[dict[str, Any]],
    policies_of: PolicyInForce,
) -> None:
    root, between, child = line
    await policies_of(denying("stripe_daa", between))

    async def ask(agent: dict[str, Any]) -> dict[str, Any]:
        answer = await backend.post("/api/v1/authorizations", json=payment(1_000, agent_id=agent["agent_id"]))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    assert (await ask(root))["outcome"] == "allow"
    own = await ask(between)
    assert (own["outcome"], own["message"]) == ("deny", "This agent pays nothing.")
    told = await ask(child)
    assert (told["outcome"], told["reason"]) == ("deny", "axiru.deny.not_this_agent")
    assert told["message"] == f"This agent pays nothing (judged as {between['agent_id']}, above the agent that asks)"
    shown = (await backend.get(f"/api/v1/decisions/{told['decision_id']}")).json()
    assert shown["message"] == told["message"]
    assert shown["evaluation"]["judged_as"] == between["agent_id"]
    assert shown["ovt"]["initiator"]["id"] == child["agent_id"]
    own_shown = (await backend.get(f"/api/v1/decisions/{own['decision_id']}")).json()
    assert "judged_as" not in own_shown["evaluation"]


async def test_a_key_of_a_sub_agent_asks_for_no_decision_that_the_agent_above_is_refused(
    admin: httpx.AsyncClient,
    stack: DevJson,
    line: list[dict[str, Any]],
    policies_of: PolicyInForce,
    refund: Callable[..., dict[str, Any]],
) -> None:
    root, _, child = line
    await policies_of(denying("stripe", root))
    wanted = {"name": "Of an agent", "scopes": ["decisions:write"], "mode": "test", "agent": child["id"]}
    made = (await admin.post("/api/v1/keys", json=wanted)).raise_for_status().json()
    headers = {"Authorization": f"Bearer {made['key']}"}

    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30) as bound:
        told = (await bound.post("/api/v1/decisions", json=refund(1_000))).json()

    assert (told["outcome"], told["reason"]) == ("denied", "not_this_agent")
    assert told["message"].endswith(f"(judged as {root['agent_id']}, above the agent that asks)")


async def test_spending_is_shown_of_an_agent_in_whatever_spelling_it_is_named(
    admin: httpx.AsyncClient, backend: httpx.AsyncClient, payment: Payment
) -> None:
    agent = f"Agent_{uuid.uuid4().hex.upper()}"
    for spelled in (agent, agent.lower()):
        answer = await backend.post("/api/v1/authorizations", json=payment(20_000, agent_id=spelled))
        assert answer.json()["outcome"] == "allow"

    for spelled in (agent, agent.upper()):
        asked = {"policy": "daa-starter", "subject": spelled, "per": "initiator"}
        (shown,) = (await admin.get("/api/v1/budgets", params=asked)).json()["items"]
        assert (shown["subject"], shown["used_cents"]) == (agent.lower(), 40_000)

    members = (await admin.get("/api/v1/members")).json()["items"]
    owner = next(one["id"] for one in members if one["email"] == "admin@demo.example")
    body = {"agent_id": agent, "name": "Late", "owner_member_id": owner, "scopes": ["payments:write"]}
    made = (await admin.post("/api/v1/agents", json=body)).raise_for_status().json()
    answer = await backend.post("/api/v1/authorizations", json=payment(10_000, agent_id=agent.lower()))
    assert answer.json()["outcome"] == "allow"
    read = (await admin.get(f"/api/v1/agents/{made['id']}")).json()
    # What was asked for as it is registered; the rest of its window is that of the other spelling.
    assert [(one["asset"], one["units"]) for one in read["spent_24h"]] == [("usd", "30000")]
    asked = {"policy": "daa-starter", "subject": agent, "per": "initiator"}
    (shown,) = (await admin.get("/api/v1/budgets", params=asked)).json()["items"]
    assert (shown["subject_name"], shown["used_cents"]) == ("Late", 50_000)
