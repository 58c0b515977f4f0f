"""Webhooks against receivers that listen: what they get, how it is signed, and every way in which they misbehave."""

import asyncio
import ipaddress
import os
import secrets
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from activities.deliveries import attempt, lease
from activities.delivery_planning import plan_once
from activities.webhooks import WebhookChannel
from axiru import ids
from axiru.database import connected, row, rows
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from axiru.domain.webhook_target import Address
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.decide import decide
from ledger.acts.standing import CompiledVersions
from ledger.acts.webhook_endpoint import (
    MOST_ENDPOINTS,
    EndpointChange,
    TooManyEndpoints,
    WantedEndpoint,
    change_endpoint,
    create_endpoint,
    remove_endpoint,
    rotate_endpoint,
    secret_context,
)
from ledger.keys import load_signer
from ledger.signing import Signer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Received(msgspec.Struct, frozen=True):
    """A message as it came over the wire."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """What a receiver with this secret reads. Raises WebhookVerificationError."""
        read: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return read


class Receiver:
    """An HTTP server on loopback. Its answers are taken in turn; the last one stays."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[web.StreamResponse | Handler] = [web.Response(text="thanks")]
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(headers, await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, web.StreamResponse) else await answer(request)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=1"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


class House:
    """The demo organization, its webhooks and what happens in it."""

    def __init__(self, settings: Settings, signer: Signer, admin_id: str) -> None:
        self.settings = msgspec.structs.replace(settings, webhook_insecure_targets=True)
        self.vault = Vault.from_settings(settings)
        self.signer = signer
        self.admin_id = admin_id
        self.channel = WebhookChannel(self.settings, self.vault)

    async def endpoint(self, url: str, events: Sequence[str] = ("*",)) -> tuple[str, str]:
        """A new endpoint; its id and secret."""
        endpoint_id, secret = ids.new_id(ids.WEBHOOK_ENDPOINT), _new_secret()
        wanted = WantedEndpoint(
            id=endpoint_id,
            mode="test",
            url=url,
            description="",
            events=events,
            secret_ciphertext=self._sealed(endpoint_id, secret),
            votes_as=None,
        )
        await create_endpoint(wanted, organization_id="org_demo", member_id=self.admin_id, signer=self.signer)
        return endpoint_id, secret

    async def rotate(self, endpoint_id: str) -> str:
        """The new secret; the previous one is kept for an hour."""
        secret = _new_secret()
        await rotate_endpoint(
            endpoint_id,
            organization_id="org_demo",
            member_id=self.admin_id,
            secret_ciphertext=self._sealed(endpoint_id, secret),
            keep_previous=timedelta(hours=1),
            votes_as_member=False,
            signer=self.signer,
        )
        return secret

    async def change(self, endpoint_id: str, change: EndpointChange) -> None:
        await change_endpoint(
            endpoint_id, change, organization_id="org_demo", member_id=self.admin_id, signer=self.signer
        )

    async def approval(self, **context: Any) -> str:
        """A refund that a controller has to approve; returns the approval's id."""
        key = await row("SELECT id, owner_member_id FROM api_keys WHERE name = 'demo decisions'")
        assert key is not None
        ovt = Ovt(
            rail="stripe",
            rail_action="refund",
            amount=Amount("40000", "usd"),
            initiator=Initiator("api_key", key["id"]),
            merchant=Merchant(stripe_connection_id="stripe_conn_demo"),
            target=Target(charge="ch_demo_001"),
            context=msgspec.convert(
                {"customer_tenure_days": 412, "reason_code": "duplicate_charge", **context}, Context
            ),
            execute="axiru",
        )
        decision_id = ids.new_id(ids.DECISION)
        await rows(
            "INSERT INTO requests VALUES ({}, 'org_demo', 'test', '/api/v1/decisions', {}, {}::jsonb, {}, {}, "
            "clock_timestamp(), clock_timestamp())",
            decision_id,
            "f" * 64,
            msgspec.json.encode(ovt).decode(),
            key["id"],
            key["owner_member_id"],
        )
        receipt = await decide(decision_id, signer=self.signer, compiled=CompiledVersions())
        assert receipt.approval_id is not None
        return receipt.approval_id

    async def deliver(self, *, channel: WebhookChannel | None = None) -> None:
        """Plan what has happened, and try once what is due."""
        channel = channel or self.channel
        while await plan_once(channel):
            pass
        await asyncio.gather(*(attempt(channel, outgoing) for outgoing in await lease(channel, 100)))

    async def due_again(self, endpoint_id: str) -> None:
        await rows("UPDATE deliveries SET next_attempt_at = clock_timestamp() WHERE target = {}", endpoint_id)

    async def deliveries(self, endpoint_id: str) -> list[dict[str, Any]]:
        return await rows("SELECT * FROM deliveries WHERE target = {} ORDER BY created_at, id", endpoint_id)

    async def delivery(self, endpoint_id: str) -> dict[str, Any]:
        (only,) = await self.deliveries(endpoint_id)
        return only

    def _sealed(self, endpoint_id: str, secret: str) -> bytes:
        return self.vault.seal(secret.encode(), context=secret_context("org_demo", endpoint_id))


@pytest.fixture(scope="module")
async def connections(settings: Settings) -> AsyncIterator[Signer]:
    before = ChainHead._meta._db
    async with connected(settings):
        yield await load_signer(Vault.from_settings(settings))
    for table in ALL_TABLES:
        table._meta._db = before


@pytest.fixture
async def house(settings: Settings, connections: Signer) -> House:
    """Nothing of other tests waits to be planned or sent."""
    admin = await row("SELECT id FROM members WHERE organization_id = 'org_demo' AND 'admin' = ANY(roles)")
    assert admin is not None
    house = House(settings, connections, admin["id"])
    while await plan_once(house.channel):
        pass
    await rows("UPDATE webhook_endpoints SET removed_at = now() WHERE removed_at IS NULL")
    await rows("UPDATE deliveries SET state = 'failed', finished_at = now() WHERE state = 'pending'")
    return house


async def test_receiver_verifies_the_message_and_reads_the_whole_sheet(house: House, receiver: Receiver) -> None:
    endpoint_id, secret = await house.endpoint(receiver.url, ["approval.requested"])
    approval_id = await house.approval(customer_email="ada@example.com")

    await house.deliver()

    (message,) = receiver.received
    read = message.verified(secret)
    assert read["type"] == "approval.requested"
    assert datetime.fromisoformat(read["timestamp"]).tzinfo is not None
    sheet = read["data"]["approval"]
    assert (sheet["approval_id"], sheet["amount_cents"], sheet["state"]) == (approval_id, 40_000, "pending")
    assert sheet["customer_email"] == "ada@example.com"
    assert sheet["digest"]
    delivery = await house.delivery(endpoint_id)
    assert (message.id, delivery["state"]) == (delivery["id"], "delivered")
    assert message.headers["content-type"] == "application/json"


async def test_nothing_personal_is_kept_in_the_log(house: House, receiver: Receiver) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.*"])
    await house.approval(customer_email="ada@example.com")

    await house.deliver()

    assert "ada@example.com" not in str(await house.delivery(endpoint_id))


async def test_endpoint_is_told_only_what_it_asked_for_since_it_is_there(house: House, receiver: Receiver) -> None:
    await house.approval()
    wants_decisions, _ = await house.endpoint(receiver.url, ["decision.*"])
    wants_all, _ = await house.endpoint(receiver.url)
    wants_other, _ = await house.endpoint(receiver.url, ["breaker.tripped"])
    disabled, _ = await house.endpoint(receiver.url)
    await house.change(disabled, EndpointChange(enabled=False))
    removed, _ = await house.endpoint(receiver.url)
    await remove_endpoint(removed, organization_id="org_demo", member_id=house.admin_id, signer=house.signer)
    await house.approval()

    await house.deliver()

    told = {each: [one["event"] for one in await house.deliveries(each)] for each in (wants_decisions, wants_all)}
    assert told[wants_decisions] == ["decision.pending_approval"]
    assert sorted(told[wants_all]) == ["approval.requested", "decision.pending_approval"]
    for silent in (wants_other, disabled, removed):
        assert await house.deliveries(silent) == []


async def test_two_secrets_sign_while_one_is_being_rotated(house: House, receiver: Receiver) -> None:
    endpoint_id, previous = await house.endpoint(receiver.url, ["approval.requested"])
    current = await house.rotate(endpoint_id)
    await house.approval()
    await house.deliver()
    await rows("UPDATE webhook_endpoints SET previous_secret_until = now() WHERE id = {}", endpoint_id)
    await house.approval()
    await house.deliver()

    both, one = receiver.received
    assert both.verified(previous) == both.verified(current)
    assert one.verified(current)
    with pytest.raises(WebhookVerificationError):
        one.verified(previous)


async def test_altered_message_does_not_verify(house: House, receiver: Receiver) -> None:
    _, secret = await house.endpoint(receiver.url, ["approval.requested"])
    await house.approval()
    await house.deliver()

    (message,) = receiver.received
    altered = Received(message.headers, message.body.replace(b"40000", b"90000"))
    with pytest.raises(WebhookVerificationError):
        altered.verified(secret)


async def test_receiver_that_fails_first_gets_the_same_message_again(house: House, receiver: Receiver) -> None:
    endpoint_id, secret = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [web.Response(status=500, text="broken"), web.Response(status=202)]
    await house.approval()

    await house.deliver()
    assert (await house.delivery(endpoint_id))["last_detail"] == "broken"
    await house.due_again(endpoint_id)
    await house.deliver()

    first, second = receiver.received
    assert first.id == second.id
    assert first.verified(secret)["data"] == second.verified(secret)["data"]
    assert (await house.delivery(endpoint_id))["state"] == "delivered"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(house: House, receiver: Receiver, status: int) -> None:
    async with receiving() as elsewhere:
        endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
        receiver.answers = [web.Response(status=status, headers={"Location": elsewhere.url})]
        await house.approval()

        await house.deliver()

        assert elsewhere.received == []
    delivery = await house.delivery(endpoint_id)
    assert (delivery["state"], delivery["last_status"]) == ("pending", status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500, 502])
async def test_every_refusal_is_tried_again(house: House, receiver: Receiver, status: int) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [web.Response(status=status)]
    await house.approval()

    await house.deliver()

    delivery = await house.delivery(endpoint_id)
    assert (delivery["state"], delivery["last_status"]) == ("pending", status)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("spelled", ["seconds", "date"])
async def test_receiver_that_says_when_is_tried_then(
    house: House, receiver: Receiver, status: int, spelled: str
) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    when = "600" if spelled == "seconds" else format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    receiver.answers = [web.Response(status=status, headers={"Retry-After": when})]
    await house.approval()

    await house.deliver()

    assert await _wait_seconds(endpoint_id) == pytest.approx(600, abs=5)


@pytest.mark.parametrize("when", ["", "soon", "-5", "²", "99999999999999999999", "Thu, 99 Foo 2026 00:00:00 GMT"])
async def test_receiver_that_says_when_in_no_known_way_is_tried_in_turn(
    house: House, receiver: Receiver, when: str
) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [web.Response(status=429, headers={"Retry-After": when})]
    await house.approval()

    await house.deliver()

    assert (await house.delivery(endpoint_id))["state"] == "pending"
    assert 0 < await _wait_seconds(endpoint_id) <= 86_400


async def test_gone_ends_the_endpoint_and_is_sealed(house: House, receiver: Receiver) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [web.Response(status=410)]
    await house.approval()
    await house.deliver()
    await house.approval()
    await house.deliver()

    assert len(receiver.received) == 1
    assert (await house.delivery(endpoint_id))["state"] == "failed"
    sealed = await row(
        "SELECT body FROM ledger_entries WHERE kind = 'webhook_endpoint' ORDER BY sealed_at DESC LIMIT 1"
    )
    assert sealed is not None
    data = msgspec.json.decode(bytes(sealed["body"]))["data"]
    assert (data["endpoint_id"], data["action"], data["member_id"]) == (endpoint_id, "disable", None)


async def test_receiver_that_hangs_is_let_go_and_tried_again(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.target_address.LIMIT_SECONDS", 0.3)

    async def hanging(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [hanging]
    await house.approval()

    async with asyncio.timeout(10):
        await house.deliver()

    delivery = await house.delivery(endpoint_id)
    assert delivery["state"] == "pending"
    assert "No answer within" in delivery["last_detail"]


async def test_little_is_read_of_an_answer_without_an_end(house: House, receiver: Receiver) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [endless]
    await house.approval()

    async with asyncio.timeout(10):
        await house.deliver()

    delivery = await house.delivery(endpoint_id)
    assert (delivery["state"], len(delivery["last_detail"])) == ("delivered", 4_096)


async def test_answer_that_swells_when_unpacked_is_not_unpacked(house: House, receiver: Receiver) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [web.Response(body=b"not gzip at all", headers={"Content-Encoding": "gzip"})]
    await house.approval()

    await house.deliver()

    delivery = await house.delivery(endpoint_id)
    assert (delivery["state"], delivery["last_detail"]) == ("delivered", "not gzip at all")


async def test_nobody_listening_is_tried_again(house: House) -> None:
    async with receiving() as gone:
        url = gone.url
    endpoint_id, _ = await house.endpoint(url, ["approval.requested"])
    await house.approval()

    await house.deliver()

    delivery = await house.delivery(endpoint_id)
    assert (delivery["state"], delivery["last_status"]) == ("pending", None)
    assert "No connection" in delivery["last_detail"]


async def test_name_is_resolved_once_an_attempt_and_connected_to_where_it_was_checked(
    house: House, receiver: Receiver
) -> None:
    """A name that is public when it is looked up first and loopback the second time (DNS rebinding)."""
    answers: list[list[Address]] = [[ipaddress.ip_address("127.0.0.1")], [ipaddress.ip_address("169.254.169.254")]]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return answers.pop(0)

    port = receiver.url.split(":")[2].split("/")[0]
    endpoint_id, _ = await house.endpoint(f"http://hooks.example.com:{port}/", ["approval.requested"])
    channel = WebhookChannel(house.settings, house.vault, resolve=resolve)
    receiver.answers = [web.Response(status=500), web.Response()]
    await house.approval()

    await house.deliver(channel=channel)
    assert (asked, len(receiver.received)) == (["hooks.example.com"], 1)
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{port}"
    await house.due_again(endpoint_id)
    await house.deliver(channel=channel)

    assert len(receiver.received) == 1
    delivery = await house.delivery(endpoint_id)
    assert delivery["state"] == "pending"
    assert "169.254.169.254" in delivery["last_detail"]


async def test_in_production_nothing_goes_to_a_private_address(house: House, receiver: Receiver) -> None:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ipaddress.ip_address("127.0.0.1")]

    strict = msgspec.structs.replace(house.settings, webhook_insecure_targets=False)
    channel = WebhookChannel(strict, house.vault, resolve=resolve, tls=ssl.create_default_context())
    port = receiver.url.split(":")[2].split("/")[0]
    by_name, _ = await house.endpoint(f"https://hooks.example.com:{port}/", ["approval.requested"])
    by_http, _ = await house.endpoint(receiver.url, ["approval.requested"])
    await house.approval()

    await house.deliver(channel=channel)

    assert receiver.received == []
    assert "loopback or private" in (await house.delivery(by_name))["last_detail"]
    assert "https only" in (await house.delivery(by_http))["last_detail"]


async def test_sheet_that_is_too_large_is_left_out_and_said_to_be(house: House, receiver: Receiver) -> None:
    _, secret = await house.endpoint(receiver.url, ["approval.requested"])
    approval_id = await house.approval(extra={"note": "x" * 300_000})

    await house.deliver()

    (message,) = receiver.received
    assert len(message.body) <= 256 * 1024
    data = message.verified(secret)["data"]
    assert (data["approval_id"], data["approval"]) == (approval_id, None)
    assert data["approval_left_out"]


async def test_endpoint_that_was_removed_meanwhile_is_told_nothing_more(house: House, receiver: Receiver) -> None:
    endpoint_id, _ = await house.endpoint(receiver.url, ["approval.requested"])
    await house.approval()
    await plan_once(house.channel)
    await remove_endpoint(endpoint_id, organization_id="org_demo", member_id=house.admin_id, signer=house.signer)

    await house.deliver()

    assert receiver.received == []
    assert (await house.delivery(endpoint_id))["state"] == "failed"


async def test_there_are_only_so_many_endpoints(house: House) -> None:
    for _ in range(MOST_ENDPOINTS):
        await house.endpoint("https://hooks.example.com/")

    with pytest.raises(TooManyEndpoints):
        await house.endpoint("https://hooks.example.com/")


_WORKER = """
import asyncio
from activities.deliveries import deliver_forever
from activities.webhooks import WebhookChannel
from axiru.database import connected
from axiru.settings import Settings
from axiru.vault import Vault

async def main():
    settings = Settings.from_environment()
    async with connected(settings):
        await deliver_forever([WebhookChannel(settings, Vault.from_settings(settings))])

asyncio.run(main())
"""


async def test_message_of_a_worker_that_was_killed_comes_again_under_the_same_id(
    house: House, receiver: Receiver
) -> None:
    arrived = asyncio.Event()

    async def hanging(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(30)
        return web.Response()

    endpoint_id, secret = await house.endpoint(receiver.url, ["approval.requested"])
    receiver.answers = [hanging, web.Response()]
    await house.approval()
    worker = subprocess.Popen(  # noqa: ASYNC220, S603 - Axiru itself
        [sys.executable, "-P", "-c", _WORKER], env=os.environ | house.settings.as_environment()
    )
    try:
        async with asyncio.timeout(30):
            await arrived.wait()
    finally:
        worker.kill()
        worker.wait()

    # Nobody else takes it before the lease is over.
    await house.deliver()
    assert len(receiver.received) == 1
    await house.due_again(endpoint_id)
    await house.deliver()

    first, second = receiver.received
    assert first.id == second.id
    assert second.verified(secret)
    assert (await house.delivery(endpoint_id))["state"] == "delivered"


def _new_secret() -> str:
    return "whsec_" + secrets.token_hex(32)


async def _wait_seconds(endpoint_id: str) -> float:
    found = await row(
        "SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8 AS seconds FROM deliveries "
        "WHERE target = {}",
        endpoint_id,
    )
    assert found is not None
    return float(found["seconds"])
