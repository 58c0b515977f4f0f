"""Disputes as people answer them: what arrives, what they add, what changed between two versions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def dispute_id(stack: DevJson, api: httpx.AsyncClient) -> AsyncIterator[str]:
    """A customer's dispute of a payment of $90.00, as the sandbox tells of it; withdrawn in the end."""
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, auth=("sk_test_console", ""), timeout=60) as sandbox:
        form = {"amount": "9000", "currency": "usd", "source": "tok_visa"}
        charge = (await sandbox.post("/v1/charges", data=form)).raise_for_status().json()["id"]
        body = {"charge": charge, "reason": "product_not_received"}
        made: str = (await sandbox.post("/_sandbox/disputes", json=body)).raise_for_status().json()["id"]
        for _ in range(200):
            # Its page says that there is none until Stripe's event has arrived.
            if (await api.get(f"/api/v1/disputes/{made}")).status_code == 200:
                break
            await asyncio.sleep(0.1)
        yield made
        (await sandbox.post(f"/v1/disputes/{made}/close")).raise_for_status()


async def test_a_dispute_arrives_and_gets_better_by_what_people_know(log_in: OpenPage, dispute_id: str) -> None:
    page = await log_in("finance_manager", "/disputes")
    row = page.get_by_role("region", name="Disputes").get_by_role("listitem").filter(has_text=dispute_id)
    await expect(row).to_contain_text("$90.00 USD")
    await expect(row).to_contain_text("answer due in 8 d")
    await row.get_by_role("link").click()
    evidence = page.get_by_role("region", name="Evidence")
    await expect(evidence).to_contain_text("What would be sent")
    await expect(evidence).to_contain_text("What would still help against this reason:")
    # A charge that Stripe did not show at once makes a version more before the first that is good.
    first = int((await evidence.locator("strong").first.inner_text()).removeprefix("Version "))
    form = page.get_by_role("region", name="What you know")
    await form.get_by_label("What it is").select_option("shipping_tracking_number")
    await form.get_by_label("In words").fill("4242 4242 4242 4242")
    await form.get_by_role("button", name="Add to the evidence").click()
    await expect(form.get_by_role("alert")).to_contain_text("neither kept nor sent")
    await form.get_by_label("In words").fill("1Z999AA10123456784")
    await form.get_by_role("button", name="Add to the evidence").click()
    await expect(evidence).to_contain_text("1Z999AA10123456784")
    await expect(evidence.get_by_label("Version")).to_have_value(str(first + 1))
    await evidence.get_by_label("Beside").select_option(str(first))
    compared = evidence.get_by_role("table")
    await expect(compared.get_by_role("columnheader")).to_have_text(["", f"Version {first}", f"Version {first + 1}"])
    line = compared.get_by_role("row").filter(has_text="Shipping tracking number")
    await expect(line.get_by_role("cell")).to_have_text(["—", "1Z999AA10123456784"])
    await form.get_by_label("What it is").select_option("shipping_tracking_number")
    await expect(form.get_by_label("In words")).to_have_value("1Z999AA10123456784")
    await form.get_by_role("button", name="Take it back").click()
    await expect(evidence.get_by_label("Version").locator("option").first).to_contain_text(f"Version {first + 2}")


async def test_how_an_answer_is_asked_for_is_told_and_its_decision_shown(
    log_in: OpenPage, dispute_id: str, api: httpx.AsyncClient
) -> None:
    page = await log_in("controller", f"/disputes/{dispute_id}")
    answer = page.get_by_role("region", name="Answer")
    await expect(answer.locator("pre")).to_contain_text(f'"dispute": "{dispute_id}"')
    await expect(answer.get_by_role("button", name="Submit")).to_have_count(0)
    await expect(page.get_by_role("region", name="Evidence")).to_contain_text("Version 1")
    intent = {"dispute": dispute_id, "amount_cents": 9_000, "currency": "usd"}
    body = {"action": "dispute", "execute": "axiru", "idempotency_key": f"answer-{dispute_id}", "intent": intent}
    decision = (await api.post("/api/v1/decisions", json=body)).raise_for_status().json()
    decided = answer.get_by_role("link", name="Submit the evidence")
    await expect(decided).to_have_attribute("href", f"/decisions/{decision['decision_id']}")


async def test_a_viewer_reads_the_evidence_and_adds_nothing(log_in: OpenPage, dispute_id: str) -> None:
    page = await log_in("viewer", f"/disputes/{dispute_id}")
    await expect(page.get_by_role("region", name="Evidence")).to_contain_text("Payment ch_")
    await expect(page.get_by_text("may add to the evidence.")).to_be_visible()
    await expect(page.get_by_role("button", name="Add to the evidence")).to_have_count(0)


async def test_a_dispute_that_is_not_there_is_told(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/disputes/du_nobody")
    await expect(page.get_by_text("No such dispute")).to_be_visible()
    await page.goto(page.url.replace("/du_nobody", "?mode=live"))
    await expect(page.get_by_text("No dispute in live mode needs a response.")).to_be_visible()
