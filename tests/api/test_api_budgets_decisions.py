"""The decisions behind a budget: exactly those that count in its window now, and they add up to what it says."""

import uuid
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest

Payment = Callable[..., dict[str, Any]]
DECISIONS = "/api/v1/decisions"
WINDOW = "sum:initiator:86400:stripe_daa.*:usd"


@pytest.fixture
def agent() -> str:
    return f"agent_{uuid.uuid4().hex}"


async def pay(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post("/api/v1/authorizations", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def budget_of(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    (found,) = (await client.get("/api/v1/budgets", params=asked)).raise_for_status().json()["items"]
    asked_for: dict[str, Any] = found
    return asked_for


async def counting_in(client: httpx.AsyncClient, budget: dict[str, Any], **asked: Any) -> dict[str, Any]:
    of = {name: budget[name] for name in ("window", "subject", "surface_mode") if budget[name] is not None}
    answer = await client.get(DECISIONS, params={**of, **asked})
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def ids(page: dict[str, Any]) -> set[str]:
    return {item["decision_id"] for item in page["items"]}


async def test_a_windows_decisions_are_those_that_count_and_add_up_to_its_budget(
    backend: httpx.AsyncClient, log_in: Any, payment: Payment, agent: str, database: asyncpg.Connection
) -> None:
    admin = await log_in("admin")
    members = (await admin.get("/api/v1/members")).json()["items"]
    owner = next(member["id"] for member in members if member["email"] == "admin@demo.example")
    registered = {"name": "Buyer", "owner_member_id": owner, "scopes": ["payments:write"]}
    (await admin.post("/api/v1/agents", json={**registered, "agent_id": agent})).raise_for_status()
    below = {**registered, "agent_id": f"{agent}_child", "delegated_by": agent}
    (await admin.post("/api/v1/agents", json=below)).raise_for_status()
    own, settled, failed, old = [await pay(backend, payment(10_000, agent_id=agent)) for _ in range(4)]
    passed_on = await pay(backend, payment(20_000, agent_id=f"{agent}_child"))
    denied = await pay(backend, payment(60_000, agent_id=agent))
    elsewhere = await pay(backend, payment(300, agent_id=agent, currency="eur"))
    assert (denied["outcome"], elsewhere["outcome"]) == ("deny", "allow")
    for told, came in (
        (settled, {"settlement": "settled", "amount_units": "2500"}),
        (failed, {"settlement": "failed"}),
    ):
        (await backend.post(f"/api/v1/authorizations/{told['jti']}/consume")).raise_for_status()
        (await backend.post(f"/api/v1/authorizations/{told['jti']}/settlement", json=came)).raise_for_status()
    await database.execute("ALTER TABLE movements DISABLE TRIGGER movements_never_grow")
    try:
        await database.execute(
            "UPDATE movements SET moved_at = moved_at - interval '25 h' WHERE decision_id = $1", old["decision_id"]
        )
    finally:
        await database.execute("ALTER TABLE movements ENABLE TRIGGER movements_never_grow")

    budget = await budget_of(admin, per="initiator", subject=agent, policy="daa-starter")
    page = await counting_in(admin, budget)

    assert ids(page) == {told["decision_id"] for told in (own, settled, passed_on)}
    assert page["window"] == {
        "measure": "sum",
        "per": "initiator",
        "subject": agent,
        "rail": "stripe_daa",
        "rail_actions": [],
        "asset": "usd",
        "window_seconds": 86_400,
        "surface_mode": "enforce",
        "reserved_units": "30000",
        "committed_units": "2500",
        "used_units": budget["used_units"],
        "decisions": 3,
    }
    counts = {item["decision_id"]: item["counts"] for item in page["items"]}
    assert sum(int(one["units"]) for one in counts.values()) == int(budget["used_units"])
    assert (counts[settled["decision_id"]]["state"], counts[settled["decision_id"]]["units"]) == ("committed", "2500")

    # Other filters narrow the list; what the window holds stays what it holds. So do pages.
    narrowed = await counting_in(admin, budget, initiator_id=f"{agent}_child")
    assert (ids(narrowed), narrowed["window"]) == ({passed_on["decision_id"]}, page["window"])
    first = await counting_in(admin, budget, limit=2)
    rest = await counting_in(admin, budget, limit=2, cursor=first["next_cursor"])
    assert ids(first) | ids(rest) == ids(page)
    assert rest["next_cursor"] is None
    shadow = await counting_in(admin, {**budget, "surface_mode": "shadow"})
    assert (shadow["items"], shadow["window"]["used_units"]) == ([], "0")
    everything = (await admin.get(DECISIONS, params={"initiator_id": agent})).json()
    assert everything["window"] is None
    assert {one["decision_id"]: one["counts"] for one in everything["items"]}[denied["decision_id"]] is None


async def test_windows_of_counterparties_and_of_the_organization_lead_to_their_decisions(
    backend: httpx.AsyncClient, log_in: Any, payment: Payment, agent: str, policies_of: Any
) -> None:
    slug = f"windows-{uuid.uuid4().hex[:12]}"
    window = "rolling_window: {within: 1h, gt: 900000000, currency: jpy, measure: sum"
    await policies_of(
        f"policy: {slug}\nschema: 2\napplies_to: {{rail: stripe_daa, rail_action: agent_payment}}\nrules:\n"
        f"  - {{id: receiver, when: {{{window}, per: counterparty}}}}, effect: deny}}\n"
        f"  - {{id: everybody, when: {{{window}, per: organization}}}}, effect: deny}}\n"
    )
    viewer = await log_in("viewer")
    accounts = [f"acct_{uuid.uuid4().hex}" for _ in range(2)]
    asked = [
        await pay(
            backend,
            payment(700, agent_id=f"{agent}_{number}", currency="jpy", counterparty={"stripe_account_id": account}),
        )
        for number, account in enumerate([accounts[0], accounts[0], accounts[1]])
    ]
    received = await budget_of(viewer, policy=slug, per="counterparty", subject=accounts[0])
    page = await counting_in(viewer, received)
    assert (ids(page), page["window"]["used_units"]) == ({told["decision_id"] for told in asked[:2]}, "1400")
    assert received["used_units"] == "1400"
    together = await budget_of(viewer, policy=slug, per="organization")
    page = await counting_in(viewer, together, limit=200)
    assert ids(page) >= {told["decision_id"] for told in asked}
    assert sum(int(item["counts"]["units"]) for item in page["items"]) == int(page["window"]["used_units"])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"window": "nothing", "subject": "a"}, "window"),
        ({"window": "sum:initiator:86400:stripe_daa.*", "subject": "a"}, "window"),
        ({"window": WINDOW}, "subject"),
        ({"window": WINDOW.replace("initiator", "organization"), "subject": "a"}, "subject"),
        ({"subject": "a"}, "window"),
        ({"window": WINDOW, "subject": "a", "surface_mode": "off"}, "surface_mode"),
    ],
)
async def test_what_names_no_window_is_refused(admin_key: httpx.AsyncClient, asked: Any, field: str) -> None:
    answer = await admin_key.get(DECISIONS, params=asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]
