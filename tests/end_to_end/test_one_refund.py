"""What the README and the product pages promise, done from outside on the running product."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "README.md"

REFERENCE_BODY = """{
    "intent": {
      "kind": "refund",
      "amount_cents": 17500,
      "currency": "usd",
      "stripe_connection_id": "stripe_conn_abc123"
    },
    "context": {
      "customer_tenure_days": 412,
      "reason_code": "duplicate_charge"
    },
    "idempotency_key": "support_ticket_4821"
  }"""

LANDING_BODY = """{
"org_api_key": "%s",
"source": "support_tool",
"action": "refund",
"stripe_charge_id": "ch_3PLs9k…",
"amount_cents": 22000,
"customer_tenure_days": 9,
"reason": "duplicate_charge"
}"""


EVERY_PAGE = {"outcome": "pending_approval", "policy_version": "v1", "approver_role": "controller"}


async def test_readmes_refund_is_approved_executed_once_and_sealed(product: Any, controller: Any) -> None:
    body = _readme_body()
    assert (await product.stripe.get(f"/v1/charges/{body['intent']['charge']}")).json()["amount"] == 40_000
    # Others may have refunded that one, or used that key, before.
    charge = body["intent"]["charge"] = await product.charge()
    body["idempotency_key"] = f"readme_{charge}"

    asked = (await product.caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    assert (asked["outcome"], asked["reason"]) == ("pending_approval", "amount_above_default_threshold")
    assert asked["approver_role"] == "controller"
    assert await product.refunds(charge) == []

    queue = (await controller.get("/api/v1/approvals", params={"state": "pending"})).raise_for_status().json()
    (waiting,) = [one for one in queue["items"] if one["decision_id"] == asked["decision_id"]]
    assert waiting["diff"]["would_execute"]["parameters"]["amount"] == body["intent"]["amount_cents"]
    answer = await controller.post(
        f"/api/v1/approvals/{asked['approval_id']}/approve", json={"reason": "", "digest": waiting["digest"]}
    )
    assert answer.raise_for_status().json()["approval_state"] == "approved"

    decision = await product.settled(asked["decision_id"])
    (refund,) = await product.refunds(charge)
    assert decision["state"] == "executed"
    assert decision["execution"]["stripe_object_id"] == refund["id"]
    assert (refund["amount"], refund["metadata"]["axiru_decision_id"]) == (17_500, asked["decision_id"])
    assert await product.entries(asked["decision_id"]) == ["decision", "vote", "execution_intent", "execution"]
    verified = await product.verify_ledger()
    assert (verified.returncode, "intact" in verified.stdout) == (0, True)

    again = (await product.caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    assert (again["decision_id"], again["cached"], again["state"]) == (asked["decision_id"], True, "executed")
    assert len(await product.refunds(charge)) == 1


async def test_reference_pages_body_works_verbatim(product: Any) -> None:
    answer = await product.caller.post(
        "/api/v1/decisions", content=REFERENCE_BODY, headers={"content-type": "application/json"}
    )

    decision = answer.json()
    assert answer.status_code == 200
    assert decision["decision_id"].startswith("ed_")
    assert decision["audit"]["ledger_id"].startswith("lr_")
    assert decision | EVERY_PAGE == decision
    assert decision["reason"] == "amount_above_default_threshold"
    assert decision["matched_rule"] == "policy:refunds-starter:v1"


async def test_landing_pages_body_works_verbatim(product: Any) -> None:
    answer = await product.nobody.post(
        "/api/decision",
        content=(LANDING_BODY % product.stack.api_keys["decisions"]).encode(),
        headers={"content-type": "application/json"},
    )

    assert answer.status_code == 200
    decision = answer.json()["decision"]
    assert decision | EVERY_PAGE == decision
    assert decision["reason"] == "Refunds over $150 require approval"
    assert decision["matched_rule"] == "high_value_refund_review"
    assert answer.json()["intent_id"]
    assert answer.json()["received_at"].endswith("Z")


async def test_landing_pages_key_is_kept_nowhere(product: Any) -> None:
    key = product.stack.api_keys["decisions"]
    (await product.nobody.post("/api/decision", json=json.loads(LANDING_BODY % key))).raise_for_status()

    for log in (Path(product.stack.home) / "logs").glob("*.log"):
        assert key not in log.read_text("utf-8", "replace"), log.name


async def test_one_key_asked_for_by_64_at_once_is_one_decision(product: Any) -> None:
    charge = await product.charge()
    body = product.refund(1_000, charge)

    answers = await asyncio.gather(*(product.caller.post("/api/v1/decisions", json=body) for _ in range(64)))

    assert {answer.status_code for answer in answers} == {200}
    (decision_id,) = {answer.json()["decision_id"] for answer in answers}
    assert {answer.json()["outcome"] for answer in answers} == {"allowed"}
    assert (await product.settled(decision_id))["state"] == "executed"
    assert (await product.entries(decision_id)).count("decision") == 1
    assert len(await product.refunds(charge)) == 1


async def test_nothing_is_sent_to_stripe_after_the_kill_switch(product: Any, controller: Any) -> None:
    waiting = await product.ask(17_500, charge := await product.charge())
    engaged = await controller.post(
        "/api/v1/controls", json={"kind": "kill_switch", "scope": {}, "mode": "test", "reason": "a drill"}
    )
    assert (engaged.status_code, engaged.json()["in_flight"]) == (201, [])

    try:
        refused = await product.ask(1_000, charge)
        vote = await controller.post(f"/api/v1/approvals/{waiting['approval_id']}/approve", json={"reason": ""})
        blocked = await product.settled(waiting["decision_id"])
    finally:
        lifted = await controller.request(
            "DELETE", f"/api/v1/controls/{engaged.json()['id']}", json={"reason": "the drill is over"}
        )
    assert lifted.is_success
    assert (refused["outcome"], refused["reason"]) == ("denied", "kill_switch_engaged")
    assert vote.json()["approval_state"] == "approved"
    assert (blocked["state"], blocked["execution"]["error"]["code"]) == ("execution_failed", "kill_switch_engaged")
    assert await product.refund_calls(charge) == 0
    assert (await product.ask(1_000, charge))["outcome"] == "allowed"


async def test_denial_by_a_person_sends_nothing_to_stripe(product: Any, controller: Any) -> None:
    waiting = await product.ask(17_500, charge := await product.charge())

    answer = await controller.post(f"/api/v1/approvals/{waiting['approval_id']}/deny", json={"reason": "no receipt"})

    assert answer.json()["approval_state"] == "denied"
    assert (await product.settled(waiting["decision_id"]))["state"] == "denied"
    assert await product.refund_calls(charge) == 0


def _readme_body() -> dict[str, Any]:
    """The JSON of the README's curl."""
    found = re.search(r"-d '(\{.*?\})'\n", README.read_text("utf-8"), re.DOTALL)
    if found is None:
        pytest.fail("the README shows no request")
    body: dict[str, Any] = json.loads(found[1])
    return body
