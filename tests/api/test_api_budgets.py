"""What budgets hold and have left, over HTTP: to the cent, for whom, and who is told when they fill up."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

PATH = "/api/v1/budgets"
CEILING = 100_000
Payment = Callable[..., dict[str, Any]]


@pytest.fixture
def agent() -> str:
    return f"agent_{uuid.uuid4().hex}"


async def pay(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post("/api/v1/authorizations", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def budgets(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def budget_of(client: httpx.AsyncClient, agent: str, **asked: Any) -> dict[str, Any]:
    (found,) = await budgets(client, per="initiator", subject=agent, policy="daa-starter", **asked)
    return found


async def test_a_budget_says_what_is_reserved_committed_and_left(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, payment: Payment, agent: str
) -> None:
    assert (await budget_of(admin_key, agent))["used_units"] == "0"
    before = datetime.now(UTC)
    first = await pay(backend, payment(30_000, agent_id=agent))
    await pay(backend, payment(45_001, agent_id=agent))
    (await backend.post(f"/api/v1/authorizations/{first['jti']}/consume")).raise_for_status()
    settled = {"settlement": "settled", "amount_units": "20000"}
    (await backend.post(f"/api/v1/authorizations/{first['jti']}/settlement", json=settled)).raise_for_status()

    found = await budget_of(admin_key, agent)

    released = msgspec.convert(found.pop("next_release_at"), datetime)
    assert before + timedelta(days=1) <= released <= datetime.now(UTC) + timedelta(days=1)
    assert found == {
        "policy": "daa-starter",
        "version": 1,
        "rule_id": "rolling_window_exceeded",
        "effect": "deny",
        "window": "sum:initiator:86400:stripe_daa.*:usd",
        "measure": "sum",
        "per": "initiator",
        "subject": agent,
        "subject_name": None,
        "rail": "stripe_daa",
        "rail_actions": [],
        "asset": "usd",
        "currency": "usd",
        "exponent": 2,
        "window_seconds": 86_400,
        "ceiling_units": "100000",
        "reserved_units": "45001",
        "committed_units": "20000",
        "used_units": "65001",
        "remaining_units": "34999",
        "ceiling_cents": 100_000,
        "reserved_cents": 45_001,
        "committed_cents": 20_000,
        "used_cents": 65_001,
        "remaining_cents": 34_999,
        "used_percent": 65,
        "surface_mode": "enforce",
        "when_else": [],
    }
    # What is left is what may move, and not a cent more.
    assert (await pay(backend, payment(35_000, agent_id=agent)))["reason"] == "axiru.deny.rolling_window_exceeded"
    assert (await pay(backend, payment(34_999, agent_id=agent)))["outcome"] == "allow"
    assert (await budget_of(admin_key, agent))["used_percent"] == 100


async def test_a_settlement_that_failed_gives_back_and_an_expired_or_consumed_token_does_not(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, payment: Payment, agent: str, database: asyncpg.Connection
) -> None:
    failed, consumed, expired = [await pay(backend, payment(10_000, agent_id=agent)) for _ in range(3)]
    for told in (failed, consumed):
        (await backend.post(f"/api/v1/authorizations/{told['jti']}/consume")).raise_for_status()
    await database.execute(
        "UPDATE authorization_tokens SET issued_at = issued_at - interval '1 h', expires_at = expires_at - interval "
        "'1 h' WHERE jti = $1",
        expired["jti"],
    )
    assert (await backend.post(f"/api/v1/authorizations/{expired['jti']}/consume")).status_code == 409
    path = f"/api/v1/authorizations/{failed['jti']}/settlement"
    (await backend.post(path, json={"settlement": "failed"})).raise_for_status()

    assert (await budget_of(admin_key, agent))["used_cents"] == 20_000


async def test_a_replay_counts_once(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, payment: Payment, agent: str
) -> None:
    body = payment(10_000, agent_id=agent)
    for told in await asyncio.gather(*(pay(backend, body) for _ in range(8))):
        assert told["outcome"] == "allow"
    assert (await budget_of(admin_key, agent))["used_cents"] == 10_000


async def test_most_used_first_page_by_page(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, payment: Payment, agent: str
) -> None:
    spent = {f"{agent}_{number}": cents for number, cents in enumerate((50_000, 700, 50_000, 300))}
    for name, cents in spent.items():
        await pay(backend, payment(cents, agent_id=name))
    seen: list[tuple[int, str]] = []
    cursor: str | None = None
    while True:
        asked = {"limit": 3, "per": "initiator", **({"cursor": cursor} if cursor else {})}
        page = (await admin_key.get(PATH, params=asked)).raise_for_status().json()
        seen += [(int(item["used_units"]), item["subject"]) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    ours = [each for each in seen if each[1] in spent]
    assert [each[1] for each in ours] == [f"{agent}_{number}" for number in (0, 2, 1, 3)]
    assert len({*seen}) == len(seen)
    assert page["alert_percent"] == 80


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"cursor": "bm90IG9uZQ"}, "cursor"),
        ({"cursor": "WyJ4IiwiYSIsImIiLCJjIl0"}, "cursor"),
        ({"per": "nobody"}, "per"),
        ({"surface_mode": "off"}, "surface_mode"),
        ({"mode": "both"}, "mode"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
    ],
)
async def test_what_cannot_be_asked_for_is_named(admin_key: httpx.AsyncClient, asked: Any, field: str) -> None:
    answer = await admin_key.get(PATH, params=asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "asked", "words"),
    [
        (PATH, {"surface_mode": "off"}, "enforce, shadow"),
        ("/api/v1/decisions", {"mode": "both"}, "live, test"),
    ],
)
async def test_a_word_that_a_filter_does_not_take_is_answered_with_those_it_does(
    admin_key: httpx.AsyncClient, path: str, asked: Any, words: str
) -> None:
    (error,) = (await admin_key.get(path, params=asked)).json()["field_errors"]
    assert error["message"] == f"This must be one of: {words}."


async def test_nobody_sees_budgets_without_a_key(http: httpx.AsyncClient) -> None:
    assert (await http.get(PATH)).status_code == 401


def policy(slug: str, agent: str, rules: str) -> str:
    return f"policy: {slug}\nschema: 2\napplies_to: {{rail: stripe_daa}}\nrules:\n{rules.replace('AGENT', agent)}"


async def test_each_kind_of_window_is_shown_with_what_else_its_rule_asks_for(
    backend: httpx.AsyncClient, log_in: Any, payment: Payment, agent: str, policies_of: Any
) -> None:
    slug = f"budgets-{uuid.uuid4().hex[:12]}"
    rules = """
  - id: receiver
    when:
      all:
        - initiator_id: AGENT
        - rail_action: agent_payment
        - rolling_window: {measure: sum, per: counterparty, within: 1h, currency: usd, gt: 70000}
    effect: deny
  - id: often
    when: {all: [{initiator_id: AGENT}, {rolling_window: {measure: count, per: initiator, within: 1h, gte: 3}}]}
    effect: review
    approvers: {role: controller}
  - id: everybody
    when:
      all:
        - initiator_id: AGENT
        - rolling_window: {measure: sum, per: organization, within: 1m, currency: eur, gt: 5}
    effect: deny
"""
    await policies_of(policy(slug, agent, rules))
    viewer = await log_in("viewer")
    first, second = accounts = [f"acct_{uuid.uuid4().hex}" for _ in range(2)]
    # Before anything moved to them: the organization's own, and that of the agent that is named.
    idle = await budgets(viewer, policy=slug)
    assert {
        (each["rule_id"], each["subject"], each["used_units"]) for each in idle if each["per"] != "counterparty"
    } == {
        ("everybody", None, "0"),
        ("often", agent, "0"),
    }
    assert not {each["subject"] for each in idle} & {*accounts}
    for account in accounts:
        receiver = {"stripe_account_id": account, "country": "US"}
        assert (await pay(backend, payment(21_000, agent_id=agent, counterparty=receiver)))["outcome"] == "allow"

    shown = {(each["rule_id"], each["subject"]): each for each in await budgets(viewer, policy=slug)}

    assert set(shown) >= {("everybody", None), ("often", agent), ("receiver", first), ("receiver", second)}
    often = shown["often", agent]
    assert (often["measure"], often["effect"], often["ceiling_units"], often["used_units"]) == (
        "count",
        "review",
        "2",
        "2",
    )
    assert [often[field] for field in ("asset", "currency", "exponent", "ceiling_cents", "used_cents")] == [None] * 5
    receiver = shown["receiver", first]
    assert receiver["when_else"] == [f"by the initiator {agent}", "that are agent payments"]
    assert (receiver["used_cents"], receiver["remaining_cents"], receiver["used_percent"]) == (21_000, 49_000, 30)
    assert [each["subject"] for each in await budgets(viewer, policy=slug, subject=second)] == [second]
    assert await budgets(viewer, policy=slug, rail="stripe") == []
    live = await budgets(viewer, policy=slug, mode="live", per="counterparty")
    assert not {each["subject"] for each in live} & {*accounts}
    assert await budgets(viewer, policy=slug, surface_mode="shadow", per="counterparty") == []
    assert await budgets(viewer, policy=slug, subject="agent_of_nobody", per="initiator") == []


async def test_tokens_of_18_decimals_are_shown_to_the_last_unit(
    log_in: Any, agent: str, policies_of: Any, database: asyncpg.Connection
) -> None:
    slug, token, ceiling = f"budgets-{uuid.uuid4().hex[:12]}", f"eip155:1/erc20:0x{'ab' * 20}", 3 * 10**30
    rules = f"""
  - id: tokens
    when:
      all:
        - initiator_id: AGENT
        - rolling_window: {{measure: sum, per: initiator, within: 1h, currency: '{token}', gt: '{ceiling}'}}
    effect: deny
"""
    await policies_of(policy(slug, agent, rules))
    (idle,) = await budgets(await log_in("viewer"), policy=slug)
    assert (idle["asset"], idle["currency"], idle["ceiling_units"], idle["ceiling_cents"]) == (
        token,
        None,
        str(ceiling),
        None,
    )
    assert (idle["remaining_units"], idle["used_percent"]) == (str(ceiling), 0)


async def test_what_an_agent_passed_on_counts_as_its_own_and_is_all_that_its_key_shows(
    backend: httpx.AsyncClient, http: httpx.AsyncClient, log_in: Any, payment: Payment, agent: str
) -> None:
    admin = await log_in("admin")
    members = (await admin.get("/api/v1/members")).json()["items"]
    owner = next(member["id"] for member in members if member["email"] == "admin@demo.example")
    registered = {"name": "Buyer", "owner_member_id": owner, "scopes": ["payments:write"]}
    root = await admin.post("/api/v1/agents", json={**registered, "agent_id": agent})
    assert root.status_code == 201, root.text
    child = {**registered, "agent_id": f"{agent}_child", "delegated_by": agent}
    passed_on = await admin.post("/api/v1/agents", json=child)
    assert passed_on.status_code == 201, passed_on.text

    assert (await pay(backend, payment(40_000, agent_id=f"{agent}_child")))["outcome"] == "allow"

    for asked in (agent, agent.upper(), f"{agent}_child"):
        found = await budget_of(admin, asked)
        assert (found["subject"], found["subject_name"], found["used_cents"]) == (agent, "Buyer", 40_000)

    wanted = {"name": "Of an agent", "scopes": ["authorizations:write"], "mode": "test"}
    issued = await admin.post("/api/v1/keys", json={**wanted, "agent": passed_on.json()["id"]})
    assert issued.status_code == 201, issued.text
    http.headers["Authorization"] = f"Bearer {issued.json()['key']}"
    for asked in ({}, {"per": "initiator"}, {"subject": f"{agent}_CHILD"}):
        shown = await budgets(http, policy="daa-starter", **asked)
        assert [(each["subject"], each["used_cents"]) for each in shown] == [(agent, 40_000)]
    for field, value in (("per", "organization"), ("subject", agent), ("subject", "agent_of_others")):
        refused = await http.get(PATH, params={field: value})
        assert (refused.status_code, refused.json()["field_errors"][0]["field"]) == (400, field)


async def test_the_event_stream_tells_of_a_crossing(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, payment: Payment, agent: str
) -> None:
    async with asyncio.timeout(20), admin_key.stream("GET", "/api/v1/events") as stream:
        lines = stream.aiter_lines()
        while "connected" not in await anext(lines):
            pass
        await pay(backend, payment(50_000, agent_id=agent))
        await pay(backend, payment(40_000, agent_id=agent))
        async for line in lines:
            if line == "event: budget":
                told = msgspec.json.decode((await anext(lines)).removeprefix("data: "))
                if told["subject"] == agent:
                    break
    assert (told["state"], told["used_units"], told["percent"]) == ("threshold_reached", "90000", 90)


async def test_the_part_at_which_people_are_told_is_the_organizations_choice(log_in: Any) -> None:
    admin, controller = await log_in("admin"), await log_in("controller")
    assert (await controller.get("/api/v1/organization")).json()["budget_alert_percent"] == 80
    assert (await controller.put("/api/v1/organization", json={"budget_alert_percent": 70})).status_code == 403
    try:
        chosen = (await admin.put("/api/v1/organization", json={"budget_alert_percent": 1})).raise_for_status().json()
        assert chosen["budget_alert_percent"] == 1
        assert (await controller.get(PATH)).json()["alert_percent"] == 1
        for bad in (0, 101, -1, 80.5, "80", None):
            refused = await admin.put("/api/v1/organization", json={"budget_alert_percent": bad})
            assert (refused.status_code, refused.json()["field_errors"][0]["field"]) == (400, "budget_alert_percent")
    finally:
        (await admin.put("/api/v1/organization", json={"budget_alert_percent": 80})).raise_for_status()
