"""Votes over HTTP: who may, once, for exactly what was shown; and what the approver is shown."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]


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


async def test_every_fact_that_other_doors_show_is_in_the_view(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    customer = f"cus_{uuid.uuid4().hex}"
    earlier = (await caller.post("/api/v1/decisions", json=refund(1_000, context={"customer_id": customer}))).json()
    body = refund(17_500, context={"customer_id": customer})
    asked = (await caller.post("/api/v1/decisions", json=body)).json()
    shown = (await (await log_in("controller")).get(f"/api/v1/approvals/{asked['approval_id']}")).json()
    assert (shown["decision_state"], shown["execute"], shown["diff"]["asked"]["exponent"]) == (
        "pending_approval",
        "caller",
        2,
    )
    assert [refund["decision_id"] for refund in shown["earlier"]] == [earlier["decision_id"]]
    assert shown["earlier_total"] == [{"currency": "usd", "amount_cents": 1_000, "count": 1}]
    assert shown["diff"]["would_execute"] is None
    absent = ("payment", "assignee", "info_requested_at", "held_by", "break_glass", "votes_on_behalf_of")
    assert all(shown[name] is None for name in absent)
    assert (shown["escalations"], shown["comments_count"]) == ([], 0)


async def test_mine_is_what_i_may_vote_on_now_page_by_page(
    caller: httpx.AsyncClient, let_in: LetIn, refund: Refund
) -> None:
    controller, support = await let_in("controller"), await let_in("support")
    asked = [(await caller.post("/api/v1/decisions", json=refund(17_500))).json()["approval_id"] for _ in range(5)]
    await controller.client.post(f"/api/v1/approvals/{asked[3]}/deny", json={"reason": "no"})

    async def mine(client: httpx.AsyncClient, limit: int) -> list[str]:
        found: list[str] = []
        cursor = ""
        while cursor is not None and not set(asked[:1]) & set(found):
            params = {"mine": "true", "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/approvals", params=params)).raise_for_status().json()
            assert all(item["can_vote"] for item in page["items"])
            assert len(page["items"]) <= limit
            found += [item["approval_id"] for item in page["items"]]
            cursor = page["next_cursor"]
        return [one for one in found if one in asked]

    wanted = [asked[4], asked[2], asked[1], asked[0]]
    assert await mine(controller.client, 3) == wanted
    assert await mine(controller.client, 200) == wanted
    for client in (support.client, caller):
        assert (await client.get("/api/v1/approvals?mine=true")).json() == {"items": [], "next_cursor": None}
    denied = await controller.client.get("/api/v1/approvals?mine=true&state=denied")
    assert denied.json()["items"] == []


async def test_several_are_voted_on_at_once_each_for_itself(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    controller = await log_in("controller")
    asked = [(await caller.post("/api/v1/decisions", json=refund(17_500))).json()["approval_id"] for _ in range(3)]
    digests = [(await controller.get(f"/api/v1/approvals/{one}")).json()["digest"] for one in asked]
    items = [
        {"approval_id": asked[0], "digest": digests[0]},
        {"approval_id": "ap_unknown", "digest": digests[0]},
        {"approval_id": asked[1], "digest": digests[2]},
        {"approval_id": asked[2], "digest": digests[2]},
        {"approval_id": asked[2], "digest": digests[2]},
    ]
    answer = await controller.post("/api/v1/approvals/bulk", json={"verdict": "approve", "items": items})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["approval_id"] for result in results] == [item["approval_id"] for item in items]
    assert [(result["ok"], result["approval_state"]) for result in results] == [
        (True, "approved"),
        (False, None),
        (False, None),
        (True, "approved"),
        (False, None),
    ]
    assert [result["error"] and result["error"]["error"] for result in results] == [
        None,
        "not_found",
        "conflict",
        None,
        "conflict",
    ]
    assert (await controller.get(f"/api/v1/approvals/{asked[1]}")).json()["state"] == "pending"


async def test_who_asked_votes_on_none_of_several(approval_path: str, admin_key: httpx.AsyncClient) -> None:
    digest = (await admin_key.get(approval_path)).json()["digest"]
    items = [{"approval_id": approval_path.rpartition("/")[2], "digest": digest}]
    answer = await admin_key.post("/api/v1/approvals/bulk", json={"verdict": "approve", "items": items})
    (result,) = answer.json()["results"]
    assert (result["ok"], result["error"]["error"]) == (False, "not_eligible")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"verdict": "maybe", "items": []}, ["items", "verdict"]),
        ({"items": [{"approval_id": "ap_x", "digest": "d"}] * 101}, ["items"]),
        ({"items": [{"approval_id": "ap_x"}]}, ["items[0].digest"]),
        ({"items": [{"approval_id": "", "digest": 1, "reason": "x"}]}, None),
        ({"verdict": "deny"}, ["reason"]),
        ({"verdict": "deny", "reason": "  "}, ["reason"]),
        ({"digest": "one for all"}, ["digest"]),
    ],
)
async def test_a_vote_on_several_that_cannot_be_is_refused_whole(
    log_in: LogIn, changes: dict[str, Any], fields: list[str] | None
) -> None:
    body = {"verdict": "approve", "items": [{"approval_id": "ap_x", "digest": "d"}], **changes}
    answer = await (await log_in("controller")).post("/api/v1/approvals/bulk", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    told = [error["field"] for error in answer.json()["field_errors"]]
    assert told == (fields or ["items[0].approval_id", "items[0].digest", "items[0].reason"])


@pytest.mark.parametrize(
    "query", ["mine=perhaps", "state=open", "limit=0", "limit=201", "cursor=x", "mode=both", "a=%00"]
)
async def test_a_list_of_approvals_that_there_is_not_is_refused(log_in: LogIn, query: str) -> None:
    answer = await (await log_in("controller")).get(f"/api/v1/approvals?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_for_a_key_of_the_other_mode_an_approval_is_not_there(
    approval_path: str, http: httpx.AsyncClient, log_in: LogIn
) -> None:
    admin = await log_in("admin")
    body = {"name": "live", "scopes": ["approvals:vote"], "mode": "live", "rate_per_minute": 600}
    live = (await admin.post("/api/v1/keys", json=body)).json()
    headers = {"Authorization": f"Bearer {live['key']}"}
    try:
        for method, path, sent in (
            ("GET", approval_path, None),
            ("GET", f"{approval_path}/comments", None),
            ("POST", f"{approval_path}/approve", {}),
            ("POST", f"{approval_path}/deny", {"reason": "no"}),
            ("POST", f"{approval_path}/comments", {"kind": "comment", "text": "x"}),
            ("POST", f"{approval_path}/assign", {"member_id": None}),
        ):
            answer = await http.request(method, path, headers=headers, json=sent)
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        listed = await http.get("/api/v1/approvals", headers=headers)
        assert all(item["mode"] == "live" for item in listed.json()["items"])
        items = [{"approval_id": approval_path.rpartition("/")[2], "digest": "d"}]
        several = await http.post(
            "/api/v1/approvals/bulk", headers=headers, json={"verdict": "approve", "items": items}
        )
        assert several.json()["results"][0]["error"]["error"] == "not_found"
    finally:
        await admin.delete(f"/api/v1/keys/{live['id']}")
