"""Lists and replays as people use them: a real browser, the whole product behind it."""

import re
import uuid
from collections.abc import Awaitable, Callable

import httpx
from playwright.async_api import Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]

MARKUP = "<img/src=x/onerror=document.title='owned'>"


async def test_a_list_is_proposed_by_one_person_and_put_in_force_by_another(log_in: OpenPage) -> None:
    slug = f"vip_{uuid.uuid4().hex[:8]}"
    author = await log_in("finance_manager", "/lists")
    await author.get_by_role("link", name="New list").click()
    await author.get_by_label("Name").fill(slug)
    await author.get_by_role("textbox", name="Values").fill(f"cus_1, cus_2\ncus_2 {MARKUP}")
    await expect(author.get_by_text("3 values")).to_be_visible()
    await author.get_by_role("button", name="Propose").click()
    await expect(author).to_have_url(re.compile(f"/lists/{slug}$"))
    await expect(author.get_by_role("button", name="Put in force…")).to_be_disabled()
    await expect(author.get_by_text("a second person has to put it in force")).to_be_visible()
    second = await log_in("controller", f"/lists/{slug}")
    await expect(second.get_by_role("region", name="Values")).to_contain_text("cus_2")
    await second.get_by_role("button", name="Put in force…").click()
    await second.get_by_role("dialog").get_by_role("button", name="Put in force").click()
    await expect(second.locator(".version-title")).to_contain_text("In force")
    await expect(author.locator(".version-title")).to_contain_text("In force")
    assert await second.locator("img[src='x']").count() == 0


async def test_more_than_one_request_can_carry_is_not_taken_over(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/new-list")
    values = page.get_by_role("textbox", name="Values")
    await values.fill("cus_1")
    await expect(page.get_by_text("1 value", exact=True)).to_be_visible()
    await values.fill("x" * 240_001)
    await expect(page.get_by_role("alert").filter(has_text="That was not taken over")).to_be_visible()
    await expect(page.get_by_text("1 value", exact=True)).to_be_visible()


CSV = b"""id,Created (UTC),Amount,Currency,Amount Refunded,Customer ID,Status
ch_1,2026-08-01 10:00:00,250.00,usd,250.00,cus_1,Refunded
ch_2,2026-08-20 10:00:00,12.00,usd,12.00,cus_1,Refunded
"""


async def test_a_file_is_replayed_and_what_it_found_can_be_saved_and_deleted(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/replays")
    csv_file = {"name": "august.csv", "mimeType": "text/csv", "buffer": CSV}
    await page.get_by_label("Drop a CSV file here, or choose one").set_input_files([csv_file])  # type: ignore[list-item]
    await expect(page.locator(".tiles")).to_contain_text("$250.00 USD")
    await expect(page.get_by_role("heading", name="august.csv")).to_be_visible()
    await expect(page.locator(".found")).to_contain_text("ch_1")
    await expect(page.get_by_text("deleted in 29 d")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Rows as CSV").click()
    assert "ch_1" in (await (await download.value).path()).read_text()
    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(re.compile("/replays$"))
    await expect(page.get_by_role("link", name="august.csv")).to_have_count(0)


async def test_a_file_that_cannot_be_read_is_told_with_its_place(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/replays")
    broken = {"name": "broken.csv", "mimeType": "text/csv", "buffer": CSV.replace(b"usd,250.00", b"usd,many")}
    await page.get_by_label("Drop a CSV file here, or choose one").set_input_files([broken])  # type: ignore[list-item]
    await expect(page.get_by_text("Line 2, column 5")).to_be_visible()


async def test_a_file_from_another_site_or_from_nobody_is_refused(stack: DevJson) -> None:
    async with httpx.AsyncClient(base_url=stack.console_url, headers={"Content-Type": "text/csv"}) as http:
        address = "/replays/files?judge=refunds-starter/0"
        foreign = await http.post(address, content=CSV, headers={"Sec-Fetch-Site": "cross-site"})
        anonymous = await http.post(address, content=CSV)
        as_form = await http.post(address, content=CSV, headers={"Content-Type": "text/plain"})
        report = await http.get("/replays/rp_1/report.html")
    assert [foreign.status_code, anonymous.status_code, as_form.status_code, report.status_code] == [403, 401, 403, 401]
