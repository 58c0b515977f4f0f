"""Break-glass over HTTP: two people or one and an alarm, never a key, never for one's own, and sealed each time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
LetIn = Callable[..., Awaitable[Any]]
Refund = Callable[..., dict[str, Any]]


class Pending:
    """A pending approval, and what breaking the glass for it takes."""

    def __init__(self, approval_id: str, decision_id: str, digest: str) -> None:
        self.path = f"/api/v1/approvals/{approval_id}/break-glass"
        self.approval = f"/api/v1/approvals/{approval_id}"
        self.decision = f"/api/v1/decisions/{decision_id}"
        self.body = {"reason": "the bank closes in ten minutes", "digest": digest}


@pytest.fixture
async def second(let_in: LetIn) -> Any:
    """An admin who was let in before it was asked: who asks lets nobody in afterwards who breaks the glass."""
    return await let_in("admin")


@pytest.fixture
async def pending(caller: httpx.AsyncClient, refund: Refund) -> Pending:
    """Asked by the admin's key, for a controller to approve, executed by Axiru."""
    body = refund(17_500, intent={"charge": "ch_demo_006"}, execute="axiru")
    asked = (await caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    shown = (await caller.get(f"/api/v1/approvals/{asked['approval_id']}")).json()
    return Pending(asked["approval_id"], asked["decision_id"], shown["digest"])


@pytest.fixture
async def alone_allowed(log_in: LogIn) -> AsyncIterator[None]:
    admin = await log_in("admin")
    await admin.put("/api/v1/organization", json={"break_glass": "one_with_alarm"})
    yield
    await admin.put("/api/v1/organization", json={"break_glass": "two_people"})


async def test_two_people_break_the_glass_and_it_is_executed(
    second: Any, pending: Pending, log_in: LogIn, database: asyncpg.Connection
) -> None:
    one = await log_in("controller")
    opened = await one.post(pending.path, json=pending.body)
    assert (opened.status_code, opened.json()["state"], opened.json()["alone"]) == (201, "open", False)
    glass = f"/api/v1/break-glass/{opened.json()['id']}"
    listed = (await second.client.get("/api/v1/break-glass?state=open")).json()["items"]
    assert opened.json()["id"] in {each["id"] for each in listed}
    assert (await one.get(pending.approval)).json()["state"] == "pending"

    confirmed = await second.client.post(f"{glass}/confirm", json={"reason": "seen it too"})

    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "used")
    assert confirmed.json()["confirmed_by"]["id"] == second.id
    decision = (await one.get(f"{pending.decision}?wait=25")).json()
    assert (decision["state"], decision["execution"]["attempts"]) == ("executed", 1)
    assert (await one.get(pending.approval)).json()["break_glass"]["state"] == "used"
    kinds = await database.fetch(
        "SELECT kind FROM ledger_entries WHERE decision_id = $1 ORDER BY seq", decision["decision_id"]
    )
    assert [row["kind"] for row in kinds].count("break_glass") == 2
    for again in (await second.client.post(f"{glass}/confirm"), await one.post(f"{glass}/withdraw")):
        assert (again.status_code, again.json()["error"]) == (409, "conflict")


async def test_nobody_confirms_their_own_or_what_they_asked_for(pending: Pending, log_in: LogIn) -> None:
    one, requester, finance = await log_in("controller"), await log_in("admin"), await log_in("finance_manager")
    glass = f"/api/v1/break-glass/{(await one.post(pending.path, json=pending.body)).json()['id']}"
    for person, code in ((one, "not_eligible"), (requester, "not_eligible"), (finance, "insufficient_scope")):
        answer = await person.post(f"{glass}/confirm")
        assert (answer.status_code, answer.json()["error"]) == (403, code)
    own = await requester.post(pending.path, json=pending.body)
    assert (own.status_code, own.json()["error"]) == (403, "not_eligible")
    assert (await one.get(pending.approval)).json()["state"] == "pending"


async def test_a_key_never_breaks_the_glass(pending: Pending, admin_key: httpx.AsyncClient) -> None:
    for path in (pending.path, "/api/v1/break-glass/bg_x/confirm", "/api/v1/break-glass/bg_x/withdraw"):
        answer = await admin_key.post(path, json=pending.body)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_going_alone_is_for_organizations_that_chose_it(pending: Pending, log_in: LogIn) -> None:
    one = await log_in("controller")
    answer = await one.post(pending.path, json={**pending.body, "alone": True})
    assert (answer.status_code, answer.json()["error"], answer.json()["state"]) == (409, "conflict", "two_people")


async def test_one_goes_alone_and_everybody_is_told(
    alone_allowed: None, pending: Pending, log_in: LogIn, database: asyncpg.Connection
) -> None:
    one = await log_in("controller")
    used = await one.post(pending.path, json={**pending.body, "alone": True})
    assert (used.status_code, used.json()["state"]) == (201, "used")
    told = await database.fetchval(
        "SELECT payload ->> 'alone' FROM outbox WHERE topic = 'break_glass' AND payload ->> 'break_glass_id' = $1",
        used.json()["id"],
    )
    assert told == "true"
    assert (await one.get(f"{pending.decision}?wait=25")).json()["state"] == "executed"


async def test_what_is_withdrawn_or_too_late_approves_nothing(
    second: Any, pending: Pending, log_in: LogIn, database: asyncpg.Connection
) -> None:
    one = await log_in("controller")
    first = (await one.post(pending.path, json=pending.body)).json()
    again = await second.client.post(pending.path, json=pending.body)
    assert (again.status_code, again.json()["break_glass_id"]) == (409, first["id"])
    withdrawn = await one.post(f"/api/v1/break-glass/{first['id']}/withdraw", json={"reason": "found another way"})
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    late = (await one.post(pending.path, json=pending.body)).json()
    # The triggers let nobody open a glass that is over already, and a moment ahead may be over before they look.
    await database.execute("SET session_replication_role = replica")
    await database.execute("UPDATE break_glass SET expires_at = opened_at WHERE id = $1", late["id"])
    for ident in (first["id"], late["id"]):
        answer = await second.client.post(f"/api/v1/break-glass/{ident}/confirm")
        assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    expired = (await one.get("/api/v1/break-glass?state=expired")).json()["items"]
    assert late["id"] in {each["id"] for each in expired}
    assert (await one.get(pending.approval)).json()["state"] == "pending"


async def test_the_glass_is_broken_for_exactly_what_was_shown(pending: Pending, log_in: LogIn) -> None:
    one = await log_in("controller")
    answer = await one.post(pending.path, json={**pending.body, "digest": "0" * 64})
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"reason": "", "digest": None}, ["digest", "reason"]),
        ({"reason": "   "}, ["reason"]),
        ({"alone": "yes", "second": "mem_1"}, ["alone", "second"]),
    ],
)
async def test_a_glass_that_cannot_be_broken_is_refused_with_every_reason(
    pending: Pending, log_in: LogIn, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = await (await log_in("controller")).post(pending.path, json={**pending.body, **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == fields


async def test_nothing_is_open_for_what_was_decided_otherwise(second: Any, pending: Pending, log_in: LogIn) -> None:
    one = await log_in("controller")
    opened = (await one.post(pending.path, json=pending.body)).json()

    denied = await one.post(f"{pending.approval}/deny", json={"reason": "no receipt"})

    assert denied.json()["approval_state"] == "denied"
    waiting = (await one.get("/api/v1/break-glass?state=open")).json()["items"]
    assert opened["id"] not in {each["id"] for each in waiting}
    assert (await second.client.post(f"/api/v1/break-glass/{opened['id']}/confirm")).status_code == 409


async def test_unknown_glasses_and_states_are_refused(log_in: LogIn) -> None:
    one = await log_in("controller")
    for path in ("/api/v1/break-glass/bg_x/confirm", "/api/v1/break-glass/bg_x/withdraw"):
        assert (await one.post(path)).status_code == 404
    body = {"reason": "x", "digest": "y"}
    assert (await one.post("/api/v1/approvals/ap_x/break-glass", json=body)).status_code == 404
    assert (await one.get("/api/v1/break-glass?state=broken")).status_code == 400


async def test_an_admin_chooses_the_rule_and_it_is_sealed_when_it_changes(
    log_in: LogIn, database: asyncpg.Connection
) -> None:
    admin, controller = await log_in("admin"), await log_in("controller")
    count = "SELECT count(*) FROM ledger_entries WHERE kind = 'organization'"
    before = await database.fetchval(count)
    try:
        for _ in range(2):
            chosen = await admin.put("/api/v1/organization", json={"break_glass": "off"})
            assert (chosen.status_code, chosen.json()["break_glass"]) == (200, "off")
        assert await database.fetchval(count) == before + 2  # one in each mode's chain
        assert (await controller.get("/api/v1/organization")).json()["updated_by"]["name"] == "Demo admin"
        for person, body, status in (
            (controller, {"break_glass": "two_people"}, 403),
            (admin, {"break_glass": "always"}, 400),
            (admin, {}, 400),
            (admin, {"break_glass": "off", "name": "New name"}, 400),
        ):
            assert (await person.put("/api/v1/organization", json=body)).status_code == status
    finally:
        await admin.put("/api/v1/organization", json={"break_glass": "two_people"})
