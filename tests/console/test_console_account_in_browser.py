"""A person's own affairs in the console: their vote while they are away, Slack, mails, log-ins and password."""

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]
Decide = Callable[..., Awaitable[dict[str, Any]]]

PASSWORD = "correct horse battery"
OTHER_PASSWORD = "staple battery horse"


async def go(page: Page, path: str) -> None:
    await page.goto(re.sub(r"(://[^/]+).*", r"\1", page.url) + path)
    await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible()


async def invite(api: httpx.AsyncClient, *roles: str) -> dict[str, Any]:
    """A member and the link by which they set their password."""
    email = f"{uuid.uuid4().hex[:12]}@demo.example"
    body = {"email": email, "name": email.partition("@")[0], "roles": list(roles)}
    answer = await api.post("/api/v1/members", json=body)
    assert answer.status_code == 201, answer.text
    return {"email": email, "path": re.sub(r".*://[^/]+", "", answer.json()["password_link"])}


async def set_password(page: Page, password: str, again: str | None = None) -> None:
    await page.get_by_label("New password", exact=True).fill(password)
    await page.get_by_label("New password again").fill(password if again is None else again)
    await page.get_by_role("button", name="Set password").click()


async def log_in_with(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def newcomer(open_page: OpenPage, api: httpx.AsyncClient, *roles: str) -> tuple[Page, str]:
    """A page of a member who has just been let in, and their e-mail."""
    invited = await invite(api, *roles)
    page = await open_page(invited["path"])
    await set_password(page, PASSWORD)
    await expect(page.get_by_role("alert")).to_have_text("Your password is set. Log in with it.")
    await log_in_with(page, invited["email"], PASSWORD)
    await expect(page.get_by_role("status").filter(has_text="Connected")).to_be_visible()
    return page, invited["email"]


async def test_an_invitation_sets_a_password_once(open_page: OpenPage, api: httpx.AsyncClient) -> None:
    invited = await invite(api, "support")
    page = await open_page(invited["path"])
    await set_password(page, PASSWORD, again="something else entirely")
    await expect(page.get_by_role("alert")).to_contain_text("differ")
    await set_password(page, PASSWORD)
    await expect(page).to_have_url(re.compile("/login"))
    await log_in_with(page, invited["email"], PASSWORD)
    await expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
    again = await open_page(invited["path"])
    await set_password(again, OTHER_PASSWORD)
    await expect(again.get_by_role("alert")).to_contain_text("used already")


@pytest.mark.parametrize("address", ["/password", "/password?token=lt_nobodys"])
async def test_a_link_that_is_none_says_so(open_page: OpenPage, address: str) -> None:
    page = await open_page(address)
    if "token" in address:
        await set_password(page, PASSWORD)
    await expect(page.get_by_role("alert")).to_contain_text("Ask an admin for a new one")


async def test_a_form_from_another_site_sets_no_password(stack: DevJson, api: httpx.AsyncClient) -> None:
    invited = await invite(api, "support")
    token = invited["path"].partition("token=")[2]
    form = {"token": token, "password": PASSWORD, "again": PASSWORD}
    async with httpx.AsyncClient(base_url=stack.console_url) as http:
        answer = await http.post("/password", data=form, headers={"Sec-Fetch-Site": "cross-site"})
        assert "cross_site" in answer.headers["location"]
        large = await http.post("/password", data=form | {"again": "x" * 10_000})
        assert large.status_code == 413
    log_in = await api.post("/api/v1/sessions", json={"email": invited["email"], "password": PASSWORD})
    assert log_in.status_code == 401


async def test_a_password_is_changed_by_who_knows_it_and_other_log_ins_end(
    open_page: OpenPage, api: httpx.AsyncClient
) -> None:
    page, email = await newcomer(open_page, api, "support")
    elsewhere = await open_page("/login")
    await log_in_with(elsewhere, email, PASSWORD)
    await expect(elsewhere.get_by_role("heading", name="Decisions")).to_be_visible()
    await go(page, "/account")
    for current, password, again, told in (
        ("not mine at all", OTHER_PASSWORD, OTHER_PASSWORD, "does not match"),
        (PASSWORD, OTHER_PASSWORD, PASSWORD, "differ"),
        (PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD, "Your password is changed."),
    ):
        await page.get_by_label("Current password").fill(current)
        await page.get_by_label("New password", exact=True).fill(password)
        await page.get_by_label("New password again").fill(again)
        await page.get_by_role("button", name="Change password").click()
        await expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    later = await open_page("/", beside=elsewhere)
    await expect(later).to_have_url(re.compile("/login"))
    await log_in_with(later, email, OTHER_PASSWORD)
    await expect(later.get_by_role("heading", name="Decisions")).to_be_visible()


async def test_who_is_away_is_stood_in_for_until_they_end_it(
    open_page: OpenPage, log_in: OpenPage, decide: Decide, api: httpx.AsyncClient
) -> None:
    away, email = await newcomer(open_page, api, "controller")
    own = email.partition("@")[0]
    stand_in = await log_in("support")
    await go(away, "/account")
    panel = away.get_by_role("region", name="Out of office")
    await panel.get_by_role("button", name="Pass on your vote").click()
    await expect(panel.get_by_role("alert").filter(has_text="Choose who votes")).to_be_visible()
    members = panel.get_by_label("Who votes in your place").locator("option")
    await expect(members.filter(has_text="support").first).to_be_attached()
    names = await members.all_text_contents()
    assert not [name for name in names if "viewer" in name.lower() or name == own]
    name = next(name for name in names if name.lower() == "demo support")
    await panel.get_by_label("Who votes in your place").select_option(label=name)
    await panel.get_by_role("button", name="Pass on your vote").click()
    await expect(panel.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    await panel.get_by_label("Reason").fill("On holiday")
    await panel.get_by_role("button", name="Pass on your vote").click()
    await expect(panel).to_contain_text(f"{name} votes in your place")
    await expect(panel).to_contain_text("In force")

    decision = await decide(15_100, charge="ch_demo_001")
    await go(stand_in, "/approvals")
    await expect(stand_in.locator(f"#row-{decision['approval_id']}")).to_contain_text(f"For {own}")
    await go(stand_in, f"/decisions/{decision['decision_id']}")
    await expect(stand_in.locator(".vote-form")).to_contain_text(f"You vote in the place of {own}")
    await stand_in.get_by_role("button", name="Approve…").click()
    await stand_in.get_by_role("dialog").get_by_role("button", name="Approve $151.00 USD").click()
    await expect(stand_in.locator(".cast-vote")).to_contain_text(f"{name} for {own} approved")

    await panel.get_by_role("button", name="End…").click()
    await away.get_by_role("dialog").get_by_role("button", name="End").click()
    await expect(panel).to_contain_text("Nobody votes in your place")
    later = await decide(15_100, charge="ch_demo_002")
    await go(stand_in, f"/decisions/{later['decision_id']}")
    await expect(stand_in.get_by_role("button", name="Approve…")).to_be_disabled()


async def test_who_may_not_vote_for_others_has_no_seat_to_pass_on(log_in: OpenPage) -> None:
    page = await log_in("viewer")
    await go(page, "/account")
    await expect(page.get_by_role("region", name="Out of office")).to_contain_text("Nobody votes in your place")
    await expect(page.get_by_role("button", name="Pass on your vote")).to_have_count(0)


async def test_slack_is_tied_by_a_code_that_is_typed_there(log_in: OpenPage, stack: DevJson) -> None:
    finance = next(user for user in stack.users if "finance_manager" in user.roles)
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as http:
        credentials = {"email": finance.email, "password": finance.password}
        token = (await http.post("/api/v1/sessions", json=credentials)).raise_for_status().json()["token"]
        # Whoever was tied before is tied no more, 404 or not.
        await http.delete("/api/v1/slack/link", headers={"Authorization": f"Bearer {token}"})
    page = await log_in("finance_manager")
    await go(page, "/account")
    panel = page.get_by_role("region", name="Slack")
    await panel.get_by_role("button", name="Get a code").click()
    await expect(panel).to_contain_text(re.compile(r"/axiru link \S{6,}"))
    await expect(panel).to_contain_text("It works once")


async def test_whose_roles_do_not_vote_is_offered_nothing_to_pass_on(log_in: OpenPage) -> None:
    page = await log_in("support")
    await go(page, "/account")
    panel = page.get_by_role("region", name="Out of office")
    await expect(panel).to_contain_text("Your roles do not vote")
    await expect(panel.get_by_role("button", name="Pass on your vote")).to_have_count(0)


async def test_mails_are_turned_off_and_on(log_in: OpenPage) -> None:
    page = await log_in("support")
    await go(page, "/account")
    panel = page.get_by_role("region", name="E-mail")
    await panel.get_by_role("button", name="Turn off").click()
    await expect(panel.get_by_role("status")).to_have_text("Off")
    await page.reload()
    await expect(panel.get_by_role("status")).to_have_text("Off")
    await panel.get_by_role("button", name="Turn on").click()
    await expect(panel.get_by_role("status")).to_have_text("On")


async def test_a_log_in_that_one_does_not_know_is_ended(open_page: OpenPage, api: httpx.AsyncClient) -> None:
    page, email = await newcomer(open_page, api, "support")
    stranger = await open_page("/login")
    await log_in_with(stranger, email, PASSWORD)
    await expect(stranger.get_by_role("heading", name="Decisions")).to_be_visible()
    await go(page, "/account")
    panel = page.get_by_role("region", name="Log-ins")
    await expect(panel.locator("li")).to_have_count(2)
    await panel.get_by_role("button", name="End…").click()
    await page.get_by_role("dialog").get_by_role("button", name="End it").click()
    await expect(panel.locator("li")).to_have_count(1)
    await expect(await open_page("/", beside=stranger)).to_have_url(re.compile("/login"))
