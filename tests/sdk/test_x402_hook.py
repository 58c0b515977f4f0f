"""Axiru before the real x402 client signs: with a server that wants to be paid, and a key made for the test."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from axiru_client import AsyncAxiru, Axiru, Retry
from axiru_client.x402 import before_payment
from eth_account import Account
from x402 import x402Client, x402ClientSync
from x402.http.clients.httpx import PaymentError, x402AsyncTransport
from x402.http.utils import (
    decode_payment_signature_header,
    encode_payment_required_header,
    encode_payment_response_header,
)
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.mechanisms.evm.upto import UptoEvmScheme
from x402.schemas import PaymentAbortedError, PaymentRequired, PaymentRequirements, ResourceInfo, SettleResponse

AUTHORIZATIONS = "/api/v1/authorizations"
ASKS = {"initiator": {"kind": "agent", "id": "agent_reader", "scopes": ["payments:write"]}}
AT_ONCE = Retry(attempt_seconds=1.0, deadline_seconds=1.1, first_pause_seconds=2)
ALLOWED = {
    "decision_id": "ed_1",
    "outcome": "allow",
    "reason": "axiru.allow.default_allow",
    "message": "Allowed",
    "state": "allowed",
    "surface_mode": "enforce",
    "authorization_token": "a.b.c",
    "jti": "jti_1",
}
DENIED = {
    "decision_id": "ed_2",
    "outcome": "deny",
    "reason": "axiru.deny.x402_payment_cap_exceeded",
    "message": "Too much",
    "state": "denied",
    "surface_mode": "enforce",
}
QUARANTINED = {
    "decision_id": "ed_3",
    "outcome": "quarantine",
    "reason": "axiru.quarantine.x402_asset_not_known",
    "message": "Somebody has to approve",
    "state": "pending_approval",
    "surface_mode": "enforce",
    "approval_id": "ap_1",
}
USED = {"jti": "jti_1", "decision_id": "ed_1"}


class CountingSigner(EthAccountSigner):
    """The library's own signer over a throw-away key; counts what it is asked to sign."""

    def __init__(self) -> None:
        super().__init__(Account.create())
        self.signed = 0

    def sign_typed_data(self, *arguments: Any, **named: Any) -> bytes:
        self.signed += 1
        return bytes(super().sign_typed_data(*arguments, **named))


def wanted(scheme: str = "exact", amount: str = "1000") -> PaymentRequirements:
    return PaymentRequirements(
        scheme=scheme,
        network="eip155:84532",
        asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        amount=amount,
        pay_to="0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
        max_timeout_seconds=60,
        extra={"name": "USDC", "version": "2", "facilitatorAddress": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"},
    )


class PaidServer:
    """Wants to be paid for everything, and settles what comes signed: of `upto` the part that was used."""

    def __init__(self, requirements: PaymentRequirements, used: str | None = None, by: str = "0x1") -> None:
        self.paid: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                signature = self.headers.get("payment-signature")
                if signature is None:
                    resource = ResourceInfo(url=f"{server.url}/data?key=1", description="Data", mime_type="text/plain")
                    required = PaymentRequired(accepts=[requirements], resource=resource)
                    self._say(402, "PAYMENT-REQUIRED", encode_payment_required_header(required))
                    return
                server.paid.append(decode_payment_signature_header(signature))
                settled = SettleResponse(success=True, transaction=by, network=requirements.network, amount=used)
                self._say(200, "PAYMENT-RESPONSE", encode_payment_response_header(settled))

            def _say(self, status: int, header: str, value: str) -> None:
                self.send_response(status)
                self.send_header(header, value)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Paid = Callable[..., PaidServer]


@pytest.fixture
def paid() -> Iterator[Paid]:
    opened: list[PaidServer] = []

    def make(*arguments: Any) -> PaidServer:
        opened.append(PaidServer(*arguments))
        return opened[-1]

    yield make
    for server in opened:
        server.close()


async def pay(client: x402Client, url: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=x402AsyncTransport(client)) as http:
        return await http.get(url, timeout=20)


def signing(client: Any, signer: CountingSigner) -> Any:
    client.register("eip155:84532", ExactEvmScheme(signer))
    client.register("eip155:84532", UptoEvmScheme(signer))
    return client


def says(body: Any, status: int = 200) -> SimpleNamespace:
    """One answer of the scripted Axiru."""
    return SimpleNamespace(status=status, body=body, headers={}, hangs=0, drops=False)


def paths(axiru: Any) -> list[str]:
    return [path for path, _ in axiru.asked if path.startswith(AUTHORIZATIONS)]


async def test_what_axiru_allows_is_signed_once_its_token_is_consumed_and_reported_once_settled(
    axiru: Any, paid: Paid, tmp_path: Path
) -> None:
    signer, server = CountingSigner(), paid(wanted())
    axiru.says(AUTHORIZATIONS, says(ALLOWED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/consume", says(USED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/settlement", says(USED))
    async with AsyncAxiru(axiru.url, "ak_test_0123456789", directory=tmp_path) as asked:
        client = signing(x402Client(), signer)
        before_payment(asked, **ASKS, context={"case": "c_1"}).registered_with(client)
        assert (await pay(client, f"{server.url}/data")).status_code == 200

    assert signer.signed == 1
    assert server.paid[0].payload["authorization"]["value"] == "1000"
    assert paths(axiru) == [AUTHORIZATIONS, f"{AUTHORIZATIONS}/jti_1/consume", f"{AUTHORIZATIONS}/jti_1/settlement"]
    body = axiru.asked[0][1]
    assert (body["rail"], body["rail_action"], body["context"]) == ("x402", "payment", {"case": "c_1"})
    assert body["payment_requirements"] == wanted().model_dump(by_alias=True)
    assert body["resource"]["url"] == f"{server.url}/data?key=1"
    assert axiru.asked[2][1] == {"settlement": "settled"}


async def test_nothing_is_signed_unless_axiru_allows_it_and_its_token_is_used(
    axiru: Any, paid: Paid, tmp_path: Path, nowhere: str
) -> None:
    consume = f"{AUTHORIZATIONS}/jti_1/consume"
    refused = {"error": "conflict", "message": "A token of this decision was consumed already."}
    invalid = {"error": "invalid_request", "message": "The request has a field that is not valid."}
    answers: dict[str, tuple[Any, Any]] = {
        "axiru.deny.x402_payment_cap_exceeded": (says(DENIED), says(USED)),
        "axiru.quarantine.x402_asset_not_known": (says(QUARANTINED), says(USED)),
        "no_token": (says({**ALLOWED, "authorization_token": None, "token_status": "withheld"}), says(USED)),
        "conflict": (says(ALLOWED), says(refused, 409)),
        "invalid_request": (says(invalid, 400), says(USED)),
        "axiru_unreachable": (says(ALLOWED), says({}, 503)),
    }
    signer, server = CountingSigner(), paid(wanted())
    for reason, (decision, use) in answers.items():
        axiru.says(AUTHORIZATIONS, decision)
        axiru.says(consume, use)
        async with AsyncAxiru(axiru.url, "ak_test_0123456789", directory=tmp_path, retry=AT_ONCE) as asked:
            client = signing(x402Client(), signer)
            before_payment(asked, **ASKS).registered_with(client)
            with pytest.raises(PaymentError, match=reason):
                await pay(client, server.url)
    async with AsyncAxiru(nowhere, "ak_test_0123456789", directory=tmp_path, retry=AT_ONCE) as away:
        client = signing(x402Client(), signer)
        before_payment(away, **ASKS).registered_with(client)
        with pytest.raises(PaymentError, match="axiru_unreachable"):
            await pay(client, server.url)
        assert await away.holds() == [], "a payment that was not signed is over: asking for it later would only reserve"
    assert (signer.signed, server.paid) == (0, [])


def test_the_blocking_clients_do_the_same(axiru: Any, tmp_path: Path) -> None:
    signer = CountingSigner()
    client = signing(x402ClientSync(), signer)
    axiru.says(AUTHORIZATIONS, says(ALLOWED), says(DENIED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/consume", says(USED))
    required = PaymentRequired(accepts=[wanted()], resource=ResourceInfo(url="https://api.example.com/data"))
    with Axiru(axiru.url, "ak_test_0123456789", directory=tmp_path) as asked:
        before_payment(asked, **ASKS).registered_with(client)
        assert client.create_payment_payload(required).payload["signature"].startswith("0x")
        with pytest.raises(PaymentAbortedError, match="x402_payment_cap_exceeded"):
            client.create_payment_payload(required)
    assert signer.signed == 1


async def test_a_payment_that_was_approved_meanwhile_is_the_same_request(
    axiru: Any, paid: Paid, tmp_path: Path
) -> None:
    signer, server = CountingSigner(), paid(wanted())
    approved = {**ALLOWED, "state": "approved", "cached": True}
    axiru.says(AUTHORIZATIONS, says(QUARANTINED), says(approved), says(DENIED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/consume", says(USED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/settlement", says(USED))
    async with AsyncAxiru(axiru.url, "ak_test_0123456789", directory=tmp_path) as asked:
        client = signing(x402Client(), signer)
        before_payment(asked, **ASKS).registered_with(client)
        with pytest.raises(PaymentError):
            await pay(client, server.url)
        assert (await pay(client, server.url)).status_code == 200
        with pytest.raises(PaymentError):
            await pay(client, server.url)
    keys = [body["idempotency_key"] for path, body in axiru.asked if path == AUTHORIZATIONS]
    assert keys[0] == keys[1] != keys[2]
    assert signer.signed == 1


async def test_of_a_payment_up_to_an_amount_what_was_used_is_reported(axiru: Any, paid: Paid, tmp_path: Path) -> None:
    signer, server = CountingSigner(), paid(wanted("upto", "5000"), "1200")
    axiru.says(AUTHORIZATIONS, says(ALLOWED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/consume", says(USED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/settlement", says({}, 503), says(USED))
    retry = Retry(attempt_seconds=1.0, deadline_seconds=5, first_pause_seconds=0.05)
    async with AsyncAxiru(axiru.url, "ak_test_0123456789", directory=tmp_path, retry=retry) as asked:
        client = signing(x402Client(), signer)
        before_payment(asked, **ASKS).registered_with(client)
        assert (await pay(client, server.url)).status_code == 200
    assert axiru.asked[0][1]["payment_requirements"]["amount"] == "5000"
    told = [body for path, body in axiru.asked if path.endswith("/settlement")]
    assert told == [{"settlement": "settled", "amount_units": "1200"}] * 2


async def test_a_settlement_of_nothing_frees_no_budget_while_the_signature_can_still_be_used(
    axiru: Any, paid: Paid, tmp_path: Path
) -> None:
    signer, server = CountingSigner(), paid(wanted("upto", "5000"), "0", "")
    axiru.says(AUTHORIZATIONS, says(ALLOWED))
    axiru.says(f"{AUTHORIZATIONS}/jti_1/consume", says(USED))
    async with AsyncAxiru(axiru.url, "ak_test_0123456789", directory=tmp_path) as asked:
        client = signing(x402Client(), signer)
        before_payment(asked, **ASKS).registered_with(client)
        assert (await pay(client, server.url)).status_code == 200
    assert [path for path, _ in axiru.asked] == [AUTHORIZATIONS, f"{AUTHORIZATIONS}/jti_1/consume"]


async def test_payments_at_once_are_each_asked_for(axiru: Any, paid: Paid, tmp_path: Path) -> None:
    signer, server = CountingSigner(), paid(wanted())
    answers = [{**ALLOWED, "decision_id": f"ed_{n}", "jti": f"jti_{n}"} for n in range(4)]
    axiru.says(AUTHORIZATIONS, *map(says, answers))
    for each in answers:
        axiru.says(f"{AUTHORIZATIONS}/{each['jti']}/consume", says(USED))
        axiru.says(f"{AUTHORIZATIONS}/{each['jti']}/settlement", says(USED))
    async with AsyncAxiru(axiru.url, "ak_test_0123456789", directory=tmp_path) as asked:
        client = signing(x402Client(), signer)
        before_payment(asked, **ASKS).registered_with(client)
        await asyncio.gather(*(pay(client, server.url) for _ in answers))
    assert signer.signed == 4
    for use in ("consume", "settlement"):
        used = sorted(path.split("/")[-2] for path in paths(axiru) if path.endswith(use))
        assert used == ["jti_0", "jti_1", "jti_2", "jti_3"]
