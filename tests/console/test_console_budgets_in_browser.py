"""Budgets and the tokens that count against them, as people see them: a real browser, a real stack."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]
Authorize = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def authorize(api: httpx.AsyncClient, stack: DevJson) -> Authorize:
    """Asks for an agent's payment on Stripe DAA."""

    async def ask(agent: str, cents: int) -> dict[str, Any]:
        body = {
            "rail": "stripe_daa",
            "rail_action": "agent_payment",
            "amount_cents": cents,
            "currency": "usd",
            "initiator": {"kind": "agent", "id": agent, "scopes": ["payments:write"]},
            "counterparty": {"stripe_account_id": f"acct_{uuid.uuid4().hex[:12]}", "country": "US"},
            "idempotency_key": uuid.uuid4().hex,
        }
        answer = await api.post("/api/v1/authorizations", json=body, headers=as_agents_backend(stack))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    return ask


def as_agents_backend(stack: DevJson) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}


async def test_a_budget_fills_while_it_is_looked_at_and_says_in_words_when_it_is_full(
    log_in: OpenPage, authorize: Authorize
) -> None:
    agent = f"agent-{uuid.uuid4().hex[:8]}"
    await authorize(agent, 40_000)
    page = await log_in("viewer", f"/budgets?per=initiator&subject={agent}")
    row = page.get_by_role("region", name="Budgets").get_by_role("listitem").filter(has_text="rolling_window_exceeded")
    await expect(row).to_contain_text("40 % used")
    await expect(row.locator(".budget-figures")).to_contain_text("$600.00 USD")
    await expect(row).to_contain_text("Counts USD only")
    await authorize(agent, 45_000)
    await expect(row).to_contain_text("80 % reached")
    await authorize(agent, 15_000)
    await expect(row).to_contain_text("Used up")
    await expect(row).to_contain_text("More is denied")
    assert (await authorize(agent, 1))["reason"] == "axiru.deny.rolling_window_exceeded"
    await row.get_by_role("link", name="Decisions that count").click()
    counting = page.get_by_role("group", name="Filtered by a budget's window")
    await expect(counting).to_contain_text("$1,000.00 USD")
    await expect(counting).to_contain_text("in 3 decisions")
    # What was denied counts nowhere, though the agent asked for it.
    await expect(page.get_by_role("row").filter(has_text=agent)).to_have_count(3)
    await page.get_by_label("Rail", exact=True).select_option(label="x402")
    await expect(page.get_by_text("No decision matches")).to_be_visible()
    await page.get_by_label("Rail", exact=True).select_option(label="Stripe DAA")
    await expect(page.get_by_role("row").filter(has_text=agent)).to_have_count(3)
    await counting.get_by_role("link", name="Show all decisions").click()
    await expect(counting).to_be_hidden()
    await expect(page.get_by_role("row").filter(has_text=agent)).to_have_count(4)
    await expect(page.get_by_label("Rail", exact=True)).to_have_value("stripe_daa")


async def test_a_policy_in_force_says_which_currencies_its_caps_leave_out(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/policies/daa-starter")
    await expect(page.get_by_text("cap USD only: what moves in another currency is under no cap")).to_be_visible()


async def test_a_window_counts_what_was_settled_and_says_so_where_more_was_asked_for(
    log_in: OpenPage, authorize: Authorize, api: httpx.AsyncClient, stack: DevJson
) -> None:
    agent = f"agent-{uuid.uuid4().hex[:8]}"
    asked = await authorize(agent, 40_000)
    used = f"/api/v1/authorizations/{asked['jti']}"
    (await api.post(f"{used}/consume", headers=as_agents_backend(stack))).raise_for_status()
    settlement = {"settlement": "settled", "amount_units": "2500"}
    (await api.post(f"{used}/settlement", json=settlement, headers=as_agents_backend(stack))).raise_for_status()
    page = await log_in("viewer", f"/budgets?per=initiator&subject={agent}")
    await page.get_by_role("link", name="Decisions that count").click()
    await expect(page.get_by_role("group", name="Filtered by a budget's window")).to_contain_text("$25.00 USD")
    row = page.get_by_role("row").filter(has_text=agent)
    await expect(row).to_contain_text("$400.00 USD")
    await expect(row).to_contain_text("Counts $25.00 USD")


async def test_an_admin_chooses_when_people_are_told_of_a_budget(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    before = (await api.get("/api/v1/organization")).json()["budget_alert_percent"]
    page = await log_in("admin", "/budgets")
    await expect(page.get_by_text(f"People are told at {before} % of a ceiling")).to_be_visible()
    dialog = page.get_by_role("dialog")
    for typed in ("0", "101", "½"):
        await page.get_by_role("button", name="Change… when people are told").click()
        await dialog.get_by_label("Percent of the ceiling").fill(typed)
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_text("A whole number from 1 to 100.")).to_be_visible()
        await dialog.get_by_role("button", name="Cancel").click()
    try:
        await choose(page, "70")
    finally:
        (await api.put("/api/v1/organization", json={"budget_alert_percent": before})).raise_for_status()


async def choose(page: Page, percent: str) -> None:
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Change… when people are told").click()
    await dialog.get_by_label("Percent of the ceiling").fill(percent)
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_text(f"People are told at {percent} % of a ceiling")).to_be_visible()


async def test_a_tokens_life_is_followed_on_its_decision_and_the_token_itself_is_not_there(
    log_in: OpenPage, authorize: Authorize, api: httpx.AsyncClient, stack: DevJson
) -> None:
    agent = f"agent-{uuid.uuid4().hex[:8]}"
    asked = await authorize(agent, 12_000)
    page = await log_in("viewer", f"/decisions/{asked['decision_id']}")
    panel = page.locator("section").filter(has=page.get_by_role("heading", name="Authorization"))
    await expect(panel).to_contain_text("axiru.allow.default_allow")
    await expect(panel).to_contain_text("Token issued")
    await expect(panel).to_contain_text(asked["jti"])
    used = f"/api/v1/authorizations/{asked['jti']}"
    (await api.post(f"{used}/consume", headers=as_agents_backend(stack))).raise_for_status()
    await expect(panel).to_contain_text("Token used")
    settlement = {"settlement": "settled", "amount_units": "9000"}
    (await api.post(f"{used}/settlement", json=settlement, headers=as_agents_backend(stack))).raise_for_status()
    await expect(panel).to_contain_text("$90.00 USD of $120.00 USD authorized")
    await expect(page.locator(".timeline")).to_contain_text("Settled: $90.00 USD of $120.00 USD was moved")
    assert asked["authorization_token"] not in await page.content()


async def test_a_surface_says_how_far_versions_agree_and_leads_to_where_they_differ(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/connectors")
    await page.get_by_role("link", name="Agreement of ap2.payment by day").click()
    await expect(page.get_by_role("heading", name="AP2 payment")).to_be_visible()
    agreement = page.get_by_role("region", name="Agreement")
    await expect(agreement).to_contain_text("7 days")
    await expect(page.get_by_role("button", name="Enforce…")).to_have_count(0)
    await agreement.get_by_role("link", name="30 days").click()
    await expect(agreement).to_contain_text("30 days")


async def test_the_signing_key_is_shown_and_revoking_it_says_what_follows(log_in: OpenPage) -> None:
    page = await log_in("admin", "/token-keys")
    row = page.get_by_role("region", name="Published keys").get_by_role("listitem").filter(has_text="Signing")
    await row.get_by_role("button", name="Revoke…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Another key signs from now on")
    await dialog.get_by_role("button", name="Revoke it").click()
    await expect(dialog.get_by_text("Say why")).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    page = await log_in("viewer", "/token-keys")
    await expect(page.get_by_text("Whoever operates this installation revokes one")).to_be_visible()
    await expect(page.get_by_role("button", name="Revoke…")).to_have_count(0)
