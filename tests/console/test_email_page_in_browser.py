"""The page behind a link in a mail, in a real browser on a small screen: complete, and votes without a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from axiru.dev.dev_json import DevJson

Decide = Callable[..., Awaitable[dict[str, Any]]]
OpenLink = Callable[..., Awaitable[Page]]
MARKUP = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
async def open_link(browser: Browser) -> AsyncIterator[OpenLink]:
    """Opens a page as a phone does; fails on whatever its content security policy had to stop."""
    contexts, complaints = [], []

    async def opened(link: str, *, scheme: Literal["light", "dark"] = "light") -> Page:
        contexts.append(
            await browser.new_context(
                viewport={"width": 390, "height": 844}, color_scheme=scheme, java_script_enabled=False
            )
        )
        page = await contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(link)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert [complaint for complaint in complaints if "status of 4" not in complaint] == []


async def link_to(stack: DevJson, approval_id: str, login: str = "controller") -> str:
    async with httpx.AsyncClient(base_url=stack.messages_url, timeout=30) as mails, asyncio.timeout(30):
        while True:
            for mail in (await mails.get("/_sandbox/mails")).json()["data"]:
                if approval_id in mail["headers"]["References"] and mail["recipients"] == [f"{login}@demo.example"]:
                    return next(link for link in mail["links"] if "/email/" in link)
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_all_of_it_and_votes(
    open_link: OpenLink, decide: Decide, stack: DevJson, api: httpx.AsyncClient, scheme: Literal["light", "dark"]
) -> None:
    decision = await decide(charge="ch_demo_014", metadata={"note": MARKUP * 5})
    link = await link_to(stack, decision["approval_id"])
    page = await open_link(link, scheme=scheme)

    await expect(page.get_by_role("heading", level=1)).to_have_text("Refund of $160.00 (test)")
    await expect(page.locator("dd", has_text=MARKUP)).to_have_count(1)
    body = await page.locator("body").bounding_box()
    assert body is not None
    assert body["width"] <= 390
    for button in await page.get_by_role("button").all():
        box = await button.bounding_box()
        assert box is not None
        assert (box["height"] >= 44, box["x"] >= 0, box["x"] + box["width"] <= 390) == (True, True, True)

    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("alert")).to_contain_text("needs a reason")
    await page.get_by_label("Reason (needed to deny)").fill("Not ours.")
    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You denied")

    told = (await api.get(f"/api/v1/decisions/{decision['decision_id']}")).json()
    assert told["state"] == "denied"
    await page.goto(link)
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link is closed")
