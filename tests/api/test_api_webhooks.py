"""`/api/v1/webhooks` and `/api/v1/deliveries`: who may set up what, what is shown once, what is sealed."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


class Receiver:
    """Listens on loopback, where the local stack lets webhooks go; keeps what comes and answers with `status`."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append((headers, await request.read()))
        return web.Response(status=self.status)

    async def next_of(self, kind: str, secret: str, *, after: int = 0) -> dict[str, Any]:
        """The first message of that type after so many, verified."""
        async with asyncio.timeout(20):
            while True:
                for headers, body in self.received[after:]:
                    read: dict[str, Any] = Webhook(secret).verify(body, headers)
                    if read["type"] == kind:
                        return read | {"id": headers["webhook-id"]}
                await asyncio.sleep(0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield receiver
    await runner.cleanup()


SetUp = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def set_up(log_in: LogIn, receiver: Receiver) -> AsyncIterator[SetUp]:
    """Sets up an endpoint of the receiver's as the admin; removed at the end."""
    admin, made = await log_in("admin"), []

    async def make(*events: str, **body: Any) -> dict[str, Any]:
        answer = await admin.post(
            "/api/v1/webhooks", json={"url": receiver.url, "events": list(events or ("*",)), "mode": "test", **body}
        )
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        endpoint: dict[str, Any] = answer.json()
        return endpoint

    yield make
    for endpoint_id in made:
        await admin.delete(f"/api/v1/webhooks/{endpoint_id}")


async def test_refund_that_needs_approval_is_told_with_everything_a_person_needs(
    set_up: SetUp, receiver: Receiver, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    endpoint = await set_up("approval.*")

    asked = (await caller.post("/api/v1/decisions", json=refund(40_000))).json()

    told = await receiver.next_of("approval.requested", endpoint["secret"])
    assert told["data"]["approval_id"] == asked["approval_id"]
    assert told["data"]["approval"]["amount_cents"] == 40_000
    assert told["data"]["approval"]["digest"]


async def test_votes_and_the_end_of_an_approval_are_told(
    set_up: SetUp, receiver: Receiver, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]], log_in: LogIn
) -> None:
    endpoint = await set_up("approval.*", "decision.*")
    asked = (await caller.post("/api/v1/decisions", json=refund(40_000))).json()

    controller = await log_in("controller")
    await controller.post(f"/api/v1/approvals/{asked['approval_id']}/deny", json={"reason": "no receipt"})

    voted = await receiver.next_of("approval.vote", endpoint["secret"])
    assert voted["data"]["approval"]["votes"][0]["verdict"] == "deny"
    await receiver.next_of("approval.denied", endpoint["secret"])
    denied = await receiver.next_of("decision.denied", endpoint["secret"])
    assert denied["data"]["decision"]["amount_cents"] == 40_000


async def test_secret_is_shown_once_and_the_list_has_none(set_up: SetUp, log_in: LogIn) -> None:
    endpoint = await set_up("control.engaged", description="ours")

    listed = (await (await log_in("admin")).get("/api/v1/webhooks")).json()["items"]

    shown = next(item for item in listed if item["id"] == endpoint["id"])
    assert endpoint["secret"].startswith("whsec_")
    assert shown == {name: value for name, value in endpoint.items() if name != "secret"}
    assert "secret" not in str(sorted(shown)).replace("previous_secret_until", "")


async def test_ping_is_sent_whatever_the_endpoint_asked_for(set_up: SetUp, receiver: Receiver, log_in: LogIn) -> None:
    endpoint = await set_up("control.engaged")
    admin = await log_in("admin")

    answer = await admin.post(f"/api/v1/webhooks/{endpoint['id']}/ping")

    assert answer.status_code == 202
    told = await receiver.next_of("ping", endpoint["secret"])
    assert told["id"] == answer.json()["id"]
    delivery = await _delivered(admin, answer.json()["id"])
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]


async def test_rotated_secret_signs_beside_the_previous_one(set_up: SetUp, receiver: Receiver, log_in: LogIn) -> None:
    endpoint = await set_up()
    admin = await log_in("admin")

    rotated = (await admin.post(f"/api/v1/webhooks/{endpoint['id']}/rotate")).json()
    await admin.post(f"/api/v1/webhooks/{endpoint['id']}/ping")

    assert rotated["secret"] != endpoint["secret"]
    assert rotated["previous_secret_until"]
    await receiver.next_of("ping", rotated["secret"])
    await receiver.next_of("ping", endpoint["secret"])


async def test_secret_rotated_at_once_signs_alone(set_up: SetUp, receiver: Receiver, log_in: LogIn) -> None:
    endpoint = await set_up()
    admin = await log_in("admin")

    body = {"keep_previous_hours": 0}
    rotated = (await admin.post(f"/api/v1/webhooks/{endpoint['id']}/rotate", json=body)).json()
    await admin.post(f"/api/v1/webhooks/{endpoint['id']}/ping")

    assert rotated["previous_secret_until"] is None
    await receiver.next_of("ping", rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        await receiver.next_of("ping", endpoint["secret"])


async def test_sent_again_is_a_delivery_of_its_own(set_up: SetUp, receiver: Receiver, log_in: LogIn) -> None:
    endpoint = await set_up()
    admin = await log_in("admin")
    first = (await admin.post(f"/api/v1/webhooks/{endpoint['id']}/ping")).json()
    await receiver.next_of("ping", endpoint["secret"])
    await _delivered(admin, first["id"])

    answer = await admin.post(f"/api/v1/deliveries/{first['id']}/resend")

    assert answer.status_code == 201
    assert answer.json()["resend_of"] == first["id"]
    again = await receiver.next_of("ping", endpoint["secret"], after=1)
    assert again["id"] == answer.json()["id"] != first["id"]


async def test_delivery_still_under_way_is_not_sent_again(set_up: SetUp, receiver: Receiver, log_in: LogIn) -> None:
    receiver.status = 500
    endpoint = await set_up()
    admin = await log_in("admin")
    sent = (await admin.post(f"/api/v1/webhooks/{endpoint['id']}/ping")).json()

    answer = await admin.post(f"/api/v1/deliveries/{sent['id']}/resend")

    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


async def test_endpoint_that_fails_says_since_when_until_something_arrives(
    set_up: SetUp, receiver: Receiver, log_in: LogIn
) -> None:
    receiver.status = 500
    endpoint = await set_up()
    admin = await log_in("admin")
    path = f"/api/v1/webhooks/{endpoint['id']}"
    failed = (await admin.post(f"{path}/ping")).json()
    await _in_log(admin, failed["id"], lambda delivery: bool(delivery["attempts"]))
    failing = (await admin.patch(path, json={})).json()

    receiver.status = 200
    await _delivered(admin, (await admin.post(f"{path}/ping")).json()["id"])
    works = (await admin.patch(path, json={})).json()

    assert endpoint["failing_since"] is None
    assert failing["failing_since"] == failed["created_at"]
    assert works["failing_since"] is None


async def test_log_is_filtered_and_paged(set_up: SetUp, receiver: Receiver, log_in: LogIn) -> None:
    endpoint = await set_up("control.engaged")
    admin = await log_in("admin")
    sent = [(await admin.post(f"/api/v1/webhooks/{endpoint['id']}/ping")).json()["id"] for _ in range(3)]
    for delivery_id in sent:
        await _delivered(admin, delivery_id)

    wanted = {"target": endpoint["id"], "channel": "webhook", "state": "delivered", "limit": "2"}
    first = (await admin.get("/api/v1/deliveries", params=wanted)).json()
    rest = (await admin.get("/api/v1/deliveries", params={**wanted, "cursor": first["next_cursor"]})).json()

    assert [item["id"] for item in first["items"] + rest["items"]] == sent[::-1]
    assert rest["next_cursor"] is None
    assert (await admin.get("/api/v1/deliveries", params={**wanted, "state": "failed"})).json()["items"] == []


async def test_endpoint_that_is_disabled_is_told_nothing_until_it_is_enabled(set_up: SetUp, log_in: LogIn) -> None:
    endpoint = await set_up()
    admin = await log_in("admin")
    path = f"/api/v1/webhooks/{endpoint['id']}"

    disabled = (await admin.patch(path, json={"enabled": False})).json()
    refused = await admin.post(f"{path}/ping")
    enabled = (await admin.patch(path, json={"enabled": True})).json()

    assert disabled["disabled_at"]
    assert refused.status_code == 409
    assert enabled["disabled_at"] is None


async def test_change_leaves_what_it_does_not_name(set_up: SetUp, log_in: LogIn) -> None:
    endpoint = await set_up("control.engaged", description="ours")
    admin = await log_in("admin")

    changed = (await admin.patch(f"/api/v1/webhooks/{endpoint['id']}", json={"events": ["ping", "*", "*"]})).json()

    assert changed == {
        **{name: value for name, value in endpoint.items() if name != "secret"},
        "events": ["*", "ping"],
    }


async def test_removed_endpoint_is_gone(set_up: SetUp, log_in: LogIn) -> None:
    endpoint = await set_up()
    admin = await log_in("admin")
    path = f"/api/v1/webhooks/{endpoint['id']}"

    assert (await admin.delete(path)).status_code == 204
    for answer in (
        await admin.delete(path),
        await admin.patch(path, json={"enabled": True}),
        await admin.post(f"{path}/rotate"),
        await admin.post(f"{path}/ping"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "https://user:password@example.com/"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://0x7f.1/"}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://example.com/" + "a" * 3_000}, "url"),
        ({"events": []}, "events"),
        ({"events": ["approval.exploded"]}, "events"),
        ({"events": [1]}, "events[0]"),
        ({"mode": "both"}, "mode"),
        ({"description": "x" * 501}, "description"),
        ({"votes_as_me": "yes"}, "votes_as_me"),
        ({"votes_as": "mem_someone"}, "votes_as"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_endpoint_that_cannot_be_is_refused_by_field(log_in: LogIn, change: dict[str, Any], field: str) -> None:
    body = {"url": "https://hooks.example.com/", "events": ["*"], "mode": "test", **change}

    answer = await (await log_in("admin")).post("/api/v1/webhooks", json=body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]


@pytest.mark.parametrize("role", ["viewer", "support", "finance_manager", "controller", "agent_owner"])
async def test_only_admins_set_up_webhooks_and_read_the_log(set_up: SetUp, log_in: LogIn, role: str) -> None:
    endpoint = await set_up()
    someone = await log_in(role)
    path = f"/api/v1/webhooks/{endpoint['id']}"

    for answer in (
        await someone.post("/api/v1/webhooks", json={"url": "https://a.example/", "events": ["*"], "mode": "test"}),
        await someone.patch(path, json={"enabled": False}),
        await someone.post(f"{path}/rotate"),
        await someone.post(f"{path}/ping"),
        await someone.delete(path),
        await someone.get("/api/v1/deliveries"),
    ):
        assert answer.status_code in {403, 404}, answer.text


async def test_key_of_one_mode_sets_up_and_sees_no_other(admin_key: httpx.AsyncClient, log_in: LogIn) -> None:
    body = {"url": "https://hooks.example.com/", "events": ["*"], "mode": "live"}
    admin = await log_in("admin")
    live = (await admin.post("/api/v1/webhooks", json=body)).json()
    try:
        refused = await admin_key.post("/api/v1/webhooks", json=body)
        hidden = await admin_key.post(f"/api/v1/webhooks/{live['id']}/ping")

        assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
        assert hidden.status_code == 404
        assert live["id"] not in {each["id"] for each in (await admin_key.get("/api/v1/webhooks")).json()["items"]}
    finally:
        await admin.delete(f"/api/v1/webhooks/{live['id']}")


async def test_key_lets_no_webhook_vote_for_its_owner(admin_key: httpx.AsyncClient, set_up: SetUp) -> None:
    body = {"url": "https://hooks.example.com/", "events": ["*"], "mode": "test", "votes_as_me": True}
    endpoint = await set_up()

    for answer in (
        await admin_key.post("/api/v1/webhooks", json=body),
        await admin_key.post(f"/api/v1/webhooks/{endpoint['id']}/rotate", json={"votes_as_me": True}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_secret_that_others_have_seen_votes_for_nobody_new(set_up: SetUp, log_in: LogIn) -> None:
    endpoint = await set_up()
    admin = await log_in("admin")

    answer = await admin.patch(f"/api/v1/webhooks/{endpoint['id']}", json={"votes_as_me": True})

    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


async def test_controller_lets_an_endpoint_vote_by_taking_a_secret_of_their_own(set_up: SetUp, log_in: LogIn) -> None:
    endpoint = await set_up()
    controller, admin = await log_in("controller"), await log_in("admin")
    path = f"/api/v1/webhooks/{endpoint['id']}"

    rotated = (await controller.post(f"{path}/rotate", json={"votes_as_me": True})).json()
    ended = (await controller.patch(path, json={"votes_as_me": False})).json()
    await controller.post(f"{path}/rotate", json={"votes_as_me": True})
    taken = (await admin.post(f"{path}/rotate")).json()

    assert rotated["votes_as"]["name"]
    assert rotated["secret"] != endpoint["secret"]
    assert ended["votes_as"] is None
    # The admin was shown the new secret, so it brings nobody else's votes.
    assert taken["votes_as"] is None


async def test_member_takes_an_endpoint_from_nobody_else_and_not_from_its_receiver(
    set_up: SetUp, log_in: LogIn
) -> None:
    endpoint = await set_up()
    controller, other = await log_in("controller"), await log_in("finance_manager")
    path = f"/api/v1/webhooks/{endpoint['id']}/rotate"

    at_once = await controller.post(path, json={"votes_as_me": True, "keep_previous_hours": 23})
    taken = await controller.post(path, json={"votes_as_me": True})
    taken_away = await other.post(path, json={"votes_as_me": True})
    again = await controller.post(path, json={"keep_previous_hours": 0})

    assert [answer.status_code for answer in (at_once, taken, taken_away, again)] == [403, 200, 403, 200]
    assert taken_away.json()["error"] == "not_eligible"
    assert again.json()["votes_as"]["id"] == taken.json()["votes_as"]["id"]


async def test_every_change_is_sealed(set_up: SetUp, log_in: LogIn, stack: Any) -> None:
    admin = await log_in("admin")
    endpoint = await set_up("approval.requested", url=f"http://127.0.0.1:9/{uuid.uuid4().hex}")
    path = f"/api/v1/webhooks/{endpoint['id']}"
    await admin.patch(path, json={"description": "another"})
    await admin.post(f"{path}/rotate")
    await admin.delete(path)

    database = await asyncpg.connect(stack.database_url)
    found = await database.fetch(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'action' AS action, convert_from(body, 'UTF8') AS body "
        "FROM ledger_entries WHERE kind = 'webhook_endpoint' "
        "AND convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'endpoint_id' = $1 ORDER BY seq",
        endpoint["id"],
    )
    await database.close()

    assert [entry["action"] for entry in found] == ["create", "change", "rotate", "remove"]
    # A URL may carry the receiver's own token: it is committed to, never written out.
    assert all(endpoint["url"] not in entry["body"] and "whsec_" not in entry["body"] for entry in found)


async def _delivered(client: httpx.AsyncClient, delivery_id: str) -> dict[str, Any]:
    return await _in_log(client, delivery_id, lambda delivery: delivery["state"] == "delivered")


async def _in_log(
    client: httpx.AsyncClient, delivery_id: str, condition: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The delivery, once the log says so of it."""
    async with asyncio.timeout(20):
        while True:
            delivery: dict[str, Any] = (await client.get(f"/api/v1/deliveries/{delivery_id}")).json()
            if condition(delivery):
                return delivery
            await asyncio.sleep(0.05)
