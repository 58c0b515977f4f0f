"""The event stream: in order, from now on or from where a reader was, and nobody waits for a slow one."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import pytest

from axiru.dev.dev_json import DevJson

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


class Event(NamedTuple):
    id: str
    name: str
    data: dict[str, Any]


async def events_in(answer: httpx.Response) -> AsyncIterator[Event]:
    """Comments are left out, as every reader of server-sent events does."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name in {"id", "event", "data"}:
            fields[name] = value
        elif not line and "data" in fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


async def first(count: int, answer: httpx.Response, of: str) -> list[Event]:
    """The first events that speak of one decision."""
    found: list[Event] = []
    async with asyncio.timeout(15):
        async for event in events_in(answer):
            if event.data.get("decision_id") == of:
                found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_decision_its_vote_and_its_end_arrive_in_order_and_within_a_second(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    controller = await log_in("controller")
    async with controller.stream("GET", "/api/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(":")
        began = asyncio.get_running_loop().time()
        decision = (await caller.post("/api/v1/decisions", json=refund(17_500))).json()
        seen: list[str] = []
        async with asyncio.timeout(15):
            async for line in lines:
                if line.startswith("event: "):
                    seen.append(line.removeprefix("event: "))
                if line.startswith("data: ") and json.loads(line[6:]).get("decision_id") == decision["decision_id"]:
                    if len(seen) == 1:
                        assert asyncio.get_running_loop().time() - began < 1.5
                        vote = f"/api/v1/approvals/{decision['approval_id']}/approve"
                        await controller.post(vote, json={"reason": "fine"})
                    if json.loads(line[6:]).get("state") == "approved" and seen[-1] == "decision":
                        break
    assert seen[:2] == ["approval", "decision"]
    assert "approval" in seen[2:]


async def test_a_reader_goes_on_where_it_was(caller: httpx.AsyncClient, refund: Refund) -> None:
    decision_id = (await caller.post("/api/v1/decisions", json=refund(17_500))).json()["decision_id"]
    async with caller.stream("GET", "/api/v1/events", headers={"Last-Event-ID": "test:0:0"}) as stream:
        whole = await first(2, stream, decision_id)
    async with caller.stream("GET", "/api/v1/events", headers={"Last-Event-ID": whole[0].id}) as stream:
        assert await first(1, stream, decision_id) == whole[1:]


async def test_a_reader_that_does_not_read_holds_up_nobody(
    caller: httpx.AsyncClient, stack: DevJson, refund: Refund
) -> None:
    host, port = httpx.URL(stack.api_url).host, httpx.URL(stack.api_url).port
    _, writer = await asyncio.open_connection(host, port, limit=1)
    key = stack.api_keys["decisions"]
    head = ("GET /api/v1/events HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", "Last-Event-ID: test:0:0")
    writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
    async with asyncio.timeout(20):
        for _ in range(20):
            assert (await caller.post("/api/v1/decisions", json=refund())).status_code == 200
    writer.close()


async def test_a_key_hears_its_own_mode_only(caller: httpx.AsyncClient, refund: Refund) -> None:
    async with caller.stream("GET", "/api/v1/events", headers={"Last-Event-ID": "test:0:0"}) as stream:
        decision_id = (await caller.post("/api/v1/decisions", json=refund())).json()["decision_id"]
        (event,) = await first(1, stream, decision_id)
    assert event.id.startswith("test:")


@pytest.mark.parametrize("role", ["viewer", "support"])
async def test_everybody_who_may_read_may_listen(log_in: LogIn, role: str) -> None:
    person = await log_in(role)
    async with asyncio.timeout(10), person.stream("GET", "/api/v1/events") as stream:
        assert stream.status_code == 200


async def test_what_is_said_and_done_about_an_approval_is_told_as_an_approval(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    controller = await log_in("controller")
    decision = (await caller.post("/api/v1/decisions", json=refund(17_500))).json()
    path = f"/api/v1/approvals/{decision['approval_id']}"
    digest = (await controller.get(path)).json()["digest"]
    async with controller.stream("GET", "/api/v1/events") as stream:
        await controller.post(f"{path}/comments", json={"kind": "question", "text": "Why?"})
        await controller.post(f"{path}/assign", json={"member_id": None})
        await controller.post(f"{path}/break-glass", json={"reason": "fire", "digest": digest})
        told = await first(3, stream, decision["decision_id"])
    assert [event.name for event in told] == ["approval"] * 3
    assert [event.data.get("kind") or event.data.get("state") for event in told] == ["question", "assignment", "open"]


async def test_members_are_not_everybodys_news(
    caller: httpx.AsyncClient, log_in: LogIn, let_in: Callable[..., Awaitable[Any]], refund: Refund
) -> None:
    viewer = await log_in("viewer")
    async with viewer.stream("GET", "/api/v1/events") as stream:
        await let_in("controller")
        decision = (await caller.post("/api/v1/decisions", json=refund())).json()
        names: list[str] = []
        async with asyncio.timeout(15):
            async for event in events_in(stream):
                names.append(event.name)
                if event.data.get("decision_id") == decision["decision_id"]:
                    break
    assert "member" not in names


async def test_a_change_of_an_agent_is_told_to_everybody_who_may_read(
    log_in: LogIn, let_in: Callable[..., Awaitable[Any]]
) -> None:
    viewer, owner = await log_in("viewer"), await let_in("agent_owner")
    agent_id = f"agent_{uuid.uuid4().hex}"
    async with viewer.stream("GET", "/api/v1/events") as stream, asyncio.timeout(15):
        body = {"agent_id": agent_id, "name": "Told", "owner_member_id": owner.id}
        (await owner.client.post("/api/v1/agents", json=body)).raise_for_status()
        told = await anext(aiter(event async for event in events_in(stream) if event.data.get("agent_id") == agent_id))
    assert (told.name, told.data["change"]) == ("agent", "registered")
