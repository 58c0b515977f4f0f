"""What agents may claim, and what they pass on: less, never more, and never a way around a ceiling or a freeze."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
Refund = Callable[..., dict[str, Any]]
AGENTS, KEYS, AUTHORIZATIONS = "/api/v1/agents", "/api/v1/keys", "/api/v1/authorizations"


Register = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def admin(log_in: LogIn) -> httpx.AsyncClient:
    return await log_in("admin")


@pytest.fixture
async def register(admin: httpx.AsyncClient) -> Register:
    """Registers an agent of the admin's own."""
    members = (await admin.get("/api/v1/members")).json()["items"]
    member_id = next(one["id"] for one in members if one["email"] == "admin@demo.example")

    async def make(*scopes: str, under: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        body = {"agent_id": f"agent-{uuid.uuid4().hex}", "name": "An agent", "owner_member_id": member_id}
        parent = {"delegated_by": under["agent_id"]} if under else {}
        answer = await admin.post(AGENTS, json={**body, "scopes": scopes, **parent, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return make


def payment(agent: dict[str, Any] | str, *scopes: str, cents: int = 1_000, **top: Any) -> dict[str, Any]:
    agent_id = agent if isinstance(agent, str) else agent["agent_id"]
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": agent_id, "scopes": list(scopes)},
        "idempotency_key": uuid.uuid4().hex,
        **top,
    }


async def ask(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(AUTHORIZATIONS, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def refused(client: httpx.AsyncClient, body: dict[str, Any], path: str = AUTHORIZATIONS) -> list[tuple[str, str]]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    return [(error["field"], error["code"]) for error in answer.json()["field_errors"]]


async def key_for(admin: httpx.AsyncClient, stack: DevJson, agent: dict[str, Any], *scopes: str) -> httpx.AsyncClient:
    body = {"name": "Of an agent", "scopes": scopes or ["authorizations:write"], "mode": "test", "agent": agent["id"]}
    made = (await admin.post(KEYS, json=body)).raise_for_status().json()
    assert made["agent"] == {"id": agent["id"], "agent_id": agent["agent_id"]}
    return httpx.AsyncClient(base_url=stack.api_url, headers={"Authorization": f"Bearer {made['key']}"}, timeout=30)


async def test_a_registered_agent_claims_what_it_has_and_an_unknown_one_claims_as_ever(
    register: Register, backend: httpx.AsyncClient
) -> None:
    agent = await register("payments:write", "refunds:read")
    assert (await ask(backend, payment(agent, "payments:write")))["outcome"] == "allow"
    wrong = await refused(backend, payment(agent, "payments:write", "payouts:write", "Payments:write"))
    assert wrong == [("initiator.scopes[1]", "not_granted"), ("initiator.scopes[2]", "not_granted")]
    assert (await ask(backend, payment(f"agent-{uuid.uuid4().hex}", "anything")))["outcome"] == "allow"


async def test_another_spelling_or_kind_is_no_way_out(register: Register, backend: httpx.AsyncClient) -> None:
    agent = await register()
    for blank in ("  ", "\t", "\u00a0", "\n"):
        other = payment(f"{blank}{agent['agent_id'].upper()}{blank}", "payments:write")
        assert await refused(backend, other) == [("initiator.scopes[0]", "not_granted")]
    body = payment(agent)
    body["initiator"]["kind"] = "service"
    assert await refused(backend, body) == [("initiator.kind", "not_allowed")]
    body["initiator"] = {"kind": "axiru", "id": "axiru"}
    assert await refused(backend, body) == [("initiator.kind", "not_allowed")]


async def test_what_is_passed_on_is_never_more(
    register: Register, admin: httpx.AsyncClient, backend: httpx.AsyncClient
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    parent = await register("a", "b", expires_at=soon.isoformat())
    child = await register("a", "b", under=parent)
    assert (child["ends_at"], child["parent"]["id"]) == (parent["expires_at"], parent["id"])
    below = {"agent_id": f"agent-{uuid.uuid4().hex}", "name": "x", "owner_member_id": child["owner"]["id"]}
    under = {**below, "delegated_by": parent["id"]}
    assert await refused(admin, {**under, "scopes": ["a", "c"]}, AGENTS) == [("scopes", "invalid")]
    later = (soon + timedelta(seconds=1)).isoformat()
    assert await refused(admin, {**under, "expires_at": later}, AGENTS) == [("expires_at", "invalid")]
    assert await refused(admin, {**below, "delegated_by": "ag_unknown"}, AGENTS) == [("delegated_by", "invalid")]
    # What the parent loses, all below it lose at once.
    path = f"{AGENTS}/{parent['id']}"
    assert (await admin.patch(path, json={"scopes": ["b"]})).json()["children"][0]["id"] == child["id"]
    assert (await admin.get(f"{AGENTS}/{child['id']}")).json()["effective_scopes"] == ["b"]
    assert await refused(backend, payment(child, "a", "b")) == [("initiator.scopes[0]", "not_granted")]
    assert (await ask(backend, payment(child, "b")))["outcome"] == "allow"


async def test_nobody_is_below_themselves_or_gets_out_from_under_a_parent(
    register: Register, admin: httpx.AsyncClient
) -> None:
    line = [await register()]
    for _ in range(7):
        line.append(await register(under=line[-1]))
    for agent, parent in ((line[0], line[7]), (line[0], line[0]), (line[7], line[0]), (line[3], await register())):
        answer = await admin.patch(f"{AGENTS}/{agent['id']}", json={"delegated_by": parent["agent_id"]})
        assert (answer.status_code, answer.json()["field_errors"][0]["field"]) == (400, "delegated_by")
    body = {"agent_id": f"agent-{uuid.uuid4().hex}", "name": "x", "owner_member_id": line[0]["owner"]["id"]}
    assert await refused(admin, {**body, "delegated_by": line[7]["id"]}, AGENTS) == [("delegated_by", "invalid")]
    # Retired and registered again, it is where it was.
    await admin.delete(f"{AGENTS}/{line[1]['id']}")
    again = await admin.post(AGENTS, json={**body, "agent_id": line[1]["agent_id"]})
    assert again.json()["parent"]["id"] == line[0]["id"]


async def test_the_database_holds_to_it_whoever_writes(register: Register, database: asyncpg.Connection) -> None:
    parent = await register("a")
    child = await register("a", under=parent)
    for change in (
        "scopes = '{a,b}'",
        "delegated_by = NULL",
        f"delegated_by = '{(await register('a'))['id']}'",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await database.execute(f"UPDATE agents SET {change} WHERE id = $1", child["id"])  # noqa: S608
    with pytest.raises(asyncpg.RestrictViolationError):
        await database.execute("UPDATE agents SET delegated_by = $1 WHERE id = $2", child["id"], parent["id"])


async def test_sub_agents_share_the_ceiling_of_the_one_at_the_root(
    register: Register, admin: httpx.AsyncClient, backend: httpx.AsyncClient
) -> None:
    root = await register()
    children = [await register(under=root) for _ in range(2)]
    below = await register(under=children[0])
    # The window of the demo policy holds $1,000 an agent.
    for agent in (root, children[0], below):
        assert (await ask(backend, payment(agent, cents=30_000)))["outcome"] == "allow"
    told = await ask(backend, payment(children[1], cents=30_000))
    assert (told["outcome"], told["reason"]) == ("deny", "axiru.deny.rolling_window_exceeded")
    spent = (await admin.get(f"{AGENTS}/{below['id']}")).json()["spent_24h"]
    assert spent == [{"mode": "test", "asset": "usd", "units": "30000"}]


async def test_what_was_spent_before_it_was_put_under_another_still_counts(
    register: Register, admin: httpx.AsyncClient, backend: httpx.AsyncClient
) -> None:
    root, agent = await register(), await register()
    for _ in range(2):
        assert (await ask(backend, payment(agent, cents=50_000)))["outcome"] == "allow"
    await admin.patch(f"{AGENTS}/{agent['id']}", json={"delegated_by": root["id"]})
    assert (await ask(backend, payment(agent, cents=1)))["outcome"] == "deny"
    assert (await ask(backend, payment(root, cents=1)))["outcome"] == "allow"


@pytest.mark.parametrize("over", ["freeze", "retire", "expire"])
async def test_what_ends_an_agent_ends_all_below_it_and_their_tokens(
    over: str, register: Register, admin: httpx.AsyncClient, backend: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    root = await register()
    agent = await register(under=await register(under=root))
    body = payment(agent)
    allowed = await ask(backend, body)
    match over:
        case "freeze":
            freeze = {"kind": "freeze", "scope": {"agent_id": root["agent_id"].upper()}, "mode": "test"}
            made = (await admin.post("/api/v1/controls", json={**freeze, "reason": "Looks wrong"})).json()
            denied = await ask(backend, payment(agent))
            assert denied["reason"] == "axiru.deny.agent_frozen"
            assert denied["message"] == "An agent that this one has its authority from is frozen."
            reason = "agent_frozen"
        case "retire":
            await admin.delete(f"{AGENTS}/{root['id']}")
            assert await refused(backend, payment(agent)) == [("initiator.id", "agent_retired")]
            reason = "agent_retired"
        case _:
            await database.execute("UPDATE agents SET expires_at = now() WHERE id = $1", root["id"])
            assert await refused(backend, payment(agent)) == [("initiator.id", "agent_expired")]
            reason = "agent_expired"
    replay = await ask(backend, body)
    assert (replay["cached"], replay["token_status"], replay["withheld_by"]["reason"]) == (True, "withheld", reason)
    used = await backend.post(f"{AUTHORIZATIONS}/{allowed['jti']}/consume")
    assert (used.status_code, used.json()["state"], used.json()["reason"]) == (409, "withheld", reason)
    if over == "freeze":
        await admin.request("DELETE", f"/api/v1/controls/{made['id']}", json={"reason": "Was right"})


async def test_a_key_for_an_agent_asks_as_that_agent_and_gives_nothing_back(
    register: Register, admin: httpx.AsyncClient, backend: httpx.AsyncClient, stack: DevJson, refund: Refund
) -> None:
    agent, other = await register("payments:write"), await register()
    async with await key_for(admin, stack, agent, "authorizations:write", "decisions:write") as bound:
        assert await refused(bound, payment(other)) == [("initiator.id", "not_allowed")]
        body = payment(agent, metadata={"agent_id": other["agent_id"]})
        assert await refused(bound, body) == [("metadata.agent_id", "not_allowed")]
        for spelled in (f"\t{agent['agent_id']}", f"{agent['agent_id']}\u00a0", f" {agent['agent_id'].upper()}\n"):
            claimed = payment(spelled, "everything:write")
            assert await refused(bound, claimed) == [("initiator.scopes[0]", "not_granted")]
        allowed = await ask(bound, payment(agent, "payments:write"))
        theirs = await ask(backend, payment(other))
        for path in (f"{theirs['jti']}/consume", f"{theirs['jti']}/settlement"):
            answer = await bound.post(f"{AUTHORIZATIONS}/{path}", json={"settlement": "settled"})
            assert answer.status_code == 404
        assert (await bound.get(f"{AUTHORIZATIONS}/{theirs['decision_id']}")).status_code == 404
        assert (await bound.post(f"{AUTHORIZATIONS}/{allowed['jti']}/consume")).status_code == 200
        for said in ({"settlement": "failed"}, {"settlement": "settled", "amount_units": "999"}):
            answer = await bound.post(f"{AUTHORIZATIONS}/{allowed['jti']}/settlement", json=said)
            assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")
        settled = await bound.post(f"{AUTHORIZATIONS}/{allowed['jti']}/settlement", json={"settlement": "settled"})
        assert settled.status_code == 200
        # Decisions of its own it asks for as the agent that it is, whatever the body leaves out.
        decided = (await bound.post("/api/v1/decisions", json=refund(1_000))).json()
        read = (await bound.get(f"/api/v1/decisions/{decided['decision_id']}")).json()
        assert read["initiator_id"] == agent["agent_id"]
        named = refund(1_000, context={"agent_id": other["agent_id"]})
        assert await refused(bound, named, "/api/v1/decisions") == [("context.agent_id", "not_allowed")]
        assert (await admin.get(f"{AGENTS}/{agent['id']}")).json()["keys"][0]["name"] == "Of an agent"
        await admin.delete(f"{AGENTS}/{agent['id']}")
        assert await refused(bound, refund(1_000), "/api/v1/decisions") == [("initiator.id", "agent_retired")]


async def test_a_key_for_an_agent_has_no_other_scope_and_its_agent_is_one_that_may_ask(
    register: Register, admin: httpx.AsyncClient
) -> None:
    agent = await register()
    body = {"name": "Of an agent", "mode": "test", "scopes": ["authorizations:write"], "agent": agent["agent_id"]}
    assert await refused(admin, {**body, "scopes": ["authorizations:write", "admin"]}, KEYS) == [("scopes", "invalid")]
    assert await refused(admin, {**body, "agent": "ag_unknown"}, KEYS) == [("agent", "invalid")]
    await admin.delete(f"{AGENTS}/{agent['id']}")
    assert await refused(admin, body, KEYS) == [("agent", "invalid")]


async def test_an_agent_owner_passes_on_the_authority_of_their_own_agents_alone(
    let_in: LetIn, register: Register, admin: httpx.AsyncClient
) -> None:
    owner = await let_in("agent_owner")
    body = {"agent_id": f"agent-{uuid.uuid4().hex}", "name": "Mine", "owner_member_id": owner.id}
    answer = await owner.client.post(AGENTS, json={**body, "delegated_by": (await register("a"))["id"]})
    assert (answer.status_code, answer.json()["because"]) == (403, "role")
    given = await register("a", "b")
    mine = await register("a", under=given, owner_member_id=owner.id)
    # Less is theirs to say; more is for who may say what the parent does.
    path = f"{AGENTS}/{mine['id']}"
    assert (await owner.client.patch(path, json={"scopes": ["a", "b"]})).status_code == 403
    assert (await owner.client.patch(path, json={"scopes": []})).json()["effective_scopes"] == []
    own = (await owner.client.post(AGENTS, json={**body, "scopes": ["x"]})).json()
    below = {**body, "agent_id": f"agent-{uuid.uuid4().hex}", "scopes": ["x"], "delegated_by": own["id"]}
    assert (await owner.client.post(AGENTS, json=below)).status_code == 201


async def test_whoever_answers_for_an_agent_above_never_approves(
    let_in: LetIn, register: Register, caller: httpx.AsyncClient, refund: Refund
) -> None:
    above = await let_in("controller")
    agent = await register(under=await register(owner_member_id=above.id))
    asked = await caller.post("/api/v1/decisions", json=refund(17_500, metadata={"agent_id": agent["agent_id"]}))
    answer = await above.client.post(f"/api/v1/approvals/{asked.json()['approval_id']}/approve", json={})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")
