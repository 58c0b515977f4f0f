"""Webhooks, their deliveries and Slack as an admin sets them up: a real browser, a real receiver."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from playwright.async_api import Locator, Page, expect
from standardwebhooks import Webhook

from axiru.dev.ports import Ports

OpenPage = Callable[..., Awaitable[Page]]


class Receiver:
    """A system that is told: keeps what came, and answers `status`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.came: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        await self.came.put((dict(request.headers), await request.read()))
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    port = Ports().free()
    receiving = Receiver(f"http://127.0.0.1:{port}/hook")
    app = web.Application()
    app.router.add_post("/hook", receiving.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield receiving
    await runner.cleanup()


def endpoint(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Webhooks").get_by_role("listitem").filter(has_text=name)


def deliveries(page: Page, text: str) -> Locator:
    return page.get_by_role("region", name="Deliveries").get_by_role("listitem").filter(has_text=text)


async def make(page: Page, url: str, name: str) -> str:
    """Make an endpoint and return its secret."""
    await page.get_by_role("button", name="New endpoint…").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Address").fill(url)
    await form.get_by_label("What it is").fill(name)
    await form.get_by_role("checkbox", name="Controls").check()
    await form.get_by_role("button", name="Make it and show the secret").click()
    return await page.get_by_role("region", name="The endpoint's secret").locator("code").inner_text()


async def confirm(page: Page, row: Locator, button: str, answer: str) -> None:
    await row.get_by_role("button", name=button).click()
    await page.get_by_role("dialog").get_by_role("button", name=answer).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_an_endpoint_is_made_tested_rotated_disabled_and_removed(log_in: OpenPage, receiver: Receiver) -> None:
    name = f"Back office {uuid.uuid4().hex[:6]}"
    page = await log_in("admin", "/integrations")
    secret = await make(page, receiver.url, name)
    row = endpoint(page, name)
    await expect(row).to_contain_text("Controls")
    await confirm(page, row, "Send a test", "Send it")
    headers, body = await asyncio.wait_for(receiver.came.get(), 20)
    Webhook(secret).verify(body, headers)
    await confirm(page, row, "Rotate…", "Rotate it")
    shown = page.get_by_role("region", name="The endpoint's secret").locator("code")
    await expect(shown).not_to_have_text(secret)
    rotated = await shown.inner_text()
    await expect(row).to_contain_text("the previous secret signs, too")
    await confirm(page, row, "Send a test", "Send it")
    headers, body = await asyncio.wait_for(receiver.came.get(), 20)
    Webhook(rotated).verify(body, headers)
    Webhook(secret).verify(body, headers)
    await confirm(page, row, "Disable…", "Disable it")
    await expect(row).to_contain_text("Disabled")
    await expect(row.get_by_role("button", name="Send a test")).to_have_count(0)
    await confirm(page, row, "Enable…", "Enable it")
    await confirm(page, row, "Remove…", "Remove it")
    await expect(row).to_have_count(0)
    await page.reload()
    await expect(page.get_by_text(rotated)).to_have_count(0)


async def test_a_failed_delivery_shows_its_attempts_and_is_sent_again(log_in: OpenPage, receiver: Receiver) -> None:
    name = f"Warehouse {uuid.uuid4().hex[:6]}"
    page = await log_in("admin", "/integrations")
    await make(page, receiver.url, name)
    receiver.status = 410
    await confirm(page, endpoint(page, name), "Send a test", "Send it")
    _, first = await asyncio.wait_for(receiver.came.get(), 20)
    sent = deliveries(page, name)
    await expect(sent.first).to_contain_text("answered 410")
    await expect(sent.first).to_contain_text("Test message")
    await sent.first.get_by_role("button", name="Attempts").click()
    await expect(sent.first.locator(".attempts")).to_contain_text("410")
    receiver.status = 204
    await expect(endpoint(page, name)).to_contain_text("Disabled")
    await confirm(page, endpoint(page, name), "Enable…", "Enable it")
    await page.get_by_role("region", name="Deliveries").get_by_label("Channel").select_option("webhook")
    again = sent.filter(has_text="Given up").first
    await confirm(page, again, "Resend", "Send it")
    _, second = await asyncio.wait_for(receiver.came.get(), 20)
    assert second == first
    await expect(sent.filter(has_text="sent again")).to_contain_text("Delivered")
    await confirm(page, endpoint(page, name), "Remove…", "Remove it")


async def test_an_address_that_may_not_be_told_is_refused_in_words(log_in: OpenPage) -> None:
    page = await log_in("admin", "/integrations")
    await page.get_by_role("button", name="New endpoint…").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Address").fill("file:///etc/passwd")
    await form.get_by_role("button", name="Make it and show the secret").click()
    await expect(form.get_by_text("An address that begins with https://.")).to_be_visible()
    await form.get_by_label("Address").fill("https://user:pass@example.com/")
    await form.get_by_role("button", name="Make it and show the secret").click()
    await expect(form.locator(".refusal")).to_have_text(re.compile(".+"))


async def test_an_approver_lets_an_endpoint_vote_and_takes_it_back(log_in: OpenPage, receiver: Receiver) -> None:
    name = f"Approvals desk {uuid.uuid4().hex[:6]}"
    admin = await log_in("admin", "/integrations")
    made = await make(admin, receiver.url, name)
    page = await log_in("controller", "/integrations")
    row = endpoint(page, name)
    await expect(page.get_by_role("button", name="New endpoint…")).to_have_count(0)
    await expect(row.get_by_role("button", name="Remove…")).to_have_count(0)
    await confirm(page, row, "Let it vote for me…", "Rotate, and let it vote")
    await expect(row).to_contain_text("may vote as Demo controller")
    shown = await page.get_by_role("region", name="The endpoint's secret").locator("code").inner_text()
    assert shown != made
    await confirm(page, row, "Let it vote no more…", "End it")
    await expect(row.get_by_text("may vote as")).to_have_count(0)
    await admin.reload()
    await confirm(admin, endpoint(admin, name), "Remove…", "Remove it")


async def test_slack_says_what_is_installed_and_what_is_missing_in_the_form(log_in: OpenPage) -> None:
    page = await log_in("admin", "/integrations")
    panel = page.get_by_role("region", name="Slack")
    await expect(panel).to_contain_text("T_DEMO")
    await panel.get_by_role("button", name="Replace…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Workspace").fill("T0123456789")
    await dialog.get_by_role("button", name="Install it").click()
    await expect(dialog.get_by_text("Channel is needed.")).to_be_visible()


async def test_who_sets_up_nothing_and_votes_on_nothing_sees_no_integrations(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/integrations")
    await expect(page.get_by_text("Your role may not see integrations.")).to_be_visible()
    await expect(page.get_by_role("region")).to_have_count(0)
