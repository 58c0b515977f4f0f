"""Agents' payments as finance sees them: amounts of any size, whom is paid, who asked; a real browser, a real stack."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]

CONTRACT = "0x4ed4e862860bed51a9570b96d89af5e1b0efefed"
NOBODYS = 2**200


async def asked(api: httpx.AsyncClient, stack: DevJson, body: dict[str, Any]) -> dict[str, Any]:
    key = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    whole = {"idempotency_key": uuid.uuid4().hex, **body}
    answer: dict[str, Any] = (
        (await api.post("/api/v1/authorizations", json=whole, headers=key)).raise_for_status().json()
    )
    return answer


def of_agent(agent: str) -> dict[str, Any]:
    return {"initiator": {"kind": "agent", "id": agent, "scopes": ["payments:write"]}}


async def no_wider_than_the_window(page: Page) -> bool:
    fits: bool = await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return fits


@pytest.mark.parametrize("width", [390, 1280])
async def test_an_amount_of_sixty_digits_fits_every_window(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson, width: int
) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    requirements = {
        "scheme": "exact",
        "network": "eip155:8453",
        "amount": str(NOBODYS),
        "asset": CONTRACT,
        "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
        "maxTimeoutSeconds": 60,
    }
    body = {"rail": "x402", "rail_action": "payment", "payment_requirements": requirements, **of_agent(agent)}
    told = await asked(api, stack, body)
    page = await log_in("finance_manager", f"/decisions/{told['decision_id']}")
    await page.set_viewport_size({"width": width, "height": 844})
    head = page.locator(".money-large")
    await expect(head).to_have_text("≈ 1.607 × 10^60 units")
    await expect(head).to_have_attribute("title", f"{NOBODYS:,} units")
    await expect(page.get_by_role("definition").filter(has_text=f"{NOBODYS:,} units")).to_be_visible()
    assert await no_wider_than_the_window(page)


async def test_the_queue_says_whom_an_agent_pays_and_cuts_no_amount(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson
) -> None:
    agent, payee = f"agent_{uuid.uuid4().hex}", f"acct_{uuid.uuid4().hex[:12]}"
    paid = {"counterparty": {"stripe_account_id": payee, "country": "US"}}
    body = {"rail": "stripe_daa", "rail_action": "agent_payment", "amount_cents": 99_999_999_999, "currency": "usd"}
    told = await asked(api, stack, body | paid | of_agent(agent))
    page = await log_in("finance_manager", "/")
    await page.get_by_role("searchbox").fill(payee)
    row = page.locator(f"#row-{told['decision_id']}")
    await expect(row).to_contain_text(payee)
    cell = row.locator(".col-amount")
    await expect(cell).to_have_text("$999,999,999.99 USD")
    assert await cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    await row.get_by_role("link").click()
    await expect(page.locator(".timeline")).to_contain_text(f"Asked by {agent}")
    await expect(page.get_by_role("definition").filter(has_text="Demo admin")).to_be_visible()


async def test_a_frozen_agents_payment_is_the_controls_word_and_its_token_is_said_to_be_stopped(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson
) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    body = {"rail": "stripe_daa", "rail_action": "agent_payment", "amount_cents": 100, "currency": "usd"}
    paid = {"counterparty": {"stripe_account_id": "acct_1Frozen", "country": "US"}}
    before = await asked(api, stack, body | paid | of_agent(agent))
    freeze = {"kind": "freeze", "scope": {"agent_id": agent}, "mode": "test", "reason": "It pays at night."}
    control = (await api.post("/api/v1/controls", json=freeze)).raise_for_status().json()["id"]
    after = await asked(api, stack, body | paid | of_agent(agent))
    page = await log_in("finance_manager", f"/decisions/{before['decision_id']}")
    await expect(page.locator(".headline")).to_contain_text("Token withheld")
    await expect(page.locator(".decision-head")).to_contain_text("This agent is frozen: its token cannot be used.")
    await page.goto(page.url.replace(before["decision_id"], after["decision_id"]))
    policy = page.locator("section", has=page.get_by_role("heading", name="What policy said"))
    await expect(policy).to_contain_text(f"the control {control}, whatever policy says")
    await expect(policy).not_to_contain_text("This agent is frozen")
    (await api.delete(f"/api/v1/controls/{control}")).raise_for_status()
