"""The registry of agents: who answers for each, what is passed on, what is stopped; a real browser, a real stack."""

import uuid
from collections.abc import Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]

MARKUP = "<img/src=x/onerror=document.title='owned'>"


def row_of(page: Page, agent_id: str) -> Locator:
    return page.locator(".agent-row").filter(has=page.get_by_text(agent_id, exact=True))


async def register(page: Page, agent_id: str, name: str, scopes: str, owner: str = "Demo agents") -> None:
    await page.get_by_role("button", name="Register an agent…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Id", exact=True).fill(agent_id)
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_label("Who answers for it").select_option(label=owner)
    await dialog.get_by_label("It may claim").fill(scopes)
    await dialog.get_by_role("button", name="Register", exact=True).click()
    await expect(row_of(page, agent_id)).to_be_visible()


def payment_of(agent_id: str) -> dict[str, object]:
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 100,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": agent_id},
        "idempotency_key": uuid.uuid4().hex,
    }


async def retire(api: httpx.AsyncClient, *agent_ids: str) -> None:
    """Leave the registry of a shared stack as it was found."""
    known = {agent["agent_id"]: agent["id"] for agent in (await api.get("/api/v1/agents")).json()["items"]}
    for agent_id in agent_ids:
        (await api.delete(f"/api/v1/agents/{known[agent_id]}")).raise_for_status()


async def test_an_agent_passes_on_a_part_of_what_it_has_and_no_more(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    above, below = (f"agent-{uuid.uuid4().hex[:8]}" for _ in range(2))
    name = f"Buyer of {above} {MARKUP}"
    page = await log_in("admin", "/agents")
    await register(page, above, name, "payments:write, payouts:write")
    await expect(row_of(page, above)).to_contain_text("Demo agents answers for it")
    await row_of(page, above).get_by_role("button", name="Delegate…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(f"It has no more than {name}")
    await dialog.get_by_label("Id", exact=True).fill(below)
    await dialog.get_by_label("Name").fill("Helper")
    await expect(dialog.get_by_role("checkbox")).to_have_count(2)
    await dialog.get_by_role("checkbox", name="payments:write").check()
    await dialog.get_by_role("button", name="Register it").click()
    await expect(row_of(page, below)).to_be_visible()
    under = page.get_by_role("list", name=f"Under {name}").locator(".agent-row")
    await expect(under).to_contain_text("payments:write")
    told = {agent["agent_id"]: agent for agent in (await api.get("/api/v1/agents")).json()["items"]}
    assert told[below]["effective_scopes"] == ["payments:write"]
    assert told[below]["parent"]["agent_id"] == above
    assert await page.locator("img[src='x']").count() == 0
    await retire(api, below, above)


async def test_what_an_agent_does_meanwhile_takes_nothing_from_under_anybodys_hands(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson
) -> None:
    agent_id = f"agent-{uuid.uuid4().hex[:8]}"
    page = await log_in("admin", "/agents")
    await register(page, agent_id, "Busy agent", "payments:write")
    row, dialog = row_of(page, agent_id), page.get_by_role("dialog")
    button = await row.get_by_role("button", name="Change…").element_handle()
    await row.get_by_role("button", name="Change…").click()
    await dialog.get_by_label("Name").fill("Half of a na")

    asked = payment_of(agent_id) | {"amount_cents": 1_234}
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    allowed = await api.post("/api/v1/authorizations", json=asked, headers=headers)
    assert allowed.json()["outcome"] == "allow", allowed.text

    await expect(row).to_contain_text("$12.34")
    await expect(dialog.get_by_label("Name")).to_have_value("Half of a na")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    assert await button.evaluate("button => button.isConnected"), "the button that was about to be pressed"
    await dialog.get_by_role("button", name="Change", exact=True).click()
    await expect(row).to_contain_text("Half of a na")
    await retire(api, agent_id)


async def test_an_agent_changes_hands_and_is_retired(log_in: OpenPage) -> None:
    agent_id = f"agent-{uuid.uuid4().hex[:8]}"
    page = await log_in("admin", "/agents")
    await register(page, agent_id, "Refund agent", "payments:write")
    row, dialog = row_of(page, agent_id), page.get_by_role("dialog")
    await row.get_by_role("button", name="Change…").click()
    await dialog.get_by_label("Who answers for it").select_option(label="Demo support")
    await dialog.get_by_label("It may claim").fill("")
    await dialog.get_by_label("Its authority ends").select_option(label="In 30 days")
    await dialog.get_by_role("button", name="Change", exact=True).click()
    await expect(row).to_contain_text("Demo support answers for it")
    await expect(row).to_contain_text("no scope")
    await expect(row.locator("dd time").first).to_be_visible()
    await row.get_by_role("button", name="Retire…").click()
    await dialog.get_by_role("button", name="Retire it").click()
    await expect(row).to_have_count(0)
    await page.get_by_text("Retired: ").click()
    retired = page.get_by_role("region", name="Retired agents").get_by_role("listitem").filter(has_text=agent_id)
    await expect(retired).to_contain_text("Demo support answered for it")


async def test_a_frozen_agent_is_shown_frozen_with_those_under_it_and_let_go_again(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson
) -> None:
    above, below = (f"agent-{uuid.uuid4().hex[:8]}" for _ in range(2))
    members = (await api.get("/api/v1/members")).json()["items"]
    owner = next(member["id"] for member in members if "agent_owner" in member["roles"])
    for body in ({"agent_id": above, "name": "Above"}, {"agent_id": below, "name": "Below", "delegated_by": above}):
        answer = await api.post("/api/v1/agents", json={**body, "owner_member_id": owner})
        assert answer.status_code == 201, answer.text
    page = await log_in("controller", "/agents")
    row, dialog = row_of(page, above), page.get_by_role("dialog")
    await expect(row.get_by_role("button", name="Change…")).to_have_count(0)
    await row.get_by_role("button", name="Freeze…").click()
    await dialog.get_by_role("button", name="Freeze it").click()
    await expect(dialog.get_by_text("Say why")).to_be_visible()
    await dialog.get_by_label("Test", exact=True).check()
    await dialog.get_by_label("Reason").fill("It paid the same invoice twice.")
    await dialog.get_by_role("button", name="Freeze it").click()
    await expect(row.get_by_text("Frozen", exact=True)).to_be_visible()
    await expect(row_of(page, below)).to_contain_text("Frozen with Above")
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    denied = await api.post("/api/v1/authorizations", json=payment_of(below), headers=headers)
    assert denied.json()["reason"] == "axiru.deny.agent_frozen"
    await row.get_by_role("button", name="Lift the freeze…").click()
    await dialog.get_by_label("Reason").fill("The invoice was two invoices.")
    await dialog.get_by_role("button", name="Lift the freeze", exact=True).click()
    await expect(row.get_by_text("Frozen", exact=True)).to_have_count(0)
    await retire(api, below, above)


async def test_who_may_not_register_agents_is_told_who_may(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/agents")
    await expect(page.get_by_text("Admins register agents")).to_be_visible()
    await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("path", ["/agents", "/budgets"])
async def test_a_phone_shows_agents_without_sideways_scrolling_and_with_one_main(log_in: OpenPage, path: str) -> None:
    page = await log_in("admin", path, width=390)
    await expect(page.get_by_role("main")).to_have_count(1)
    await expect(page.get_by_role("region").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
