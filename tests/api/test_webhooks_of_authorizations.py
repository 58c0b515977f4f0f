"""What a receiver is pushed of an agent's payment, over HTTP and verified by the guide's recipe."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from standardwebhooks import Webhook

GUIDE = Path(__file__).parents[2] / "docs" / "webhooks.md"
PATH = "/api/v1/authorizations"
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
Payment = Callable[..., dict[str, Any]]


def receive() -> Callable[[bytes, dict[str, str], str], dict[str, Any] | None]:
    """The guide's own."""
    block = re.search(r"^```python receive\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None
    defined: dict[str, Any] = {}
    exec(compile(block[1], GUIDE.name, "exec"), defined)  # noqa: S102 - our own page
    found: Callable[[bytes, dict[str, str], str], dict[str, Any] | None] = defined["receive"]
    return found


class Receiver:
    """Keeps what it verified, and what came as it came."""

    def __init__(self) -> None:
        self.secret = ""
        self.raw: list[tuple[bytes, dict[str, str]]] = []
        self.messages: list[dict[str, Any]] = []
        self._arrived = asyncio.Condition()
        self._verify = receive()

    async def handle(self, request: web.Request) -> web.Response:
        raw, headers = await request.read(), {name.lower(): value for name, value in request.headers.items()}
        message = self._verify(raw, headers, self.secret)
        if message is None:
            return web.Response(status=401)
        async with self._arrived:
            self.raw.append((raw, headers))
            self.messages.append(message)
            self._arrived.notify_all()
        return web.Response(status=204)

    async def told(self, event: str, decision_id: str) -> dict[str, Any]:
        """The message of this event about this decision, once it is there."""

        def found() -> dict[str, Any] | None:
            return next(
                (one for one in self.messages if (one["type"], one["data"].get("decision_id")) == (event, decision_id)),
                None,
            )

        async with asyncio.timeout(60), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        message = found()
        assert message is not None
        return message


@pytest.fixture
async def receiver(log_in: LogIn) -> AsyncIterator[Receiver]:
    """A server that is set up as an endpoint for `authorization.*`."""
    made = Receiver()
    app = web.Application()
    app.router.add_post("/axiru", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    admin = await log_in("admin")
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/axiru"
    wanted = {"url": url, "events": ["authorization.*"], "mode": "test"}
    endpoint = (await admin.post("/api/v1/webhooks", json=wanted)).raise_for_status().json()
    made.secret = endpoint["secret"]
    try:
        yield made
    finally:
        await admin.delete(f"/api/v1/webhooks/{endpoint['id']}")
        await runner.cleanup()


@pytest.fixture
async def watched(policies_of: Any) -> str:
    """An agent whose payments a controller looks at."""
    agent = f"agent_{uuid.uuid4().hex}"
    await policies_of(
        f"policy: watched-{agent[-12:]}\nschema: 2\napplies_to: {{rail: stripe_daa}}\nrules:\n"
        f"  - {{id: watched_agent, when: {{initiator_id: {agent}}}, effect: review, approvers: {{role: controller}}}}\n"
    )
    return agent


async def test_an_approval_is_pushed_signed_and_leads_to_the_token_that_the_push_does_not_carry(
    receiver: Receiver, backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    asked = (await backend.post(PATH, json=payment(20_000, agent_id=watched))).raise_for_status().json()
    assert asked["outcome"] == "quarantine"
    approve = f"/api/v1/approvals/{asked['approval_id']}/approve"
    (await (await log_in("controller")).post(approve, json={"reason": "looked at"})).raise_for_status()

    message = await receiver.told("authorization.approved", asked["decision_id"])
    # What the guide says the backend does with it.
    found = (await backend.get(f"{PATH}/{message['data']['decision_id']}")).raise_for_status().json()
    assert (found["outcome"], found["state"]) == ("allow", "approved")
    issued = await receiver.told("authorization.issued", asked["decision_id"])
    assert issued["data"]["jti"] == found["jti"]

    (await backend.post(f"{PATH}/{found['jti']}/consume")).raise_for_status()
    consumed = await receiver.told("authorization.consumed", asked["decision_id"])
    assert consumed["data"]["jti"] == found["jti"]
    settled = {"settlement": "settled", "amount_units": "19000"}
    (await backend.post(f"{PATH}/{found['jti']}/settlement", json=settled)).raise_for_status()
    came = await receiver.told("authorization.settled", asked["decision_id"])
    assert came["data"]["jti"] == found["jti"]

    for each in (message, issued, consumed, came):
        assert (each["data"]["mode"], each["data"]["organization_id"]) == ("test", "org_demo")
        decision = each["data"]["decision"]
        assert (decision["initiator_id"], decision["amount_cents"], decision["rail"]) == (watched, 20_000, "stripe_daa")
        assert decision["approval_id"] == asked["approval_id"]
    assert [each["data"]["state"] for each in (message, issued, consumed, came)] == [
        "approved",
        "issued",
        "consumed",
        "settled",
    ]
    # What moved is less than what was asked for.
    token = came["data"]["token"]
    assert (token["settlement"], token["settled_units"]) == ("settled", "19000")
    assert (consumed["data"]["token"]["settlement"], message["data"].get("token")) == (None, None)
    everything = b"".join(raw for raw, _ in receiver.raw)
    assert found["authorization_token"].encode() not in everything
    assert b"eyJ" not in everything
    ids = [headers["webhook-id"] for _, headers in receiver.raw]
    assert len({*ids}) == len(ids)


async def test_a_denial_is_pushed(
    receiver: Receiver, backend: httpx.AsyncClient, payment: Payment, watched: str, log_in: LogIn
) -> None:
    asked = (await backend.post(PATH, json=payment(20_000, agent_id=watched))).raise_for_status().json()
    deny = f"/api/v1/approvals/{asked['approval_id']}/deny"
    (await (await log_in("controller")).post(deny, json={"reason": "unknown supplier"})).raise_for_status()
    message = await receiver.told("authorization.denied", asked["decision_id"])
    assert (message["data"]["state"], message["data"]["decision"]["state"]) == ("denied", "denied")
    assert "authorization.approved" not in {one["type"] for one in receiver.messages}


async def test_a_push_that_was_changed_or_is_of_another_endpoint_does_not_verify(
    receiver: Receiver, backend: httpx.AsyncClient, payment: Payment
) -> None:
    allowed = (await backend.post(PATH, json=payment(500))).raise_for_status().json()
    (await backend.post(f"{PATH}/{allowed['jti']}/consume")).raise_for_status()
    await receiver.told("authorization.consumed", allowed["decision_id"])
    raw, headers = receiver.raw[-1]
    verify = receive()
    assert verify(raw, headers, receiver.secret) is not None
    assert verify(raw.replace(b"consumed", b"approved"), headers, receiver.secret) is None
    assert verify(raw, {**headers, "webhook-id": "msg_other"}, receiver.secret) is None
    late = str(int(headers["webhook-timestamp"]) - 600)
    assert verify(raw, {**headers, "webhook-timestamp": late}, receiver.secret) is None
    assert verify(raw, headers, "whsec_" + "A" * 44) is None
    assert Webhook(receiver.secret).verify(raw, headers)["type"] == "authorization.consumed"
