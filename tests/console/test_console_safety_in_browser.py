"""What brings money back and what stops it: undoing, Stripe's own approvals, paused payouts, and going on alone."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]

CONNECTION = "stripe_conn_demo"
MERCHANT = "acct_demo_merchant_3"


@pytest.fixture
async def sandbox(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, auth=("sk_test_console", ""), timeout=60) as client:
        yield client


@pytest.fixture
async def transferred(api: httpx.AsyncClient) -> AsyncIterator[str]:
    """A transfer of $12.00 that Axiru has made; its surface is in shadow again in the end."""
    surface = {"surface": "stripe.transfer", "stripe_connection_id": CONNECTION, "reason": "a test"}
    enforce = {"surface_mode": "enforce", "override_reason": "Nothing to compare with."}
    (await api.put("/api/v1/surfaces", json={**surface, **enforce})).raise_for_status()
    intent = {"amount_cents": 1_200, "currency": "usd", "destination": MERCHANT, "stripe_connection_id": CONNECTION}
    body = {"action": "transfer", "execute": "axiru", "idempotency_key": uuid.uuid4().hex, "intent": intent}
    made = (await api.post("/api/v1/decisions?wait=30", json=body)).raise_for_status().json()
    assert made["state"] == "executed", made
    yield made["decision_id"]
    (await api.put("/api/v1/surfaces", json={**surface, "surface_mode": "shadow"})).raise_for_status()


async def refund_of(sandbox: httpx.AsyncClient, api: httpx.AsyncClient, wait: int) -> dict[str, Any]:
    """What Axiru says of a refund of $7.00 that it is to execute."""
    form = {"amount": "5000", "currency": "usd", "source": "tok_visa"}
    charge = (await sandbox.post("/v1/charges", data=form)).raise_for_status().json()["id"]
    intent = {"kind": "refund", "amount_cents": 700, "currency": "usd", "charge": charge}
    context = {"customer_tenure_days": 412, "reason_code": "requested_by_customer"}
    body = {"execute": "axiru", "idempotency_key": uuid.uuid4().hex, "intent": intent, "context": context}
    asked: dict[str, Any] = (await api.post(f"/api/v1/decisions?wait={wait}", json=body)).raise_for_status().json()
    return asked


async def test_a_transfer_is_undone_with_a_reason_and_says_so(log_in: OpenPage, transferred: str) -> None:
    page = await log_in("controller", f"/decisions/{transferred}")
    panel = page.get_by_role("region", name="Undo")
    await expect(panel).to_contain_text("Stripe reverses the transfer")
    await panel.get_by_role("button", name="Undo…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Undo", exact=True).click()
    await expect(dialog.get_by_text("Say why: the reason is kept in the ledger.")).to_be_visible()
    await dialog.get_by_label("Reason").fill("It went to the wrong merchant.")
    await dialog.get_by_role("button", name="Undo", exact=True).click()
    await expect(panel.get_by_text("Undone", exact=True)).to_be_visible()
    await expect(page.locator(".headline")).to_contain_text("Undone")
    await expect(panel).to_contain_text("It went to the wrong merchant.")
    await expect(panel.locator("code")).to_contain_text("trr_")
    await expect(panel.get_by_role("button", name="Undo…")).to_have_count(0)


async def test_what_cannot_be_undone_says_why_and_has_no_button(
    log_in: OpenPage, sandbox: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    refund = await refund_of(sandbox, api, 30)
    page = await log_in("controller", f"/decisions/{refund['decision_id']}")
    panel = page.get_by_role("region", name="Undo")
    await expect(panel).to_contain_text("Stripe cancels refunds in requires_action only.")
    await expect(panel.get_by_role("button", name="Undo…")).to_have_count(0)


async def test_a_viewer_sees_that_it_can_be_undone_but_not_by_them(log_in: OpenPage, transferred: str) -> None:
    page = await log_in("viewer", f"/decisions/{transferred}")
    panel = page.get_by_role("region", name="Undo")
    await expect(panel).to_contain_text("Finance managers, controllers and admins may undo it.")
    await expect(panel.get_by_role("button", name="Undo…")).to_have_count(0)


async def test_stripes_own_approval_is_shown_until_its_people_have_answered(
    log_in: OpenPage, sandbox: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    fault = {"kind": "approval_required", "path": "/v1/refunds", "times": 1}
    (await sandbox.post("/_sandbox/faults", json=fault)).raise_for_status()
    try:
        refund = await refund_of(sandbox, api, 2)
        page = await log_in("viewer", f"/decisions/{refund['decision_id']}")
        head = page.locator(".decision-head")
        await expect(head).to_contain_text("Stripe waits for a person to approve this in its dashboard.")
        at_stripe = head.get_by_role("link", name="Open it at Stripe")
        await expect(at_stripe).to_have_attribute("href", re.compile("^https://"))
        decided = (await api.get(f"/api/v1/decisions/{refund['decision_id']}")).raise_for_status().json()
        approval_id = decided["execution"]["stripe_approval"]["id"]
        await expect(head).to_contain_text(approval_id)
        review = {"approved": True}
        (await sandbox.post(f"/_sandbox/approval_requests/{approval_id}", json=review)).raise_for_status()
    finally:
        (await sandbox.delete("/_sandbox/faults")).raise_for_status()


async def test_a_freeze_pauses_payouts_and_lifting_it_gives_them_back(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    page = await log_in("controller", "/controls")
    reason = f"Chargebacks {uuid.uuid4().hex[:6]}"
    await page.get_by_role("button", name="Freeze…", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("checkbox", name="Pause its payouts, too")).to_be_hidden()
    await dialog.get_by_label("What", exact=True).select_option("stripe_account_id")
    await expect(dialog.get_by_role("checkbox", name="Pause its payouts, too")).to_be_checked()
    await dialog.get_by_label("Its id").fill(MERCHANT)
    await dialog.get_by_role("radio", name="Test", exact=True).check()
    await dialog.get_by_label("Reason").fill(reason)
    await dialog.get_by_role("button", name="Freeze it").click()
    try:
        row = page.get_by_role("region", name="In force").get_by_role("listitem").filter(has_text=reason)
        await expect(row).to_contain_text("Payouts paused")
        await expect(row).to_contain_text("Schedule before: ")
        await row.get_by_role("button", name="Lift…").click()
        await page.get_by_role("dialog").get_by_label("Reason").fill("Explained.")
        await page.get_by_role("dialog").get_by_role("button", name="Lift freeze").click()
        past = page.get_by_role("region", name="History").get_by_role("row").filter(has_text=reason)
        await expect(past).to_contain_text("Payouts restored")
    finally:
        await lift_all(api, reason)


async def lift_all(api: httpx.AsyncClient, reason: str) -> None:
    for control in (await api.get("/api/v1/controls")).raise_for_status().json()["items"]:
        if control["in_force"] and control["reason"] == reason:
            await api.request("DELETE", f"/api/v1/controls/{control['id']}", json={"reason": "test is over"})


async def test_a_payout_programme_is_listed_to_go_on_and_taken_off(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/controls")
    name = f"drivers-{uuid.uuid4().hex[:6]}"
    panel = page.get_by_role("region", name="When Axiru cannot be reached")
    await panel.get_by_role("button", name="Let a programme go on…").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Programme").fill("Driver payouts")
    await form.get_by_label("Each payout up to").fill("12,5")
    await form.get_by_role("button", name="Put it on the list").click()
    await expect(form.get_by_text("Small letters, digits, dots, dashes and underscores.")).to_be_visible()
    await expect(form.get_by_text("An amount of this currency, such as 250.00.")).to_be_visible()
    await expect(form.get_by_text("Say why: the reason is kept in the ledger.")).to_be_visible()
    await form.get_by_label("Programme").fill(name)
    await form.get_by_label("Each payout up to").fill("1,250.50")
    await form.get_by_label("Reason").fill("Drivers are paid every night.")
    await form.get_by_role("button", name="Put it on the list").click()
    row = panel.get_by_role("listitem").filter(has_text=name)
    await expect(row).to_contain_text("$1,250.50 USD")
    await expect(row).to_contain_text("Test mode")
    await row.get_by_role("button", name="Take off the list…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take it off").click()
    await expect(row).to_have_count(0)


async def test_a_viewer_reads_what_may_go_on_and_changes_nothing(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/controls")
    panel = page.get_by_role("region", name="When Axiru cannot be reached")
    await expect(panel).to_contain_text("Enforced movements hold")
    await expect(panel.get_by_role("button")).to_have_count(0)
