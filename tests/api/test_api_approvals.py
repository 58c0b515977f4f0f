"""Votes over HTTP: who may, once, for exactly what was shown; and what the approver is shown."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def approval_path(caller: httpx.AsyncClient, refund: Refund) -> str:
    """A refund of $175 that Axiru would execute and a controller has to approve."""
    body = refund(17_500, intent={"charge": "ch_demo_003"}, execute="axiru", source="support_tool")
    answer = (await caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    return f"/api/v1/approvals/{answer['approval_id']}"


async def test_the_approver_sees_exactly_what_would_be_executed(approval_path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    shown = (await controller.get(approval_path)).json()
    assert (shown["state"], shown["can_vote"], shown["cannot_vote_because"]) == ("pending", True, None)
    assert shown["groups"] == [{"role": "controller", "count": 1, "approved": []}]
    assert shown["diff"]["asked"]["amount_cents"] == 17_500
    assert shown["diff"]["asked"]["source"] == "support_tool"
    assert shown["diff"]["policy"]["reason"] == "amount_above_default_threshold"
    call = shown["diff"]["would_execute"]
    assert call["operation"] == "refunds.create"
    assert (call["parameters"]["charge"], call["parameters"]["amount"]) == ("ch_demo_003", 17_500)
    pending = (await controller.get("/api/v1/approvals", params={"state": "pending", "limit": 200})).json()["items"]
    assert shown["approval_id"] in {item["approval_id"] for item in pending}


async def test_a_controller_approves_and_it_is_executed_once(approval_path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    digest = (await controller.get(approval_path)).json()["digest"]
    vote = await controller.post(f"{approval_path}/approve", json={"reason": "checked", "digest": digest})
    assert vote.status_code == 200
    assert (vote.json()["approval_state"], vote.json()["audit"]["ledger_id"][:3]) == ("approved", "lr_")
    decision = (await controller.get(f"/api/v1/decisions/{vote.json()['decision_id']}?wait=20")).json()
    assert decision["state"] == "executed"
    assert decision["execution"]["attempts"] == 1
    (voted,) = decision["approval"]["votes"]
    assert (voted["verdict"], voted["reason"], voted["door"]) == ("approve", "checked", "console")
    late = await controller.post(f"{approval_path}/approve", json={})
    assert (late.status_code, late.json()["error"], late.json()["state"]) == (409, "conflict", "approved")


async def test_a_denial_needs_a_reason(approval_path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": None}):
        answer = await controller.post(f"{approval_path}/deny", json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert [error["field"] for error in answer.json()["field_errors"]] == ["reason"]
    denied = await controller.post(f"{approval_path}/deny", json={"reason": "not ours"})
    assert denied.json()["approval_state"] == "denied"
    decision = (await controller.get(f"/api/v1/decisions/{denied.json()['decision_id']}")).json()
    assert (decision["state"], decision["execution"]["status"]) == ("denied", None)


async def test_the_owner_of_the_key_that_asked_may_not_vote(
    approval_path: str, admin_key: httpx.AsyncClient, log_in: LogIn
) -> None:
    for requester in (admin_key, await log_in("admin")):
        answer = await requester.post(f"{approval_path}/approve", json={"reason": "mine"})
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")
        assert (await requester.get(approval_path)).json()["can_vote"] is False


@pytest.mark.parametrize("role", ["viewer", "support", "finance_manager", "agent_owner"])
async def test_a_role_that_was_not_asked_may_not_vote(approval_path: str, log_in: LogIn, role: str) -> None:
    person = await log_in(role)
    answer = await person.post(f"{approval_path}/approve", json={"reason": "sure"})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")
    assert "controller" in answer.json()["message"]


async def test_a_vote_for_something_else_does_not_count(approval_path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    answer = await controller.post(f"{approval_path}/approve", json={"digest": "0" * 64})
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert (await controller.get(approval_path)).json()["state"] == "pending"


async def test_a_vote_with_a_misspelt_field_is_refused(approval_path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    answer = await controller.post(f"{approval_path}/approve", json={"digets": "0" * 64})
    assert answer.json()["field_errors"][0]["code"] == "unknown_field"
    assert (await controller.get(approval_path)).json()["state"] == "pending"


async def test_approving_needs_no_body(approval_path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    assert (await controller.post(f"{approval_path}/approve")).json()["approval_state"] == "approved"
