"""Whose mandates are taken, and what a mandate says on the page of a decision; a real browser, a real stack."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from ap2_wallet import Key, Mandated, Wallet
from playwright.async_api import Locator, Page, expect

from axiru.dev.dev_json import DevJson

OpenPage = Callable[..., Awaitable[Page]]
ISSUERS = "/api/v1/ap2-issuers"
MARKUP = "<img/src=x/onerror=document.title='owned'>"
BUDGET = {"type": "payment.budget", "currency": "USD", "max": 500}
MONTHLY = {"type": "payment.agent_recurrence", "frequency": "MONTHLY", "max_occurrences": 12}
RANGE = {"type": "payment.amount_range", "currency": "USD", "max": 20_000}


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_text(name, exact=True))


@pytest.fixture
async def wallet(api: httpx.AsyncClient) -> AsyncIterator[Wallet]:
    made = Wallet()
    told = {"issuer": made.name, "name": f"Provider {made.name[-20:]}", "jwk": made.issuer.public}
    issuer = (await api.post(ISSUERS, json=told)).raise_for_status().json()
    yield made
    (await api.delete(f"{ISSUERS}/{issuer['id']}")).raise_for_status()


async def paid(api: httpx.AsyncClient, stack: DevJson, mandated: Mandated, account: str | None = None) -> str:
    """The page of a payment that was asked for under this mandate."""
    asked = {
        "rail": "ap2",
        "rail_action": "payment",
        "amount_cents": 10_000,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}", "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": account} if account else {},
        "idempotency_key": uuid.uuid4().hex,
        **mandated.shown(),
    }
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    answer = await api.post("/api/v1/authorizations", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return f"/decisions/{answer.json()['decision_id']}"


async def test_an_admin_trusts_an_issuer_by_its_key_and_takes_that_back_with_a_reason(
    log_in: OpenPage, api: httpx.AsyncClient
) -> None:
    key, name = Key(), f"Provider {uuid.uuid4().hex[:8]} {MARKUP}"
    page = await log_in("admin", "/agents")
    await page.get_by_role("link", name="AP2 issuers").click()
    await page.get_by_role("button", name="Trust an issuer…").click()
    dialog = page.get_by_role("dialog")
    confirm = dialog.get_by_role("button", name="Trust it")
    await confirm.click()
    await expect(dialog.get_by_text("A name that people here know them by.")).to_be_visible()
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_label("Issuer", exact=True).fill("https://provider.example")
    for pasted, why in (
        (json.dumps({**key.public, "d": "A" * 43}), "This is a private key"),
        (json.dumps({**key.public, "x": "A" * 43}), "This is no point on P-256"),
    ):
        await dialog.get_by_label("Public key").fill(pasted)
        await confirm.click()
        await expect(dialog.get_by_text(why)).to_be_visible()
        # Nobody else is to find a private key where it was pasted.
        await expect(dialog.get_by_label("Public key")).to_have_value("" if "private" in why else pasted)
    await dialog.get_by_label("Public key").fill(json.dumps({"keys": [{**key.public, "key_ops": ["verify"]}]}))
    await confirm.click()
    row = row_of(page, name)
    await expect(row).to_contain_text("https://provider.example")
    told = next(one for one in (await api.get(ISSUERS)).json()["items"] if one["jwk"]["x"] == key.public["x"])
    await expect(row).to_contain_text(told["thumbprint"])
    await row.get_by_role("button", name="Remove…").click()
    await dialog.get_by_role("button", name="Remove it").click()
    await expect(dialog.get_by_text("Say why")).to_be_visible()
    await dialog.get_by_label("Reason").fill("Its key leaked.")
    await dialog.get_by_role("button", name="Remove it").click()
    removed = page.get_by_role("region", name="Removed issuers")
    await removed.get_by_text("Removed: ").click()
    await expect(removed.get_by_role("listitem").filter(has_text=name)).to_contain_text("Its key leaked.")
    assert await page.locator("img[src='x']").count() == 0


async def test_who_may_not_say_whose_mandates_are_taken_is_told_who_may(log_in: OpenPage, wallet: Wallet) -> None:
    page = await log_in("controller", "/ap2-issuers")
    await expect(page.get_by_text("Admins say whose mandates are taken.")).to_be_visible()
    await expect(page.get_by_role("region", name="Trusted issuers")).to_contain_text(wallet.name)
    await expect(page.get_by_role("button", name="Remove…")).to_have_count(0)
    await expect(page.get_by_role("button", name="Trust an issuer…")).to_have_count(0)


async def test_a_decision_tells_what_the_mandate_says_apart_from_what_the_agent_says(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson, wallet: Wallet
) -> None:
    mandated = Mandated(wallet, RANGE, BUDGET, MONTHLY, sub="user_7")
    page = await log_in("viewer", await paid(api, stack, mandated, account="acct_1Elsewhere"))
    part = page.get_by_role("region", name="The user's mandate")
    for told in ("Covers this payment", wallet.name, "user_7", "Demo Merchant", "12 at most, one a month", "$500.00"):
        await expect(part).to_contain_text(told)
    await expect(part).not_to_contain_text("acct_1Elsewhere")
    await expect(page.locator(".decision-head")).to_contain_text("merchant_1")
    account = page.locator("dl > div").filter(has_text="Into account")
    await expect(account).to_contain_text("acct_1Elsewhere the agent's word: the mandate names no account")


async def test_a_decision_names_what_its_mandate_says_and_nobody_here_can_check(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson, wallet: Wallet
) -> None:
    unknown = {**RANGE, f"per_day {MARKUP}": 1}
    page = await log_in("viewer", await paid(api, stack, Mandated(wallet, unknown)))
    part = page.get_by_role("region", name="The user's mandate")
    await expect(part).to_contain_text("Does not cover this payment")
    await expect(part).to_contain_text('The constraint payment.amount_range says "per_day <img/')
    await expect(part).not_to_contain_text("Demo Merchant")
    assert await page.locator("img[src='x']").count() == 0


async def test_a_phone_shows_issuers_and_mandates_without_sideways_scrolling(
    log_in: OpenPage, api: httpx.AsyncClient, stack: DevJson, wallet: Wallet
) -> None:
    shown: dict[str, Any] = {
        "/ap2-issuers": ("region", "Trusted issuers"),
        await paid(api, stack, Mandated(wallet, RANGE, sub="u" * 255), "acct_1Demo"): ("region", "The user's mandate"),
    }
    for path, (role, name) in shown.items():
        page = await log_in("admin", path, width=390)
        await expect(page.get_by_role(role, name=name)).to_be_visible()
        await expect(page.get_by_role("main")).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
