"""What is decided is what would move: account, currency and numbers mean the same at every step."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


async def test_refund_in_another_currency_than_its_charge_is_refused(caller: httpx.AsyncClient, refund: Refund) -> None:
    body = refund(14_000, intent={"charge": "ch_demo_007", "currency": "jpy"}, execute="axiru")

    answer = await caller.post("/api/v1/decisions", json=body)

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["field_errors"]] == [
        ("intent.currency", "currency_mismatch")
    ]


async def test_freeze_of_an_account_binds_whoever_leaves_the_account_out(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    controller = await log_in("controller")
    before = refund(1_000)
    assert (await caller.post("/api/v1/decisions", json=before)).json()["outcome"] == "allowed"
    frozen = {"kind": "freeze", "scope": {"stripe_account_id": "acct_demo"}, "mode": "test", "reason": "a test"}
    control = (await controller.post("/api/v1/controls", json=frozen)).raise_for_status().json()
    try:
        for body in (refund(1_000), before):
            told = (await caller.post("/api/v1/decisions", json=body)).json()
            assert (told["outcome"], told["reason"]) == ("denied", "merchant_frozen")
    finally:
        await controller.request("DELETE", f"/api/v1/controls/{control['id']}", json={"reason": "over"})


@pytest.mark.parametrize("number", ["1e16", "1e22", "12345678901234567.5", "-9007199254740993.0"])
async def test_number_that_would_not_be_read_back_as_it_was_sent_is_refused(
    caller: httpx.AsyncClient, refund: Refund, number: str
) -> None:
    body = httpx.Request("POST", "http://x", json=refund(context={"x": 0})).content.replace(
        b'"x":0', f'"x":{number}'.encode()
    )

    answer = await caller.post("/api/v1/decisions", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_json")


async def test_reason_code_is_compared_without_case_or_blanks(caller: httpx.AsyncClient, refund: Refund) -> None:
    for spelling in ("fraudulent", "Fraudulent", " FRAUDULENT "):
        told = (await caller.post("/api/v1/decisions", json=refund(context={"reason_code": spelling}))).json()
        assert told["matched_rule_id"] == "suspected_fraud_review", spelling


async def test_landing_body_without_currency_takes_that_of_the_connection_it_names(
    stack: DevJson, http: httpx.AsyncClient
) -> None:
    database = await asyncpg.connect(stack.database_admin_url)
    set_currency = "UPDATE stripe_connections SET default_currency = $1 WHERE id = 'stripe_conn_abc123'"
    await database.execute(set_currency, "eur")
    body = {
        "org_api_key": stack.api_keys["decisions"],
        "amount_cents": 14_000,
        "reason": "duplicate_charge",
        "stripe_connection_id": "stripe_conn_abc123",
    }
    told = (await http.post("/api/decision", json=body)).json()["decision"]
    unknown = await http.post("/api/decision", json={**body, "stripe_connection_id": "stripe_conn_dem0"})
    await database.execute(set_currency, "usd")
    await database.close()

    assert told["reason_code"] == "currency_not_covered"
    assert [error["field"] for error in unknown.json()["field_errors"]] == ["currency"]
