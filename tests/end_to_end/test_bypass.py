"""Money that moved without asking: seen, judged, told by every way; and what was asked for is never taken for it."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiohttp import web

PATIENCE_SECONDS = 40
SECRETS = {
    "last4": "last4_9424",
    "fingerprint": "Xt5EWLLDS7FJjR1c",
    "number": "4000056655665556",
    "cvc": "cvc_737",
    "account_number": "000123456789",
    "routing_number": "routing_110000000",
    "iban": "DE89370400440532013000",
    "line1": "Musterstrasse 17b",
    "postal_code": "postal_10115",
    "email": "jane.doe.4711@mail.example",
    "name": "Jane Q. Doe-Example",
    "phone": "+15005550006",
    "ssn_last_4": "ssn_0000",
    "id_number": "id_number_C01X00T47",
    "document": "file_identity_document_1",
    "customer_purchase_ip": "203.0.113.77",
    "description": "free text about Jane",
}
"""What must be nowhere, by the name of the field it comes in."""


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := await look()):
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.1)
    return found


@pytest.fixture
async def admin(product: Any) -> AsyncIterator[httpx.AsyncClient]:
    client = await product.log_in("admin")
    yield client
    await client.aclose()


@pytest.fixture
async def sandbox(product: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox as the account's owner and as the postman; nothing goes wrong before or after."""
    await product.stripe.delete("/_sandbox/webhooks/faults")
    yield product.stripe
    await product.stripe.delete("/_sandbox/webhooks/faults")
    await product.stripe.post("/_sandbox/webhooks/release", json={})


async def dashboard_refund(sandbox: httpx.AsyncClient, charge: str, amount_cents: int, **more: Any) -> str:
    """Somebody refunds in the dashboard; the refund's id."""
    params = {"charge": charge, "amount": amount_cents, **more}
    answer = await sandbox.post("/_sandbox/dashboard", json={"path": "/v1/refunds", "params": params})
    return str(answer.raise_for_status().json()["id"])


async def decision_of(admin: httpx.AsyncClient, stripe_object_id: str) -> Any:
    """The decision that a movement on Stripe belongs to, or None."""
    events = (await admin.get("/api/v1/stripe-events", params={"limit": 200})).raise_for_status().json()["items"]
    found = [one["decision_id"] for one in events if one["object_id"] == stripe_object_id and one["decision_id"]]
    answer = await admin.get(f"/api/v1/decisions/{found[0]}") if found else None
    return answer.json() if answer is not None and answer.status_code == 200 else None


async def test_dashboard_refund_is_seen_judged_sealed_and_listed(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    charge = await product.charge()
    refund_id = await dashboard_refund(sandbox, charge, 17_500)

    decision = await eventually(lambda: decision_of(admin, refund_id))

    assert (decision["bypass"], decision["source"], decision["state"]) == (True, "stripe_event", "allowed")
    assert (decision["amount_cents"], decision["charge"], decision["surface_mode"]) == (17_500, charge, "shadow")
    assert decision["advisory"]["outcome"] == "pending_approval"
    assert decision["advisory"]["reason"] == "amount_above_default_threshold"
    assert decision["observed"]["stripe_object_id"] == refund_id
    assert decision["observed"]["why"] == "Nobody had asked for it."
    assert await product.entries(decision["decision_id"]) == ["decision", "bypass"]
    (sealed,) = [entry for entry in decision["ledger"] if entry["kind"] == "bypass"]
    assert sealed["body"]["data"]["stripe_object_id"] == refund_id
    for bypass, there in (("true", True), ("false", False)):
        page = await admin.get("/api/v1/decisions", params={"bypass": bypass, "charge": charge})
        shown = [one["decision_id"] for one in page.raise_for_status().json()["items"]]
        assert (decision["decision_id"] in shown) is there
    assert (await product.verify_ledger()).returncode == 0


async def test_bypass_is_told_by_every_way(product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    async with receiving() as hook, listening(product) as heard:
        body = {"url": hook.url, "events": ["bypass.*"], "description": ""}
        endpoint = (
            (await admin.post("/api/v1/webhooks?mode=test", json={**body, "mode": "test"})).raise_for_status().json()
        )
        refund_id = await dashboard_refund(sandbox, await product.charge(), 1_234)
        decision = await eventually(lambda: decision_of(admin, refund_id))
        decision_id = decision["decision_id"]

        async def mailed() -> set[str]:
            async with httpx.AsyncClient(base_url=product.stack.messages_url) as mails:
                found = (await mails.get("/_sandbox/mails")).json()["data"]
            about = [mail for mail in found if refund_id in json.dumps(mail)]
            to = {mail["recipients"][0].partition("@")[0] for mail in about}
            return to if to >= {"admin", "controller", "controller2"} else set()

        async def posted() -> list[Any]:
            async with httpx.AsyncClient(base_url=product.stack.slack_url) as slack:
                state = (await slack.get("/_sandbox/state")).json()
            return [one for one in state["messages"] if refund_id in str(one)]

        async def hooked() -> list[Any]:
            return [one for one in hook.bodies if decision_id in one.decode()]

        async def streamed() -> set[str]:
            names = {name for name, data in heard if decision_id in data}
            return names if names >= {"decision", "bypass"} else set()

        assert not await eventually(mailed) & {"viewer", "support", "finance"}
        assert "Bypass" in (await eventually(posted))[0]["text"]
        (told,) = [json.loads(one) for one in await eventually(hooked)]
        await eventually(streamed)
        await admin.delete(f"/api/v1/webhooks/{_endpoint_id(endpoint)}")
    assert told["type"] == "bypass.detected"
    assert told["data"]["observed"]["stripe_object_id"] == refund_id
    assert told["data"]["decision"]["bypass"] is True
    assert told["data"]["amount_cents"] == 1_234


async def test_only_the_ways_that_were_chosen_are_used(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    (await admin.put("/api/v1/organization", json={"bypass_alerts": ["email"]})).raise_for_status()
    try:
        refund_id = await dashboard_refund(sandbox, await product.charge(), 1_111)
        decision = await eventually(lambda: decision_of(admin, refund_id))

        async def delivered() -> list[str]:
            log = await admin.get("/api/v1/deliveries", params={"limit": 200, "mode": "test"})
            return [one["channel"] for one in log.json()["items"] if one["decision_id"] == decision["decision_id"]]

        await eventually(delivered)
        assert set(await delivered()) <= {"email", "webhook"}
        assert await product.entries(decision["decision_id"]) == ["decision", "bypass"]
    finally:
        everywhere = ["console", "slack", "email", "webhook"]
        (await admin.put("/api/v1/organization", json={"bypass_alerts": everywhere})).raise_for_status()


async def test_what_a_caller_was_allowed_and_makes_is_no_bypass(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    charges = [await product.charge() for _ in range(2)]
    asked = [await product.ask(1_500, charge, execute="caller") for charge in charges]
    named = {"axiru_decision_id": asked[0]["decision_id"]}
    made = [
        await dashboard_refund(sandbox, charges[0], 1_500, metadata=named),
        await dashboard_refund(sandbox, charges[1], 1_500),
    ]

    for refund_id, decision in zip(made, asked, strict=True):
        found = await eventually(lambda refund_id=refund_id: decision_of(admin, refund_id))
        assert found["decision_id"] == decision["decision_id"]
        assert (found["state"], found["bypass"], found["observed"]["status"]) == ("allowed", False, "succeeded")
        assert await product.entries(decision["decision_id"]) == ["decision", "observation"]


async def test_refund_whose_webhook_is_faster_than_its_answer_is_no_bypass(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    charge = await product.charge()
    await product.plan_fault("hang_seconds", 3)
    asking = asyncio.create_task(product.ask(1_600, charge))
    (refund,) = await eventually(lambda: product.refunds(charge))

    async def looked_at() -> bool:
        events = (await admin.get("/api/v1/stripe-events", params={"limit": 200})).json()["items"]
        return any(one["object_id"] == refund["id"] for one in events)

    await eventually(looked_at)
    assert await decision_of(admin, refund["id"]) is None
    asked = await asking
    await product.settled(asked["decision_id"])

    decision = await eventually(lambda: decision_of(admin, refund["id"]))
    assert (decision["decision_id"], decision["bypass"]) == (asked["decision_id"], False)
    assert (decision["state"], decision["observed"]["stripe_object_id"]) == ("executed", refund["id"])


async def test_denied_refund_that_was_made_all_the_same_says_so(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    charge = await product.charge()
    new_customer = {"customer_tenure_days": 2, "reason_code": "duplicate_charge"}
    asked = await product.ask(12_000, charge, execute="caller", context=new_customer)
    assert asked["outcome"] == "denied"

    forged = {"axiru_decision_id": asked["decision_id"]}
    refund_id = await dashboard_refund(sandbox, charge, 12_000, metadata=forged)

    decision = await eventually(lambda: decision_of(admin, refund_id))
    assert decision["bypass"]
    assert decision["observed"]["why"].startswith(f"Decision {asked['decision_id']} denied it")


async def test_events_doubled_and_in_reverse_order_end_the_same(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    charge = await product.charge()
    await _delivery_fault(sandbox, "hold", "*refund*", times=6)
    refund_ids = [await dashboard_refund(sandbox, charge, amount) for amount in (210, 220, 230)]

    async def all_held() -> bool:
        waiting = (await sandbox.get("/_sandbox/webhooks/deliveries")).json()["data"]
        return sum(one["held"] for one in waiting) == 6

    await eventually(all_held)
    (await sandbox.post("/_sandbox/webhooks/release", json={"reverse": True})).raise_for_status()
    await _delivery_fault(sandbox, "duplicate", "*refund*", times=2)
    refund_ids.append(await dashboard_refund(sandbox, charge, 240))

    decisions = [await eventually(lambda each=each: decision_of(admin, each)) for each in refund_ids]

    assert [decision["amount_cents"] for decision in decisions] == [210, 220, 230, 240]
    page = await admin.get("/api/v1/decisions", params={"bypass": "true", "charge": charge})
    assert len(page.json()["items"]) == 4


async def test_what_no_webhook_told_is_found_by_looking(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await _delivery_fault(sandbox, "drop", "*refund*", times=2)
    refund_id = await dashboard_refund(sandbox, await product.charge(), 777)

    assert (await admin.post("/api/v1/connections/stripe_conn_demo/reconcile")).status_code == 202

    decision = await eventually(lambda: decision_of(admin, refund_id))
    assert decision["bypass"]
    events = (await admin.get("/api/v1/stripe-events", params={"limit": 200})).json()["items"]
    assert {one["via"] for one in events if one["object_id"] == refund_id} == {"reconciliation"}


@pytest.mark.parametrize("api_version", ["2022-08-01", "2026-08-26.dahlia", "2031-01-01.tomorrow"])
async def test_charge_refunded_of_any_version_tells_of_its_refund(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient, api_version: str
) -> None:
    charge_id = await product.charge()
    await _delivery_fault(sandbox, "drop", "*refund*", times=2)
    refund_id = await dashboard_refund(sandbox, charge_id, 888)
    charge = (await product.stripe.get(f"/v1/charges/{charge_id}")).json()
    refund = (await product.stripe.get(f"/v1/refunds/{refund_id}")).json()
    embedded = {"refunds": {"object": "list", "data": [refund], "has_more": False}}
    extra = {"field_of_tomorrow": {"a": [1]}, **(embedded if api_version < "2022-11-15" else {})}

    told = {"type": "charge.refunded", "object": charge, "api_version": api_version, "extra": extra}
    (await sandbox.post("/_sandbox/events", json=told)).raise_for_status()

    decision = await eventually(lambda: _decision_on(admin, charge_id))
    assert decision["observed"]["stripe_object_id"] == refund_id


async def test_other_movements_that_never_asked_are_seen_as_well(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    (await sandbox.post("/_sandbox/balance", json={"amount": 500_000, "currency": "usd"})).raise_for_status()
    made = {}
    for action, path, params in (
        ("payout", "/v1/payouts", {"amount": 4_100, "currency": "usd"}),
        ("transfer", "/v1/transfers", {"amount": 4_200, "currency": "usd", "destination": "acct_demo_merchant_1"}),
    ):
        answer = await sandbox.post("/_sandbox/dashboard", json={"path": path, "params": params})
        made[action] = answer.raise_for_status().json()["id"]

    for action, object_id in made.items():
        decision = await eventually(lambda object_id=object_id: decision_of(admin, object_id))
        assert (decision["action"], decision["bypass"]) == (action, True)


async def test_nothing_personal_of_an_event_is_kept_anywhere(
    product: Any, sandbox: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    """Full objects with every kind of secret in them, signed and sent; then all there is to read is searched."""
    charge_id = await product.charge()
    charge = (await product.stripe.get(f"/v1/charges/{charge_id}")).json()
    refund = {**_secret_refund(charge_id), **SECRETS, "metadata": {**SECRETS, "note": SECRETS["description"]}}
    dispute = {
        **{"id": f"du_{uuid.uuid4().hex}", "object": "dispute", "amount": 900, "currency": "usd"},
        **{"created": int(time.time()), "status": "needs_response", "reason": "fraudulent", "charge": charge_id},
        **{"evidence": SECRETS, "payment_method_details": {"type": "card", "card": SECRETS}, "metadata": SECRETS},
    }
    account = {"id": "acct_demo", "object": "account", "individual": SECRETS, "external_accounts": {"data": [SECRETS]}}
    full = {**charge, "billing_details": SECRETS, "payment_method_details": {"type": "card", "card": SECRETS}}
    sent = set()
    for type_, about in (
        ("refund.created", refund),
        ("charge.refunded", {**full, "refunds": {"data": [refund]}, "source": SECRETS, "shipping": SECRETS}),
        ("charge.dispute.created", dispute),
        ("account.updated", account),
        ("customer.created", {"id": "cus_1", "object": "customer", **SECRETS, "sources": {"data": [SECRETS]}}),
        ("identity.verification_session.created", {"id": "vs_1", "object": "identity.verification_session", **SECRETS}),
    ):
        sent.add(await _post_signed(product, type_, about))

    decision = await eventually(lambda: decision_of(admin, refund["id"]))
    assert decision["bypass"]

    async def recorded() -> bool:
        found = (await admin.get("/api/v1/stripe-events", params={"limit": 200})).raise_for_status().json()["items"]
        return sent <= {one["id"] for one in found if one["state"] in ("processed", "ignored")}

    await eventually(recorded)
    places = {"database": await _database_text(product), **_files_of(product)}
    assert decision["decision_id"] in places["database"]
    # What Temporal keeps can be read here, or nothing would be found in it anyway.
    assert any(decision["decision_id"] in text for place, text in places.items() if "temporal.db" in place)
    for name, secret in SECRETS.items():
        for place, text in places.items():
            assert secret not in text, f"{name} is in {place}"


def _secret_refund(charge_id: str) -> dict[str, Any]:
    return {
        "id": f"re_{uuid.uuid4().hex}",
        "object": "refund",
        "amount": 313,
        "currency": "usd",
        "created": int(time.time()),
        "charge": charge_id,
        "status": "succeeded",
        "destination_details": {"type": "card", "card": SECRETS, "us_bank_transfer": SECRETS},
        "next_action": {"display_details": SECRETS},
    }


async def _post_signed(product: Any, type_: str, about: dict[str, Any]) -> str:
    """The id of an event that the webhook took."""
    event_id = f"evt_{uuid.uuid4().hex}"
    told = {
        **{"id": event_id, "object": "event", "account": "acct_demo", "type": type_},
        **{"created": int(time.time()), "livemode": False, "api_version": "2026-08-26.dahlia"},
        "data": {"object": about, "previous_attributes": about},
        "request": {"id": None, "idempotency_key": SECRETS["email"]},
    }
    raw, at = json.dumps(told).encode(), int(time.time())
    secret = product.stack.stripe_webhook_secret.encode()
    digest = hmac.new(secret, b"%d.%b" % (at, raw), hashlib.sha256).hexdigest()
    headers = {"stripe-signature": f"t={at},v1={digest}", "content-type": "application/json"}
    (await product.nobody.post("/webhooks/stripe", content=raw, headers=headers)).raise_for_status()
    return event_id


async def _database_text(product: Any) -> str:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(product.stack.database_admin_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = []
        for table in tables:
            # Bodies are bytes in their column; as text they would be hexadecimal.
            name = table["tablename"]
            body = ", convert_from(body, 'UTF8') AS body_text" if name == "ledger_entries" else ""
            select = f'SELECT row_to_json(t)::text AS line FROM (SELECT *{body} FROM "{name}") t'  # noqa: S608
            found = await connection.fetch(select)
            texts += [row["line"] for row in found]
    finally:
        await connection.close()
    return "\n".join(texts)


def _files_of(product: Any) -> dict[str, str]:
    """The logs, and Temporal's histories as they are on disk; the sandbox's own files are Stripe's."""
    home = Path(product.stack.home)
    files = [*(home / "logs").glob("*.log"), *(home / "temporal").glob("temporal.db*")]
    ours = [file for file in files if file.stem not in {"stripe", "stripe-mock"}]
    assert any(file.name == "api.log" for file in ours)
    assert any(file.name == "temporal.db" for file in ours)
    return {str(file): file.read_bytes().decode("utf-8", "replace") for file in ours}


async def _decision_on(admin: httpx.AsyncClient, charge: str) -> Any:
    page = (await admin.get("/api/v1/decisions", params={"bypass": "true", "charge": charge})).json()["items"]
    return page[0] if page else None


async def _delivery_fault(sandbox: httpx.AsyncClient, kind: str, type_: str, *, times: int) -> None:
    fault = {"kind": kind, "type": type_, "times": times}
    (await sandbox.post("/_sandbox/webhooks/faults", json=fault)).raise_for_status()


def _endpoint_id(created: dict[str, Any]) -> str:
    return str(created.get("id") or created["endpoint"]["id"])


class Hook:
    """Takes webhooks and keeps their bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


@asynccontextmanager
async def listening(product: Any) -> AsyncIterator[list[tuple[str, str]]]:
    """The event stream, as (name, data) of every event while the context lasts."""
    heard: list[tuple[str, str]] = []
    connected = asyncio.Event()

    async def listen() -> None:
        name = ""
        async with product.caller.stream("GET", "/api/v1/events", timeout=None) as stream:
            async for line in stream.aiter_lines():
                connected.set()
                if line.startswith("event:"):
                    name = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    heard.append((name, line.removeprefix("data:").strip()))

    task = asyncio.create_task(listen())
    await connected.wait()
    yield heard
    task.cancel()
    await asyncio.wait([task])
