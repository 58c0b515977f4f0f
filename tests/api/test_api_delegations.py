"""Standing in for somebody: own seats by their members, others' by admins, for a time, never in one's own favour."""

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
Refund = Callable[..., dict[str, Any]]
DELEGATIONS = "/api/v1/delegations"


def later(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def wanted(to_member_id: str, /, **changes: Any) -> dict[str, Any]:
    return {"to_member_id": to_member_id, "ends_at": later(days=3), "reason": "on leave", **changes}


async def test_a_delegate_votes_in_the_seat_of_who_is_away_and_no_longer_than_that(
    let_in: LetIn, caller: httpx.AsyncClient, refund: Refund
) -> None:
    away, here = await let_in("controller"), await let_in("support")
    asked = (await caller.post("/api/v1/decisions", json=refund(17_500))).json()
    path = f"/api/v1/approvals/{asked['approval_id']}"
    assert (await here.client.get(path)).json()["can_vote"] is False

    begun = await away.client.post(DELEGATIONS, json=wanted(here.id))
    assert begun.status_code == 201
    assert (begun.json()["from"]["id"], begun.json()["to"]["id"], begun.json()["in_force"]) == (away.id, here.id, True)
    shown = (await here.client.get(path)).json()
    assert (shown["can_vote"], shown["votes_on_behalf_of"]) == (True, begun.json()["from"]["name"])
    mine = (await here.client.get("/api/v1/approvals?mine=true&limit=200")).json()["items"]
    assert asked["approval_id"] in {one["approval_id"] for one in mine}

    ended = await here.client.delete(f"{DELEGATIONS}/{begun.json()['id']}")
    assert (ended.status_code, ended.json()["in_force"]) == (200, False)
    refused = await here.client.post(f"{path}/approve", json={})
    assert (refused.status_code, refused.json()["error"]) == (403, "not_eligible")
    assert (await here.client.get("/api/v1/approvals?mine=true")).json()["items"] == []

    again = await away.client.delete(f"{DELEGATIONS}/{begun.json()['id']}")
    assert (again.status_code, again.json()["error"], again.json()["state"]) == (409, "conflict", "ended")


async def test_a_delegates_vote_says_in_whose_place_it_was_cast(
    let_in: LetIn, caller: httpx.AsyncClient, refund: Refund
) -> None:
    away, here = await let_in("controller"), await let_in("support")
    await away.client.post(DELEGATIONS, json=wanted(here.id))
    asked = (await caller.post("/api/v1/decisions", json=refund(17_500))).json()
    path = f"/api/v1/approvals/{asked['approval_id']}"
    assert (await here.client.post(f"{path}/approve", json={})).json()["approval_state"] == "approved"
    (vote,) = (await here.client.get(path)).json()["votes"]
    assert (vote["member"]["id"], vote["on_behalf_of"]["id"]) == (here.id, away.id)


async def test_an_admin_passes_on_the_seat_of_others_and_never_to_themselves(let_in: LetIn) -> None:
    admin, away, here = await let_in("admin"), await let_in("controller"), await let_in("support")
    begun = await admin.client.post(DELEGATIONS, json=wanted(here.id, from_member_id=away.id))
    assert (begun.status_code, begun.json()["created_by"]["id"]) == (201, admin.id)
    itself = await admin.client.post(DELEGATIONS, json=wanted(admin.id, from_member_id=away.id))
    others = await here.client.post(DELEGATIONS, json=wanted(here.id, from_member_id=away.id))
    for answer in (itself, others):
        assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_what_begins_later_is_not_in_force_yet(let_in: LetIn) -> None:
    away, here = await let_in("controller"), await let_in("support")
    body = wanted(here.id, starts_at=later(days=1))
    assert (await away.client.post(DELEGATIONS, json=body)).json()["in_force"] is False


async def test_a_seat_is_passed_on_only_by_whom_and_to_whom_it_can_be(let_in: LetIn, log_in: LogIn) -> None:
    away, viewer, support = await let_in("controller"), await let_in("viewer"), await let_in("support")
    for person, body, field in (
        (away, wanted(away.id), "to_member_id"),
        (away, wanted(viewer.id), "to_member_id"),
        (away, wanted("mem_unknown"), "to_member_id"),
        (support, wanted(away.id), "from_member_id"),
        (away, wanted(support.id, ends_at=later(days=91)), "ends_at"),
        (away, wanted(support.id, starts_at=later(days=2), ends_at=later(days=1)), "ends_at"),
    ):
        answer = await person.client.post(DELEGATIONS, json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
        assert [error["field"] for error in answer.json()["field_errors"]] == [field]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"to_member_id": "", "ends_at": "soon", "reason": ""}, ["ends_at", "reason", "to_member_id"]),
        ({"reason": "  ", "ends_at": "2020-01-01T00:00:00Z"}, ["reason", "ends_at"]),
        ({"starts_at": "2999-01-01T00:00:00", "ends_at": "2999-01-02T00:00:00"}, ["ends_at", "starts_at"]),
        ({"forever": True}, ["forever"]),
    ],
)
async def test_a_delegation_that_cannot_be_is_refused_with_every_reason(
    log_in: LogIn, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = await (await log_in("controller")).post(DELEGATIONS, json=wanted("mem_x", **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == fields


async def test_delegations_of_other_organizations_do_not_exist(log_in: LogIn, database: asyncpg.Connection) -> None:
    organization_id, ident = f"org_{uuid.uuid4().hex}", f"dg_{uuid.uuid4().hex}"
    await database.execute("INSERT INTO organizations VALUES ($1, 'Other', now())", organization_id)
    members = [f"mem_{uuid.uuid4().hex}" for _ in range(2)]
    for member in members:
        await database.execute(
            "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
            "VALUES ($1, $2, $3, 'Stranger', '', '{controller}', now())",
            member,
            organization_id,
            f"{member}@other.example",
        )
    await database.execute(
        "INSERT INTO delegations (id, organization_id, from_member_id, to_member_id, reason, starts_at, ends_at, "
        "created_by, created_at) VALUES ($1, $2, $3, $4, 'away', now(), now() + interval '1 day', $3, now())",
        ident,
        organization_id,
        *members,
    )
    admin = await log_in("admin")
    answers = [await admin.delete(f"{DELEGATIONS}/{one}") for one in (ident, "dg_unknown")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in answers}) == 1
    assert ident not in {one["id"] for one in (await admin.get(DELEGATIONS)).json()["items"]}
