"""Controls over HTTP: they bind before they are acknowledged, replays included, and are lifted by name."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@asynccontextmanager
async def engaged(client: httpx.AsyncClient, **control: Any) -> AsyncIterator[dict[str, Any]]:
    """A control in force for a while; the tests after this one must not meet it."""
    answer = await client.post("/api/v1/controls", json={"mode": "test", "reason": "a test", **control})
    assert answer.status_code == 201, answer.text
    try:
        yield answer.json()
    finally:
        lifted = await client.request("DELETE", f"/api/v1/controls/{answer.json()['id']}", json={"reason": "over"})
        assert lifted.status_code == 200


async def decide(caller: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await caller.post("/api/v1/decisions", json=body)).raise_for_status().json()
    return answer


async def test_the_kill_switch_stops_new_requests_and_replays(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    before = refund()
    assert (await decide(caller, before))["outcome"] == "allowed"
    async with engaged(await log_in("controller"), kind="kill_switch") as control:
        assert (control["in_force"], control["in_flight"]) == (True, [])
        new = await decide(caller, refund())
        replayed = await decide(caller, before)
        for told in (new, replayed):
            assert (told["outcome"], told["reason"]) == ("denied", "kill_switch_engaged")
            assert told["matched_rule"] == f"control:{control['id']}"
        assert (replayed["cached"], replayed["state"]) == (True, "allowed")
    assert (await decide(caller, before))["outcome"] == "allowed"


async def test_what_was_denied_stays_denied_for_its_own_reason(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    body = refund(15_000, context={"customer_tenure_days": 1})
    first = await decide(caller, body)
    async with engaged(await log_in("controller"), kind="kill_switch"):
        assert await decide(caller, body) == {**first, "cached": True}


async def test_a_freeze_stops_what_it_names_and_nothing_else(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    customer = f"cus_{uuid.uuid4().hex}"
    async with engaged(await log_in("finance_manager"), kind="freeze", scope={"customer_id": customer}) as control:
        frozen = await decide(caller, refund(context={"customer_id": customer}))
        assert (frozen["outcome"], frozen["reason"]) == ("denied", "customer_frozen")
        assert (await decide(caller, refund()))["outcome"] == "allowed"
        listed = (await caller.get("/api/v1/controls", params={"in_force": True})).json()["items"]
        assert control["id"] in {item["id"] for item in listed}
    after = (await caller.get("/api/v1/controls", params={"in_force": False})).json()["items"]
    (lifted,) = [item for item in after if item["id"] == control["id"]]
    assert (lifted["lifted_reason"], lifted["in_force"]) == ("over", False)


async def test_a_freeze_of_an_agent_finds_it_behind_whatever_key_it_asks(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    agent = f"agent-{uuid.uuid4().hex}"
    async with engaged(await log_in("controller"), kind="freeze", scope={"agent_id": agent}) as control:
        assert control["breaker"] is None
        assert control["engaged_by"]["name"]
        for named in ({"metadata": {"agent_id": agent}}, {"context": {"agent_id": agent}}):
            frozen = await decide(caller, refund(**named))
            assert (frozen["outcome"], frozen["reason"]) == ("denied", "agent_frozen")
        other = refund(metadata={"agent_id": f"{agent}-2"})
        assert (await decide(caller, other))["outcome"] == "allowed"


async def test_a_mark_stops_nothing_and_is_read_by_rules(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person, slug = await log_in("controller"), f"marked-{uuid.uuid4().hex[:12]}"
    text = f"Policy {slug} governs refunds on stripe.\nRefunds that are marked for review are denied."
    draft = (await person.post("/api/v1/policies/drafts", json={"text": text, "format": "plain"})).raise_for_status()
    version = await person.post(f"/api/v1/policies/drafts/{draft.json()['id']}/publish")
    account = f"acct_{uuid.uuid4().hex}"
    said = []
    async with engaged(person, kind="mark_for_review", scope={"stripe_account_id": account}) as control:
        assert (control["kind"], control["in_flight"]) == ("mark_for_review", [])
        for merchant in (account, "acct_other"):
            told = await decide(caller, refund(intent={"stripe_account_id": merchant}))
            assert told["outcome"] == "allowed"
            shadows = (await person.get(f"/api/v1/decisions/{told['decision_id']}")).json()["shadows"]
            said += [each["outcome"] for each in shadows if each["slug"] == slug]
    (await person.post(f"/api/v1/policies/{slug}/versions/{version.json()['version']}/retire")).raise_for_status()
    assert said == ["denied", "allowed"]


async def test_lifting_twice_is_a_conflict(log_in: LogIn) -> None:
    person = await log_in("controller")
    async with engaged(person, kind="freeze", scope={"source": uuid.uuid4().hex}) as control:
        pass
    again = await person.delete(f"/api/v1/controls/{control['id']}")
    assert (again.status_code, again.json()["error"]) == (409, "conflict")
    unknown = await person.delete("/api/v1/controls/ct_unknown")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("control", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": None}, "reason"),
        ({"kind": "freze"}, "kind"),
        ({"mode": "prod"}, "mode"),
        ({"kind": "kill_switch", "scope": {"source": "x"}}, "scope"),
        ({"kind": "freeze", "scope": {}}, "scope"),
        ({"kind": "freeze", "scope": {"source": "x", "customer_id": "y"}}, "scope"),
        ({"kind": "freeze", "scope": {"planet": "x"}}, "scope"),
        ({"kind": "freeze", "scope": {"source": ""}}, "scope.source"),
        ({"kind": "mark_for_review", "scope": {}}, "scope"),
        ({"kind": "mark_for_review", "scope": {"customer_id": "cus_1"}}, "scope"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"until": "2999-01-01T00:00:00Z"}, "until"),
    ],
)
async def test_a_wrong_control_stops_nothing(log_in: LogIn, control: dict[str, Any], field: str) -> None:
    person = await log_in("controller")
    body = {"kind": "kill_switch", "mode": "test", "reason": "a test", **control}
    answer = await person.post("/api/v1/controls", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert field in {error["field"] for error in answer.json()["field_errors"]}
    in_force = (await person.get("/api/v1/controls", params={"in_force": True})).json()["items"]
    assert "kill_switch" not in {item["kind"] for item in in_force}


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00", "tomorrow"])
async def test_a_wrong_time_is_named_beside_every_other_fault(admin_key: httpx.AsyncClient, expires_at: str) -> None:
    body = {"kind": "freze", "mode": "prod", "scope": 5, "reason": " ", "expires_at": expires_at}
    answer = await admin_key.post("/api/v1/controls", json=body)
    assert answer.status_code == 400
    assert sorted(error["field"] for error in answer.json()["field_errors"]) == sorted(body)


async def test_a_key_controls_its_own_mode_only(admin_key: httpx.AsyncClient) -> None:
    for mode in ("live", "both"):
        body = {"kind": "kill_switch", "mode": mode, "reason": "a test"}
        answer = await admin_key.post("/api/v1/controls", json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_people_without_the_permission_stop_nothing(log_in: LogIn) -> None:
    support = await log_in("support")
    answer = await support.post("/api/v1/controls", json={"kind": "kill_switch", "mode": "test", "reason": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
