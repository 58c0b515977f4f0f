"""From shadow to enforce: what is evaluated is answered, two versions are compared, the flip waits for agreement."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

PATH = "/api/v1/authorizations"
SURFACE = "stripe_daa.agent_payout"
AGREEMENT = f"/api/v1/surfaces/{SURFACE}/agreement"
Payment = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PolicyInForce = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def in_shadow(admin_key: httpx.AsyncClient, database: asyncpg.Connection) -> AsyncIterator[None]:
    """Payouts of agents are only looked at, and were never compared; afterwards they are enforced as before."""
    forget = "DELETE FROM shadow_results WHERE rail = 'stripe_daa' AND rail_action = 'agent_payout'"
    await database.execute(forget)
    await put(admin_key, "shadow", reason="to begin with")
    yield
    await put(admin_key, "enforce", override_reason="as it was")
    await database.execute(forget)


async def put(client: httpx.AsyncClient, surface_mode: str, **reasons: str) -> httpx.Response:
    body = {"surface": SURFACE, "surface_mode": surface_mode, **reasons}
    return await client.put("/api/v1/surfaces", json=body)


@pytest.fixture
def slug() -> str:
    return f"payouts-{uuid.uuid4().hex[:12]}"


def flat(slug: str) -> str:
    """Schema 1, as policies were written before there were rules."""
    return f"""
policy: {slug}
schema: 1
rail: stripe_daa
rail_action: agent_payout
currency: usd
deny_over: 30000
review_over: 20000
other_currencies: deny
"""


def ruled(slug: str, deny_over: int = 30_000) -> str:
    """Schema 2: the same limits unless another is given, and what only it can say of agents."""
    return f"""
policy: {slug}
schema: 2
applies_to: {{rail: stripe_daa, rail_action: agent_payout}}
rules:
  - id: amount_above_limit
    when: {{amount: {{currency: usd, gt: {deny_over}}}}}
    effect: deny
  - id: amount_above_threshold
    when: {{amount: {{currency: usd, gt: 20000}}}}
    effect: review
    approvers: {{role: controller}}
"""


async def payout(
    backend: httpx.AsyncClient, payment: Payment, cents: int, agent_id: str | None = None
) -> dict[str, Any]:
    answer = await backend.post(PATH, json=payment(cents, rail_action="agent_payout", agent_id=agent_id))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.usefixtures("in_shadow")
async def test_in_shadow_what_was_evaluated_is_answered_and_nobody_is_asked(
    backend: httpx.AsyncClient, payment: Payment, policies_of: PolicyInForce, slug: str, caller: httpx.AsyncClient
) -> None:
    await policies_of(flat(slug))

    allowed, asked, denied = [await payout(backend, payment, cents) for cents in (10_000, 25_000, 30_001)]

    assert [one["outcome"] for one in (allowed, asked, denied)] == ["allow", "quarantine", "deny"]
    assert {one["surface_mode"] for one in (allowed, asked, denied)} == {"shadow"}
    assert allowed["token_status"] == "issued"
    assert (denied["reason"], denied["rule_kind"]) == ("axiru.deny.amount_above_limit", "amount")
    assert (asked["reason"], asked["state"]) == ("axiru.quarantine.amount_above_threshold", "denied")
    for one in (asked, denied):
        assert not {"authorization_token", "approval_id", "jti"} & one.keys()
        assert "authorization_token" not in (await backend.get(f"{PATH}/{one['decision_id']}")).json()
    assert (await backend.post(f"{PATH}/{allowed['jti']}/consume")).status_code == 200
    sealed = (await caller.get(f"/api/v1/decisions/{denied['decision_id']}")).json()["ledger"][0]["body"]["data"]
    assert (sealed["surface_mode"], sealed["outcome"], sealed["advisory"]["outcome"]) == ("shadow", "deny", "deny")


@pytest.mark.usefixtures("in_shadow")
async def test_each_rail_action_has_a_mode_of_its_own(backend: httpx.AsyncClient, payment: Payment) -> None:
    paid = (await backend.post(PATH, json=payment())).json()

    assert ((await payout(backend, payment, 1_000))["surface_mode"], paid["surface_mode"]) == ("shadow", "enforce")


@pytest.mark.usefixtures("in_shadow")
async def test_what_shadow_let_through_is_counted_apart(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, payment: Payment
) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    for _ in range(2):
        assert (await payout(backend, payment, 50_000, agent))["outcome"] == "allow"
    assert (await payout(backend, payment, 1, agent))["reason"] == "axiru.deny.rolling_window_exceeded"

    (await put(admin_key, "enforce", override_reason="now")).raise_for_status()

    assert (await payout(backend, payment, 50_000, agent))["outcome"] == "allow"


@pytest.mark.usefixtures("in_shadow")
async def test_two_versions_look_at_the_same_payments_and_agreement_is_sealed_shown_and_counted(
    backend: httpx.AsyncClient,
    payment: Payment,
    policies_of: PolicyInForce,
    slug: str,
    caller: httpx.AsyncClient,
    database: asyncpg.Connection,
) -> None:
    await policies_of(flat(slug))
    await policies_of(ruled(slug, deny_over=40_000), active=False)

    agree = await payout(backend, payment, 10_000)
    differ = await payout(backend, payment, 35_000)

    assert (agree["outcome"], differ["outcome"]) == ("allow", "deny")
    for told, agrees in ((agree, True), (differ, False)):
        shown = (await caller.get(f"/api/v1/decisions/{told['decision_id']}")).json()
        assert shown["agreement"] == {"compared": 1, "agrees": agrees}
        assert shown["ledger"][0]["body"]["data"]["agreement"] == {"compared": 1, "agrees": agrees}
        (word,) = shown["shadows"]
        assert (word["slug"], word["version"], word["agrees"]) == (slug, 2, agrees)
    wanted = {"disagrees": "true", "rail": "stripe_daa", "rail_action": "agent_payout"}
    found = (await caller.get("/api/v1/decisions", params=wanted)).json()["items"]
    assert [one["decision_id"] for one in found] == [differ["decision_id"]]

    await database.execute(
        "UPDATE shadow_results SET decided_at = decided_at - interval '2 days' WHERE decision_id = $1",
        agree["decision_id"],
    )
    charted = (await caller.get(AGREEMENT, params={"days": 3})).json()
    assert (charted["surface"], charted["days"], charted["mode"]) == (SURFACE, 3, "test")
    assert (charted["decisions"], charted["agreed"], charted["rate_percent"]) == (2, 1, 50.0)
    today = datetime.now(UTC).date()
    assert [day["date"] for day in charted["series"]] == [str(today - timedelta(days=back)) for back in (2, 1, 0)]
    assert [(day["decisions"], day["agreed"], day["rate_percent"]) for day in charted["series"]] == [
        (1, 1, 100.0),
        (0, 0, None),
        (1, 0, 0.0),
    ]
    (version,) = charted["versions"]
    assert (version["slug"], version["version"], version["status"]) == (slug, 2, "shadow")
    assert (version["decisions"], version["agreed"], version["rate_percent"]) == (2, 1, 50.0)
    assert charted["guard"] == {
        "days": 7,
        "needed_percent": 98,
        "decisions": 2,
        "agreed": 1,
        "rate_percent": 50.0,
        "suffices": False,
    }
    assert (await caller.get(AGREEMENT, params={"days": 1})).json()["decisions"] == 1


@pytest.mark.usefixtures("in_shadow")
async def test_the_flip_waits_for_agreement_unless_somebody_answers_for_it(
    backend: httpx.AsyncClient,
    payment: Payment,
    policies_of: PolicyInForce,
    slug: str,
    admin_key: httpx.AsyncClient,
    log_in: LogIn,
    database: asyncpg.Connection,
) -> None:
    never = await put(admin_key, "enforce", reason="the week went well")
    assert (never.status_code, never.json()["error"], never.json()["decisions"]) == (409, "conflict", 0)
    await policies_of(flat(slug))
    await policies_of(ruled(slug, deny_over=40_000), active=False)
    await payout(backend, payment, 10_000)
    differ = await payout(backend, payment, 35_000)

    refused = await put(admin_key, "enforce", reason="the week went well")
    assert (refused.status_code, refused.json()["rate_percent"]) == (409, 50.0)
    assert (await payout(backend, payment, 10_000))["surface_mode"] == "shadow"

    controller = await log_in("controller")
    body = {"surface": SURFACE, "surface_mode": "enforce", "mode": "test", "override_reason": "the old limit was wrong"}
    assert (await controller.put("/api/v1/surfaces", json=body)).status_code == 200
    enforced = await payout(backend, payment, 25_000)
    assert (enforced["surface_mode"], enforced["outcome"]) == ("enforce", "quarantine")
    assert enforced["approval_id"].startswith("ap_")
    sealed = await database.fetchval(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' FROM ledger_entries WHERE kind = 'surface' "
        "ORDER BY sealed_at DESC LIMIT 1"
    )
    assert '"override_reason": "the old limit was wrong"' in sealed
    assert '"agreement": {"days": 7, "agreed": 2, "decisions": 3}' in sealed

    # Once what differed is more than seven days back, the rest agrees.
    (await put(admin_key, "shadow", reason="once more")).raise_for_status()
    await database.execute(
        "UPDATE shadow_results SET decided_at = decided_at - interval '8 days' WHERE decision_id = $1",
        differ["decision_id"],
    )
    assert (await put(admin_key, "enforce", reason="it agrees")).status_code == 200


@pytest.mark.parametrize(
    ("params", "field"),
    [({"days": 0}, "days"), ({"days": 91}, "days"), ({"days": "week"}, "days"), ({"mode": "live"}, "mode")],
)
async def test_a_wrong_question_about_agreement_is_refused_by_field(
    caller: httpx.AsyncClient, params: dict[str, Any], field: str
) -> None:
    answer = await caller.get(AGREEMENT, params=params)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]


async def test_there_is_no_agreement_of_what_is_no_surface(caller: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    for surface in ("stripe_daa", "stripe_daa.refund", "%00", "nowhere.at_all"):
        answer = await caller.get(f"/api/v1/surfaces/{surface}/agreement")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert (await http.get(AGREEMENT)).status_code == 401
    assert (await caller.get(AGREEMENT, params={"stripe_connection_id": "nobodys"})).status_code == 404
    for surface in ("x402.payment", "ap2.payment", "stripe.refund"):
        assert (await caller.get(f"/api/v1/surfaces/{surface}/agreement")).status_code == 200
