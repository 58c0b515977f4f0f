"""Tokens over HTTP: used once of 64 at once, settled once, withheld by controls, and shown with their decision."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

PATH = "/api/v1/authorizations"
Payment = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


async def ask(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def older(database: asyncpg.Connection, told: dict[str, Any], by: timedelta) -> None:
    """As the owner of the tables: the token was issued that much earlier."""
    await database.execute(
        "UPDATE authorization_tokens SET issued_at = issued_at - $1::interval, expires_at = expires_at - $1::interval "
        "WHERE jti = $2",
        by,
        told["jti"],
    )


async def test_of_64_at_once_one_uses_the_token(backend: httpx.AsyncClient, payment: Payment) -> None:
    told = await ask(backend, payment())

    answers = await asyncio.gather(*(backend.post(f"{PATH}/{told['jti']}/consume") for _ in range(64)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 63}
    used = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (used["jti"], used["decision_id"]) == (told["jti"], told["decision_id"])
    assert used["audit"]["ledger_id"].startswith("lr_")
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(one["error"], one["state"]) for one in refused} == {("conflict", "consumed")}


async def test_after_its_use_asking_again_allows_without_a_token(backend: httpx.AsyncClient, payment: Payment) -> None:
    body = payment()
    told = await ask(backend, body)
    await backend.post(f"{PATH}/{told['jti']}/consume")

    again = await ask(backend, body)

    assert (again["outcome"], again["token_status"], again["cached"]) == ("allow", "consumed", True)
    assert not {"authorization_token", "jti", "expires_at"} & again.keys()


async def test_a_token_that_is_over_is_refused_and_another_one_issued(
    backend: httpx.AsyncClient, payment: Payment, database: asyncpg.Connection
) -> None:
    body = payment()
    told = await ask(backend, body)
    await older(database, told, timedelta(seconds=300))

    late = await backend.post(f"{PATH}/{told['jti']}/consume")
    assert (late.status_code, late.json()["error"], late.json()["state"]) == (409, "conflict", "expired")

    fresh = await asyncio.gather(*(ask(backend, body) for _ in range(8)))
    assert len({one["jti"] for one in fresh}) == 1
    assert fresh[0]["jti"] != told["jti"]
    assert {one["decision_id"] for one in fresh} == {told["decision_id"]}
    assert (await backend.post(f"{PATH}/{fresh[0]['jti']}/consume")).status_code == 200


@pytest.mark.parametrize(
    ("control", "reason"),
    [({"kind": "kill_switch"}, "kill_switch_engaged"), ({"kind": "freeze"}, "agent_frozen")],
)
async def test_a_control_withholds_the_token_and_stops_its_use(
    backend: httpx.AsyncClient, payment: Payment, log_in: LogIn, control: dict[str, Any], reason: str
) -> None:
    controller = await log_in("controller")
    body = payment()
    agent = body["initiator"]["id"]
    told = await ask(backend, body)
    scope = {"scope": {"agent_id": agent}} if control["kind"] == "freeze" else {}
    engaged = await controller.post("/api/v1/controls", json={**control, **scope, "mode": "test", "reason": "odd"})
    control_id = engaged.raise_for_status().json()["id"]
    try:
        withheld = await ask(backend, body)
        found = (await backend.get(f"{PATH}/{told['decision_id']}")).json()
        refused = await backend.post(f"{PATH}/{told['jti']}/consume")
        new = await ask(backend, payment(agent_id=agent))
        shown = (await controller.get(f"/api/v1/decisions/{told['decision_id']}")).json()
    finally:
        await controller.request("DELETE", f"/api/v1/controls/{control_id}", json={"reason": "over"})
    for answer in (withheld, found):
        assert (answer["outcome"], answer["token_status"]) == ("allow", "withheld")
        assert (answer["withheld_by"]["reason"], answer["withheld_by"]["control_id"]) == (reason, control_id)
        assert not {"authorization_token", "jti"} & answer.keys()
    assert (refused.status_code, refused.json()["state"], refused.json()["reason"]) == (409, "withheld", reason)
    assert (new["outcome"], new["reason"]) == ("deny", f"axiru.deny.{reason}")
    assert new["matched_rule"] == f"control:{control_id}"
    assert shown["token"]["status"] == "withheld"

    assert (await ask(backend, body))["jti"] == told["jti"]
    assert (await backend.post(f"{PATH}/{told['jti']}/consume")).status_code == 200


async def test_settlement_says_what_was_moved_once(backend: httpx.AsyncClient, payment: Payment) -> None:
    told = await ask(backend, payment(20_000))
    path = f"{PATH}/{told['jti']}/settlement"
    early = await backend.post(path, json={"settlement": "settled"})
    assert (early.status_code, early.json()["error"], early.json()["state"]) == (409, "conflict", "issued")
    await backend.post(f"{PATH}/{told['jti']}/consume")

    more = await backend.post(path, json={"settlement": "settled", "amount_units": "20001"})
    assert (more.status_code, more.json()["error"]) == (400, "invalid_request")
    done = await backend.post(path, json={"settlement": "settled", "amount_units": "12500"})
    assert done.status_code == 200, done.text
    again = await backend.post(path, json={"settlement": "settled", "amount_units": "12500"})
    assert (again.status_code, again.json()) == (200, done.json())
    for otherwise in ({"settlement": "failed"}, {"settlement": "settled"}):
        other = await backend.post(path, json=otherwise)
        assert (other.status_code, other.json()["state"]) == (409, "settled")
    assert (await backend.get(f"{PATH}/{told['decision_id']}")).json()["state"] == "executed"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "settlement"),
        ({"settlement": "done"}, "settlement"),
        ({"settlement": "settled", "amount_units": 100}, "amount_units"),
        ({"settlement": "settled", "amount_units": "-1"}, "amount_units"),
        ({"settlement": "settled", "amount_units": "1.5"}, "amount_units"),
        ({"settlement": "settled", "amount_units": "007"}, "amount_units"),
        ({"settlement": "settled", "amount_units": "100\n"}, "amount_units"),
        ({"settlement": "settled", "amount_units": "٣"}, "amount_units"),
        ({"settlement": "settled", "amount_units": "9" * 79}, "amount_units"),
        ({"settlement": "settled", "amount_cents": 1}, "amount_cents"),
        ({"settlement": "failed", "amount_units": "1"}, "amount_units"),
    ],
)
async def test_a_wrong_settlement_is_refused_by_field(
    backend: httpx.AsyncClient, payment: Payment, body: dict[str, Any], field: str
) -> None:
    told = await ask(backend, payment(1_000))
    await backend.post(f"{PATH}/{told['jti']}/consume")

    answer = await backend.post(f"{PATH}/{told['jti']}/settlement", json=body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    assert field in [error["field"] for error in answer.json()["field_errors"]]
    assert (await backend.get(f"{PATH}/{told['decision_id']}")).json()["state"] == "allowed"


async def test_a_failed_payment_frees_the_agents_window(backend: httpx.AsyncClient, payment: Payment) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    first, second = [await ask(backend, payment(50_000, agent_id=agent)) for _ in range(2)]
    assert (await ask(backend, payment(50_000, agent_id=agent)))["outcome"] == "deny"
    await backend.post(f"{PATH}/{first['jti']}/consume")

    done = await backend.post(f"{PATH}/{first['jti']}/settlement", json={"settlement": "failed"})

    assert done.status_code == 200
    assert (await backend.get(f"{PATH}/{first['decision_id']}")).json()["state"] == "execution_failed"
    assert (await ask(backend, payment(50_000, agent_id=agent)))["outcome"] == "allow"
    assert (await ask(backend, payment(1, agent_id=agent)))["outcome"] == "deny"
    assert second["outcome"] == "allow"


async def test_a_decision_shows_its_token_its_policy_and_what_became_of_it(
    backend: httpx.AsyncClient, payment: Payment, caller: httpx.AsyncClient
) -> None:
    told = await ask(backend, payment(20_000))
    path = f"/api/v1/decisions/{told['decision_id']}"
    issued = (await caller.get(path)).json()
    await backend.post(f"{PATH}/{told['jti']}/consume")
    await backend.post(f"{PATH}/{told['jti']}/settlement", json={"settlement": "settled", "amount_units": "15000"})

    shown = (await caller.get(path)).json()

    token = shown["token"]
    assert (issued["token"]["status"], token["status"], token["issued"]) == ("issued", "settled", 1)
    assert (token["jti"], token["expires_at"], token["settlement"]) == (told["jti"], told["expires_at"], "settled")
    assert (token["settled_units"], issued["token"]["consumed_at"]) == ("15000", None)
    assert "eyJ" not in (await caller.get(path)).text
    assert shown["fingerprint"] == told["ovt_fingerprint"]
    assert (shown["rail"], shown["rail_action"], shown["state"]) == ("stripe_daa", "agent_payment", "executed")
    assert shown["amount"] == {"units": "20000", "asset": "usd", "exponent": 2}
    steps = [event["kind"] for event in shown["timeline"]]
    assert steps == ["requested", "decision", "token_consumed", "token_settled"]
    said = [event["summary"] for event in shown["timeline"]]
    assert said[1].endswith("; a token was issued")
    assert said[3] == "15000 units of 20000 were moved"
    sealed = shown["ledger"][0]["body"]
    assert sealed["data"]["token"]["jti"] == told["jti"]
    assert sealed["data"]["fingerprint"] == told["ovt_fingerprint"]
    assert sealed["policy_hash"] == shown["policy"]["content_hash"]
    snapshot = await caller.get(f"/api/v1/policy-snapshots/{sealed['policy_hash']}")
    assert (snapshot.json()["slug"], snapshot.json()["content_hash"]) == ("daa-starter", sealed["policy_hash"])
    assert "agent_payment_cap" in snapshot.json()["yaml"]


async def test_no_policy_has_a_hash_of_nobodys(caller: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    for content_hash in ("0" * 64, "x", "%00"):
        answer = await caller.get(f"/api/v1/policy-snapshots/{content_hash}")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert (await http.get(f"/api/v1/policy-snapshots/{'0' * 64}")).status_code == 401


async def test_denials_are_decisions_like_any_other_without_a_token(
    backend: httpx.AsyncClient, payment: Payment, caller: httpx.AsyncClient
) -> None:
    told = await ask(backend, payment(50_001))

    shown = (await caller.get(f"/api/v1/decisions/{told['decision_id']}")).json()

    assert (shown["state"], shown["token"], shown["rule_kind"]) == ("denied", None, "amount")
    data = shown["ledger"][0]["body"]["data"]
    assert (data["surface_mode"], data["agreement"]) == ("enforce", {"compared": 0, "agrees": None})
    assert (data["fingerprint"], "token" in data) == (told["ovt_fingerprint"], False)


async def test_decisions_are_listed_by_rail_and_by_who_asked(
    backend: httpx.AsyncClient, payment: Payment, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    told = await ask(backend, payment(agent_id=agent))
    refunded = (await caller.post("/api/v1/decisions", json=refund())).json()["decision_id"]

    async def listed(**wanted: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await caller.get("/api/v1/decisions", params=wanted)).json()["items"]
        return found

    assert [one["decision_id"] for one in await listed(initiator_id=agent)] == [told["decision_id"]]
    assert [one["decision_id"] for one in await listed(q=agent)] == [told["decision_id"]]
    by_rail = await listed(rail="stripe_daa", limit="200")
    assert told["decision_id"] in {one["decision_id"] for one in by_rail}
    assert {one["rail"] for one in by_rail} == {"stripe_daa"}
    assert refunded not in {one["decision_id"] for one in by_rail}
    assert await listed(rail="stripe_daa", rail_action="agent_payout", initiator_id=agent) == []
    assert await listed(rail="nowhere") == []


async def test_a_key_of_one_agent_uses_no_other_agents_token(
    backend: httpx.AsyncClient, payment: Payment, log_in: LogIn, http: httpx.AsyncClient
) -> None:
    admin, agents = await log_in("admin"), [f"agent_{uuid.uuid4().hex}" for _ in range(2)]
    owner = (await admin.get("/api/v1/sessions/current")).json()["member"]["id"]
    registered = []
    for agent in agents:
        body = {"agent_id": agent, "name": "A", "owner_member_id": owner, "scopes": ["payments:write"]}
        registered.append((await admin.post("/api/v1/agents", json=body)).raise_for_status().json())
    wanted = {"name": "own", "scopes": ["authorizations:write"], "mode": "test", "agent": registered[0]["id"]}
    made = await admin.post("/api/v1/keys", json=wanted)
    assert made.status_code == 201, made.text
    own = {"Authorization": f"Bearer {made.json()['key']}"}
    theirs = await ask(backend, payment(agent_id=agents[1]))
    mine = (await http.post(PATH, json=payment(agent_id=agents[0]), headers=own)).json()

    for answer in (
        await http.post(f"{PATH}/{theirs['jti']}/consume", headers=own),
        await http.get(f"{PATH}/{theirs['decision_id']}", headers=own),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    refused = await http.post(PATH, json=payment(agent_id=agents[1]), headers=own)
    assert [error["field"] for error in refused.json()["field_errors"]] == ["initiator.id"]
    assert (await http.post(f"{PATH}/{mine['jti']}/consume", headers=own)).status_code == 200
    for settlement in ({"settlement": "failed"}, {"settlement": "settled", "amount_units": "1"}):
        said = await http.post(f"{PATH}/{mine['jti']}/settlement", json=settlement, headers=own)
        assert (said.status_code, said.json()["error"]) == (403, "not_eligible")
    whole = await http.post(f"{PATH}/{mine['jti']}/settlement", json={"settlement": "settled"}, headers=own)
    assert whole.status_code == 200
