"""What people say beside an approval, and who is to look at it: kept, shown through every door, deciding nothing."""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
Refund = Callable[..., dict[str, Any]]


@pytest.fixture
async def path(caller: httpx.AsyncClient, refund: Refund) -> str:
    """A refund that a controller has to approve."""
    asked = (await caller.post("/api/v1/decisions", json=refund(17_500))).raise_for_status().json()
    return f"/api/v1/approvals/{asked['approval_id']}"


async def test_a_question_stands_until_it_is_answered_and_moves_no_deadline(path: str, log_in: LogIn) -> None:
    controller, requester = await log_in("controller"), await log_in("admin")
    before = (await controller.get(path)).json()
    asked = await controller.post(f"{path}/comments", json={"kind": "question", "text": " Which order? "})
    assert (asked.status_code, asked.json()["text"], asked.json()["door"]) == (201, "Which order?", "console")
    shown = (await controller.get(path)).json()
    assert shown["info_requested_at"] is not None
    assert (shown["expires_at"], shown["state"], shown["comments_count"]) == (before["expires_at"], "pending", 1)

    await requester.post(f"{path}/comments", json={"kind": "answer", "text": "Number 7."})

    assert (await controller.get(path)).json()["info_requested_at"] is None
    said = (await controller.get(f"{path}/comments")).json()["items"]
    assert [(one["kind"], one["text"]) for one in said] == [("question", "Which order?"), ("answer", "Number 7.")]


async def test_the_timeline_says_who_asked_answered_assigned_and_asked_for_more(path: str, log_in: LogIn) -> None:
    controller, requester = await log_in("controller"), await log_in("admin")
    question = (await controller.get(path)).json()
    await controller.post(f"{path}/comments", json={"kind": "question", "text": "Which order?"})
    await requester.post(f"{path}/comments", json={"kind": "answer", "text": "Number 7."})
    me = (await controller.get("/api/v1/sessions/current")).json()["member"]["id"]
    await controller.post(f"{path}/assign", json={"member_id": me})
    await controller.post(f"{path}/assign", json={"member_id": None})
    glass = {"reason": "It burns.", "digest": question["digest"]}
    opened = (await controller.post(f"{path}/break-glass", json=glass)).raise_for_status().json()
    await controller.post(f"/api/v1/break-glass/{opened['id']}/withdraw", json={"reason": "It is out."})

    timeline = (await controller.get(f"/api/v1/decisions/{question['decision_id']}")).json()["timeline"]
    told = [event["summary"] for event in timeline if event["kind"].startswith(("approval_", "break_"))]
    assert told == [
        "Demo controller asked for information",
        "Demo admin answered",
        "Demo controller assigned the approval",
        "Demo controller assigned the approval to nobody",
        "Demo controller asked to break the glass: It burns.",
        "Demo controller no longer asks to break the glass: It is out.",
    ]


async def test_the_backend_that_asked_answers_for_itself(path: str, caller: httpx.AsyncClient, log_in: LogIn) -> None:
    answer = await caller.post(f"{path}/comments", json={"kind": "answer", "text": "Order 7."})
    assert (answer.status_code, answer.json()["door"]) == (201, "api")
    question = await caller.post(f"{path}/comments", json={"kind": "question", "text": "Why not?"})
    assert (question.status_code, question.json()["error"]) == (403, "not_eligible")


async def test_neither_an_agent_nor_a_backend_that_did_not_ask_speaks_in_its_owners_name(
    path: str, let_in: LetIn, refund: Refund
) -> None:
    owner = await let_in("admin", "controller")
    wanted = {"agent_id": f"agent-{uuid.uuid4().hex}", "name": "Agent", "owner_member_id": owner.id}
    agent = (await owner.client.post("/api/v1/agents", json=wanted)).raise_for_status().json()
    for bound in ({}, {"agent": agent["id"]}):
        body = {"name": "Till", "scopes": ["decisions:write"], "mode": "test", **bound}
        key = (await owner.client.post("/api/v1/keys", json=body)).raise_for_status().json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        asked = await owner.client.post("/api/v1/decisions", json=refund(17_500), headers=headers)
        own = f"/api/v1/approvals/{asked.json()['approval_id']}"
        for about, status in ((path, 403), (own, 403 if bound else 201)):
            said = {"kind": "answer", "text": "The controller is fine with this."}
            answer = await owner.client.post(f"{about}/comments", json=said, headers=headers)
            assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("role", "kind", "status"),
    [
        ("viewer", "comment", 403),
        ("support", "comment", 201),
        ("support", "answer", 201),
        ("support", "question", 403),
        ("finance_manager", "question", 403),
        ("controller", "question", 201),
    ],
)
async def test_who_may_say_what(path: str, log_in: LogIn, role: str, kind: str, status: int) -> None:
    answer = await (await log_in(role)).post(f"{path}/comments", json={"kind": kind, "text": "Hm."})
    assert answer.status_code == status
    assert status == 201 or answer.json()["error"] == "not_eligible"


async def test_what_was_said_is_sealed_and_not_in_the_clear(
    path: str, log_in: LogIn, database: asyncpg.Connection
) -> None:
    words = f"the customer is {uuid.uuid4().hex}"
    said = (await (await log_in("support")).post(f"{path}/comments", json={"kind": "comment", "text": words})).json()
    body = await database.fetchval(
        "SELECT convert_from(body, 'UTF8') FROM ledger_entries WHERE kind = 'approval_comment' "
        "AND position(convert_to($1, 'UTF8') IN body) > 0",
        said["id"],
    )
    assert words not in body
    assert "text" in json.loads(body)["data"]["personal"]


async def test_an_approval_is_assigned_found_and_let_go_again(path: str, let_in: LetIn, log_in: LogIn) -> None:
    controller, colleague = await log_in("controller"), await let_in("controller")
    assigned = await controller.post(f"{path}/assign", json={"member_id": colleague.id})
    assert (assigned.status_code, assigned.json()["assignee"]["id"]) == (200, colleague.id)
    listed = (await colleague.client.get("/api/v1/approvals?assigned_to=me")).json()["items"]
    assert [one["approval_id"] for one in listed] == [path.rpartition("/")[2]]
    freed = await colleague.client.post(f"{path}/assign", json={"member_id": None})
    assert freed.json()["assignee"] is None
    assert (await colleague.client.get("/api/v1/approvals?assigned_to=me")).json()["items"] == []


async def test_nobody_is_assigned_who_cannot_take_part(path: str, let_in: LetIn, log_in: LogIn) -> None:
    controller, viewer = await log_in("controller"), await let_in("viewer")
    for person, member_id in ((controller, viewer.id), (controller, "mem_unknown"), (viewer.client, viewer.id)):
        answer = await person.post(f"{path}/assign", json={"member_id": member_id})
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")
    elsewhere = await controller.get("/api/v1/approvals?assigned_to=somebody")
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (400, "invalid_request")


async def test_what_is_decided_is_not_assigned_any_more(path: str, log_in: LogIn) -> None:
    controller = await log_in("controller")
    await controller.post(f"{path}/deny", json={"reason": "not ours"})
    answer = await controller.post(f"{path}/assign", json={"member_id": None})
    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "denied")
    question = await controller.post(f"{path}/comments", json={"kind": "question", "text": "Why?"})
    assert (question.status_code, question.json()["error"]) == (409, "conflict")
    assert (await controller.post(f"{path}/comments", json={"kind": "comment", "text": "Done."})).status_code == 201


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["kind", "text"]),
        ({"kind": "shout", "text": ""}, ["kind", "text"]),
        ({"kind": "comment", "text": " \n "}, ["text"]),
        ({"kind": "comment", "text": "x" * 4_001}, ["text"]),
        ({"kind": "comment", "text": "x", "member_id": "mem_1"}, ["member_id"]),
    ],
)
async def test_a_comment_that_cannot_be_is_refused_with_every_reason(
    path: str, log_in: LogIn, body: dict[str, Any], fields: list[str]
) -> None:
    answer = await (await log_in("controller")).post(f"{path}/comments", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == fields


@pytest.mark.parametrize("body", [{}, {"member_id": ""}, {"member_id": 1}, {"member_id": None, "until": "x"}])
async def test_an_assignment_that_cannot_be_is_refused(path: str, log_in: LogIn, body: dict[str, Any]) -> None:
    answer = await (await log_in("controller")).post(f"{path}/assign", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_beside_what_does_not_exist_nothing_is_said(log_in: LogIn) -> None:
    controller = await log_in("controller")
    for ident in ("ap_unknown", "%00", "%25"):
        for answer in (
            await controller.get(f"/api/v1/approvals/{ident}/comments"),
            await controller.post(f"/api/v1/approvals/{ident}/comments", json={"kind": "comment", "text": "x"}),
            await controller.post(f"/api/v1/approvals/{ident}/assign", json={"member_id": None}),
        ):
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
