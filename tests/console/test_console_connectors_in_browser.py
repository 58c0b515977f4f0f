"""Connections as people look after them: a real browser, the Stripe sandbox behind the product, real events."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]

CONNECTION = "stripe_conn_abc123"
SURFACE = "stripe.app_fee_refund"


@pytest.fixture
async def sandbox(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, auth=("sk_test_console", ""), timeout=60) as client:
        yield client


@pytest.fixture
async def in_shadow_again(api: httpx.AsyncClient) -> AsyncIterator[None]:
    """Nothing is left granted or enforced that a test here has granted or enforced."""
    yield
    (await api.delete(f"/api/v1/connections/{CONNECTION}/grants/app_fee_refund")).raise_for_status()
    body = {"surface": SURFACE, "stripe_connection_id": CONNECTION, "surface_mode": "shadow", "reason": "test is over"}
    (await api.put("/api/v1/surfaces", json=body)).raise_for_status()


def action(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="What Axiru may do").get_by_role("listitem", name=name, exact=True)


def events(page: Page) -> Locator:
    return page.get_by_role("region", name="Events").get_by_role("listitem")


async def paid(sandbox: httpx.AsyncClient, amount: int = 5_000) -> str:
    form = {"amount": str(amount), "currency": "usd", "source": "tok_visa"}
    charge: str = (await sandbox.post("/v1/charges", data=form)).raise_for_status().json()["id"]
    return charge


async def from_the_dashboard(sandbox: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    body = {"path": path, "params": params}
    made: dict[str, Any] = (await sandbox.post("/_sandbox/dashboard", json=body)).raise_for_status().json()
    return made


async def test_an_action_is_enforced_with_a_reason_of_its_own_granted_and_taken_back(
    log_in: OpenPage, in_shadow_again: None
) -> None:
    page = await log_in("admin", f"/connectors/{CONNECTION}")
    row = action(page, "Application fee refunds")
    await expect(row).to_contain_text("Not granted")
    await expect(row).to_contain_text("cannot be cancelled or taken back")
    await expect(row.get_by_role("button", name="Grant…")).to_be_disabled()
    await row.get_by_role("button", name="Enforce…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("over acct_abc123, test mode")
    await dialog.get_by_role("button", name="Enforce").click()
    await expect(dialog.get_by_text("Say why: the reason is kept in the ledger.")).to_be_visible()
    await dialog.get_by_label("Reason", exact=True).fill("Fees are refunded by hand only.")
    await dialog.get_by_role("button", name="Enforce").click()
    await expect(dialog.get_by_text("Say why it is enforced although")).to_be_visible()
    await dialog.get_by_label("Why enforce all the same").fill("Nothing to compare with yet.")
    await dialog.get_by_role("button", name="Enforce").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await row.get_by_role("button", name="Grant…").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("The settlement job needs it.")
    await page.get_by_role("dialog").get_by_role("button", name="Grant").click()
    await expect(row.get_by_text("Granted", exact=True)).to_be_visible()
    await row.get_by_role("button", name="Take the grant back…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    await expect(row.get_by_text("Not granted", exact=True)).to_be_visible()
    await row.get_by_role("button", name="Put in shadow…").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("Back to looking on.")
    await page.get_by_role("dialog").get_by_role("button", name="Put in shadow").click()
    await expect(row.get_by_text("Shadow", exact=True)).to_be_visible()


async def test_a_refund_from_the_dashboard_is_seen_flagged_and_filtered(
    log_in: OpenPage, sandbox: httpx.AsyncClient
) -> None:
    page = await log_in("admin", "/connectors/stripe_conn_demo")
    await expect(page.get_by_role("region", name="Webhook health")).to_contain_text("in 24 hours")
    charge = await paid(sandbox)
    refund = await from_the_dashboard(sandbox, "/v1/refunds", charge=charge, amount=1_300)
    await expect(events(page).filter(has_text=refund["id"])).to_contain_text("refund.created")
    # Stripe tells of it twice, as a refund and as a change of its charge; either may be read first.
    of_it = events(page).filter(has_text=re.compile(f"{refund['id']}|{charge}"))
    row = of_it.filter(has_text="never asked: flagged as bypass")
    await expect(row).to_have_count(1)
    await expect(page.get_by_role("region", name="Webhook health")).to_contain_text("Last event")
    await row.get_by_role("link", name="Its decision").click()
    await expect(page.locator(".headline")).to_contain_text("Bypass")
    await expect(page.locator(".decision-head")).to_contain_text(f"Seen on Stripe as {refund['id']}")
    await expect(page.get_by_text("Made on Stripe, without asking")).to_be_visible()
    await expect(page.get_by_text(re.compile("^Asked by"))).to_have_count(0)
    await expect(page.get_by_role("heading", name="What was seen")).to_be_visible()
    decision_id = page.url.rpartition("/")[2]
    await page.goto(page.url.replace(f"/decisions/{decision_id}", "/?state=bypass"))
    listed = page.locator(f"#row-{decision_id}")
    await expect(listed).to_contain_text("Bypass")
    await expect(listed).to_contain_text("Never asked")
    await expect(listed.get_by_text("Allowed", exact=True)).to_have_count(0)


async def test_a_connection_is_renamed_reconciled_and_its_failed_event_tried_again(
    log_in: OpenPage, stack: DevJson, sandbox: httpx.AsyncClient
) -> None:
    name = f"Shop {uuid.uuid4().hex[:6]}"
    page = await log_in("admin", "/connectors/stripe_conn_demo")
    before = await page.locator(".version-title span").first.inner_text()
    await rename(page, name)
    await expect(page.locator(".version-title")).to_contain_text(name)
    await rename(page, before)
    await expect(page.locator(".version-title")).to_contain_text(before)
    await page.get_by_role("button", name="Reconcile now").click()
    health = page.get_by_role("region", name="Webhook health")
    await expect(health).to_contain_text(re.compile("Compared with Stripe|Comparing with Stripe"))
    refund = await from_the_dashboard(sandbox, "/v1/refunds", charge=await paid(sandbox), amount=700)
    row = events(page).filter(has_text=refund["id"])
    await expect(row).to_contain_text("Processed")
    database = await asyncpg.connect(stack.database_admin_url)
    try:
        await database.execute(
            "UPDATE stripe_events SET state = 'failed', detail = 'Stripe did not answer' WHERE object_id = $1",
            refund["id"],
        )
    finally:
        await database.close()
    await page.get_by_role("button", name="Failed", exact=True).click()
    await expect(row).to_contain_text("Stripe did not answer")
    await row.get_by_role("button", name="Reprocess").click()
    await expect(row).to_have_count(0)
    await page.get_by_role("button", name="Processed", exact=True).click()
    await expect(row).to_contain_text("Processed")


async def rename(page: Page, name: str) -> None:
    await page.get_by_role("button", name="Rename…").click()
    await page.get_by_role("dialog").get_by_label("Name").fill(name)
    await page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_who_is_told_of_a_bypass_is_chosen_by_an_admin(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    chosen = (await api.get("/api/v1/organization")).raise_for_status().json()["bypass_alerts"]
    page = await log_in("admin", "/connectors")
    panel = page.get_by_role("region", name="Bypass alerts")
    await panel.get_by_role("button", name="Change…").click()
    for channel in ("Slack", "E-mail", "Webhook", "Console"):
        await page.get_by_role("dialog").get_by_role("checkbox", name=channel).set_checked(channel == "Console")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    try:
        await expect(panel.locator(".chip")).to_have_text(["Console"])
    finally:
        (await api.put("/api/v1/organization", json={"bypass_alerts": chosen})).raise_for_status()


async def test_a_viewer_sees_all_of_it_and_can_change_none(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/connectors")
    await expect(page.get_by_text("Your role may look at connections.")).to_be_visible()
    await expect(page.locator("a[href='/connectors/stripe_conn_demo']")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Enforce…|shadow…|Change…"))).to_have_count(0)
    await page.goto(page.url + "/stripe_conn_demo")
    await expect(action(page, "Refunds")).to_contain_text("Granted")
    for name in ("Rename…", "Disconnect…", "Reconcile now", "Grant…", "Take the grant back…", "Reprocess"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)


async def test_a_finance_manager_enforces_but_grants_nothing(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", f"/connectors/{CONNECTION}")
    row = action(page, "Disputes")
    await expect(row.get_by_role("button", name="Enforce…")).to_be_visible()
    await expect(row.get_by_role("button", name="Grant…")).to_have_count(0)


async def test_a_connection_that_is_not_there_is_told_and_test_and_live_are_apart(log_in: OpenPage) -> None:
    page = await log_in("admin", "/connectors/stripe_conn_nobody")
    await expect(page.get_by_text("No such connection")).to_be_visible()
    await page.goto(page.url.replace("/stripe_conn_nobody", "?mode=live"))
    await expect(page.get_by_role("region", name="Connections")).not_to_contain_text("acct_demo")
    await expect(page.get_by_role("link", name="Connect a Stripe account")).to_have_attribute(
        "href", "/onboarding/connect-stripe?mode=live"
    )
