"""Members and keys as admins manage them: a real browser, the whole product behind it."""

import re
import uuid
from collections.abc import Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson
from axiru.settings import Settings

OpenPage = Callable[..., Awaitable[Page]]

MARKUP = "<img/src=x/onerror=document.title='owned'>"
PASSWORD = "correct horse battery"


def person(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="People").get_by_role("listitem").filter(has_text=name)


async def invite(page: Page, name: str, *roles: str) -> str:
    """Invite somebody on the page of members, and return the link that is shown."""
    await page.get_by_role("button", name="Invite someone…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("E-mail").fill(f"{uuid.uuid4().hex[:12]}@demo.example")
    await dialog.get_by_label("Name").fill(name)
    for role in roles:
        await dialog.get_by_role("checkbox", name=role).check()
    await dialog.get_by_role("button", name="Invite and show the link").click()
    return await page.get_by_role("region", name=f"A link for {name}").locator("code").inner_text()


async def test_an_invited_person_sets_a_password_by_a_link_shown_once(log_in: OpenPage, stack: DevJson) -> None:
    name = f"Ana {uuid.uuid4().hex[:6]}"
    page = await log_in("admin", "/members")
    link = await invite(page, name, "Controller")
    assert link.startswith(stack.console_url)
    await expect(page.get_by_role("region", name=f"A link for {name}")).to_be_focused()
    await expect(person(page, name)).to_contain_text("Invited")
    await page.get_by_role("button", name="I have it").click()
    await expect(page.get_by_text(link)).to_have_count(0)
    token = re.split(r"[/=#]", link)[-1]
    async with httpx.AsyncClient(base_url=stack.api_url) as http:
        set_by_link = await http.post("/api/v1/password", json={"token": token, "password": PASSWORD})
        assert set_by_link.status_code == 204, set_by_link.text
        again = await http.post("/api/v1/password", json={"token": token, "password": PASSWORD})
        assert again.status_code >= 400
        email = (await person(page, name).locator(".facts").inner_text()).split()[0]
        logged_in = await http.post("/api/v1/sessions", json={"email": email, "password": PASSWORD})
    assert logged_in.json()["member"]["roles"] == ["controller"]


async def test_faulty_invitations_are_refused_beside_their_fields_and_keep_what_was_typed(log_in: OpenPage) -> None:
    page = await log_in("admin", "/members")
    await page.get_by_role("button", name="Invite someone…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("E-mail").fill("nobody")
    await dialog.get_by_role("button", name="Invite and show the link").click()
    await expect(dialog.get_by_text("An address, such as ana@example.com.")).to_be_visible()
    await dialog.get_by_label("E-mail").fill("admin@demo.example")
    await dialog.get_by_label("Name").fill(MARKUP)
    await dialog.get_by_role("button", name="Invite and show the link").click()
    await expect(dialog.get_by_text("One role at least")).to_be_visible()
    await dialog.get_by_role("checkbox", name="Viewer").check()
    await dialog.get_by_role("button", name="Invite and show the link").click()
    await expect(dialog.locator(".refusal")).to_have_text(re.compile(".+"))
    await expect(dialog.get_by_label("Name")).to_have_value(MARKUP)


async def test_roles_change_and_somebody_is_disabled_and_let_in_again(log_in: OpenPage, stack: DevJson) -> None:
    name = f"Ben {uuid.uuid4().hex[:6]} {MARKUP}"
    page = await log_in("admin", "/members")
    await invite(page, name, "Viewer")
    await person(page, name).get_by_role("button", name="Change…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("checkbox", name="Viewer").uncheck()
    await dialog.get_by_role("checkbox", name="Finance manager").check()
    await dialog.get_by_role("button", name="Change", exact=True).click()
    await expect(person(page, name).locator(".facts")).to_contain_text("Finance manager")
    await person(page, name).get_by_role("button", name="Disable…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("They are logged out at once")
    await page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    await expect(person(page, name)).to_contain_text("Disabled")
    await person(page, name).get_by_role("button", name="Enable…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    await expect(person(page, name).get_by_role("button", name="Disable…")).to_be_visible()
    assert await page.locator("img[src='x']").count() == 0


async def test_a_locked_out_member_is_shown_and_unlocked(
    log_in: OpenPage, stack: DevJson, api: httpx.AsyncClient
) -> None:
    name = f"Cleo {uuid.uuid4().hex[:6]}"
    page = await log_in("admin", "/members")
    token = re.split(r"[/=#]", await invite(page, name, "Viewer"))[-1]
    email = (await person(page, name).locator(".facts").inner_text()).split()[0]
    async with httpx.AsyncClient(base_url=stack.api_url) as http:
        (await http.post("/api/v1/password", json={"token": token, "password": PASSWORD})).raise_for_status()
        for _ in range(Settings().login_failures):
            wrong = await http.post("/api/v1/sessions", json={"email": email, "password": "not the password"})
            assert wrong.status_code == 401, wrong.text
    await page.reload()
    await expect(person(page, name)).to_contain_text("Locked out")
    await person(page, name).get_by_role("button", name="Unlock…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Unlock").click()
    await expect(person(page, name).get_by_text("Locked out")).to_have_count(0)
    told = (await api.get("/api/v1/members")).json()["items"]
    assert next(each for each in told if each["name"] == name)["locked_until"] is None


async def test_nobody_changes_their_own_roles_or_disables_themselves(log_in: OpenPage) -> None:
    page = await log_in("admin", "/members")
    own = person(page, "Demo admin")
    await expect(own.get_by_role("button", name="Disable…")).to_have_count(0)
    await own.get_by_role("button", name="Change…").click()
    await expect(page.get_by_role("dialog").get_by_text("Nobody changes their own roles")).to_be_visible()
    await expect(page.get_by_role("dialog").get_by_role("checkbox")).to_have_count(0)


@pytest.mark.parametrize("role", ["viewer", "controller"])
async def test_who_does_not_manage_members_sees_names_and_roles_alone(log_in: OpenPage, role: str) -> None:
    page = await log_in(role, "/members")
    await expect(person(page, "Demo finance")).to_contain_text("Finance manager")
    await expect(page.get_by_role("region", name="People").get_by_role("button")).to_have_count(0)
    await expect(page.get_by_text("finance@demo.example")).to_have_count(0)
    await page.goto(page.url.replace("/members", "/keys"))
    await expect(page.get_by_text("Your role may not see keys.")).to_be_visible()
    await expect(page.get_by_role("button", name="New key…")).to_have_count(0)


async def test_a_key_is_shown_once_works_and_is_refused_once_revoked(log_in: OpenPage, stack: DevJson) -> None:
    name = f"Refund agent {uuid.uuid4().hex[:6]}"
    page = await log_in("admin", "/keys")
    await page.get_by_role("button", name="New key…").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill(name)
    await form.get_by_role("checkbox", name="Vote on approvals").check()
    await form.get_by_label("Acts for").select_option(label="Demo controller")
    await form.get_by_role("button", name="Make the key").click()
    await expect(form.get_by_text("only for yourself")).to_be_visible()
    await form.get_by_role("checkbox", name="Vote on approvals").uncheck()
    await form.get_by_label("Requests a minute").fill("many")
    await form.get_by_role("button", name="Make the key").click()
    await expect(form.get_by_text("A whole number from 1 to 1,000,000.")).to_be_visible()
    await form.get_by_label("Requests a minute").fill("1,200")
    await form.get_by_role("button", name="Make the key").click()
    secret = await page.get_by_role("region", name=f"The key {name}").locator("code").inner_text()
    row = page.get_by_role("region", name="Keys in use").get_by_role("listitem").filter(has_text=name)
    await expect(row).to_contain_text("acts for Demo controller")
    await expect(row).to_contain_text("1,200 requests a minute")
    await expect(row).to_contain_text("never used")
    async with httpx.AsyncClient(base_url=stack.api_url, headers={"Authorization": f"Bearer {secret}"}) as http:
        assert (await http.get("/api/v1/decisions")).status_code == 200
        await page.reload()
        await expect(page.get_by_text(secret)).to_have_count(0)
        await expect(row).to_contain_text("last used")
        await row.get_by_role("button", name="Revoke…").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
        await expect(row).to_have_count(0)
        assert (await http.get("/api/v1/decisions")).status_code == 401
    await page.get_by_text(re.compile("Revoked and expired")).click()
    old = page.get_by_role("region", name="Keys out of use").get_by_role("listitem").filter(has_text=name)
    await expect(old).to_contain_text("revoked by Demo admin")


@pytest.mark.parametrize("path", ["/controls", "/members", "/keys", "/integrations"])
async def test_a_phone_needs_no_sideways_scrolling(log_in: OpenPage, path: str) -> None:
    page = await log_in("admin", path, width=390)
    await expect(page.locator("main h1")).to_be_visible()
    await expect(page.get_by_role("region").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
