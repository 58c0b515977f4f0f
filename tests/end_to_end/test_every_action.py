"""Every action over HTTP on the whole product: asked for, executed once, sealed, and taken back where it can be."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

ACTIONS = ("payout", "transfer", "app_fee_refund", "dispute")
MERCHANT = "acct_demo_merchant_1"


@pytest.fixture(autouse=True)
async def enforced(enforce: Any) -> AsyncIterator[None]:
    """Axiru stands before all actions, as long as a test runs."""
    async with enforce(*ACTIONS):
        yield


async def _ask(product: Any, action: str, intent: dict[str, Any], **top: Any) -> httpx.Response:
    body = {
        "action": action,
        "intent": {"currency": "usd", "stripe_connection_id": "stripe_conn_demo", **intent},
        "idempotency_key": uuid.uuid4().hex,
        "execute": "axiru",
        **top,
    }
    answer: httpx.Response = await product.caller.post("/api/v1/decisions", json=body)
    return answer


async def _executed(product: Any, action: str, intent: dict[str, Any]) -> dict[str, Any]:
    asked = (await _ask(product, action, intent)).raise_for_status().json()
    assert (asked["outcome"], asked["reason"]) != ("denied", "no_active_policy")
    decision: dict[str, Any] = await product.settled(asked["decision_id"])
    assert decision["state"] == "executed", decision["execution"]
    return decision


async def _undo(product: Any, decision: dict[str, Any], reason: str = "sent twice") -> httpx.Response:
    controller = await product.log_in("controller")
    answer: httpx.Response = await controller.post(
        f"/api/v1/decisions/{decision['decision_id']}/undo", json={"reason": reason}
    )
    await controller.aclose()
    return answer


async def _undone(product: Any, decision: dict[str, Any]) -> dict[str, Any]:
    answer = await _undo(product, decision)
    assert (answer.status_code, answer.json()["state"]) == (202, "intended")

    async with asyncio.timeout(30):
        while True:
            detail: dict[str, Any] = (await product.caller.get(f"/api/v1/decisions/{decision['decision_id']}")).json()
            if detail["undo"]["state"] in {"succeeded", "failed"}:
                return detail
            await asyncio.sleep(0.1)


async def _object(product: Any, path: str) -> dict[str, Any]:
    found: dict[str, Any] = (await product.stripe.get(path)).raise_for_status().json()
    return found


async def test_payout_is_made_and_cancelled_again(product: Any) -> None:
    decision = await _executed(product, "payout", {"amount_cents": 4_100})
    payout = decision["execution"]["stripe_object_id"]
    made = await _object(product, f"/v1/payouts/{payout}")
    assert (made["amount"], made["metadata"]) == (4_100, {"axiru_decision_id": decision["decision_id"]})
    assert decision["undo"]["possible"]

    undone = await _undone(product, decision)

    assert (undone["undo"]["state"], undone["undo"]["stripe_object_id"]) == ("succeeded", payout)
    assert (await _object(product, f"/v1/payouts/{payout}"))["status"] == "canceled"
    assert (await _undo(product, decision)).json()["error"] == "conflict"
    sealed = [kind for kind in await product.entries(decision["decision_id"]) if kind != "observation"]
    assert sealed == ["decision", "execution_intent", "execution", "undo_intent", "undo"]


async def test_payout_of_somebody_else_is_taken_back_by_a_decision(product: Any) -> None:
    made = await product.stripe.post("/v1/payouts", data={"amount": "4300", "currency": "usd"})
    payout = made.raise_for_status().json()["id"]

    wrong = await _ask(product, "payout", {"amount_cents": 4_200, "payout": payout})
    assert [(one["field"], one["code"]) for one in wrong.json()["field_errors"]] == [
        ("intent.amount_cents", "amount_mismatch")
    ]
    decision = await _executed(product, "payout", {"amount_cents": 4_300, "payout": payout})

    assert (await _object(product, f"/v1/payouts/{payout}"))["status"] == "canceled"
    assert decision["undo"] == {
        "possible": False,
        "how": None,
        "why_not": "A cancelled payout stays cancelled; a new one is a decision of its own.",
        "state": None,
        "stripe_object_id": None,
        "error": None,
        "reason": None,
        "requested_by": None,
        "requested_at": None,
    }


async def test_transfer_is_made_and_reversed_again(product: Any) -> None:
    decision = await _executed(product, "transfer", {"amount_cents": 4_400, "destination": MERCHANT})
    transfer = decision["execution"]["stripe_object_id"]
    assert (await _object(product, f"/v1/transfers/{transfer}"))["transfer_group"] == decision["decision_id"]

    undone = await _undone(product, decision)

    assert undone["undo"]["state"] == "succeeded"
    assert (await _object(product, f"/v1/transfers/{transfer}"))["amount_reversed"] == 4_400


async def test_part_of_a_transfer_is_reversed_by_a_decision(product: Any) -> None:
    form = {"amount": "4500", "currency": "usd", "destination": MERCHANT}
    transfer = (await product.stripe.post("/v1/transfers", data=form)).raise_for_status().json()["id"]

    await _executed(product, "transfer", {"amount_cents": 4_000, "transfer": transfer})
    too_much = await _ask(product, "transfer", {"amount_cents": 501, "transfer": transfer})

    assert (await _object(product, f"/v1/transfers/{transfer}"))["amount_reversed"] == 4_000
    (error,) = too_much.json()["field_errors"]
    assert (error["field"], error["code"]) == ("intent.amount_cents", "amount_exceeds_remaining")
    assert error["message"] == "$5.00 of this transfer can still be reversed."


async def test_application_fee_is_found_by_its_charge_and_sealed(product: Any) -> None:
    decision = await _executed(product, "app_fee_refund", {"amount_cents": 30, "charge": "ch_demo_fee_002"})

    assert decision["ovt"]["target"]["application_fee"] == "fee_demo_002"
    assert decision["ovt"]["counterparty"]["stripe_account_id"] == MERCHANT
    (refund,) = (await _object(product, "/v1/application_fees/fee_demo_002/refunds"))["data"]
    assert refund["id"] == decision["execution"]["stripe_object_id"]
    refused = await _undo(product, decision)
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
    assert "cannot be cancelled or taken back" in refused.json()["message"]


async def test_dispute_is_given_up(product: Any) -> None:
    charge = await product.charge(6_000)
    answer = await product.stripe.post("/_sandbox/disputes", json={"charge": charge})
    dispute = answer.raise_for_status().json()

    without = await _ask(product, "dispute", {"amount_cents": 6_000, "dispute": dispute["id"]})
    assert [one["code"] for one in without.json()["field_errors"]] == ["packet_missing"]
    intent = {"amount_cents": 6_000, "dispute": dispute["id"], "dispute_action": "close"}
    decision = await _executed(product, "dispute", intent)

    assert (await _object(product, f"/v1/disputes/{dispute['id']}"))["status"] == "lost"
    assert decision["charge"] == charge
    assert (await _undo(product, decision)).status_code == 409


@pytest.mark.parametrize(
    ("action", "intent", "field", "code"),
    [
        ("payout", {"payout": "po_nowhere"}, "payout", "unknown_payout"),
        ("payout", {"payout": "po_demo_001", "destination": "ba_demo_usd"}, "destination", "not_allowed"),
        ("payout", {"destination": "acct_x"}, "destination", "not_allowed"),
        ("transfer", {}, "destination", "missing"),
        ("transfer", {"destination": "ba_demo_usd"}, "destination", "not_allowed"),
        ("transfer", {"destination": "acct_nowhere"}, "destination", "unknown_destination"),
        ("transfer", {"transfer": "tr_nowhere"}, "transfer", "unknown_transfer"),
        ("transfer", {"transfer": "tr_demo_001", "destination": MERCHANT}, "destination", "not_allowed"),
        ("transfer", {"destination": MERCHANT, "charge": "ch_nowhere"}, "charge", "unknown_charge"),
        ("transfer", {"transfer": "tr_demo_003"}, "currency", "currency_mismatch"),
        ("app_fee_refund", {}, "application_fee", "missing"),
        ("app_fee_refund", {"application_fee": "fee_x"}, "application_fee", "unknown_application_fee"),
        ("app_fee_refund", {"charge": "ch_demo_001"}, "charge", "unknown_application_fee"),
        ("app_fee_refund", {"application_fee": "fee_demo_001", "charge": "ch_x"}, "charge", "not_allowed"),
        ("dispute", {}, "dispute", "missing"),
        ("dispute", {"dispute": "du_nowhere"}, "dispute", "unknown_dispute"),
        ("dispute", {"dispute": "du_demo_001"}, "amount_cents", "amount_mismatch"),
        ("transfer", {"stripe_connection_id": "stripe_conn_abc123", "destination": MERCHANT}, "stripe_connection_id",
         "write_scope_missing"),
        ("payout", {"dispute_action": "close"}, "dispute_action", "not_allowed"),
    ],
)  # fmt: skip
async def test_what_could_not_be_executed_is_refused_at_the_border(
    action: str, intent: dict[str, Any], field: str, code: str, product: Any
) -> None:
    answer = await _ask(product, action, {"amount_cents": 50, **intent})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [(one["field"], one["code"]) for one in answer.json()["field_errors"]] == [(f"intent.{field}", code)]


async def test_undoing_needs_a_reason_and_the_right(product: Any) -> None:
    decision = await _executed(product, "transfer", {"amount_cents": 100, "destination": MERCHANT})
    path = f"/api/v1/decisions/{decision['decision_id']}/undo"

    assert (await _undo(product, decision, " ")).status_code == 400
    assert (await product.caller.post(path, json={"reason": "mine"})).status_code == 403
    assert (await product.nobody.post(path, json={"reason": "mine"})).status_code == 401
    controller = await product.log_in("controller")
    unknown = await controller.post("/api/v1/decisions/ed_nowhere/undo", json={"reason": "who knows"})
    assert unknown.status_code == 404
    await controller.aclose()
    detail = (await product.caller.get(f"/api/v1/decisions/{decision['decision_id']}")).json()
    assert detail["undo"]["state"] is None


async def test_what_its_caller_executes_is_not_axirus_to_undo(product: Any) -> None:
    answer = await _ask(product, "payout", {"amount_cents": 100}, execute="caller")
    refused = await _undo(product, answer.json())
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")


async def test_nothing_is_decided_while_stripe_alone_knows_what_the_call_would_be(product: Any) -> None:
    fault = {"kind": "status_500_before", "path": "/v1/application_fees", "method": "GET", "times": 1}
    (await product.stripe.post("/_sandbox/faults", json=fault)).raise_for_status()
    body: dict[str, Any] = {"amount_cents": 10, "charge": "ch_demo_fee_003"}
    key = uuid.uuid4().hex

    first = await _ask(product, "app_fee_refund", body, idempotency_key=key)
    second = await _ask(product, "app_fee_refund", body, idempotency_key=key)

    assert (first.status_code, first.json()["error"]) == (500, "decision_failed")
    assert second.json()["outcome"] == "allowed"
    assert (await product.settled(second.json()["decision_id"]))["state"] == "executed"
