"""The console as people use it: a real browser, the whole product behind it."""

import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from axiru.dev import dev_json
from axiru.dev.dev_json import DevJson

APPEARS_MILLISECONDS = 1_000
OpenPage = Callable[..., Awaitable[Page]]
Decide = Callable[..., Awaitable[dict[str, Any]]]

MARKUP = "<img src=x onerror=\"document.title='owned'\">"


def row_of(page: Page, decision: dict[str, Any]) -> Locator:
    return page.locator(f"#row-{decision['decision_id']}")


def state_of(page: Page) -> Locator:
    return page.locator(".decision-head .badge").first


async def open_decision(page: Page, decision: dict[str, Any]) -> None:
    await page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + f"/decisions/{decision['decision_id']}")
    await expect(page.locator(".decision-head")).to_be_visible()


async def test_a_new_refund_appears_is_approved_and_is_executed_once(
    log_in: OpenPage, decide: Decide, api: httpx.AsyncClient
) -> None:
    page = await log_in("controller")
    await page.evaluate("window.loadedOnce = true")
    decision = await decide(charge="ch_demo_001")
    await expect(row_of(page, decision)).to_contain_text("Needs approval", timeout=APPEARS_MILLISECONDS)
    await expect(row_of(page, decision)).to_contain_text("$160.00 USD")
    assert await page.evaluate("window.loadedOnce"), "the page was loaded again"

    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"/decisions/{decision['decision_id']}$"))
    await page.evaluate("window.loadedOnce = true")
    await page.get_by_role("button", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("$160.00 USD")
    await expect(dialog).to_contain_text("ch_demo_001")
    await dialog.get_by_role("button", name="Approve $160.00 USD").dblclick()
    await expect(state_of(page)).to_have_text("Executed")
    assert await page.evaluate("window.loadedOnce"), "the page was loaded again"
    await expect(page.locator(".timeline li").last).to_contain_text("Executed on Stripe: re_")
    sealed = (await api.get(f"/api/v1/decisions/{decision['decision_id']}")).json()
    assert sealed["state"] == "executed"
    assert [vote["door"] for vote in sealed["approval"]["votes"]] == ["console"]
    assert [entry["kind"] for entry in sealed["ledger"]].count("vote") == 1
    assert sealed["execution"]["stripe_object_id"].startswith("re_")


async def test_denying_needs_a_reason_and_tells_it(log_in: OpenPage, decide: Decide, api: httpx.AsyncClient) -> None:
    page = await log_in("controller")
    decision = await decide(charge="ch_demo_002")
    await open_decision(page, decision)
    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    await expect(page.get_by_label("Reason")).to_be_focused()
    assert (await api.get(f"/api/v1/decisions/{decision['decision_id']}")).json()["state"] == "pending_approval"
    await page.get_by_label("Reason").fill("The customer kept the goods.")
    await page.get_by_role("button", name="Deny").click()
    await expect(state_of(page)).to_have_text("Denied")
    await expect(page.locator(".cast-vote")).to_contain_text("The customer kept the goods.")
    await expect(page.get_by_role("button", name="Approve…")).to_be_hidden()


async def test_a_vote_cast_elsewhere_is_shown_and_a_late_click_is_refused_in_the_apis_words(
    log_in: OpenPage, decide: Decide
) -> None:
    first, second = await log_in("controller"), await log_in("controller")
    decision = await decide(charge="ch_demo_003")
    await open_decision(first, decision)
    await open_decision(second, decision)
    await second.get_by_role("button", name="Approve…").click()
    await first.get_by_label("Reason").fill("No.")
    await first.get_by_role("button", name="Deny").click()
    await expect(state_of(first)).to_have_text("Denied")
    await expect(state_of(second)).to_have_text("Denied")
    await second.get_by_role("dialog").get_by_role("button", name="Approve $").click()
    await expect(second.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    await expect(state_of(second)).to_have_text("Denied")


async def test_a_reason_being_typed_survives_what_happens_meanwhile(log_in: OpenPage, decide: Decide) -> None:
    page = await log_in("controller")
    decision = await decide(charge="ch_demo_004")
    await open_decision(page, decision)
    await page.get_by_label("Reason").fill("Half a senten")
    other = await log_in("controller")
    await engage_and_lift(other)
    await expect(page.locator(".banner")).to_have_count(0)
    await expect(page.get_by_label("Reason")).to_have_value("Half a senten")


async def test_who_may_not_vote_is_told_why(log_in: OpenPage, decide: Decide) -> None:
    decision = await decide(charge="ch_demo_005")
    for role, why in (("viewer", "controller"), ("admin", "you or your key asked for")):
        page = await log_in(role)
        await open_decision(page, decision)
        await expect(page.get_by_role("button", name="Approve…")).to_be_disabled()
        await expect(page.get_by_role("button", name="Deny")).to_be_disabled()
        await expect(page.locator(".vote-form")).to_contain_text(why)


async def test_what_a_caller_wrote_is_text_everywhere(log_in: OpenPage, decide: Decide) -> None:
    page = await log_in("controller")
    decision = await decide(
        charge="ch_demo_006",
        source=MARKUP,
        context={"customer_id": MARKUP, "reason_code": MARKUP},
        metadata={"Amount": "$0.01", "note": MARKUP},
    )
    await expect(row_of(page, decision)).to_contain_text(MARKUP)
    await open_decision(page, decision)
    await expect(page.locator(".said-by-caller")).to_contain_text(MARKUP)
    await expect(page.locator(".said-by-caller")).to_contain_text("$0.01")
    await page.get_by_label("Reason").fill(MARKUP)
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator(".cast-vote")).to_contain_text(MARKUP)
    assert await page.locator("img[src='x']").count() == 0
    assert await page.title() == "Decision · Axiru"


async def test_the_keyboard_moves_searches_and_explains_itself(log_in: OpenPage, decide: Decide) -> None:
    page = await log_in("viewer")
    older, newer = await decide(1_000, charge="ch_demo_007"), await decide(1_100, charge="ch_demo_007")
    await expect(row_of(page, newer)).to_be_visible()
    await page.keyboard.press("j")
    await expect(row_of(page, newer)).to_have_class(re.compile("row-selected"))
    await page.keyboard.press("ArrowDown")
    await expect(row_of(page, older)).to_have_class(re.compile("row-selected"))
    await page.keyboard.press("k")
    await expect(row_of(page, newer)).to_have_class(re.compile("row-selected"))
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await page.keyboard.type(str(older["decision_id"]))
    await expect(page.locator(".decisions tbody tr")).to_have_count(1)
    await expect(row_of(page, older)).to_be_visible()
    await expect(page).to_have_url(re.compile(f"q={older['decision_id']}"))


async def test_filters_show_one_state_and_survive_a_reload(log_in: OpenPage, decide: Decide) -> None:
    page = await log_in("viewer")
    waiting, allowed = await decide(charge="ch_demo_008"), await decide(1_200, charge="ch_demo_008")
    await expect(row_of(page, allowed)).to_be_visible()
    await page.get_by_role("button", name="Needs approval").click()
    await expect(row_of(page, allowed)).to_have_count(0)
    await expect(row_of(page, waiting)).to_be_visible()
    await page.reload()
    await expect(row_of(page, waiting)).to_be_visible()
    await expect(page.get_by_role("button", name="Needs approval")).to_have_attribute("aria-pressed", "true")


async def engage_and_lift(page: Page) -> None:
    await page.get_by_role("link", name="Controls").first.click()
    await page.get_by_role("button", name="Engage kill switch…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("Rehearsal")
    await dialog.get_by_role("button", name="Stop money movement").click()
    await expect(page.locator(".banner")).to_be_visible()
    await page.get_by_role("listitem").filter(has_text="Kill switch").get_by_role("button", name="Lift…").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("Rehearsed")
    await page.get_by_role("dialog").get_by_role("button", name="Lift kill switch").click()
    await expect(page.locator(".banner")).to_have_count(0)


async def test_a_kill_switch_of_the_other_mode_shows_on_a_page_that_is_open_too(
    log_in: OpenPage, stack: DevJson
) -> None:
    bystander = await log_in("viewer")
    user = next(user for user in stack.users if "controller" in user.roles)
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as http:
        credentials = {"email": user.email, "password": user.password}
        token = (await http.post("/api/v1/sessions", json=credentials)).raise_for_status().json()["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        body = {"kind": "kill_switch", "scope": {}, "mode": "live", "reason": "Rehearsal in live mode"}
        engaged = (await http.post("/api/v1/controls", json=body)).raise_for_status().json()
        try:
            await expect(bystander.locator(".banner")).to_contain_text("Kill switch engaged for live mode")
        finally:
            path = f"/api/v1/controls/{engaged['id']}"
            (await http.request("DELETE", path, json={"reason": "Rehearsed"})).raise_for_status()
    await expect(bystander.locator(".banner")).to_have_count(0)


async def test_the_kill_switch_needs_a_reason_stops_money_and_shows_on_every_page(
    log_in: OpenPage, decide: Decide
) -> None:
    waiting = await decide(charge="ch_demo_009")
    page, bystander = await log_in("controller", "/controls"), await log_in("viewer")
    await open_decision(bystander, waiting)
    forbidden = bystander.locator(".decision-head").get_by_text("this will not be executed")
    await expect(forbidden).to_have_count(0)
    await page.get_by_role("button", name="Engage kill switch…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Stop money movement").click()
    await expect(dialog.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    await dialog.get_by_label("Reason").fill("Duplicates seen")
    await dialog.get_by_role("button", name="Stop money movement").click()
    try:
        await expect(page.locator(".banner")).to_contain_text("Duplicates seen")
        await expect(bystander.locator(".banner")).to_contain_text("Kill switch engaged")
        await expect(forbidden).to_have_text("The kill switch is engaged: this will not be executed.")
        await open_decision(page, waiting)
        await page.get_by_role("button", name="Approve…").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Approved now, it ends without money moving.")
        await page.goto(page.url.split("/decisions")[0] + "/controls")
        refused = await decide(1_300, charge="ch_demo_009")
        assert (refused["outcome"], refused["reason"]) == ("denied", "kill_switch_engaged")
    finally:
        await page.get_by_role("listitem").filter(has_text="Kill switch").get_by_role("button", name="Lift…").click()
        await page.get_by_role("dialog").get_by_label("Reason").fill("Found and fixed")
        await page.get_by_role("dialog").get_by_role("button", name="Lift kill switch").click()
        await expect(page.locator(".banner")).to_have_count(0)
    await expect(bystander.locator(".banner")).to_have_count(0)
    await expect(forbidden).to_have_count(0)
    await expect(page.locator(".history")).to_contain_text("Found and fixed")
    assert (await decide(1_300, charge="ch_demo_009"))["outcome"] == "allowed"


async def test_who_may_not_use_controls_sees_them_disabled_and_why(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/controls")
    await expect(page.get_by_role("button", name="Engage kill switch…")).to_be_disabled()
    await expect(page.get_by_text("Your role may look at controls, not use them.")).to_be_visible()


async def test_a_wrong_password_is_told_and_leads_nowhere(open_page: OpenPage, stack: DevJson) -> None:
    page = await open_page("/controls")
    await expect(page).to_have_url(re.compile(r"/login\?then=/controls$"))
    await page.get_by_label("E-mail").fill(stack.users[0].email)
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not match an account")


@pytest.mark.parametrize(
    "then", ["//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example", "javascript:1"]
)
async def test_a_log_in_never_leads_to_another_site(stack: DevJson, then: str) -> None:
    form = {"email": stack.users[0].email, "password": stack.users[0].password, "then": then}
    async with httpx.AsyncClient(base_url=stack.console_url) as http:
        assert "elsewhere.example" not in (await http.get("/login", params={"then": then})).text
        answer = await http.post("/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_log_in_leads_to_the_page_that_was_wanted(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/controls", fresh=True)
    await expect(page.get_by_role("heading", name="Controls")).to_be_visible()


async def test_logging_out_sends_every_page_of_the_log_in_away_and_ends_it_for_good(
    log_in: OpenPage, open_page: OpenPage
) -> None:
    page = await log_in("viewer", fresh=True)
    other = await open_page("/controls", beside=page)
    await expect(other.get_by_role("heading", name="Controls")).to_be_visible()
    (cookie,) = [cookie for cookie in await page.context.cookies() if cookie["name"] == "axiru_console"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("alert")).to_have_text("You are logged out.")
    await expect(other).to_have_url(re.compile(r"/login\?note=left"))
    await page.context.add_cookies([{**cookie, "url": page.url, "path": None, "domain": None}])
    await page.goto(other.url.split("/login")[0] + "/")
    await expect(page.get_by_role("heading", name="Log in to Axiru")).to_be_visible()


@pytest.mark.parametrize("path", ["/decisions/ed_00000000000000000000000000", "/nowhere"])
async def test_what_is_not_there_is_said_calmly(log_in: OpenPage, path: str) -> None:
    page = await log_in("viewer")
    response = await page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + path)
    assert response is not None
    assert response.status == 404
    await expect(page.get_by_text(re.compile("No such decision|Nothing is here"))).to_be_visible()


async def test_a_phone_sees_rows_as_cards_without_sideways_scrolling(log_in: OpenPage, decide: Decide) -> None:
    page = await log_in("controller", width=390)
    decision = await decide(charge="ch_demo_010", context={"customer_tenure_days": 412, "customer_id": "cus_phone"})
    await expect(row_of(page, decision)).to_contain_text("Needs approval")
    await expect(row_of(page, decision).get_by_text("cus_phone")).to_be_visible()
    for path in ("/", f"/decisions/{decision['decision_id']}", "/controls"):
        await page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + path)
        await expect(page.locator("main h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_while_the_api_is_away_the_page_says_so_and_comes_back_by_itself(
    log_in: OpenPage, decide: Decide, stack: DevJson
) -> None:
    page = await log_in("viewer")
    await page.evaluate("window.loadedOnce = true")
    for pid in dev_json.read(Path(stack.home) / "dev.json").pids.api or []:
        os.kill(pid, signal.SIGKILL)
    await expect(page.get_by_text("what you see may be out of date")).to_be_visible()
    # The stack starts the API again; the page is told nothing and must find out.
    await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible(timeout=90_000)
    await expect(page.get_by_text("what you see may be out of date")).to_be_hidden()
    decision = await decide(1_400, charge="ch_demo_010")
    await expect(row_of(page, decision)).to_be_visible()
    assert await page.evaluate("window.loadedOnce"), "the page was loaded again"
