"""Authorizations of x402 payments over HTTP: what is read, what is refused, what is counted and what is told."""

import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from policies import pack

PAGE = Path(__file__).parents[2] / "docs" / "x402.md"
AUTHORIZATIONS = "/api/v1/authorizations"
BASE = "eip155:8453"
USDC_ON_BASE = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
USDC_ON_BASE_SEPOLIA = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
PAY_TO = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
SOME_TOKEN = "0x" + "aB" * 20

Body = Callable[..., dict[str, Any]]
Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def x402() -> Body:
    """A body of an agent nobody else's window counts."""

    def body(amount: Any = "1500000", asset: str = USDC_ON_BASE, network: str = BASE, **top: Any) -> dict[str, Any]:
        wanted = {"scheme": "exact", "network": network, "amount": amount, "asset": asset, "payTo": PAY_TO}
        wanted |= {"maxTimeoutSeconds": 60, "extra": {"name": "USD Coin", "version": "2"}}
        wanted |= top.pop("requirements", {})
        return {
            "rail": "x402",
            "rail_action": "payment",
            "initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}"},
            "payment_requirements": {name: value for name, value in wanted.items() if value is not None},
            "resource": {"url": "https://reader:secret@API.Example.com:8443/data?key=1#top", "mimeType": "text/csv"},
            "idempotency_key": uuid.uuid4().hex,
            **top,
        }

    return body


@pytest.fixture
async def starter(policies_of: Callable[[str], Awaitable[Any]], log_in: Any) -> AsyncIterator[None]:
    """The starter pack in force on a surface that enforces."""
    await policies_of(pack("x402-starter").replace("policy: x402-starter", f"policy: x402-{uuid.uuid4().hex[:8]}"))
    admin = await log_in("admin")
    surface = {"surface": "x402.payment", "mode": "test"}
    enforced = {**surface, "surface_mode": "enforce", "override_reason": "a test"}
    (await admin.put("/api/v1/surfaces", json=enforced)).raise_for_status()
    yield
    shadow = {**surface, "surface_mode": "shadow", "reason": "a test"}
    (await admin.put("/api/v1/surfaces", json=shadow)).raise_for_status()


async def told(backend: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await backend.post(AUTHORIZATIONS, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.usefixtures("starter")
async def test_a_payment_is_decided_by_what_its_server_asks_for(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, x402: Body
) -> None:
    allowed = await told(backend, x402())
    assert allowed["outcome"] == "allow"
    shown = (await admin_key.get(f"/api/v1/decisions/{allowed['decision_id']}")).json()
    asset = f"{BASE}/erc20:{USDC_ON_BASE.lower()}"
    assert (shown["amount_cents"], shown["currency"]) == (None, asset)
    assert shown["amount"] == {"units": "1500000", "asset": asset, "exponent": 6}
    assert shown["ovt"]["counterparty"]["id"] == PAY_TO.lower()
    assert shown["ovt"]["merchant"] == {"stripe_connection_id": None, "stripe_account_id": None}
    assert shown["ovt"]["context"]["extra"] == {
        "scheme": "exact",
        "network": BASE,
        "asset": "usdc",
        "resource_host": "api.example.com",
        "resource_url": "https://api.example.com:8443/data",
    }

    assert (await told(backend, x402("5000001")))["reason"] == "axiru.deny.x402_payment_cap_exceeded"
    elsewhere = x402(network="eip155:1", asset="0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
    assert (await told(backend, elsewhere))["reason"] == "axiru.deny.x402_network_not_allowed"
    # The token that is called USDC on Base Sepolia is another one on Base.
    other = x402(asset=USDC_ON_BASE_SEPOLIA)
    assert (await told(backend, other))["reason"] == "axiru.quarantine.x402_asset_not_known"
    solana = x402(
        network="solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
        asset="EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        requirements={"payTo": "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4"},
    )
    assert (await told(backend, solana))["outcome"] == "allow"


@pytest.mark.usefixtures("starter")
async def test_one_window_counts_usdc_on_every_network_and_up_to_counts_what_was_used(
    backend: httpx.AsyncClient, x402: Body
) -> None:
    agent = {"initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}"}}
    most = x402("5000000", requirements={"scheme": "upto"}, **agent)
    reserved = await told(backend, most)
    for _ in range(5):
        assert (await told(backend, x402("5000000", **agent)))["outcome"] == "allow"
        sepolia = x402("4000000", USDC_ON_BASE_SEPOLIA, "eip155:84532", **agent)
        assert (await told(backend, sepolia))["outcome"] == "allow"
    # 5 + 25 + 20 are the 50 USDC there are, until it is known that only 2 of the first 5 were used.
    full = await told(backend, x402("1", **agent))
    assert full["reason"] == "axiru.deny.x402_usdc_window_exceeded"

    token = f"{AUTHORIZATIONS}/{reserved['jti']}"
    assert (await backend.post(f"{token}/consume")).status_code == 200
    over = {"settlement": "settled", "amount_units": "5000001"}
    assert (await backend.post(f"{token}/settlement", json=over)).status_code == 400
    used = {"settlement": "settled", "amount_units": "2000000"}
    assert (await backend.post(f"{token}/settlement", json=used)).status_code == 200

    assert (await told(backend, x402("3000000", **agent)))["outcome"] == "allow"
    assert (await told(backend, x402("1", **agent)))["outcome"] == "deny"


@pytest.mark.usefixtures("starter")
async def test_amounts_of_any_size_are_decided_sealed_shown_and_approved(
    backend: httpx.AsyncClient, admin_key: httpx.AsyncClient, log_in: Any, x402: Body
) -> None:
    largest = str(2**256 - 1)
    agent = {"initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}"}}
    asked = await told(backend, x402(largest, SOME_TOKEN, **agent))
    await told(backend, x402(largest, SOME_TOKEN, **agent))  # its window holds the first one
    asset = f"{BASE}/erc20:{SOME_TOKEN.lower()}"
    amount = {"units": largest, "asset": asset, "exponent": 0}

    controller = await log_in("controller")
    approval = (await controller.get(f"/api/v1/approvals/{asked['approval_id']}")).json()
    assert (approval["diff"]["asked"]["amount"], approval["diff"]["asked"]["amount_cents"]) == (amount, None)
    shown = (await controller.get(f"/api/v1/decisions/{asked['decision_id']}")).json()
    assert shown["evaluation"]["facts"]["amount_cents"] == largest
    listed = (await admin_key.get("/api/v1/decisions", params={"limit": 50})).json()["items"]
    assert {"amount": amount, "amount_cents": None}.items() <= next(
        one for one in listed if one["decision_id"] == asked["decision_id"]
    ).items()

    vote = await controller.post(f"/api/v1/approvals/{asked['approval_id']}/approve", json={})
    assert vote.status_code == 200, vote.text
    given = (await backend.get(f"{AUTHORIZATIONS}/{asked['decision_id']}", params={"wait": 20})).json()
    assert given["outcome"] == "allow"
    assert (await backend.post(f"{AUTHORIZATIONS}/{given['jti']}/consume")).status_code == 200


async def test_the_guides_request_can_be_sent_as_it_is_printed(backend: httpx.AsyncClient) -> None:
    printed = re.search(r"-d '({.*?})'\n", PAGE.read_text(), re.DOTALL)
    assert printed is not None
    body = json.loads(printed[1]) | {"idempotency_key": uuid.uuid4().hex}
    assert (await told(backend, body))["decision_id"].startswith("ed_")


WRONG = {
    "cents": ({"amount_cents": 150}, "amount_cents", "not_allowed"),
    "currency": ({"currency": "usd"}, "currency", "not_allowed"),
    "nothing_wanted": ({"payment_requirements": None}, "payment_requirements", "wrong_type"),
    "list": ({"payment_requirements": []}, "payment_requirements", "wrong_type"),
    "receiver_twice": ({"counterparty": {"id": PAY_TO}}, "counterparty.id", "not_allowed"),
    "account": ({"stripe_account_id": "acct_1"}, "stripe_account_id", "not_allowed"),
    "connection": ({"stripe_connection_id": "sc_1"}, "stripe_connection_id", "not_allowed"),
    "fact_of_its_own": ({"context": {"network": BASE}}, "context.network", "not_allowed"),
    "host_of_its_own": ({"context": {"resource_host": "a.b"}}, "context.resource_host", "not_allowed"),
    "resource_path": ({"resource": {"url": "/data"}}, "resource.url", "malformed"),
    "resource_port": ({"resource": {"url": "https://a:99999/"}}, "resource.url", "malformed"),
    "resource_missing": ({"resource": {}}, "resource.url", "missing"),
    "action": ({"rail_action": "agent_payment"}, "rail_action", "not_allowed"),
}
WRONG_REQUIREMENTS = {
    "number": ({"amount": 1500000}, "amount", "wrong_type"),
    "zero": ({"amount": "0"}, "amount", "malformed"),
    "leading_zero": ({"amount": "01"}, "amount", "malformed"),
    "trailing_newline": ({"amount": "100\n"}, "amount", "malformed"),
    "sign": ({"amount": "-1"}, "amount", "malformed"),
    "decimals": ({"amount": "1.5"}, "amount", "malformed"),
    "hexadecimal": ({"amount": "0x10"}, "amount", "malformed"),
    "other_digits": ({"amount": "١٢"}, "amount", "malformed"),
    "line_feed": ({"amount": "1\n"}, "amount", "malformed"),
    "line_feed_in_scheme": ({"scheme": "exact\n"}, "scheme", "malformed"),
    "too_many_digits": ({"amount": "1" * 79}, "amount", "too_long"),
    "past_uint256": ({"amount": str(2**256)}, "amount", "out_of_range"),
    "empty": ({"amount": ""}, "amount", "malformed"),
    "missing": ({"amount": None}, "amount", "missing"),
    "name_of_asset": ({"asset": "USDC"}, "asset", "malformed"),
    "receiver_of_another_network": ({"payTo": "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4"}, "payTo", "malformed"),
    "role": ({"payTo": "merchant"}, "payTo", "malformed"),
    "name_of_network": ({"network": "base"}, "network", "malformed"),
    "chain_with_zero": ({"network": "eip155:08453"}, "network", "malformed"),
    "capitals": ({"network": "EIP155:8453"}, "network", "malformed"),
    "scheme": ({"scheme": "Exact"}, "scheme", "malformed"),
    "timeout": ({"maxTimeoutSeconds": -1}, "maxTimeoutSeconds", "out_of_range"),
    "version_1": ({"maxAmountRequired": "1500000"}, "maxAmountRequired", "not_allowed"),
    "resource_of_version_1": ({"resource": "https://a.example"}, "resource", "not_allowed"),
    "unknown": ({"amounts": "1"}, "amounts", "unknown_field"),
}


@pytest.mark.parametrize("wrong", [*WRONG, *(f"requirements.{name}" for name in WRONG_REQUIREMENTS)])
async def test_what_is_no_request_is_refused_by_field(backend: httpx.AsyncClient, x402: Body, wrong: str) -> None:
    part, _, name = wrong.rpartition(".")
    change, field, code = WRONG_REQUIREMENTS[name] if part else WRONG[name]
    body = x402()
    if part:
        kept = body["payment_requirements"] | change
        body["payment_requirements"] = {key: value for key, value in kept.items() if value is not None}
        field = f"payment_requirements.{field}"
    else:
        body |= change
    answer = await backend.post(AUTHORIZATIONS, json=body)
    assert answer.status_code == 400, answer.text
    assert {"field": field, "code": code}.items() <= next(
        error for error in answer.json()["field_errors"] if error["field"] == field
    ).items()
