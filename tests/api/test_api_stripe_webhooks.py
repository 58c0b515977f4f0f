"""`POST /webhooks/stripe`: who may tell us anything, what is kept of it, and that nothing is an error."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

PATH = "/webhooks/stripe"
NOW = 0


def event(**changes: Any) -> dict[str, Any]:
    """An event that nothing is done about, on the demo account."""
    told = {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "account": "acct_demo",
        "api_version": "2026-08-26.dahlia",
        "created": int(time.time()),
        "livemode": False,
        "type": "charge.succeeded",
        "data": {"object": {"id": f"ch_{uuid.uuid4().hex}", "object": "charge", "amount": 500, "currency": "usd"}},
    }
    return told | changes


class Stripe:
    """Posts what Stripe would, signed with the stack's secret unless a test says otherwise."""

    def __init__(self, http: httpx.AsyncClient, secret: str) -> None:
        self.http = http
        self.secret = secret

    def signature(self, raw: bytes, *, at: int = NOW, secret: str | None = None, scheme: str = "v1") -> str:
        at = at or int(time.time())
        digest = hmac.new((secret or self.secret).encode(), b"%d.%b" % (at, raw), hashlib.sha256).hexdigest()
        return f"t={at},{scheme}={digest}"

    async def send(self, raw: bytes, signature: str | None) -> httpx.Response:
        headers = {"content-type": "application/json"}
        if signature is not None:
            headers["stripe-signature"] = signature
        return await self.http.post(PATH, content=raw, headers=headers)

    async def tell(self, told: dict[str, Any]) -> httpx.Response:
        raw = json.dumps(told).encode()
        return await self.send(raw, self.signature(raw))


@pytest.fixture
def stripe(http: httpx.AsyncClient, stack: DevJson) -> Stripe:
    return Stripe(http, stack.stripe_webhook_secret)


async def kept(database: asyncpg.Connection, event_id: str) -> list[Any]:
    return await database.fetch("SELECT * FROM stripe_events WHERE id = $1", event_id)


async def test_event_is_kept_before_it_is_acknowledged(stripe: Stripe, database: asyncpg.Connection) -> None:
    told = event()

    answer = await stripe.tell(told)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (row,) = await kept(database, told["id"])
    assert (row["organization_id"], row["mode"], row["stripe_connection_id"]) == (
        "org_demo",
        "test",
        "stripe_conn_demo",
    )
    assert (row["type"], row["state"], row["via"]) == ("charge.succeeded", "ignored", "webhook")
    assert row["object_id"] == told["data"]["object"]["id"]


async def test_event_that_comes_again_is_kept_once(stripe: Stripe, database: asyncpg.Connection) -> None:
    told = event()

    answers = await asyncio.gather(*(stripe.tell(told) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(await kept(database, told["id"])) == 1


async def test_signature_over_the_very_bytes_counts(stripe: Stripe, database: asyncpg.Connection) -> None:
    told = event()
    spaced = json.dumps(told, indent=3).encode()

    assert (await stripe.send(spaced, stripe.signature(spaced))).status_code == 200
    assert len(await kept(database, told["id"])) == 1

    altered = spaced.replace(b'"amount": 500', b'"amount": 501')
    assert altered != spaced
    assert (await stripe.send(altered, stripe.signature(spaced))).status_code == 401


@pytest.mark.parametrize(
    "signed",
    [
        lambda _s, _raw: None,
        lambda _s, _raw: "",
        lambda _s, _raw: "t=,v1=",
        lambda _s, _raw: "nonsense",
        lambda s, raw: s.signature(raw, secret="whsec_another"),
        lambda s, raw: s.signature(raw, scheme="v0"),
        lambda s, raw: s.signature(raw, at=int(time.time()) - 301),
        lambda s, raw: s.signature(raw, at=int(time.time()) + 400),
        lambda s, raw: s.signature(raw).replace("t=", "t=9"),
        lambda s, raw: s.signature(raw).replace(",", "=9,", 1),
        lambda s, raw: s.signature(raw).partition(",")[0],
        lambda s, raw: s.signature(raw).partition(",")[2],
        lambda _s, _raw: f"t={'9' * 5_000},v1=00",
        lambda s, raw: s.signature(raw)[:-1] + "é",
        lambda _s, _raw: "t=1," + ",".join(f"v1={number:064x}" for number in range(50)),
    ],
)
async def test_what_stripe_did_not_sign_now_is_refused(
    stripe: Stripe, database: asyncpg.Connection, signed: Callable[[Stripe, bytes], str | None]
) -> None:
    told = event()
    raw = json.dumps(told).encode()
    signature = signed(stripe, raw)

    headers = [(b"content-type", b"application/json")]
    if signature is not None:
        headers.append((b"stripe-signature", signature.encode()))
    answer = await stripe.http.post(PATH, content=raw, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")
    assert await kept(database, told["id"]) == []


async def test_two_signature_headers_are_refused(stripe: Stripe) -> None:
    raw = json.dumps(event()).encode()
    right = stripe.signature(raw)

    for headers in ([("stripe-signature", right)] * 2, [("stripe-signature", right), ("Stripe-Signature", "t=1,v1=0")]):
        assert (await stripe.http.post(PATH, content=raw, headers=headers)).status_code == 401


async def test_any_of_several_signatures_is_enough(stripe: Stripe) -> None:
    """While a secret is rolled, Stripe signs with both."""
    raw = json.dumps(event()).encode()
    at, _, right = stripe.signature(raw).partition(",")
    _, _, wrong = stripe.signature(raw, secret="whsec_old").partition(",")

    for signature in (f"{at},{wrong},{right}", f"{at},{right},{wrong}", f"{at},v0=abc,{right}"):
        assert (await stripe.send(raw, signature)).status_code == 200


async def test_signature_of_almost_five_minutes_ago_is_taken(stripe: Stripe) -> None:
    raw = json.dumps(event()).encode()

    assert (await stripe.send(raw, stripe.signature(raw, at=int(time.time()) - 290))).status_code == 200


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"not json", b'{"id": "\xff"}', b'{"id": "evt_1"} trailing', b"[" * 100_000, b"\xef\xbb\xbf{}"],
)
async def test_signed_bytes_that_are_no_json_are_said_to_be_none(stripe: Stripe, raw: bytes) -> None:
    signed = stripe.signature(raw)

    answer = await stripe.send(raw, signed)

    # What is not UTF-8 cannot have been signed by Stripe: its signature is over text.
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_json", "invalid_signature"}


async def test_body_that_is_too_large_is_refused(stripe: Stripe) -> None:
    raw = json.dumps(event(padding="x" * 300_000)).encode()

    assert (await stripe.send(raw, stripe.signature(raw))).status_code == 413


async def connection(database: asyncpg.Connection, status: str) -> tuple[str, str]:
    """A connection of the test's own; its id and its account."""
    connection_id, account = f"stripe_conn_{uuid.uuid4().hex}", f"acct_{uuid.uuid4().hex}"
    await database.execute(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) "
        "VALUES ($1, 'org_demo', 'test', $2, '', '{}', 'usd', false, $3, '{}', now())",
        *(connection_id, account, status),
    )
    return connection_id, account


THIN = {
    "id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0",
    "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered",
    "livemode": False,
    "created": "2026-09-17T06:20:52.246Z",
    "context": "acct_demo",
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}


@pytest.mark.parametrize(
    "told",
    [
        THIN,
        {},
        [],
        None,
        7,
        "text",
        event(id=None),
        event(id="4242424242424242"),
        event(id=["evt"]),
        event(type={}),
        event(type="x" * 500),
        event(created="2026-01-01"),
        event(created=-1),
        event(created=10**18),
        event(created=1e300),
        event(livemode="no"),
        event(account=None),
        event(account="acct_nobody_knows"),
        event(account={"id": 4}),
        event(data=None),
        event(data={"object": None}),
        event(data={"object": []}),
        event(data={"object": {"object": 5}}),
        event(data={"object": {"object": "a_kind_of_tomorrow", "id": "x_1"}}),
        event(type="refund.created", data={"object": {"object": "refund", "id": "\u0000", "amount": "12"}}),
    ],
)
async def test_whatever_is_signed_is_taken_without_an_error(stripe: Stripe, told: Any) -> None:
    answer = await stripe.tell(told)

    assert (answer.status_code, answer.json()) == (200, {"received": True})


async def test_account_nobody_connected_leaves_nothing(stripe: Stripe, database: asyncpg.Connection) -> None:
    for told in (event(account="acct_of_nobody"), event(livemode=True)):
        assert (await stripe.tell(told)).status_code == 200
        assert await kept(database, told["id"]) == []


async def test_revoked_connection_takes_nothing_in(stripe: Stripe, database: asyncpg.Connection) -> None:
    connection_id, account = await connection(database, "revoked")
    told = event(account=account)

    assert (await stripe.tell(told)).status_code == 200
    assert await kept(database, told["id"]) == []

    await database.execute("UPDATE stripe_connections SET status = 'active' WHERE id = $1", connection_id)
    assert (await stripe.tell(told)).status_code == 200
    (row,) = await kept(database, told["id"])
    assert row["stripe_connection_id"] == connection_id
    await database.execute("UPDATE stripe_connections SET status = 'disconnected' WHERE id = $1", connection_id)


async def test_uninstalling_the_app_ends_the_connection(
    stripe: Stripe, database: asyncpg.Connection, admin_key: httpx.AsyncClient
) -> None:
    connection_id, account = await connection(database, "active")
    uninstalled = event(
        account=account,
        type="account.application.deauthorized",
        data={"object": {"id": "ca_axiru", "object": "application", "name": "Axiru"}},
    )

    assert (await stripe.tell(uninstalled)).status_code == 200

    async def revoked() -> bool:
        view = (await admin_key.get(f"/api/v1/connections/{connection_id}")).json()
        return bool(view["status"] == "revoked" and view["status_reason"])

    await until(revoked)
    after = event(account=account)
    assert (await stripe.tell(after)).status_code == 200
    assert await kept(database, after["id"]) == []


async def test_events_are_listed_by_connection_state_and_page(stripe: Stripe, admin_key: httpx.AsyncClient) -> None:
    told = [event(account="acct_abc123") for _ in range(3)]
    for one in told:
        await stripe.tell(one)

    wanted = {"connection": "stripe_conn_abc123", "state": "ignored", "limit": 2}
    first = (await admin_key.get("/api/v1/stripe-events", params=wanted)).raise_for_status().json()
    second = (
        (await admin_key.get("/api/v1/stripe-events", params={**wanted, "cursor": first["next_cursor"]}))
        .raise_for_status()
        .json()
    )

    shown = [one["id"] for one in first["items"] + second["items"]]
    assert shown[:3] == [one["id"] for one in reversed(told)]
    assert {one["state"] for one in first["items"]} == {"ignored"}
    assert "body" not in first["items"][0]
    for wrong in ({"state": "lost"}, {"cursor": "nonsense"}, {"mode": "live"}):
        assert (await admin_key.get("/api/v1/stripe-events", params=wrong)).status_code == 400


async def test_event_is_processed_again_when_an_admin_says_so(
    stripe: Stripe, admin_key: httpx.AsyncClient, caller: httpx.AsyncClient
) -> None:
    told = event()
    await stripe.tell(told)
    path = f"/api/v1/stripe-events/{told['id']}/reprocess"

    assert (await caller.post(path)).status_code == 403
    assert (await admin_key.post(path)).status_code == 202
    assert (await admin_key.post("/api/v1/stripe-events/evt_none/reprocess")).status_code == 404

    async def done() -> bool:
        page = (await admin_key.get("/api/v1/stripe-events", params={"limit": 200})).json()
        (one,) = [each for each in page["items"] if each["id"] == told["id"]]
        return bool(one["state"] == "ignored" and one["attempts"] == 1)

    await until(done)


async def test_burst_of_events_keeps_no_decision_waiting(
    stripe: Stripe, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    telling = [asyncio.create_task(stripe.tell(event())) for _ in range(200)]

    answers = await asyncio.gather(*(caller.post("/api/v1/decisions", json=refund()) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert {(await one).status_code for one in telling} == {200}


async def test_asking_to_reconcile_is_for_admins_and_connections_there_are(
    admin_key: httpx.AsyncClient, caller: httpx.AsyncClient
) -> None:
    assert (await caller.post("/api/v1/connections/stripe_conn_demo/reconcile")).status_code == 403
    assert (await admin_key.post("/api/v1/connections/stripe_conn_none/reconcile")).status_code == 404


async def test_where_a_bypass_is_told_is_chosen_by_admins(
    log_in: Callable[[str], Awaitable[httpx.AsyncClient]],
) -> None:
    admin, viewer = await log_in("admin"), await log_in("viewer")
    before = (await admin.get("/api/v1/organization")).json()
    try:
        chosen = await admin.put("/api/v1/organization", json={"bypass_alerts": ["email", "slack", "email"]})
        assert chosen.raise_for_status().json()["bypass_alerts"] == ["slack", "email"]
        assert chosen.json()["break_glass"] == before["break_glass"]
        none = await admin.put("/api/v1/organization", json={"bypass_alerts": []})
        assert none.raise_for_status().json()["bypass_alerts"] == []
        for wrong in ({"bypass_alerts": ["pager"]}, {"bypass_alerts": "email"}, {"bypass_alerts": None}, {}):
            assert (await admin.put("/api/v1/organization", json=wrong)).status_code == 400
        assert (await viewer.put("/api/v1/organization", json={"bypass_alerts": []})).status_code == 403
    finally:
        await admin.put("/api/v1/organization", json={"bypass_alerts": before["bypass_alerts"]})


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)
