"""Surfaces over HTTP: which movements are enforced, set by who may, for a reason, guarded by agreement."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
CONNECTION = "stripe_conn_abc123"


@pytest.fixture(autouse=True)
async def as_it_was(database: asyncpg.Connection) -> AsyncIterator[None]:
    """What a test sets for one connection, or for adjustments, no other test depends on."""
    yield
    await database.execute(
        "DELETE FROM surfaces WHERE stripe_connection_id = $1 OR rail_action = 'adjustment'", CONNECTION
    )


async def put(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    given = {"surface": "stripe.adjustment", "surface_mode": "enforce", "reason": "the week went well", **body}
    return await client.put(
        "/api/v1/surfaces", json={name: value for name, value in given.items() if value is not None}
    )


async def shown(client: httpx.AsyncClient, surface: str, connection: str | None = None) -> dict[str, Any]:
    items = (await client.get("/api/v1/surfaces", params={"mode": "test"})).raise_for_status().json()["items"]
    found: dict[str, Any] = next(
        one for one in items if (one["surface"], one["stripe_connection_id"]) == (surface, connection)
    )
    return found


async def test_every_surface_is_listed_and_one_never_set_is_in_shadow(caller: httpx.AsyncClient) -> None:
    items = (await caller.get("/api/v1/surfaces")).raise_for_status().json()["items"]

    modes = {one["surface"]: one["surface_mode"] for one in items if one["stripe_connection_id"] is None}
    assert modes["stripe.refund"] == modes["stripe_daa.agent_payment"] == modes["stripe_daa.agent_payout"] == "enforce"
    assert modes["stripe.credit"] == modes["stripe.adjustment"] == "shadow"
    assert modes["x402.payment"] == modes["ap2.payment"] == "shadow"
    assert len(modes) == 11
    assert {one["agreement"]["days"] for one in items} == {7}


async def test_enforcing_what_was_never_compared_takes_an_override_reason(
    log_in: LogIn, database: asyncpg.Connection
) -> None:
    person = await log_in("finance_manager")

    refused = await put(person, mode="test")
    assert (refused.status_code, refused.json()["error"], refused.json()["state"]) == (409, "conflict", "shadow")
    assert (refused.json()["rate_percent"], refused.json()["decisions"]) == (None, 0)
    assert (await shown(person, "stripe.adjustment"))["surface_mode"] == "shadow"

    done = await put(person, mode="test", override_reason="reviewed by hand")

    assert done.status_code == 200, done.text
    view = done.json()
    assert (view["surface_mode"], view["override_reason"]) == ("enforce", "reviewed by hand")
    assert view["updated_by"]["name"] == "Demo finance"
    body = await database.fetchval(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' FROM ledger_entries WHERE kind = 'surface' "
        "ORDER BY seq DESC LIMIT 1"
    )
    assert '"override_reason": "reviewed by hand"' in body
    assert '"surface_mode_before": "shadow"' in body


async def test_a_surface_in_enforce_decides_and_back_in_shadow_only_advises(
    admin_key: httpx.AsyncClient, caller: httpx.AsyncClient
) -> None:
    def adjustment() -> dict[str, Any]:
        intent = {"kind": "adjustment", "amount_cents": 20_000, "currency": "usd"}
        return {"intent": intent, "context": {"reason_code": "x"}, "idempotency_key": uuid.uuid4().hex}

    (await put(admin_key, override_reason="try")).raise_for_status()
    enforced = (await caller.post("/api/v1/decisions", json=adjustment())).json()
    (await put(admin_key, surface_mode="shadow", reason="not yet")).raise_for_status()
    advised = (await caller.post("/api/v1/decisions", json=adjustment())).json()

    assert (enforced["surface_mode"], enforced.get("advisory")) == ("enforce", None)
    assert (advised["surface_mode"], advised["advisory"]["matched_rule"]) == ("shadow", "default_allow")


async def test_a_connection_has_a_word_of_its_own(admin_key: httpx.AsyncClient) -> None:
    answer = await put(
        admin_key, surface="stripe.refund", stripe_connection_id=CONNECTION, surface_mode="shadow", reason="new account"
    )

    assert answer.status_code == 200, answer.text
    assert (await shown(admin_key, "stripe.refund", CONNECTION))["surface_mode"] == "shadow"
    assert (await shown(admin_key, "stripe.refund"))["surface_mode"] == "enforce"


async def test_agreement_counts_decisions_and_98_percent_suffice(
    admin_key: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    """Fifty decisions of another version's opinion, one of which differs; then a second one."""
    decided = await database.fetch("SELECT id FROM decisions WHERE mode = 'test' LIMIT 1")
    if not decided:
        intent = {"kind": "refund", "amount_cents": 100, "currency": "usd"}
        await admin_key.post("/api/v1/decisions", json={"intent": intent, "idempotency_key": uuid.uuid4().hex})
    version = await database.fetchval("SELECT id FROM policy_versions WHERE slug = 'refunds-starter' LIMIT 1")
    ids: list[str] = []
    await database.execute("CREATE TEMP TABLE copies AS SELECT * FROM requests LIMIT 1")
    await database.execute("CREATE TEMP TABLE made AS SELECT * FROM decisions LIMIT 1")

    async def compare(count: int, agrees: bool) -> None:
        for _ in range(count):
            copy = f"ed_{uuid.uuid4().hex}"
            ids.append(copy)
            await database.execute("UPDATE copies SET decision_id = $1", copy)
            await database.execute("UPDATE made SET id = $1, rail_action = 'adjustment', surface_mode = 'shadow'", copy)
            await database.execute("INSERT INTO requests SELECT * FROM copies")
            await database.execute("INSERT INTO decisions SELECT * FROM made")
            await database.execute(
                "INSERT INTO shadow_results (decision_id, version_id, organization_id, mode, slug, version, outcome, "
                "reason, live_outcome, live_reason, agrees, surface_mode, rail, rail_action, amount_cents, currency, "
                "decided_at) VALUES ($1, $2, 'org_demo', 'test', 's', 2, 'allow', 'r', 'allow', 'r', $3, 'shadow', "
                "'stripe', 'adjustment', 1, 'usd', now())",
                copy,
                version,
                agrees,
            )

    async with database.transaction():
        await compare(49, True)
        await compare(2, False)
    try:
        refused = await put(admin_key)
        assert (refused.status_code, refused.json()["decisions"]) == (409, 51)
        assert refused.json()["rate_percent"] == 96.07
        async with database.transaction():
            await compare(49, True)
        done = await put(admin_key)
        assert done.status_code == 200, done.text
        assert done.json()["agreement"] == {"decisions": 100, "agreed": 98, "rate_percent": 98.0, "days": 7}
    finally:
        await database.execute("DELETE FROM shadow_results WHERE decision_id = ANY($1)", ids)
        await database.execute("DELETE FROM decisions WHERE id = ANY($1)", ids)
        await database.execute("DELETE FROM requests WHERE decision_id = ANY($1)", ids)


async def test_rail_and_action_may_be_named_apart(admin_key: httpx.AsyncClient) -> None:
    answer = await put(
        admin_key, surface=None, rail="stripe", rail_action="adjustment", surface_mode="shadow", override_reason="x"
    )

    assert (answer.status_code, answer.json()["surface"]) == (200, "stripe.adjustment")


async def test_setting_what_is_set_already_seals_nothing(
    admin_key: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    sealed = "SELECT count(*) FROM ledger_entries WHERE kind = 'surface'"
    before = await database.fetchval(sealed)

    assert (await put(admin_key, surface="stripe.refund")).status_code == 200

    assert await database.fetchval(sealed) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"surface": "stripe.refunds"}, "surface"),
        ({"surface": None}, "surface"),
        ({"surface": None, "rail": "stripe"}, "surface"),
        ({"surface": None, "rail": "stripe", "rail_action": "loan"}, "rail_action"),
        ({"rail": "stripe"}, "surface"),
        ({"surface_mode": "off"}, "surface_mode"),
        ({"reason": None}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"surface": 7}, "surface"),
        ({"surface": {}}, "surface"),
        ({"surface": ["stripe.refund"]}, "surface"),
        ({"mode": "both"}, "mode"),
        ({"stripe_connection_id": ""}, "stripe_connection_id"),
        ({"else": 1}, "else"),
    ],
)
async def test_wrong_body_is_refused_by_field(admin_key: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await put(admin_key, **body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    assert field in [error["field"] for error in answer.json()["field_errors"]]


async def test_unknown_connection_is_not_found(admin_key: httpx.AsyncClient) -> None:
    answer = await put(admin_key, stripe_connection_id="stripe_conn_of_nobody", override_reason="x")

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_key_sets_no_surface_of_the_other_mode(admin_key: httpx.AsyncClient) -> None:
    answer = await put(admin_key, mode="live", override_reason="x")

    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_a_person_says_which_money_it_is_about(log_in: LogIn) -> None:
    answer = await put(await log_in("controller"))

    assert [error["field"] for error in answer.json()["field_errors"]] == ["mode"]


@pytest.mark.parametrize("role", ["viewer", "support", "agent_owner"])
async def test_who_may_not_change_policies_sets_no_surface(log_in: LogIn, role: str) -> None:
    answer = await put(await log_in(role), mode="test", override_reason="x")

    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
