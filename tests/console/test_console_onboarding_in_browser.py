"""Setting up, from Stripe's consent page or a file to what policy would have caught: a real browser, all the way."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]

CSV = b"""id,Created (UTC),Amount,Currency,Amount Refunded,Customer ID,Status
ch_1,2026-08-01 10:00:00,250.00,usd,250.00,cus_1,Refunded
ch_2,2026-08-20 10:00:00,12.00,usd,12.00,cus_1,Refunded
"""


@pytest.fixture
async def admin_anywhere(browser: Browser, stack: DevJson, log_in: OpenPage) -> AsyncIterator[Page]:
    """An admin's page that may leave the console: for Stripe's consent page and back."""
    cookies = await (await log_in("admin")).context.storage_state()
    context = await browser.new_context(viewport={"width": 1280, "height": 860}, storage_state=cookies)
    page = await context.new_page()
    page.set_default_timeout(20_000)
    yield page
    await context.close()


async def consent(page: Page, stack: DevJson, account: str, answer: str) -> None:
    await page.goto(f"{stack.console_url}/onboarding/connect-stripe")
    await page.get_by_role("button", name="Connect with Stripe").click()
    await page.get_by_role("textbox", name="Account").fill(account)
    await page.get_by_role("button", name=answer).click()


async def test_an_account_is_connected_by_consent_replayed_and_disconnected(
    admin_anywhere: Page, stack: DevJson
) -> None:
    page, account = admin_anywhere, f"acct_{uuid.uuid4().hex[:12]}"
    await consent(page, stack, account, "Install")
    await expect(page).to_have_url(re.compile("/connectors\\?connected=stripe_conn_"))
    await expect(page.locator(".arrived")).to_contain_text("is connected")
    row = page.get_by_role("region", name="Connections").get_by_role("listitem").filter(has_text=account)
    await expect(row).to_contain_text("Test mode")
    await expect(row).not_to_contain_text("granted")
    await row.get_by_role("link").first.click()
    await page.get_by_role("button", name="Disconnect…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Disconnect").click()
    await expect(dialog.get_by_text("Say why: the reason is kept in the ledger.")).to_be_visible()
    await dialog.get_by_label("Reason").fill("The shop was sold.")
    await dialog.get_by_role("button", name="Disconnect").click()
    await expect(page.locator(".version-title")).to_contain_text("Disconnected")
    await expect(page.locator(".trouble")).to_contain_text("The shop was sold.")
    await expect(page.locator(".trouble")).to_contain_text("reads nothing from this account any more")
    await expect(page.get_by_role("button", name=re.compile("Grant…|Enforce…|Reconcile now"))).to_have_count(0)


async def test_consent_that_is_refused_connects_nothing(admin_anywhere: Page, stack: DevJson) -> None:
    page, account = admin_anywhere, f"acct_{uuid.uuid4().hex[:12]}"
    await consent(page, stack, account, "Cancel")
    await expect(page.get_by_text("Access was declined at Stripe. Nothing was changed.")).to_be_visible()
    await page.get_by_role("link", name="Back to Axiru").click()
    await expect(page.get_by_role("button", name="Connect with Stripe")).to_be_visible()
    await page.goto(f"{stack.console_url}/connectors")
    await expect(page.get_by_role("region", name="Connections")).to_contain_text("acct_demo")
    await expect(page.get_by_role("region", name="Connections")).not_to_contain_text(account)


async def test_what_is_asked_of_stripe_is_told_before_anybody_is_asked(
    log_in: OpenPage, api: httpx.AsyncClient
) -> None:
    listed = (await api.get("/permissions", headers={"Accept": "application/json"})).raise_for_status().json()
    page = await log_in("admin", "/onboarding/connect-stripe?mode=live")
    table = page.get_by_role("region", name="What is asked for")
    await expect(table.locator("tbody tr")).to_have_count(len(listed["permissions"]))
    for permission in listed["permissions"]:
        await expect(table.get_by_text(permission["permission"], exact=True)).to_be_visible()
    await expect(page.get_by_role("region", name="Never read")).to_contain_text("Card numbers")
    await expect(page.get_by_role("region", name="Connect", exact=True)).to_contain_text("Live mode")


async def test_a_dropped_file_is_judged_on_the_page_itself(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/onboarding?mode=live")
    name = f"{uuid.uuid4().hex[:8]}.csv"
    ways = page.get_by_text("Connect another account, or drop a file")
    if await ways.is_visible():
        await ways.click()
    csv_file = {"name": name, "mimeType": "text/csv", "buffer": CSV}
    await page.get_by_label("Drop a CSV file here, or choose one").set_input_files([csv_file])  # type: ignore[list-item]
    caught = page.get_by_role("region", name="See what policy would have caught")
    await expect(caught.get_by_role("link", name=name)).to_be_visible()
    await expect(caught.locator(".tiles")).to_contain_text("$250.00 USD")
    await expect(caught).to_have_class(re.compile("step-done"))
    await expect(page.get_by_role("navigation", name="Progress").get_by_role("status")).to_contain_text("of 4 done")
    if await ways.is_visible():
        await ways.click()
    bad = {"name": f"bad-{name}", "mimeType": "text/csv", "buffer": b"id,nothing\n1,2\n"}
    await page.get_by_label("Drop a CSV file here, or choose one").set_input_files([bad])  # type: ignore[list-item]
    await expect(caught.get_by_text("Correct the file and send it again.")).to_be_visible()
    await expect(caught.get_by_role("link", name=name, exact=True)).to_be_visible()


async def test_an_accounts_history_is_replayed_from_the_page(log_in: OpenPage, stack: DevJson) -> None:
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, auth=("sk_test_console", ""), timeout=60) as sandbox:
        form = {"amount": "900", "currency": "usd", "source": "tok_visa"}
        charge = (await sandbox.post("/v1/charges", data=form)).raise_for_status().json()["id"]
        (await sandbox.post("/v1/refunds", data={"charge": charge})).raise_for_status()
    page = await log_in("finance_manager", "/onboarding")
    caught = page.get_by_role("region", name="See what policy would have caught")
    await caught.get_by_role("button", name=re.compile("Replay the last 90 days")).click()
    await expect(caught.get_by_role("link", name=re.compile("The last 90 days of")).first).to_be_visible()
    await expect(caught.locator(".tiles")).to_be_visible()
    await expect(caught).to_have_class(re.compile("step-done"))
    enforce = page.get_by_role("region", name="Enforce", exact=True)
    await expect(enforce.get_by_role("listitem").first).to_contain_text("Refunds")
    await expect(enforce.get_by_role("link", name="grant it the action")).to_be_visible()


async def test_an_account_without_history_is_told_so_and_counted_as_nothing(
    admin_anywhere: Page, stack: DevJson
) -> None:
    page, account = admin_anywhere, f"acct_{uuid.uuid4().hex[:12]}"
    await consent(page, stack, account, "Install")
    await expect(page.locator(".arrived")).to_contain_text("is connected")
    await page.goto(f"{stack.console_url}/onboarding")
    caught = page.get_by_role("region", name="See what policy would have caught")
    await expect(caught.get_by_role("link", name=f"The last 90 days of {account}")).to_be_visible()
    await expect(caught.get_by_text("There was no movement in it to judge.")).to_be_visible()
    await expect(caught.locator(".tiles")).to_have_count(0)


async def test_a_viewer_is_told_who_sets_up_and_sees_no_button(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/onboarding")
    connected = page.get_by_role("region", name="Connect", exact=True).locator("a[href='/connectors/stripe_conn_demo']")
    await expect(connected).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Replay|Enforce…|shadow…"))).to_have_count(0)
    await page.goto(page.url + "/connect-stripe")
    await expect(page.get_by_text("Admins connect accounts")).to_be_visible()
    await expect(page.get_by_role("button", name="Connect with Stripe")).to_have_count(0)


async def test_access_taken_back_at_stripe_is_told_on_the_open_page(admin_anywhere: Page, stack: DevJson) -> None:
    page, account = admin_anywhere, f"acct_{uuid.uuid4().hex[:12]}"
    await consent(page, stack, account, "Install")
    row = page.get_by_role("region", name="Connections").get_by_role("listitem").filter(has_text=account)
    await expect(row).to_contain_text("Active")
    await row.get_by_role("link").first.click()
    await expect(page.locator(".version-title")).to_contain_text("Active")
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, timeout=60) as sandbox:
        (await sandbox.post("/_sandbox/oauth/uninstall", json={"account": account})).raise_for_status()
    await expect(page.locator(".version-title")).to_contain_text("Revoked at Stripe")
    await expect(page.locator(".trouble")).to_contain_text("reads nothing from this account any more")
    await expect(page.get_by_role("button", name=re.compile("Grant…|Enforce…|Disconnect…"))).to_have_count(0)
