"""What agents ask for and people decide: no token before, one after, none after a denial; and who is told of it."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

PATH = "/api/v1/authorizations"
Payment = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PolicyInForce = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def agent() -> str:
    return f"agent_{uuid.uuid4().hex}"


@pytest.fixture
async def watched(policies_of: PolicyInForce, agent: str) -> str:
    """The id of an agent whose payments a controller looks at, from one dollar on."""
    await policies_of(
        f"""
policy: watched-{agent[-12:]}
schema: 2
applies_to: {{rail: stripe_daa}}
rules:
  - id: watched_agent
    when:
      all:
        - initiator_id: {{in: [{agent}]}}
        - amount: {{currency: usd, gte: 100}}
    effect: review
    message: This agent's payments are looked at
    approvers: {{role: controller, deadline: 1h}}
    when_missing: skip
"""
    )
    return agent


async def ask(client: httpx.AsyncClient, body: dict[str, Any], path: str = PATH) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def vote(person: httpx.AsyncClient, told: dict[str, Any], verdict: str = "approve") -> httpx.Response:
    return await person.post(f"/api/v1/approvals/{told['approval_id']}/{verdict}", json={"reason": "looked at"})


async def test_a_quarantine_has_an_approval_and_no_token_until_it_is_approved(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    body = payment(20_000, agent_id=watched)

    told = await ask(backend, body)

    assert (told["outcome"], told["state"]) == ("quarantine", "pending_approval")
    assert told["reason"] == "axiru.quarantine.watched_agent"
    assert (told["approver_role"], told["approval_id"][:3]) == ("controller", "ap_")
    assert not {"authorization_token", "jti", "token_status", "expires_at"} & told.keys()
    assert (await ask(backend, body)) == {**told, "cached": True}
    listed = await backend.get("/api/v1/decisions", params={"outcome": "quarantine", "initiator_id": watched})
    assert [one["decision_id"] for one in listed.json()["items"]] == [told["decision_id"]]

    assert (await vote(await log_in("controller"), told)).status_code == 200

    found = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
    assert (found["outcome"], found["state"], found["token_status"]) == ("allow", "approved", "issued")
    assert found["reason"] == "axiru.allow.watched_agent"
    assert found["authorization_token"].count(".") == 2
    replay = await ask(backend, body)
    assert (replay["jti"], replay["expires_at"], replay["cached"]) == (found["jti"], found["expires_at"], True)
    assert (await backend.post(f"{PATH}/{found['jti']}/consume")).status_code == 200


async def test_the_approver_sees_the_agent_the_rail_and_who_is_paid(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    told = await ask(backend, payment(20_000, agent_id=watched))

    shown = (await (await log_in("controller")).get(f"/api/v1/approvals/{told['approval_id']}")).json()

    asked = shown["diff"]["asked"]
    assert (asked["rail"], asked["action"], asked["amount_cents"]) == ("stripe_daa", "agent_payment", 20_000)
    assert asked["amount"] == {"units": "20000", "asset": "usd", "exponent": 2}
    assert (asked["agent"]["id"], asked["agent"]["scopes"]) == (watched, ["payments:write"])
    assert (asked["counterparty"]["stripe_account_id"], asked["counterparty"]["country"]) == ("acct_1Abc", "US")
    assert (shown["diff"]["would_execute"], shown["can_vote"]) == (None, True)


async def test_who_waits_is_answered_with_the_token_as_soon_as_it_is_approved(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    controller = await log_in("controller")
    body = payment(20_000, agent_id=watched)
    told = await ask(backend, body)
    waiting = asyncio.create_task(ask(backend, body, f"{PATH}?wait=30"))
    found = asyncio.create_task(backend.get(f"{PATH}/{told['decision_id']}?wait=30"))

    await vote(controller, told)

    assert (await waiting)["outcome"] == (await found).json()["outcome"] == "allow"
    assert (await waiting)["jti"] == (await found).json()["jti"]


async def test_many_who_fetch_at_once_are_given_one_token(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn, database: asyncpg.Connection
) -> None:
    told = await ask(backend, payment(20_000, agent_id=watched))
    await vote(await log_in("controller"), told)

    found = await asyncio.gather(*(backend.get(f"{PATH}/{told['decision_id']}") for _ in range(12)))

    assert len({one.json()["jti"] for one in found}) == 1
    issued = "SELECT count(*) FROM authorization_tokens WHERE decision_id = $1"
    assert await database.fetchval(issued, told["decision_id"]) == 1
    sealed = "SELECT count(*) FROM ledger_entries WHERE decision_id = $1 AND kind = 'token'"
    assert await database.fetchval(sealed, told["decision_id"]) == 1


async def test_a_denial_by_people_answers_deny_and_gives_the_budget_back(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn, database: asyncpg.Connection
) -> None:
    body = payment(20_000, agent_id=watched)
    told = await ask(backend, body)
    held = "SELECT state FROM movements WHERE decision_id = $1"
    assert await database.fetchval(held, told["decision_id"]) == "reserved"

    assert (await vote(await log_in("controller"), told, "deny")).status_code == 200

    for answer in (await ask(backend, body), (await backend.get(f"{PATH}/{told['decision_id']}")).json()):
        assert (answer["outcome"], answer["state"]) == ("deny", "denied")
        assert answer["reason"].startswith("axiru.deny.")
        assert "authorization_token" not in answer
    assert await database.fetchval(held, told["decision_id"]) == "released"


async def test_who_answers_for_the_key_or_the_agent_does_not_approve(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn, let_in: Callable[..., Awaitable[Any]]
) -> None:
    """The demo key is the admin's; the agent is registered to somebody who would otherwise be eligible."""
    owner = await let_in("controller")
    admin = await log_in("admin")
    agent = {"agent_id": watched, "name": "Watched", "owner_member_id": owner.id, "scopes": ["payments:write"]}
    assert (await admin.post("/api/v1/agents", json=agent)).status_code == 201
    told = await ask(backend, payment(20_000, agent_id=watched.upper()))
    assert told["outcome"] == "quarantine", told

    for person in (owner.client, admin):
        refused = await vote(person, told)
        assert (refused.status_code, refused.json()["error"]) == (403, "not_eligible")
    assert (await vote(await log_in("controller"), told)).status_code == 200


async def test_what_is_held_is_approved_without_a_token_until_it_is_released(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    controller = await log_in("controller")
    told = await ask(backend, payment(20_000, agent_id=watched))
    hold = {"kind": "hold", "scope": {"decision_id": told["decision_id"]}, "mode": "test", "reason": "wait"}
    control = (await controller.post("/api/v1/controls", json=hold)).raise_for_status().json()
    asked = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
    assert (asked["state"], asked["outcome"]) == ("held", "quarantine")
    # There is no token yet that anything could keep back.
    assert not {"authorization_token", "token_status", "withheld_by"} & set(asked)
    assert (await vote(controller, told)).status_code == 200

    held = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
    assert held["state"] == "held"
    assert "authorization_token" not in held
    assert held["outcome"] == "quarantine"
    assert held["withheld_by"]["reason"] == "request_held"

    released = await controller.request("DELETE", f"/api/v1/controls/{control['id']}", json={"reason": "go on"})
    assert released.status_code == 200
    found = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
    assert (found["outcome"], found["token_status"]) == ("allow", "issued")


async def test_what_a_freeze_forbids_since_is_denied_with_the_approval(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    controller = await log_in("controller")
    told = await ask(backend, payment(20_000, agent_id=watched))
    freeze = {"kind": "freeze", "scope": {"agent_id": watched}, "mode": "test", "reason": "odd"}
    control = (await controller.post("/api/v1/controls", json=freeze)).raise_for_status().json()
    try:
        assert (await vote(controller, told)).status_code == 200
        found = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
        assert (found["outcome"], found["state"]) == ("deny", "denied")
        assert "authorization_token" not in found
    finally:
        await controller.request("DELETE", f"/api/v1/controls/{control['id']}", json={"reason": "over"})


async def test_the_backend_is_told_by_event_and_webhook_and_never_the_token(
    backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn, database: asyncpg.Connection
) -> None:
    told = await ask(backend, payment(20_000, agent_id=watched))
    await vote(await log_in("controller"), told)
    found = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
    await backend.post(f"{PATH}/{found['jti']}/consume")
    await backend.post(f"{PATH}/{found['jti']}/settlement", json={"settlement": "settled"})

    seen: list[tuple[str, str]] = []
    async with backend.stream("GET", "/api/v1/events", headers={"Last-Event-ID": "test:0:0"}) as stream:
        name = ""
        async with asyncio.timeout(15):
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                if line.startswith("data: ") and told["decision_id"] in line:
                    assert "eyJ" not in line
                    seen.append((name, json.loads(line[6:]).get("state", "")))
                    if seen[-1] == ("decision", "executed"):
                        break
    assert [state for name, state in seen if name == "authorization"] == ["approved", "issued", "consumed", "settled"]
    assert ("decision", "pending_approval") in seen
    leaked = "SELECT count(*) FROM outbox WHERE payload::text LIKE '%eyJ%'"
    assert await database.fetchval(leaked) == 0
