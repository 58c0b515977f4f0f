"""Policies as people write, publish, compare and promote them: a real browser, the whole product behind it."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]
Decide = Callable[..., Awaitable[dict[str, Any]]]

SLUG = "console-limits"
MARKUP = "<img src=x onerror=document.title='owned'>"
TEXT = f"""Policy {SLUG} governs refunds on stripe.

Refunds over $20 from the source {SLUG} require aproval by controller, saying "Over $20 {MARKUP}".
"""


async def go(page: Page, path: str) -> None:
    await page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + path)
    await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible()


def text_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Policy text")


async def write(page: Page, text: str, *, answer: str) -> None:
    """Put `text` into the editor and wait for what the compiler says of it."""
    await text_of(page).fill(text)
    await expect(page.locator(".checked")).to_have_text(answer)


@pytest.fixture
async def its_policy_retired(api: httpx.AsyncClient) -> AsyncIterator[None]:
    """What this file puts in force is out of force for the tests after it."""
    yield
    for version in (await api.get(f"/api/v1/policies/{SLUG}")).json().get("versions", []):
        if version["status"] != "retired":
            retired = await api.post(f"/api/v1/policies/{SLUG}/versions/{version['version']}/retire")
            assert retired.status_code == 200, retired.text


@pytest.mark.usefixtures("its_policy_retired")
async def test_a_policy_is_written_corrected_shadowed_compared_and_promoted_by_a_second_person(
    log_in: OpenPage, decide: Decide
) -> None:
    author = await log_in("finance_manager", "/policies")
    await author.get_by_role("link", name="New policy").click()
    await write(author, TEXT, answer="1 error")
    problems = author.get_by_role("region", name="Problems")
    await expect(problems).to_contain_text("Line 3, column")
    await expect(problems).to_contain_text("Expected")
    await expect(author.get_by_role("button", name="Publish to shadow…")).to_be_disabled()
    await problems.get_by_role("button", name="Use the nearest sentence").click()
    await expect(author.locator(".checked")).to_have_text("Compiles")
    await expect(text_of(author)).to_contain_text("require approval by controller")
    await author.get_by_label("What changes, and why").fill("Small refunds leak most")
    await author.get_by_role("button", name="Save draft").click()
    await expect(author).to_have_url(re.compile("/policies/drafts/pd_"))
    await author.get_by_role("button", name="Publish to shadow…").click()
    await author.get_by_role("dialog").get_by_role("button", name="Publish").click()
    await expect(author).to_have_url(re.compile(rf"/policies/{SLUG}\?v=1$"))
    await expect(author.locator(".version-title")).to_contain_text("Shadow")
    await expect(author.get_by_role("region", name="Live beside shadow")).to_contain_text("Nothing to compare yet")

    looked_on = await decide(3_000, charge="ch_demo_011", source=SLUG, execute="caller")
    assert looked_on["outcome"] == "allowed"
    promise = "shadow: false — 1 would-be approval will start going to the approvals queue."
    await expect(author.locator(".promise").first).to_contain_text(promise)
    await expect(author.locator(".changes tbody tr")).to_contain_text("$30.00 USD")
    await expect(author.get_by_role("button", name="Promote…")).to_be_disabled()
    await expect(author.get_by_text("a second person has to put it in force")).to_be_visible()
    await author.locator(".changes").get_by_role("link", name="Example 1").click()
    await expect(author).to_have_url(re.compile(f"/decisions/{looked_on['decision_id']}$"))
    await expect(author.locator(".shadows")).to_contain_text("Differs")
    await expect(author.locator(".shadows")).to_contain_text(f"{SLUG} v1")

    second = await log_in("controller", f"/policies/{SLUG}?v=1")
    await expect(second.locator(".sentences")).to_contain_text(MARKUP)
    await expect(second.get_by_role("region", name="v1")).to_contain_text("Small refunds leak most")
    await expect(second.locator(".promise").first).to_contain_text(promise)
    await second.get_by_role("button", name="Promote…").click()
    dialog = second.get_by_role("dialog")
    await expect(dialog).to_contain_text(promise)
    await dialog.get_by_role("button", name="Promote").dblclick()
    await expect(second.locator(".version-title")).to_contain_text("Live")
    await expect(second.get_by_role("region", name="v1")).to_contain_text("Put in force")
    followed = await decide(3_000, charge="ch_demo_011", source=SLUG, execute="caller")
    assert (followed["outcome"], followed["matched_rule"]) == ("pending_approval", f"policy:{SLUG}:v1")
    assert await second.locator("img[src='x']").count() == 0
    assert await second.title() == f"{SLUG} · Axiru"


async def test_a_text_with_errors_is_not_switched_away_and_one_without_is_the_same_both_ways(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/policies/drafts/new")
    await write(page, "Refunds ovr $20 are denied.", answer="1 error")
    await page.get_by_role("button", name="YAML").click()
    await expect(page.get_by_role("alert").filter(has_text="correct its errors first")).to_be_visible()
    await expect(text_of(page)).to_have_text("Refunds ovr $20 are denied.")
    own = "# Why we do this\nRefunds over $20 are denied."
    await write(page, own, answer="Compiles")
    await page.get_by_role("button", name="YAML").click()
    await expect(text_of(page)).to_contain_text("effect: deny")
    await page.get_by_role("button", name="Plain language").click()
    await expect(text_of(page)).to_contain_text("# Why we do this")


async def test_unsaved_text_survives_a_reload_and_is_forgotten_once_saved(
    log_in: OpenPage, api: httpx.AsyncClient
) -> None:
    page = await log_in("finance_manager", "/policies/drafts/new")
    page.on("dialog", lambda dialog: dialog.accept())
    await write(page, "Refunds over $21 are denied.", answer="Compiles")
    await page.get_by_label("What changes, and why").fill("Half a senten")
    await page.reload()
    await expect(page.get_by_text("Your unsaved text")).to_be_visible()
    await expect(page.get_by_label("What changes, and why")).to_have_value("Half a senten")
    await expect(text_of(page)).to_have_text("Refunds over $21 are denied.")
    await expect(page.locator(".checked")).to_have_text("Compiles")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page).to_have_url(re.compile("/policies/drafts/pd_"))
    draft = page.url.rpartition("/")[2]
    assert (await api.get(f"/api/v1/policies/drafts/{draft}")).json()["note"] == "Half a senten"
    await api.delete(f"/api/v1/policies/drafts/{draft}")
    await go(page, "/policies/drafts/new")
    await expect(text_of(page)).to_contain_text("Policy my-policy")
    await expect(page.get_by_label("What changes, and why")).to_have_value("")


async def test_who_saves_over_somebody_elses_text_is_told_and_keeps_their_own(
    log_in: OpenPage, api: httpx.AsyncClient
) -> None:
    body = {"text": "Refunds over $22 are denied.", "format": "plain"}
    draft = (await api.post("/api/v1/policies/drafts", json=body)).json()
    page = await log_in("finance_manager", f"/policies/drafts/{draft['id']}")
    await write(page, "Refunds over $23 are denied.", answer="Compiles")
    await api.put(f"/api/v1/policies/drafts/{draft['id']}", json={**body, "revision": draft["revision"]})
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_role("alert").filter(has_text="Your text is still here")).to_be_visible()
    await expect(text_of(page)).to_have_text("Refunds over $23 are denied.")
    await page.get_by_role("button", name="Discard…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Discard draft").click()
    await expect(page).to_have_url(re.compile("/policies$"))
    await go(page, f"/policies/drafts/{draft['id']}")
    await expect(page.get_by_text("This draft was discarded")).to_be_visible()


async def test_a_policy_that_compiles_and_cannot_mean_what_it_says_is_not_published(log_in: OpenPage) -> None:
    page = await log_in("finance_manager", "/policies/drafts/new")
    text = "Rule dead_rule: Refunds over $50 but under $20 are denied."
    await write(page, text, answer="Compiles, but cannot be published")
    problems = page.get_by_role("region", name="Problems")
    await expect(problems.locator(".chip")).to_have_text("dead_rule")
    await expect(page.get_by_role("button", name="Publish to shadow…")).to_be_disabled()
    await expect(page.get_by_role("button", name="Save draft")).to_be_enabled()
    await problems.get_by_role("button", name="Line 1, column").click()
    await expect(text_of(page)).to_be_focused()


async def test_a_template_is_filled_in_and_becomes_a_draft(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    page = await log_in("finance_manager", "/policies/templates")
    await page.get_by_role("link", name="Agent payment cap").click()
    await expect(page.locator(".sentences")).to_contain_text("over $500")
    await page.get_by_label("Name of the policy").fill("agent-cap")
    amount = page.get_by_label("The most that one payment may be")
    await amount.fill("12.345")
    await expect(page.get_by_text("This is no amount in USD.")).to_be_visible()
    await amount.fill("1,250.50")
    await expect(page.locator(".sentences")).to_contain_text("over $1,250.50")
    await page.get_by_role("button", name="Use as draft").click()
    await expect(page).to_have_url(re.compile("/policies/drafts/pd_"))
    await expect(text_of(page)).to_contain_text("Policy agent-cap")
    draft = page.url.rpartition("/")[2]
    assert "125050" in (await api.get(f"/api/v1/policies/drafts/{draft}")).json()["yaml"]
    await api.delete(f"/api/v1/policies/drafts/{draft}")


async def test_who_may_not_write_policies_sees_no_buttons_and_is_told_by_address(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/policies/refunds-starter")
    await expect(page.locator(".sentences")).to_contain_text("Refunds over $150 require approval")
    for path in ("/policies/refunds-starter", "/policies", "/lists", "/replays"):
        await go(page, path)
        await expect(page.get_by_text("Your role may read policies").first).to_be_visible()
        await expect(page.locator("#content button:visible:not(.tab):not(.copy), #content a.button")).to_have_count(0)
    for path in ("/policies/drafts/new", "/new-list"):
        await go(page, path)
        await expect(page.get_by_text("Your role may read policies")).to_be_visible()
        await expect(page.get_by_role("textbox")).to_have_count(0)


@pytest.fixture
async def foreign_draft(stack: DevJson) -> str:
    """A draft of another organization, whose policy is called `foreign-policy`."""
    draft, organization = f"pd_{uuid.uuid4().hex}", f"org_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(stack.database_admin_url)
    try:
        await connection.execute(
            "INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Elsewhere', $2)",
            organization,
            datetime.now(UTC),
        )
        await connection.execute(
            "INSERT INTO policy_drafts (id, organization_id, slug, format, source, note, author_member_ids, revision, "
            "created_at, updated_at) VALUES ($1, $2, 'foreign-policy', 'plain', 'Refunds are denied.', '', "
            "ARRAY['mem_x'], 1, now(), now())",
            draft,
            organization,
        )
    finally:
        await connection.close()
    return draft


async def test_what_another_organization_has_is_not_there(log_in: OpenPage, foreign_draft: str) -> None:
    page = await log_in("admin")
    own = re.sub(r"(://[^/]+).*", r"\1", page.url)
    for path in (
        "/policies/foreign-policy",
        f"/policies/drafts/{foreign_draft}",
        "/policies/refunds-starter?v=99",
        "/policies/templates/nothing",
        "/lists/nothing",
        "/replays/rp_00000000000000000000000000",
    ):
        response = await page.goto(own + path)
        assert response is not None
        assert response.status == 404, path
        await expect(page.get_by_text(re.compile("^No such"))).to_be_visible()


async def test_a_retired_version_is_rolled_back_to_by_a_second_person(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    slug = f"rollback-{uuid.uuid4().hex[:8]}"
    body = {"text": f"Policy {slug} governs adjustments on stripe.\nAdjustments are denied.", "format": "plain"}
    draft = (await api.post("/api/v1/policies/drafts", json=body)).json()
    await api.post(f"/api/v1/policies/drafts/{draft['id']}/publish")
    author = await log_in("admin", f"/policies/{slug}")
    await author.get_by_role("button", name="Retire…").click()
    await author.get_by_role("dialog").get_by_role("button", name="Retire").click()
    await expect(author.locator(".version-title")).to_contain_text("Retired")
    await expect(author.get_by_role("button", name="Roll back to this…")).to_be_disabled()
    second = await log_in("controller", f"/policies/{slug}")
    await second.get_by_role("button", name="Roll back to this…").click()
    await second.get_by_role("dialog").get_by_role("button", name="Put v1 in force").click()
    await expect(author.locator(".version-title")).to_contain_text("Live")
    await expect(author.get_by_text("a second person has to take it out of force")).to_be_visible()
    await second.get_by_role("button", name="Retire…").click()
    await second.get_by_role("dialog").get_by_role("button", name="Retire").click()
    await expect(author.locator(".version-title")).to_contain_text("Retired")


async def test_a_phone_shows_policies_lists_and_replays_without_sideways_scrolling(log_in: OpenPage) -> None:
    page = await log_in("controller", "/policies", width=390)
    for path in (
        "/policies",
        "/policies/refunds-starter",
        "/policies/drafts/new",
        "/policies/templates",
        "/policies/templates/payouts-starter",
        "/lists",
        "/new-list",
        "/replays",
    ):
        await go(page, path)
        await expect(page.locator("main h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
