"""Holds over HTTP: one request waits, its caller is told so, and goes on once it is released."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


async def ask(caller: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    return answer


async def engage(person: httpx.AsyncClient, decision_id: str, **control: Any) -> httpx.Response:
    body = {"kind": "hold", "scope": {"decision_id": decision_id}, "mode": "test", "reason": "a second look", **control}
    return await person.post("/api/v1/controls", json=body)


async def shown(client: httpx.AsyncClient, decision_id: str, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/decisions/{decision_id}", params=parameters)
    decision: dict[str, Any] = answer.raise_for_status().json()
    return decision


async def test_a_held_request_is_approved_released_and_executed(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person, body = await log_in("controller"), refund(17_500, execute="axiru", intent={"charge": "ch_demo_011"})
    asked = await ask(caller, body)
    held = await engage(person, asked["decision_id"])
    assert held.status_code == 201, held.text
    assert (held.json()["in_force"], held.json()["in_flight"]) == (True, [])

    told = await shown(person, asked["decision_id"])
    assert (told["state"], told["held_by"]["control_id"]) == ("held", held.json()["id"])
    assert (told["held_by"]["reason"], told["held_by"]["engaged_by"]) == ("a second look", held.json()["engaged_by"])
    replayed = await ask(caller, body)
    assert (replayed["outcome"], replayed["reason"], replayed["state"]) == ("denied", "request_held", "held")
    assert replayed["matched_rule"] == f"control:{held.json()['id']}"
    vote = await person.post(f"/api/v1/approvals/{asked['approval_id']}/approve", json={"reason": ""})
    assert vote.json()["approval_state"] == "approved"
    assert (await shown(caller, asked["decision_id"], wait=1))["state"] == "held"

    lifted = await person.request("DELETE", f"/api/v1/controls/{held.json()['id']}", json={"reason": "fine"})

    assert (lifted.status_code, lifted.json()["in_force"]) == (200, False)
    done = await shown(person, asked["decision_id"], wait=30)
    assert (done["state"], done["held_by"], done["forbidden_by"]) == ("executed", None, None)
    kinds = [event["kind"] for event in done["timeline"] if event["kind"] != "payment_context"]
    assert kinds == ["requested", "decision", "control", "vote", "control", "execution_intent", "execution"]
    assert [event["summary"] for event in done["timeline"] if event["kind"] == "control"] == [
        f"{held.json()['engaged_by']['name']} put it on hold: a second look",
        f"{held.json()['engaged_by']['name']} released it: fine",
    ]


async def test_what_cannot_be_held_says_which_state_it_is_in(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person = await log_in("controller")
    allowed = await ask(caller, refund())
    denied = await ask(caller, refund(15_000, context={"customer_tenure_days": 1}))
    for decision, state in ((allowed, "allowed"), (denied, "denied")):
        answer = await engage(person, decision["decision_id"])
        assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", state)
        assert (await shown(caller, decision["decision_id"]))["state"] == state


async def test_a_second_hold_is_a_conflict_and_denial_ends_the_first(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person = await log_in("controller")
    asked = await ask(caller, refund(17_500))
    held = await engage(person, asked["decision_id"])
    again = await engage(person, asked["decision_id"])
    assert (again.status_code, again.json()["error"], again.json()["state"]) == (409, "conflict", "held")

    await person.post(f"/api/v1/approvals/{asked['approval_id']}/deny", json={"reason": "no receipt"})

    assert (await shown(caller, asked["decision_id"]))["state"] == "denied"
    lifted = await person.delete(f"/api/v1/controls/{held.json()['id']}")
    assert (lifted.status_code, lifted.json()["error"]) == (409, "conflict")
    (listed,) = [
        one for one in (await person.get("/api/v1/controls")).json()["items"] if one["id"] == held.json()["id"]
    ]
    assert (listed["in_force"], listed["lifted_by"]) == (False, None)


async def test_a_decision_that_is_not_there_cannot_be_held(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person = await log_in("controller")
    asked = await ask(caller, refund(17_500))
    for decision_id, mode in (("ed_never", "test"), (asked["decision_id"], "live")):
        answer = await engage(person, decision_id, mode=mode)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("scope", "field"),
    [
        ({}, "scope"),
        ({"customer_id": "cus_1"}, "scope"),
        ({"decision_id": "ed_1", "customer_id": "cus_1"}, "scope"),
        ({"decision_id": ""}, "scope.decision_id"),
        ({"decision_id": None}, "scope.decision_id"),
        ({"decision_id": "x" * 300}, "scope.decision_id"),
    ],
)
async def test_a_hold_names_one_decision(log_in: LogIn, scope: dict[str, Any], field: str) -> None:
    answer = await engage(await log_in("controller"), "ed_1", scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert field in {error["field"] for error in answer.json()["field_errors"]}


async def test_a_key_holds_in_its_own_mode_only_and_support_holds_nothing(
    caller: httpx.AsyncClient, admin_key: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    asked = await ask(caller, refund(17_500))
    for mode in ("live", "both"):
        refused = await engage(admin_key, asked["decision_id"], mode=mode)
        assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    refused = await engage(await log_in("support"), asked["decision_id"])
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    held = await engage(admin_key, asked["decision_id"])
    assert held.status_code == 201
    assert (await admin_key.delete(f"/api/v1/controls/{held.json()['id']}")).status_code == 200
    assert (await shown(caller, asked["decision_id"]))["state"] == "pending_approval"
