"""Approvals as people decide them together: the inbox, the decision page, what they say and do around a vote."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]
Decide = Callable[..., Awaitable[dict[str, Any]]]

MARKUP = "<img src=x onerror=\"document.title='owned'\">"


def row_of(page: Page, decision: dict[str, Any]) -> Locator:
    return page.locator(f"#row-{decision['approval_id']}")


async def go(page: Page, path: str) -> None:
    await page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + path)
    await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible()


async def open_decision(page: Page, decision: dict[str, Any]) -> None:
    await go(page, f"/decisions/{decision['decision_id']}")
    await expect(page.locator(".decision-head")).to_be_visible()


async def second_controller(open_page: OpenPage, stack: DevJson, path: str = "/") -> Page:
    user = [user for user in stack.users if "controller" in user.roles][1]
    page = await open_page(path)
    await page.get_by_label("E-mail").fill(user.email)
    await page.get_by_label("Password").fill(user.password)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible()
    return page


async def deny_elsewhere(stack: DevJson, decision: dict[str, Any]) -> None:
    user = [user for user in stack.users if "controller" in user.roles][1]
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as http:
        credentials = {"email": user.email, "password": user.password}
        token = (await http.post("/api/v1/sessions", json=credentials)).raise_for_status().json()["token"]
        vote = f"/api/v1/approvals/{decision['approval_id']}/deny"
        headers = {"Authorization": f"Bearer {token}"}
        (await http.post(vote, json={"reason": "Not this one."}, headers=headers)).raise_for_status()


async def state(api: httpx.AsyncClient, decision: dict[str, Any]) -> str:
    answer = await api.get(f"/api/v1/decisions/{decision['decision_id']}", params={"wait": "10"})
    found: str = answer.raise_for_status().json()["state"]
    return found


async def test_what_waits_for_one_appears_by_itself_and_is_counted_on_every_page(
    log_in: OpenPage, decide: Decide
) -> None:
    page, elsewhere = await log_in("controller", "/approvals"), await log_in("controller", "/policies")
    await page.evaluate("window.loadedOnce = true")
    decision = await decide(15_100, charge="ch_demo_011")
    row = row_of(page, decision)
    await expect(row).to_contain_text("$151.00 USD")
    await expect(row).to_contain_text("Refunds over $150 require approval")
    await expect(row).to_contain_text("1 controller")
    await expect(row).to_contain_text("23 h 59 min")
    await expect(elsewhere.locator(".places .count")).not_to_be_empty()
    assert await page.evaluate("window.loadedOnce"), "the page was loaded again"


async def test_several_are_answered_at_once_and_each_is_told_for_itself(
    log_in: OpenPage, decide: Decide, stack: DevJson, api: httpx.AsyncClient
) -> None:
    kept, lost = await decide(15_200, charge="ch_demo_012"), await decide(15_300, charge="ch_demo_012")
    page = await log_in("controller", "/approvals?tab=open")
    for decision in (kept, lost):
        await row_of(page, decision).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Selected approvals")
    await expect(bar).to_contain_text("2 selected, $305.00 USD")
    await bar.get_by_label("Reason").fill("Checked against the orders.")
    await bar.get_by_role("button", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("ch_demo_012")
    await deny_elsewhere(stack, lost)
    await dialog.get_by_role("button", name="Approve 2").click()
    results = page.locator(".bulk-results")
    await expect(results).to_contain_text("1 vote counted, 1 refused")
    await expect(results.locator("li").filter(has_text="$153.00 USD")).to_contain_text("Not counted")
    await expect(results.locator("li").filter(has_text="$152.00 USD")).to_contain_text("Approved")
    await expect(row_of(page, kept)).to_have_count(0)
    assert (await state(api, kept), await state(api, lost)) == ("executed", "denied")
    voted = (await api.get(f"/api/v1/approvals/{kept['approval_id']}")).json()["votes"]
    assert [vote["reason"] for vote in voted] == ["Checked against the orders."]
    await go(page, "/approvals?tab=decided")
    await expect(row_of(page, kept)).to_contain_text("Approved")
    await expect(row_of(page, lost)).to_contain_text("Denied")


async def test_whoever_approves_several_is_told_what_stripe_says_against_one(log_in: OpenPage, decide: Decide) -> None:
    decision = await decide(
        15_450, charge="ch_demo_013", context={"customer_id": "cus_other", "customer_tenure_days": 9}
    )
    page = await log_in("controller", "/approvals?tab=open")
    row, sentence = row_of(page, decision), "On Stripe this payment belongs to cus_demo_013, not to cus_other."
    await expect(row).to_contain_text("Check payment")
    await row.get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Selected approvals")
    await bar.get_by_role("button", name="Deny…").click()
    await expect(bar.get_by_role("alert")).to_contain_text("Say why")
    await bar.get_by_role("button", name="Approve…").click()
    await expect(page.get_by_role("dialog")).to_contain_text(sentence)
    await expect(bar.get_by_role("alert")).to_have_count(0)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()


async def test_denying_several_needs_a_reason(log_in: OpenPage, decide: Decide, api: httpx.AsyncClient) -> None:
    decision = await decide(15_400, charge="ch_demo_013")
    page = await log_in("controller", "/approvals")
    await row_of(page, decision).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Selected approvals")
    await bar.get_by_role("button", name="Deny…").click()
    await expect(bar.get_by_role("alert")).to_contain_text("Say why")
    await bar.get_by_label("Reason").fill("Delivered.")
    await bar.get_by_role("button", name="Deny…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Deny 1").click()
    await expect(page.locator(".bulk-results")).to_contain_text("1 vote counted")
    assert await state(api, decision) == "denied"


async def test_what_one_may_not_vote_on_cannot_be_selected_and_says_why(log_in: OpenPage, decide: Decide) -> None:
    decision = await decide(9_000, charge="ch_demo_014", context={"reason_code": "fraudulent"})
    page = await log_in("controller", "/approvals?tab=open")
    row = row_of(page, decision)
    await expect(row).to_contain_text("1 finance manager")
    await expect(row.get_by_role("checkbox")).to_be_disabled()
    await expect(row.locator(".pick")).to_have_attribute("title", re.compile("finance"))
    await go(page, "/approvals")
    await expect(page.locator(".inbox-tabs [aria-current]")).to_have_text("Mine")
    await expect(row_of(page, decision)).to_have_count(0)


async def test_a_selection_and_a_reason_survive_what_happens_meanwhile(
    log_in: OpenPage, decide: Decide, stack: DevJson
) -> None:
    stays, goes = await decide(15_500, charge="ch_demo_015"), await decide(15_600, charge="ch_demo_015")
    page = await log_in("controller", "/approvals")
    for decision in (stays, goes):
        await row_of(page, decision).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Selected approvals")
    await bar.get_by_label("Reason").fill("Half a senten")
    arrived = await decide(15_700, charge="ch_demo_015")
    await deny_elsewhere(stack, goes)
    await expect(row_of(page, arrived)).to_be_visible()
    await expect(row_of(page, goes)).to_have_count(0)
    await expect(bar).to_contain_text("1 selected, $155.00 USD")
    await expect(row_of(page, stays).get_by_role("checkbox")).to_be_checked()
    await expect(bar.get_by_label("Reason")).to_have_value("Half a senten")


async def test_the_keyboard_selects_and_opens(log_in: OpenPage, decide: Decide) -> None:
    await decide(15_800, charge="ch_demo_016")
    page = await log_in("controller", "/approvals")
    await expect(page.locator(".inbox tbody tr").first).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator(".inbox tbody tr").first.get_by_role("checkbox")).to_be_checked()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/decisions/ed_"))


async def test_a_voter_sees_the_payment_as_stripe_has_it_and_what_the_customer_had_before(
    log_in: OpenPage, decide: Decide
) -> None:
    customer = {"customer_id": "cus_seen_before", "customer_tenure_days": 40, "reason_code": "duplicate"}
    earlier = await decide(5_000, charge="ch_demo_017", context=customer)
    assert earlier["outcome"] == "allowed"
    page = await log_in("controller")
    await open_decision(page, earlier)
    await expect(page.locator(".decision-head .badge").first).to_have_text("Executed")
    decision = await decide(36_000, charge="ch_demo_017", context=customer)
    await open_decision(page, decision)
    payment = page.locator(".context .panel").first
    await expect(payment).to_contain_text("$350.00 USD")
    await expect(payment).to_contain_text("of $400.00 USD can still be refunded")
    await expect(page.locator(".decision-head .flag").first).to_contain_text("$10.00 USD more than is left")
    customer_panel = page.locator(".context .panel").last
    await expect(customer_panel).to_contain_text("1 let through, $50.00 USD")
    await expect(customer_panel.get_by_role("link", name="$50.00 USD")).to_have_attribute(
        "href", f"/decisions/{earlier['decision_id']}"
    )


async def test_a_question_waits_for_its_answer_where_everybody_sees_it(log_in: OpenPage, decide: Decide) -> None:
    decision = await decide(15_900, charge="ch_demo_018")
    asker, helper, inbox = await log_in("controller"), await log_in("support"), await log_in("controller")
    await go(inbox, "/approvals")
    await open_decision(asker, decision)
    await open_decision(helper, decision)
    await helper.get_by_label("Your words").fill("Half a senten")
    await expect(helper.get_by_role("button", name="Ask for information")).to_be_hidden()
    await asker.get_by_label("Your words").fill(f"Which order was it? {MARKUP}")
    await asker.get_by_role("button", name="Ask for information").click()
    await expect(helper.locator(".comment")).to_contain_text(f"Which order was it? {MARKUP}")
    await expect(helper.get_by_label("Your words")).to_have_value("Half a senten")
    await expect(row_of(inbox, decision)).to_contain_text("Question open")
    await helper.get_by_label("Your words").fill("Order 48213, sent twice.")
    await helper.get_by_role("button", name="Answer").click()
    await expect(asker.locator(".comment-answer")).to_contain_text("Order 48213, sent twice.")
    await expect(helper.get_by_label("Your words")).to_have_value("")
    await expect(row_of(inbox, decision)).not_to_contain_text("Question open")
    assert await asker.locator("img[src='x']").count() == 0


async def test_who_may_only_read_is_told_so_in_the_discussion(log_in: OpenPage, decide: Decide) -> None:
    decision = await decide(16_100, charge="ch_demo_018")
    page = await log_in("viewer")
    await open_decision(page, decision)
    await expect(page.locator(".discussion")).to_contain_text("Your role may read the discussion")
    for absent in ("Comment", "Hold…", "Assign…", "Break glass…"):
        await expect(page.get_by_role("button", name=absent)).to_be_hidden()


async def test_what_is_assigned_is_found_by_whom_it_was_assigned_to(
    log_in: OpenPage, open_page: OpenPage, decide: Decide, stack: DevJson
) -> None:
    decision = await decide(16_200, charge="ch_demo_019")
    page = await log_in("controller")
    await open_decision(page, decision)
    await page.get_by_role("button", name="Assign…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Member")).to_be_visible()
    names = await dialog.get_by_label("Member").locator("option").all_text_contents()
    assert not [name for name in names if "viewer" in name.lower()]
    other = next(name for name in names if "controller" in name.lower() and "2" in name)
    await dialog.get_by_label("Member").select_option(label=other)
    await dialog.get_by_role("button", name="Assign").click()
    await expect(page.locator(".assignment")).to_contain_text(f"Assigned to {other}")
    colleague = await second_controller(open_page, stack, "/approvals?tab=assigned")
    await go(colleague, "/approvals?tab=assigned")
    await expect(row_of(colleague, decision)).to_contain_text(f"Assigned to {other}")


async def test_what_is_held_is_not_executed_when_approved_and_goes_on_when_released(
    log_in: OpenPage, decide: Decide, api: httpx.AsyncClient
) -> None:
    decision = await decide(16_300, charge="ch_demo_020")
    page = await log_in("controller")
    await open_decision(page, decision)
    await page.get_by_role("button", name="Hold…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Hold").click()
    await expect(dialog.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    await dialog.get_by_label("Reason").fill("Waiting for the bank.")
    await dialog.get_by_role("button", name="Hold").click()
    held = page.locator(".held")
    await expect(held).to_contain_text("Waiting for the bank.")
    await expect(held).to_contain_text("Held by")
    await expect(page.get_by_role("button", name="Hold…")).to_be_hidden()
    await page.get_by_role("button", name="Approve…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("nothing is executed before somebody releases it")
    await expect(page.get_by_role("dialog")).not_to_contain_text("without money moving")
    await page.get_by_role("dialog").get_by_role("button", name="Approve $").click()
    await expect(page.locator(".vote")).to_contain_text("Approved")
    await expect(page.locator(".decision-head .badge").first).to_have_text("Held")
    await page.get_by_role("button", name="Release…").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("The bank has answered.")
    await page.get_by_role("dialog").get_by_role("button", name="Release").click()
    await expect(page.locator(".decision-head .badge").first).to_have_text("Executed")
    await expect(held).to_be_hidden()
    assert await state(api, decision) == "executed"


async def test_the_glass_is_broken_by_two_who_are_both_named(
    log_in: OpenPage, open_page: OpenPage, decide: Decide, stack: DevJson, api: httpx.AsyncClient
) -> None:
    decision = await decide(9_100, charge="ch_demo_019", context={"reason_code": "fraudulent"})
    first, second = await log_in("controller"), await second_controller(open_page, stack)
    await open_decision(first, decision)
    await open_decision(second, decision)
    await expect(first.get_by_role("button", name="Approve…")).to_be_disabled()
    await first.get_by_text("Break glass, in an emergency").click()
    await first.get_by_role("button", name="Break glass…").click()
    dialog = first.get_by_role("dialog")
    await dialog.get_by_role("button", name="Break glass").click()
    await expect(dialog.get_by_role("alert").filter(has_text="Say what the emergency is")).to_be_visible()
    await dialog.get_by_label("Reason").fill("The only finance manager is on a plane.")
    await dialog.get_by_role("button", name="Break glass").click()
    await expect(first.locator(".glass")).to_contain_text("You have asked to break the glass")
    await expect(first.get_by_role("button", name="Confirm…")).to_have_count(0)
    assert (await api.get(f"/api/v1/decisions/{decision['decision_id']}")).json()["state"] == "pending_approval"
    await expect(second.locator(".glass")).to_contain_text("The only finance manager is on a plane.")
    await second.get_by_role("button", name="Confirm…").click()
    await second.get_by_role("dialog").get_by_role("button", name="Approve $91.00 USD").click()
    await expect(second.locator(".vote")).to_contain_text("The glass was broken by")
    await expect(first.locator(".vote")).to_contain_text("confirmed by")
    assert await state(api, decision) == "executed"


async def test_who_may_not_break_the_glass_is_not_shown_how(log_in: OpenPage, decide: Decide) -> None:
    decision = await decide(16_400, charge="ch_demo_019")
    for role in ("finance_manager", "admin"):
        page = await log_in(role)
        await open_decision(page, decision)
        await expect(page.locator(".vote")).to_be_visible()
        await expect(page.get_by_text("Break glass, in an emergency")).to_be_hidden()


async def test_a_phone_shows_the_inbox_and_a_decision_without_sideways_scrolling(
    log_in: OpenPage, decide: Decide
) -> None:
    decision = await decide(16_500, charge="ch_demo_020")
    page = await log_in("controller", width=390)
    for path in ("/approvals", "/approvals?tab=decided", f"/decisions/{decision['decision_id']}", "/account"):
        await go(page, path)
        await expect(page.locator("main h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
