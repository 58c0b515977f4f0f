"""Disputes over HTTP: seen by Stripe's own event, evidence by version, submitted once when it was decided."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
FACTS = {"customer_name": "Ann Example", "customer_purchase_ip": "203.0.113.7"}


@pytest.fixture
async def stripe(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    """Stripe as the account's owner uses it."""
    headers = {"Authorization": "Bearer sk_test_owner"}
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
async def enforced(database: asyncpg.Connection) -> AsyncIterator[None]:
    """Axiru stands before answers to disputes, as long as a test runs."""
    place = "organization_id = 'org_demo' AND mode = 'test' AND rail_action = 'dispute' AND stripe_connection_id = ''"
    before = await database.fetchval(f"DELETE FROM surfaces WHERE {place} RETURNING surface_mode")  # noqa: S608
    enforce = (
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ('org_demo/test/stripe.dispute', 'org_demo', 'test', '', 'stripe', 'dispute', $1, now())"
    )
    await database.execute(enforce, "enforce")
    yield
    await database.execute(f"DELETE FROM surfaces WHERE {place}")  # noqa: S608
    if before is not None:
        await database.execute(enforce, before)


async def opened(stripe: httpx.AsyncClient, **more: Any) -> str:
    """A customer disputes a charge of theirs; Stripe sends its event."""
    form = {"amount": "20000", "currency": "usd", "source": "tok_visa"}
    charge = (await stripe.post("/v1/charges", data=form)).raise_for_status().json()
    answer = await stripe.post("/_sandbox/disputes", json={"charge": charge["id"], **more})
    return str(answer.raise_for_status().json()["id"])


async def known(client: httpx.AsyncClient, dispute_id: str, *, packets: int = 1, staged: bool = False) -> Any:
    """The dispute, as soon as Axiru knows it and has built so many versions of its evidence."""
    async with asyncio.timeout(30):
        while True:
            answer = await client.get(f"/api/v1/disputes/{dispute_id}")
            if answer.status_code == 200:
                found = answer.json()
                if len(found["packets"]) >= packets and (not staged or found["packets"][0]["staged_at"]):
                    return found
            await asyncio.sleep(0.1)


async def give(client: httpx.AsyncClient, dispute_id: str, facts: Any) -> httpx.Response:
    return await client.post(f"/api/v1/disputes/{dispute_id}/packets", json={"facts": facts})


def to_submit(dispute_id: str, **top: Any) -> dict[str, Any]:
    intent = {"amount_cents": 20_000, "currency": "usd", "dispute": dispute_id}
    context = {"dispute_action": "submit_evidence", "reason_code": "fraudulent", "customer_tenure_days": 400}
    return {
        "action": "dispute",
        "execute": "axiru",
        "intent": intent,
        "context": context,
        "idempotency_key": uuid.uuid4().hex,
        **top,
    }


async def test_a_dispute_is_seen_built_and_listed(caller: httpx.AsyncClient, stripe: httpx.AsyncClient) -> None:
    dispute_id = await opened(stripe, reason="credit_not_processed")
    found = await known(caller, dispute_id)
    assert (found["state"], found["status"], found["reason"]) == ("open", "needs_response", "credit_not_processed")
    assert (found["amount_cents"], found["currency"], found["submission_count"]) == (20_000, "usd", 0)
    assert found["wanted"] == ["product_description", "refund_policy_disclosure", "refund_refusal_explanation"]
    (packet,) = found["packets"]
    assert (packet["version"], packet["degraded"], packet["last_good"]) == (1, False, True)
    assert packet["built_by"] == {"id": "axiru", "name": "Axiru"}
    assert set(packet["evidence"]) == {"uncategorized_text"}

    page = (await caller.get("/api/v1/disputes", params={"state": "open", "limit": 200})).json()
    assert next(one for one in page["items"] if one["id"] == dispute_id)["packet_version"] == 1
    closed = (await caller.get("/api/v1/disputes", params={"state": "closed", "limit": 200})).json()
    assert dispute_id not in {one["id"] for one in closed["items"]}


async def test_pages_of_disputes_follow_one_another(caller: httpx.AsyncClient, stripe: httpx.AsyncClient) -> None:
    made = {await opened(stripe) for _ in range(3)}
    for dispute_id in made:
        await known(caller, dispute_id, packets=0)
    seen: list[str] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await caller.get("/api/v1/disputes", params=params)).raise_for_status().json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


async def test_facts_make_a_new_version_and_the_last_good_packet(
    caller: httpx.AsyncClient, stripe: httpx.AsyncClient
) -> None:
    dispute_id = await opened(stripe)
    await known(caller, dispute_id)
    given = await give(caller, dispute_id, FACTS)
    assert given.status_code == 201
    packet = given.json()
    assert (packet["version"], packet["facts"], packet["last_good"]) == (2, FACTS, True)
    assert packet["built_by"]["name"] == "demo decisions"
    again = await give(caller, dispute_id, FACTS)
    assert again.json()["version"] == 2, "nothing changed"
    back = await give(caller, dispute_id, {"customer_name": None})
    assert "customer_name" not in back.json()["evidence"]
    last_good = (await caller.get(f"/api/v1/disputes/{dispute_id}/packet")).raise_for_status().json()
    assert last_good["version"] == 3
    assert [one["version"] for one in (await known(caller, dispute_id))["packets"]] == [3, 2, 1], "kept for ever"


@pytest.mark.parametrize(
    ("facts", "field", "code"),
    [
        ({"access_activity_log": "paid with 4242 4242 4242 4242"}, "facts.access_activity_log", "not_allowed"),
        ({"uncategorized_text": "DE89 3704 0044 0532 0130 00"}, "facts.uncategorized_text", "not_allowed"),
        ({"customer_signature": "file_123"}, "facts.customer_signature", "not_allowed"),
        ({"customer_nane": "Ann"}, "facts.customer_nane", "unknown_field"),
        ({"customer_name": 7}, "facts.customer_name", "wrong_type"),
        ({"customer_name": " "}, "facts.customer_name", "too_short"),
        ({"service_date": "x" * 5_001}, "facts.service_date", "too_long"),
        ([], "facts", "wrong_type"),
        (None, "facts", "wrong_type"),
    ],
)
async def test_facts_that_are_not_taken_are_named(facts: Any, field: str, code: str, caller: httpx.AsyncClient) -> None:
    answer = await give(caller, "du_of_no_importance", facts)
    assert answer.status_code == 400
    assert [(one["field"], one["code"]) for one in answer.json()["field_errors"]] == [(field, code)]


async def test_more_facts_than_stripe_takes_are_refused(caller: httpx.AsyncClient, stripe: httpx.AsyncClient) -> None:
    dispute_id = await opened(stripe)
    await known(caller, dispute_id)
    names = (
        *("access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal", "product_description"),
        *("duplicate_charge_explanation", "refund_policy_disclosure", "refund_refusal_explanation"),
    )
    assert (await give(caller, dispute_id, dict.fromkeys(names, "x" * 20_000))).status_code == 201
    answer = await give(caller, dispute_id, {"uncategorized_text": "x" * 20_000})
    assert (answer.status_code, answer.json()["field_errors"][0]["field"]) == (400, "facts")


async def test_who_may_give_facts(log_in: LogIn, caller: httpx.AsyncClient, stripe: httpx.AsyncClient) -> None:
    dispute_id = await opened(stripe)
    await known(caller, dispute_id)
    controller = await log_in("controller")
    assert (await give(controller, dispute_id, FACTS)).status_code == 201
    refused = await give(await log_in("viewer"), dispute_id, FACTS)
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")


async def test_disputes_of_nobody_or_of_others_are_not_found(
    caller: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    for path in ("", "/packet"):
        assert (await caller.get(f"/api/v1/disputes/du_unknown{path}")).status_code == 404
    assert (await give(caller, "du_unknown", FACTS)).status_code == 404
    organization, dispute = f"org_{uuid.uuid4().hex[:12]}", f"du_{uuid.uuid4().hex}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Others', now())", organization)
    await database.execute(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) "
        "VALUES ($1, $2, 'test', 'acct_others', '', '{}', 'usd', true, 'active', '{}', now())",
        f"stripe_conn_{organization}",
        organization,
    )
    await database.execute(
        "INSERT INTO disputes (organization_id, mode, id, stripe_connection_id, stripe_account_id, amount_cents, "
        "currency, reason, status, opened_at, updated_at) VALUES ($1, 'test', $2, $3, 'acct_others', 1, 'usd', "
        "'general', 'needs_response', now(), now())",
        organization,
        dispute,
        f"stripe_conn_{organization}",
    )
    assert (await caller.get(f"/api/v1/disputes/{dispute}")).status_code == 404
    assert (await give(caller, dispute, FACTS)).status_code == 404


async def test_rules_are_not_told_of_another_answer_than_the_one_that_is_given(caller: httpx.AsyncClient) -> None:
    body = to_submit("du_1", context={"dispute_action": "stage_evidence"})
    answer = await caller.post("/api/v1/decisions", json=body)
    assert [(one["field"], one["code"]) for one in answer.json()["field_errors"]] == [
        ("context.dispute_action", "not_allowed")
    ]
    body = to_submit("du_1", execute="caller")
    body["intent"]["dispute_action"] = "close"
    answer = await caller.post("/api/v1/decisions", json=body)
    assert [one["field"] for one in answer.json()["field_errors"]] == ["context.dispute_action"]


async def test_rules_read_the_answer_that_the_intent_names(
    caller: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    body = to_submit("du_1", execute="caller", context={"reason_code": "general"})
    body["intent"]["dispute_action"] = "close"
    decided = (await caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    extra = await database.fetchval(
        "SELECT ovt -> 'context' ->> 'extra' FROM requests WHERE decision_id = $1", decided["decision_id"]
    )
    assert extra == '{"dispute_action": "accept"}'


@pytest.mark.usefixtures("enforced")
async def test_a_dispute_is_submitted_exactly_once_when_it_was_approved(
    caller: httpx.AsyncClient, log_in: LogIn, stripe: httpx.AsyncClient
) -> None:
    dispute_id = await opened(stripe)
    await known(caller, dispute_id)
    await give(caller, dispute_id, FACTS)
    packet = (await known(caller, dispute_id, packets=2, staged=True))["packets"][0]
    on_stripe = (await stripe.get(f"/v1/disputes/{dispute_id}")).json()
    assert on_stripe["evidence"]["customer_name"] == "Ann Example"
    assert on_stripe["evidence_details"]["submission_count"] == 0

    body = to_submit(dispute_id)
    decided = (await caller.post("/api/v1/decisions", json=body, params={"wait": 20})).raise_for_status().json()
    if decided["outcome"] == "review":
        shown = (await caller.get(f"/api/v1/approvals/{decided['approval_id']}")).raise_for_status().json()
        assert packet["digest"] in str(shown), "who approves sees what is sent"
        assert "Ann Example" in str(shown)
        controller = await log_in("controller")
        voted = await controller.post(f"/api/v1/approvals/{decided['approval_id']}/approve", json={"reason": "fits"})
        assert voted.status_code == 200
    repeated = (await caller.post("/api/v1/decisions", json=body, params={"wait": 20})).raise_for_status().json()
    assert (repeated["decision_id"], repeated["state"]) == (decided["decision_id"], "executed")

    on_stripe = (await stripe.get(f"/v1/disputes/{dispute_id}")).json()
    assert on_stripe["evidence_details"]["submission_count"] == 1
    assert on_stripe["metadata"]["axiru_decision_id"] == decided["decision_id"]
    found = await known(caller, dispute_id)
    assert (found["state"], found["submitted"]) == ("answered", True)
    assert found["packets"][0]["submitted_by_decision"] == decided["decision_id"]
    assert found["decisions"][0]["decision_id"] == decided["decision_id"]
    refused = await give(caller, dispute_id, {"customer_name": "Bea"})
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")


@pytest.mark.usefixtures("enforced")
async def test_near_its_deadline_a_dispute_is_answered_alone_while_its_charge_cannot_be_read(
    caller: httpx.AsyncClient, stripe: httpx.AsyncClient
) -> None:
    form = {"amount": "20000", "currency": "usd", "source": "tok_visa"}
    charge = (await stripe.post("/v1/charges", data=form)).raise_for_status().json()["id"]
    cut = {"kind": "status_500_before", "path": f"/v1/charges/{charge}", "method": "GET", "times": 1_000, "seconds": 0}
    (await stripe.post("/_sandbox/faults", json=cut)).raise_for_status()
    try:
        opening = {"charge": charge, "due_in_seconds": 3_600}
        dispute_id = (await stripe.post("/_sandbox/disputes", json=opening)).raise_for_status().json()["id"]
        await known(caller, dispute_id)
        assert (await give(caller, dispute_id, FACTS)).status_code == 201
        async with asyncio.timeout(60):
            while True:
                found = await known(caller, dispute_id, packets=2)
                if found["submitted"]:
                    break
                await asyncio.sleep(0.2)
    finally:
        (await stripe.delete("/_sandbox/faults")).raise_for_status()

    packet, empty = found["packets"]
    assert (packet["degraded"], packet["submitted_degraded"], packet["missing"][0]) == (True, True, "charge")
    assert packet["evidence"] == FACTS
    assert (empty["evidence"], empty["submitted_degraded"]) == ({}, False), "nobody asked for an empty one"
    (decision,) = found["decisions"]
    assert (decision["by_axiru"], decision["state"]) == (True, "executed")
    shown = (await caller.get(f"/api/v1/decisions/{decision['decision_id']}")).raise_for_status().json()
    assert (shown["execute"], shown["state"], shown["source"]) == ("axiru", "executed", "dispute_response")
    assert {"evidence_submitted", "dispute_answer"} <= {step["kind"] for step in shown["timeline"]}
    on_stripe = (await stripe.get(f"/v1/disputes/{dispute_id}")).json()
    assert on_stripe["evidence_details"]["submission_count"] == 1
    assert on_stripe["metadata"]["axiru_decision_id"] == decision["decision_id"]


async def test_a_dispute_is_not_answered_in_the_name_of_another_payment(
    caller: httpx.AsyncClient, stripe: httpx.AsyncClient, enforced: None
) -> None:
    """Rules and approvers would read of a payment that nobody disputes."""
    dispute_id = await opened(stripe)
    body = to_submit(dispute_id)
    body["intent"] |= {"dispute_action": "close", "charge": "ch_demo_001"}
    body["context"]["dispute_action"] = "accept"

    answer = await caller.post("/api/v1/decisions", json=body)

    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["field_errors"]
    assert (error["field"], error["code"]) == ("intent.charge", "charge_mismatch")
