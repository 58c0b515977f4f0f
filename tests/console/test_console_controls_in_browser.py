"""Holds, freezes, marks, circuit breakers and break-glass as people use them: a real browser, the whole product."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]
Decide = Callable[..., Awaitable[dict[str, object]]]

MARKUP = "<img/src=x/onerror=document.title='owned'>"
LONGER_THAN_CONTROLS_WAIT_SECONDS = 13


def in_force(page: Page, text: str) -> Locator:
    return page.get_by_role("region", name="In force").get_by_role("listitem").filter(has_text=text)


async def lift(page: Page, text: str, button: str = "Lift…", confirm: str = "Lift freeze") -> None:
    await in_force(page, text).get_by_role("button", name=button).click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("Looked into it")
    await page.get_by_role("dialog").get_by_role("button", name=confirm).click()
    await expect(in_force(page, text)).to_have_count(0)


async def settled_state(api: httpx.AsyncClient, decision: dict[str, object]) -> str:
    answer = await api.get(f"/api/v1/decisions/{decision['decision_id']}", params={"wait": 30})
    return str(answer.raise_for_status().json()["state"])


@asynccontextmanager
async def member(stack: DevJson, login: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API with a log-in of the demo user of this name."""
    user = next(user for user in stack.users if user.email.startswith(f"{login}@"))
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as client:
        answer = await client.post("/api/v1/sessions", json={"email": user.email, "password": user.password})
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"
        yield client


async def test_a_held_refund_takes_votes_and_is_executed_only_when_released(
    log_in: OpenPage, decide: Decide, api: httpx.AsyncClient, stack: DevJson
) -> None:
    waiting = await decide(16_100, charge="ch_demo_011")
    page = await log_in("controller", "/controls")
    await page.get_by_role("button", name="Hold a refund…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Refund").select_option(str(waiting["decision_id"]))
    await expect(dialog.get_by_label("Decision id")).to_be_hidden()
    await dialog.get_by_label("Reason").fill("The order may have arrived")
    await dialog.get_by_role("button", name="Hold it").click()
    row = in_force(page, str(waiting["decision_id"]))
    await expect(row).to_contain_text("The order may have arrived")
    async with member(stack, "controller2") as second:
        voted = await second.post(f"/api/v1/approvals/{waiting['approval_id']}/approve", json={"reason": "Checked"})
        assert voted.json()["approval_state"] == "approved", voted.text
    assert (await api.get(f"/api/v1/decisions/{waiting['decision_id']}")).json()["state"] == "held"
    await lift(page, str(waiting["decision_id"]), "Release…", "Release")
    assert await settled_state(api, waiting) == "executed"


async def test_a_hold_of_what_is_not_there_or_over_is_refused_in_words(log_in: OpenPage, decide: Decide) -> None:
    over = await decide(1_100, charge="ch_demo_011", execute="caller")
    page = await log_in("controller", f"/controls?hold={over['decision_id']}")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Decision id")).to_have_value(str(over["decision_id"]))
    await dialog.get_by_label("Reason").fill("Too late")
    await dialog.get_by_role("button", name="Hold it").click()
    await expect(dialog.get_by_role("alert").filter(has_text=re.compile(".+"))).to_be_visible()
    await dialog.get_by_label("Decision id").fill("ed_00000000000000000000000000")
    await dialog.get_by_role("button", name="Hold it").click()
    await expect(dialog.get_by_text("There is no such decision.")).to_be_visible()
    await expect(dialog.get_by_label("Reason")).to_have_value("Too late")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_a_freeze_stops_one_customer_and_what_is_being_typed_outlives_what_others_do(
    log_in: OpenPage, decide: Decide, api: httpx.AsyncClient
) -> None:
    customer, context = f"cus_{uuid.uuid4().hex[:10]}", {"customer_tenure_days": 412, "reason_code": "duplicate"}
    page, bystander = await log_in("controller", "/controls"), await log_in("viewer", "/controls")
    await page.get_by_role("button", name="Freeze…", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Freeze it").click()
    await expect(dialog.get_by_text("Name the customer as requests name it.")).to_be_visible()
    await dialog.get_by_label("Its id").fill(customer)
    await dialog.get_by_label("Reason").fill(f"Chargebacks {MARKUP}")
    other = f"cus_{uuid.uuid4().hex[:10]}"
    body = {"kind": "freeze", "scope": {"customer_id": other}, "mode": "test", "reason": "Meanwhile"}
    engaged = (await api.post("/api/v1/controls", json=body)).raise_for_status().json()
    await expect(in_force(page, other)).to_have_count(1)
    await expect(dialog.get_by_label("Reason")).to_have_value(f"Chargebacks {MARKUP}")
    await dialog.get_by_label("In force").select_option("3600")
    await dialog.get_by_role("button", name="Freeze it").click()
    await expect(in_force(page, customer)).to_contain_text("until")
    await expect(in_force(bystander, customer)).to_contain_text(MARKUP)
    await expect(bystander.get_by_role("button", name="Lift…")).to_have_count(0)
    assert await bystander.locator("img[src='x']").count() == 0
    refused = await decide(1_200, charge="ch_demo_011", context={**context, "customer_id": customer})
    assert (refused["outcome"], refused["reason"]) == ("denied", "customer_frozen")
    await lift(page, customer)
    allowed = await decide(1_200, charge="ch_demo_011", context={**context, "customer_id": customer})
    assert allowed["outcome"] == "allowed"
    (await api.request("DELETE", f"/api/v1/controls/{engaged['id']}", json={"reason": "Over"})).raise_for_status()
    await expect(in_force(page, other)).to_have_count(0)


async def test_calls_already_sent_to_stripe_are_listed_when_a_freeze_comes_too_late(
    log_in: OpenPage, decide: Decide, stack: DevJson, api: httpx.AsyncClient
) -> None:
    page = await log_in("controller", "/controls")
    async with httpx.AsyncClient(
        base_url=stack.stripe_api_base, headers={"Authorization": "Bearer sk_test_x"}
    ) as stripe:
        seconds = LONGER_THAN_CONTROLS_WAIT_SECONDS
        fault = {"kind": "delay_before_seconds", "path": "/v1/refunds", "seconds": seconds}
        (await stripe.post("/_sandbox/faults", json=fault)).raise_for_status()
        calling = await decide(1_250, charge="ch_demo_012", source="late_source")
        for _ in range(200):
            asked = (await stripe.get("/_sandbox/requests", params={"path": "/v1/refunds"})).json()["data"]
            if any(request["params"].get("charge") == "ch_demo_012" for request in asked):
                break
    await page.get_by_role("button", name="Freeze…", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("What").select_option("source")
    await dialog.get_by_label("Its id").fill("late_source")
    await dialog.get_by_label("Reason").fill("The agent repeats itself")
    await dialog.get_by_role("button", name="Freeze it").click()
    row = in_force(page, "late_source")
    await expect(row.get_by_text("1 under way when it took effect")).to_be_visible(timeout=40_000)
    await expect(row.get_by_role("link", name=str(calling["decision_id"]))).to_be_visible()
    await lift(page, "late_source")
    assert await settled_state(api, calling) == "executed"


async def test_a_mark_is_shown_until_it_is_removed_and_the_history_can_be_searched(log_in: OpenPage) -> None:
    account = f"acct_{uuid.uuid4().hex[:12]}"
    page = await log_in("finance_manager", "/controls")
    await page.get_by_role("button", name="Mark an account…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Connected account").fill(account)
    await dialog.get_by_label("Reason").fill("New owner")
    await dialog.get_by_role("button", name="Mark it").click()
    await expect(in_force(page, account)).to_be_visible()
    await lift(page, account, confirm="Remove mark")
    history = page.get_by_role("region", name="History")
    await history.get_by_role("button", name="Marks").click()
    await history.get_by_role("searchbox").fill(f"{account} looked")
    await expect(page).to_have_url(re.compile(f"q={account}"))
    await expect(history.locator("tbody tr")).to_have_count(1)
    await page.reload()
    await expect(history.locator("tbody tr")).to_have_count(1)
    await history.get_by_role("button", name="Kill switch").click()
    await expect(history.get_by_text("No control is like that")).to_be_visible()


async def test_a_breaker_proposes_a_freeze_with_its_numbers_and_a_person_answers(
    log_in: OpenPage, decide: Decide, api: httpx.AsyncClient
) -> None:
    source = f"spike-{uuid.uuid4().hex[:8]}"
    page = await log_in("controller", "/controls")
    await page.get_by_role("button", name="New breaker…").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill(f"Spike of {source}")
    await form.get_by_label("From one source only").fill(source)
    await form.get_by_label("Too much, in % of usual").fill("90")
    await form.get_by_label("And at least").fill("2")
    await form.get_by_role("button", name="Arm it").click()
    await expect(form.get_by_text("A whole number over 100.")).to_be_visible()
    await form.get_by_label("Too much, in % of usual").fill("200")
    await form.get_by_role("button", name="Arm it").click()
    row = page.get_by_role("region", name="Circuit breakers").get_by_role("listitem").filter(has_text=source)
    await expect(row).to_contain_text("more than 200 % of what is usual over 7 days, and at least 2 requests")
    for _ in range(3):
        await decide(1_150, charge="ch_demo_013", source=source, execute="caller")
    proposal = page.get_by_role("region", name=f"Proposed freeze of source {source}")
    await expect(proposal.locator(".figures")).to_contain_text(
        re.compile("Observed[23] requestsUsual0 requestsTrips at2 requests")
    )
    await proposal.get_by_role("button", name="Accept the freeze…").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("Somebody retries in a loop")
    await page.get_by_role("dialog").get_by_role("button", name="Freeze it").click()
    await expect(proposal).to_have_count(0)
    await expect(in_force(page, source)).to_contain_text("Somebody retries in a loop")
    refused = await decide(1_150, charge="ch_demo_013", source=source, execute="caller")
    assert refused["reason"] == "source_frozen"
    await lift(page, source)
    breaker = page.get_by_role("region", name="Circuit breakers").get_by_role("listitem").filter(has_text="it proposes")
    await breaker.filter(has_text=source).get_by_role("button", name="Retire…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Retire it").click()
    await expect(breaker.filter(has_text=source)).to_have_count(0)
    breakers = (await api.get("/api/v1/breakers")).json()["items"]
    assert next(each for each in breakers if each["source"] == source)["retired_at"] is not None


async def test_break_glass_is_confirmed_by_a_second_person_who_sees_what_it_is_about(
    log_in: OpenPage, decide: Decide, api: httpx.AsyncClient, stack: DevJson
) -> None:
    waiting = await decide(17_300, charge="ch_demo_014")
    page = await log_in("controller", "/controls")
    async with member(stack, "controller2") as first:
        shown = (await first.get(f"/api/v1/approvals/{waiting['approval_id']}")).raise_for_status().json()
        body = {"reason": "The customer waits at the desk", "digest": shown["digest"]}
        opened = await first.post(f"/api/v1/approvals/{waiting['approval_id']}/break-glass", json=body)
        opened.raise_for_status()
    request = page.get_by_role("region", name="Break-glass request").filter(has_text=str(waiting["decision_id"]))
    await expect(request).to_contain_text("$173.00 USD")
    await expect(request).to_contain_text("The customer waits at the desk")
    await request.get_by_role("button", name="Confirm…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("$173.00 USD, ch_demo_014")
    await page.get_by_role("dialog").get_by_role("button", name="Approve it").click()
    await expect(request).to_have_count(0)
    assert await settled_state(api, waiting) == "executed"


async def test_only_admins_choose_how_glass_may_be_broken(log_in: OpenPage, api: httpx.AsyncClient) -> None:
    page, controller = await log_in("admin", "/controls"), await log_in("controller", "/controls")
    panel = page.get_by_role("region", name="Break-glass", exact=True)
    mode = panel.locator(".panel-body strong")
    await expect(mode).to_have_text("Two people together")
    await expect(controller.get_by_role("region", name="Break-glass", exact=True).get_by_role("button")).to_have_count(
        0
    )
    try:
        await panel.get_by_role("button", name="Change…").click()
        await page.get_by_role("dialog").get_by_label("Who may go past").select_option("off")
        await expect(page.get_by_role("dialog")).to_contain_text("Nobody gets past quorum and roles")
        await page.get_by_role("dialog").get_by_role("button", name="Set it").click()
        await expect(mode).to_have_text("Off")
        assert (await api.get("/api/v1/organization")).json()["break_glass"] == "off"
    finally:
        (await api.put("/api/v1/organization", json={"break_glass": "two_people"})).raise_for_status()


async def test_a_viewer_sees_every_switch_and_can_use_none(log_in: OpenPage) -> None:
    page = await log_in("viewer", "/controls")
    for name in ("Hold a refund…", "Freeze…", "Engage kill switch…", "Mark an account…"):
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    await expect(page.get_by_role("button", name="New breaker…")).to_have_count(0)
