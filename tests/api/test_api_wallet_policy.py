"""`POST /webhooks/wallet-policy/{id}`: a wallet asks before it signs; all that is not allowed is denied."""

import copy
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from policies import pack

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
USDC_ON_BASE = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
PAY_TO = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
TRANSFER = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]
DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


def typed_data(value: Any = "1500000", asset: str = USDC_ON_BASE, **message: Any) -> dict[str, Any]:
    """What x402's `exact` signs on an EVM chain (EIP-3009), as a wallet is given it."""
    return {
        "types": {"EIP712Domain": DOMAIN, "TransferWithAuthorization": TRANSFER},
        "primaryType": "TransferWithAuthorization",
        "domain": {"name": "USD Coin", "version": "2", "chainId": 8453, "verifyingContract": asset},
        "message": {
            "from": "0x" + "11" * 20,
            "to": PAY_TO,
            "value": value,
            "validAfter": "0",
            "validBefore": str(int(time.time()) + 60),
            "nonce": "0x" + uuid.uuid4().hex * 2,
            **message,
        },
    }


def requirements(amount: str = "1500000", asset: str = USDC_ON_BASE) -> dict[str, Any]:
    wanted = {"scheme": "exact", "network": "eip155:8453", "amount": amount, "asset": asset, "payTo": PAY_TO}
    return {**wanted, "maxTimeoutSeconds": 60, "extra": {}}


class Wallet:
    """A wallet that has a policy's secret and asks before it signs."""

    def __init__(self, http: httpx.AsyncClient, policy: dict[str, Any]) -> None:
        self.http, self.policy = http, policy

    async def ask(
        self, body: Any, *, message_id: str | None = None, at: datetime | None = None, **headers: str
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        message_id, at = message_id or f"msg_{uuid.uuid4().hex}", at or datetime.now(UTC)
        sent = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self.policy["secret"]).sign(message_id, at, raw.decode()),
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await self.http.post(f"/webhooks/wallet-policy/{self.policy['id']}", content=raw, headers=sent)

    async def told(self, body: Any, **named: Any) -> dict[str, Any]:
        answer = await self.ask(body, **named)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def wallet(
    http: httpx.AsyncClient, log_in: LogIn, let_in: Any, policies_of: Callable[[str], Awaitable[Any]]
) -> AsyncIterator[Wallet]:
    """A wallet of a registered agent, under the starter pack on a surface that enforces."""
    await policies_of(pack("x402-starter").replace("policy: x402-starter", f"policy: x402-{uuid.uuid4().hex[:8]}"))
    admin = await log_in("admin")
    enforced = {"surface": "x402.payment", "mode": "test", "surface_mode": "enforce", "override_reason": "a test"}
    (await admin.put("/api/v1/surfaces", json=enforced)).raise_for_status()
    agent_id = f"agent_{uuid.uuid4().hex}"
    owner = await let_in("agent_owner")
    registered = {"agent_id": agent_id, "name": "Reader", "scopes": ["payments:write"], "owner_member_id": owner.id}
    made = await admin.post("/api/v1/agents", json=registered)
    assert made.status_code == 201, made.text
    body = {"name": "Reader's wallet", "agent": agent_id, "mode": "test"}
    policy = await admin.post("/api/v1/wallet-policies", json=body)
    assert policy.status_code == 201, policy.text
    yield Wallet(http, policy.json() | {"agent_id": agent_id})
    await admin.delete(f"/api/v1/wallet-policies/{policy.json()['id']}")
    shadow = {"surface": "x402.payment", "mode": "test", "surface_mode": "shadow", "reason": "a test"}
    (await admin.put("/api/v1/surfaces", json=shadow)).raise_for_status()


async def test_a_wallet_is_told_whether_to_sign(
    wallet: Wallet, backend: httpx.AsyncClient, admin_key: httpx.AsyncClient
) -> None:
    allowed = await wallet.told({"typed_data": typed_data()})
    assert (allowed["decision"], allowed["reason"]) == ("allow", "axiru.allow.default_allow")
    shown = (await admin_key.get(f"/api/v1/decisions/{allowed['decision_id']}")).json()
    assert (shown["initiator_id"], shown["amount"]["units"]) == (wallet.policy["agent_id"], "1500000")
    assert shown["amount"]["asset"] == f"eip155:8453/erc20:{USDC_ON_BASE.lower()}"
    assert shown["ovt"]["counterparty"]["id"] == PAY_TO.lower()
    assert shown["ovt"]["initiator"]["scopes"] == ["payments:write"]
    # The token is used by then, and what came of it is reported as of any other.
    again = await backend.post(f"/api/v1/authorizations/{allowed['jti']}/consume")
    assert (again.status_code, again.json()["error"]) == (409, "conflict")
    settled = await backend.post(f"/api/v1/authorizations/{allowed['jti']}/settlement", json={"settlement": "settled"})
    assert settled.status_code == 200

    by_privy = {**typed_data(hex(1_500_000)), "primary_type": "TransferWithAuthorization"}
    del by_privy["primaryType"], by_privy["types"]["EIP712Domain"]
    by_privy["domain"]["chainId"] = "0x2105"
    passed_on = {"method": "eth_signTypedData_v4", "params": {"typed_data": by_privy}}
    assert (await wallet.told(passed_on))["decision"] == "allow"
    resource = {"url": "https://api.example.com/data"}
    wanted = {"payment_requirements": requirements(), "resource": resource}
    assert (await wallet.told(wanted))["decision"] == "allow"

    too_much = await wallet.told({"typed_data": typed_data("5000001")})
    assert (too_much["decision"], too_much["reason"]) == ("deny", "axiru.deny.x402_payment_cap_exceeded")


async def test_what_people_are_asked_about_is_denied_until_they_have_approved(wallet: Wallet, log_in: LogIn) -> None:
    body = {"typed_data": typed_data("7", "0x" + "ab" * 20)}
    first = await wallet.told(body)
    assert (first["decision"], first["reason"]) == ("deny", "axiru.quarantine.x402_asset_not_known")
    controller = await log_in("controller")
    vote = await controller.post(f"/api/v1/approvals/{first['approval_id']}/approve", json={})
    assert vote.status_code == 200, vote.text
    later = await wallet.told(body)
    assert (later["decision"], later["decision_id"]) == ("allow", first["decision_id"])
    assert (await wallet.told(body))["decision"] == "deny", "one approval is one signature"


async def test_a_message_that_comes_again_gets_the_first_answer_and_counts_once(wallet: Wallet) -> None:
    wanted = {"payment_requirements": requirements("5000000")}
    answers = [await wallet.told(wanted, message_id="msg_once") for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["decision"] == "allow"
    other = await wallet.ask({"payment_requirements": requirements("1")}, message_id="msg_once")
    assert (other.status_code, other.json()["error"]) == (409, "conflict")
    for _ in range(9):
        assert (await wallet.told(wanted))["decision"] == "allow"
    assert (await wallet.told(wanted))["reason"] == "axiru.deny.x402_usdc_window_exceeded"


async def test_only_the_policys_own_secret_signs_and_not_for_long(
    wallet: Wallet, http: httpx.AsyncClient, log_in: LogIn
) -> None:
    body = {"typed_data": typed_data()}
    stranger = Wallet(http, {**wallet.policy, "secret": "whsec_" + "QUFB" * 8})
    elsewhere = Wallet(http, {**wallet.policy, "id": "wp_00000000000000000000000000"})
    now = datetime.now(UTC)
    refused = [
        await stranger.ask(body),
        await elsewhere.ask(body),
        await wallet.ask(body, at=now - timedelta(minutes=6)),
        await wallet.ask(body, at=now + timedelta(minutes=6)),
        await wallet.ask(body, webhook_id="msg_of_another"),
        await wallet.ask(body, webhook_signature=""),
        await http.post(f"/webhooks/wallet-policy/{wallet.policy['id']}", json=body),
    ]
    assert {(each.status_code, each.json()["error"]) for each in refused} == {(401, "invalid_signature")}
    assert len({each.json()["message"] for each in refused}) == 1

    admin = await log_in("admin")
    assert (await admin.delete(f"/api/v1/wallet-policies/{wallet.policy['id']}")).status_code == 204
    assert (await wallet.ask(body)).status_code == 401
    listed = (await admin.get("/api/v1/wallet-policies")).json()["items"]
    ended = next(one for one in listed if one["id"] == wallet.policy["id"])
    assert ended["revoked_at"] is not None
    assert "secret" not in ended


def changed(*path: str, value: Any = None) -> dict[str, Any]:
    """Typed data with one place changed, or left out."""
    data = copy.deepcopy(typed_data())
    place: Any = data
    for name in path[:-1]:
        place = place[name]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


NOT_UNDERSTOOD: dict[str, Callable[[], Any]] = {
    "nothing": lambda: {},
    "a list": lambda: [],
    "request_id": lambda: {"typed_data": typed_data(), "request_id": 1},
    "long_request_id": lambda: {"typed_data": typed_data(), "request_id": "r" * 201},
    "two_shapes": lambda: {"typed_data": typed_data(), "payment_requirements": requirements()},
    "more": lambda: {"typed_data": typed_data(), "transaction": {}},
    "another_method": lambda: {"method": "eth_sendTransaction", "params": {"typed_data": typed_data()}},
    "message_only": lambda: {"method": "personal_sign", "params": {"message": "0x00"}},
    "params_besides": lambda: {"typed_data": typed_data(), "params": {"typed_data": typed_data()}},
    "more_params": lambda: {
        "method": "eth_signTypedData_v4",
        "params": {"typed_data": typed_data(), "typedData": typed_data()},
    },
    "no_params": lambda: {"method": "eth_signTypedData_v4"},
    "permit": lambda: {"typed_data": changed("primaryType", value="Permit")},
    "both_spellings": lambda: {"typed_data": {**typed_data(), "primary_type": "Permit"}},
    "other_types": lambda: {"typed_data": changed("types", "TransferWithAuthorization", value=TRANSFER[::-1])},
    "type_besides": lambda: {"typed_data": changed("types", "Permit", value=TRANSFER)},
    "other_domain": lambda: {"typed_data": changed("types", "EIP712Domain", value=DOMAIN[:2])},
    "no_contract": lambda: {"typed_data": changed("domain", "verifyingContract")},
    "salt": lambda: {"typed_data": changed("domain", "salt", value="0x00")},
    "no_value": lambda: {"typed_data": changed("message", "value")},
    "negative": lambda: {"typed_data": changed("message", "value", value=-1)},
    "fraction": lambda: {"typed_data": changed("message", "value", value=1.5)},
    "truth": lambda: {"typed_data": changed("message", "value", value=True)},
    "receiver": lambda: {"typed_data": changed("message", "to", value="0x1")},
    "nonce": lambda: {"typed_data": changed("message", "nonce", value="0x1")},
    "valid_for_ever": lambda: {"typed_data": changed("message", "validBefore", value=str(2**256 - 1))},
}


async def test_whatever_is_not_understood_is_denied(wallet: Wallet) -> None:
    for name, body in NOT_UNDERSTOOD.items():
        answer = await wallet.told(body())
        assert (name, answer["decision"], answer["reason"]) == (name, "deny", "unsupported_request")
    zero, version_1 = {"typed_data": typed_data("0")}, {"payment_requirements": {**requirements(), "network": "base"}}
    for body in (zero, version_1, b"{", b'{"typed_data": 1, "typed_data": 2}'):
        answer = await wallet.ask(body)
        assert answer.status_code == 400, answer.text


async def test_wallet_policies_are_for_agents_that_there_are(log_in: LogIn, admin_key: httpx.AsyncClient) -> None:
    admin = await log_in("admin")
    unknown = await admin.post("/api/v1/wallet-policies", json={"name": "W", "agent": "agent_nobody", "mode": "test"})
    assert (unknown.status_code, unknown.json()["field_errors"][0]["field"]) == (400, "agent")
    no_mode = await admin.post("/api/v1/wallet-policies", json={"name": "W", "agent": "agent_nobody"})
    assert (no_mode.status_code, no_mode.json()["field_errors"][0]["field"]) == (400, "mode")
    other_mode = {"name": "W", "agent": "agent_nobody", "mode": "live"}
    assert (await admin_key.post("/api/v1/wallet-policies", json=other_mode)).status_code == 403
    assert (await admin.delete("/api/v1/wallet-policies/wp_nothing")).status_code == 404
