"""Asking for decisions as the product pages show it: both endpoints, both vocabularies, once however often."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from api.fingerprint import fingerprint
from axiru.dev.dev_json import DevJson

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
ENDPOINT = "/api/v1/decisions"
REFERENCE_FIELDS = {"decision_id", "outcome", "reason", "matched_rule", "policy_version", "approver_role", "audit"}


async def test_the_reference_pages_body_waits_for_a_controller(caller: httpx.AsyncClient) -> None:
    body = {
        "intent": {
            "kind": "refund",
            "amount_cents": 17500,
            "currency": "usd",
            "stripe_connection_id": "stripe_conn_abc123",
        },
        "context": {"customer_tenure_days": 412, "reason_code": "duplicate_charge"},
        "idempotency_key": f"support_ticket_{uuid.uuid4().hex}",
    }
    answer = (await caller.post(ENDPOINT, json=body)).raise_for_status().json()
    assert set(answer) >= REFERENCE_FIELDS
    assert answer["decision_id"].startswith("ed_")
    assert answer["outcome"] == answer["state"] == "pending_approval"
    assert answer["reason"] == answer["reason_code"] == "amount_above_default_threshold"
    assert answer["message"] == "Refunds over $150 require approval"
    assert (answer["matched_rule"], answer["policy_version"]) == ("policy:refunds-starter:v1", "v1")
    assert (answer["approver_role"], answer["mode"], answer["surface_mode"]) == ("controller", "test", "enforce")
    assert answer["audit"]["ledger_id"].startswith("lr_")
    assert answer["audit"]["logged_at"].endswith("Z")
    assert answer["approval_id"].startswith("ap_")
    assert "cached" not in answer


async def test_the_integration_guides_body_works_unchanged(caller: httpx.AsyncClient) -> None:
    body = {
        "intent": {
            "kind": "refund",
            "amount_cents": 12_500,
            "currency": "USD",
            "stripe_connection_id": "conn",
            "metadata": {"order_id": "order_1"},
        },
        "context": {
            "customer_id": f"cus_{uuid.uuid4().hex}",
            "customer_tenure_days": 412,
            "reason_code": "requested_by_customer",
        },
        "idempotency_key": uuid.uuid4().hex,
    }
    answer = await caller.post(ENDPOINT, json=body, headers={"Axiru-Outcome-Style": "integration"})
    assert answer.json()["outcome"] == "allow"
    assert answer.json()["matched_rule"] == "default_allow"


async def test_the_landing_pages_body_works_unchanged(http: httpx.AsyncClient, stack: DevJson) -> None:
    body = {
        "org_api_key": stack.api_keys["decisions"],
        "source": "support_tool",
        "action": "refund",
        "stripe_charge_id": "ch_3PLs9k…",
        "amount_cents": 22000,
        "customer_tenure_days": 9,
        "reason": "duplicate_charge",
    }
    first = (await http.post("/api/decision", json=body)).raise_for_status().json()
    decision = first["decision"]
    assert decision["outcome"] == "pending_approval"
    assert decision["reason"] == "Refunds over $150 require approval"
    assert (decision["policy_version"], decision["matched_rule"]) == ("v1", "high_value_refund_review")
    assert decision["approver_role"] == "controller"
    assert {"intent_id", "received_at"} <= set(first)
    second = (await http.post("/api/decision", json=body)).json()
    assert second["intent_id"] != first["intent_id"], "without an idempotency key every request is a new one"


@pytest.mark.parametrize(
    ("amount", "tenure", "reference", "integration"),
    [
        (1_000, 400, "allowed", "allow"),
        (17_500, 400, "pending_approval", "review"),
        (15_000, 3, "denied", "deny"),
    ],
)
async def test_both_vocabularies_say_the_same(
    caller: httpx.AsyncClient, refund: Refund, amount: int, tenure: int, reference: str, integration: str
) -> None:
    body = refund(amount, context={"customer_tenure_days": tenure})
    told = (await caller.post(ENDPOINT, json=body)).json()
    retold = (await caller.post(ENDPOINT, json=body, headers={"Axiru-Outcome-Style": "integration"})).json()
    assert (told["outcome"], retold["outcome"]) == (reference, integration)
    assert retold["state"] == reference


async def test_a_key_may_always_speak_the_integration_guides_words(
    admin_key: httpx.AsyncClient, http: httpx.AsyncClient, refund: Refund
) -> None:
    wanted = {"name": "guide", "scopes": ["decisions:write"], "mode": "test", "outcome_style": "integration"}
    key = (await admin_key.post("/api/v1/keys", json=wanted)).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert (await http.post(ENDPOINT, json=refund(), headers=headers)).json()["outcome"] == "allow"
    overridden = {**headers, "Axiru-Outcome-Style": "reference"}
    assert (await http.post(ENDPOINT, json=refund(), headers=overridden)).json()["outcome"] == "allowed"


async def test_a_replay_is_the_same_decision_marked_as_cached(caller: httpx.AsyncClient, refund: Refund) -> None:
    body = refund(17_500)
    first = (await caller.post(ENDPOINT, json=body)).json()
    again = (await caller.post(ENDPOINT, json=dict(reversed(body.items())))).json()
    assert again == {**first, "cached": True}


async def test_the_same_key_with_another_body_is_a_mismatch(caller: httpx.AsyncClient, refund: Refund) -> None:
    body = refund()
    await caller.post(ENDPOINT, json=body)
    changed = {**body, "intent": {**body["intent"], "amount_cents": 1_001}}
    answer = await caller.post(ENDPOINT, json=changed)
    assert (answer.status_code, answer.json()["error"]) == (409, "idempotency_mismatch")
    assert answer.json()["fingerprint"] == fingerprint(changed)


async def test_the_two_endpoints_keep_their_keys_apart(
    caller: httpx.AsyncClient, stack: DevJson, refund: Refund
) -> None:
    key = uuid.uuid4().hex
    short = {"org_api_key": stack.api_keys["decisions"], "amount_cents": 100, "idempotency_key": key}
    one = (await caller.post(ENDPOINT, json={**refund(), "idempotency_key": key})).json()
    other = (await caller.post("/api/decision", json=short)).json()
    again = (await caller.post("/api/decision", json=short)).json()
    assert one["decision_id"] != other["intent_id"] == again["intent_id"]
    assert again["cached"] is True


async def test_64_at_once_with_one_key_are_one_decision(
    caller: httpx.AsyncClient, admin_key: httpx.AsyncClient, refund: Refund
) -> None:
    customer = f"cus_{uuid.uuid4().hex}"
    body = refund(17_500, context={"customer_id": customer})
    answers = await asyncio.gather(*(caller.post(ENDPOINT, json=body) for _ in range(64)))
    assert Counter(answer.status_code for answer in answers) == {200: 64}
    assert len({answer.json()["decision_id"] for answer in answers}) == 1
    assert len({answer.json()["audit"]["ledger_id"] for answer in answers}) == 1
    assert sum("cached" not in answer.json() for answer in answers) == 1
    found = (await admin_key.get(ENDPOINT, params={"customer_id": customer})).json()["items"]
    assert len(found) == 1


async def test_what_the_caller_executes_needs_no_known_connection(caller: httpx.AsyncClient, refund: Refund) -> None:
    body = refund(intent={"stripe_connection_id": "nobody's", "charge": "ch_nobody"})
    assert (await caller.post(ENDPOINT, json=body)).status_code == 200


@pytest.mark.parametrize(
    ("intent", "field", "code"),
    [
        ({"stripe_connection_id": "nobody's", "charge": "ch_demo_001"}, "stripe_connection_id", "unknown_connection"),
        (
            {"stripe_connection_id": "stripe_conn_abc123", "charge": "ch_demo_001"},
            "stripe_connection_id",
            "write_scope_missing",
        ),
        ({"charge": "ch_nobody"}, "charge", "unknown_charge"),
        ({"payment_intent": "pi_nobody"}, "payment_intent", "unknown_payment_intent"),
    ],
)
async def test_what_axiru_cannot_execute_is_refused_at_once(
    caller: httpx.AsyncClient, refund: Refund, intent: dict[str, str], field: str, code: str
) -> None:
    answer = await caller.post(ENDPOINT, json=refund(intent=intent, execute="axiru"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [(error["field"], error["code"]) for error in answer.json()["field_errors"]] == [(f"intent.{field}", code)]


async def test_axiru_executes_what_is_allowed_and_waiting_shows_it(caller: httpx.AsyncClient, refund: Refund) -> None:
    body = refund(1_100, intent={"charge": "ch_demo_002"}, execute="axiru")
    answer = (await caller.post(f"{ENDPOINT}?wait=20", json=body)).json()
    assert (answer["outcome"], answer["state"]) == ("allowed", "executed")
    assert answer["execution"]["status"] == "succeeded"
    assert answer["execution"]["stripe_object_id"].startswith("re_")
    detail = (await caller.get(f"{ENDPOINT}/{answer['decision_id']}")).json()
    assert detail["execution"] == answer["execution"]
    assert [event["kind"] for event in detail["timeline"]] == [
        "requested",
        "decision",
        "execution_intent",
        "execution",
    ]
    assert [entry["body"]["seq"] for entry in detail["ledger"]] == [entry["seq"] for entry in detail["ledger"]]
    assert detail["ledger"][0]["ledger_id"] == detail["audit"]["ledger_id"]


async def test_waiting_ends_at_once_where_nothing_more_will_happen(caller: httpx.AsyncClient, refund: Refund) -> None:
    async with asyncio.timeout(5):
        answer = (await caller.post(f"{ENDPOINT}?wait=60", json=refund())).json()
        await caller.get(f"{ENDPOINT}/{answer['decision_id']}?wait=60")
    assert answer["state"] == "allowed"


async def test_waiting_ends_at_once_on_a_surface_in_shadow_where_axiru_executes_nothing(
    caller: httpx.AsyncClient,
) -> None:
    body = {
        "action": "payout",
        "execute": "axiru",
        "intent": {"amount_cents": 17_500, "currency": "usd"},
        "idempotency_key": uuid.uuid4().hex,
    }
    async with asyncio.timeout(5):
        answer = (await caller.post(f"{ENDPOINT}?wait=60", json=body)).json()
        await caller.get(f"{ENDPOINT}/{answer['decision_id']}?wait=60")
    assert (answer["state"], answer["surface_mode"]) == ("allowed", "shadow")
    assert answer["execution"]["attempts"] == 0


async def test_waiting_gives_up_when_its_seconds_are_over(caller: httpx.AsyncClient, refund: Refund) -> None:
    async with asyncio.timeout(5):
        answer = (await caller.post(f"{ENDPOINT}?wait=1", json=refund(17_500))).json()
    assert answer["state"] == "pending_approval"


async def test_a_surface_in_shadow_allows_and_advises(caller: httpx.AsyncClient) -> None:
    body = {
        "action": "payout",
        "intent": {"amount_cents": 17_500, "currency": "usd", "payout": "po_1"},
        "idempotency_key": uuid.uuid4().hex,
    }
    answer = (await caller.post(ENDPOINT, json=body)).json()
    assert (answer["outcome"], answer["surface_mode"]) == ("allowed", "shadow")
    assert answer["advisory"]["outcome"] in {"allowed", "pending_approval", "denied"}
    assert "approval_id" not in answer


async def test_in_shadow_axiru_needs_no_write_scope_for_what_it_would_execute(caller: httpx.AsyncClient) -> None:
    body = {
        "action": "payout",
        "execute": "axiru",
        "intent": {"amount_cents": 17_500, "currency": "usd", "stripe_connection_id": "stripe_conn_abc123"},
        "idempotency_key": uuid.uuid4().hex,
    }
    answer = await caller.post(ENDPOINT, json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["outcome"], told["surface_mode"]) == ("allowed", "shadow")
    assert told["advisory"]["outcome"] == "allowed"


async def test_lists_are_filtered_and_paged_without_gaps(caller: httpx.AsyncClient, refund: Refund) -> None:
    customer = f"cus_{uuid.uuid4().hex}"
    made = []
    for amount in (1_000, 1_100, 17_500, 1_200, 1_300):
        body = refund(amount, context={"customer_id": customer})
        made.append((await caller.post(ENDPOINT, json=body)).json()["decision_id"])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"customer_id": customer, "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await caller.get(ENDPOINT, params=params)).json()
        seen += [item["decision_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    for outcome in ("review", "pending_approval"):
        found = await caller.get(ENDPOINT, params={"q": customer.upper(), "outcome": outcome})
        assert [item["amount_cents"] for item in found.json()["items"]] == [17_500]


async def test_people_see_the_decisions_of_a_key(caller: httpx.AsyncClient, log_in: LogIn, refund: Refund) -> None:
    decision_id = (await caller.post(ENDPOINT, json=refund(17_500))).json()["decision_id"]
    viewer = await log_in("viewer")
    detail = (await viewer.get(f"{ENDPOINT}/{decision_id}")).raise_for_status().json()
    assert detail["requested_by"]["name"]
    assert detail["approval"]["can_vote"] is False
    live = (await viewer.get(ENDPOINT, params={"mode": "live", "q": decision_id})).json()["items"]
    test = (await viewer.get(ENDPOINT, params={"mode": "test", "q": decision_id})).json()["items"]
    assert (live, [one["decision_id"] for one in test]) == ([], [decision_id])


async def test_a_key_is_free_again_after_a_day_unless_its_decision_can_still_change(
    caller: httpx.AsyncClient, stack: DevJson, refund: Refund
) -> None:
    settled, pending = refund(), refund(17_500)
    first = {body["idempotency_key"]: (await caller.post(ENDPOINT, json=body)).json() for body in (settled, pending)}
    database = await asyncpg.connect(stack.database_admin_url)
    await database.execute(
        "UPDATE idempotency_keys SET reserved_at = now() - interval '25 hours' WHERE key = ANY($1::text[])", list(first)
    )
    await database.close()
    renewed = (await caller.post(ENDPOINT, json=settled)).json()
    assert "cached" not in renewed
    assert renewed["decision_id"] != first[settled["idempotency_key"]]["decision_id"]
    kept = (await caller.post(ENDPOINT, json=pending)).json()
    assert kept == {**first[pending["idempotency_key"]], "cached": True}
