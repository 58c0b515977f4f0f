"""Circuit breakers over HTTP, tripped by the running worker: who may arm them, what is refused, what is taken up."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
TRIP_SECONDS = 30


def breaker(**given: Any) -> dict[str, Any]:
    """A body of `POST /api/v1/breakers` without a mistake; of a source that nobody else uses."""
    body = {
        "name": "Refund spike",
        "mode": "test",
        "metric": "count",
        "surface": "stripe.refund",
        "source": f"bot-{uuid.uuid4().hex[:12]}",
        "window_seconds": 60,
        "baseline_seconds": 3_600,
        "factor_percent": 300,
        "minimum": 3,
        "response": "propose",
        "freeze_seconds": 600,
    }
    return {**body, **given}


async def armed(person: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await person.post("/api/v1/breakers", json=breaker(**given))
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def spike(caller: httpx.AsyncClient, refund: Refund, source: str, count: int = 3) -> None:
    for _ in range(count):
        answer = await caller.post("/api/v1/decisions", json=refund(source=source))
        assert answer.json()["outcome"] == "allowed", answer.text


async def tripped(caller: httpx.AsyncClient, breaker_id: str) -> dict[str, Any]:
    """The trip of this breaker, once the worker has read it."""
    async with asyncio.timeout(TRIP_SECONDS):
        while True:
            trips = (await caller.get("/api/v1/breaker-trips")).raise_for_status().json()["items"]
            for trip in trips:
                if trip["breaker"]["id"] == breaker_id:
                    return dict(trip)
            await asyncio.sleep(0.2)


async def test_a_spike_freezes_its_source_and_says_which_breaker_did_it(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person = await log_in("controller")
    made = await armed(person, response="freeze")
    await spike(caller, refund, made["source"].upper())

    trip = await tripped(caller, made["id"])

    denied = (await caller.post("/api/v1/decisions", json=refund(source=made["source"]))).json()
    assert (denied["outcome"], denied["reason"]) == ("denied", "source_frozen")
    assert denied["matched_rule"] == f"control:{trip['control_id']}"
    assert (trip["state"], trip["observed"], trip["observed_text"]) == ("engaged", 3, "3 movements")
    controls = (await person.get("/api/v1/controls", params={"in_force": True})).json()["items"]
    (control,) = [control for control in controls if control["id"] == trip["control_id"]]
    assert control["engaged_by"] is None
    assert control["breaker"] == {"id": made["id"], "name": "Refund spike"}
    lifted = await person.request("DELETE", f"/api/v1/controls/{control['id']}", json={"reason": "over"})
    assert lifted.status_code == 200
    await spike(caller, refund, made["source"], 1)


async def test_a_proposal_freezes_once_somebody_accepts_it(
    caller: httpx.AsyncClient, log_in: LogIn, refund: Refund
) -> None:
    person = await log_in("finance_manager")
    made = await armed(person)
    await spike(caller, refund, made["source"])
    trip = await tripped(caller, made["id"])
    assert (trip["state"], trip["scope"]) == ("proposed", {"source": made["source"]})
    await spike(caller, refund, made["source"], 1)

    path = f"/api/v1/breaker-trips/{trip['id']}/accept"
    assert (await (await log_in("viewer")).post(path, json={"reason": "x"})).status_code == 403
    assert (await person.post(path, json={"reason": "  "})).status_code == 400
    accepted = await person.post(path, json={"reason": "no sale of ours"})

    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    denied = (await caller.post("/api/v1/decisions", json=refund(source=made["source"]))).json()
    assert denied["reason"] == "source_frozen"
    again = await person.post(path, json={"reason": "twice"})
    assert (again.status_code, again.json()["state"]) == (409, "accepted")
    control = next(
        item
        for item in (await person.get("/api/v1/controls")).json()["items"]
        if item["id"] == accepted.json()["control_id"]
    )
    assert control["engaged_by"]["name"] == "Demo finance"
    assert control["expires_at"] is not None


async def test_a_dismissed_proposal_freezes_nothing(caller: httpx.AsyncClient, log_in: LogIn, refund: Refund) -> None:
    person = await log_in("controller")
    made = await armed(person)
    await spike(caller, refund, made["source"])
    trip = await tripped(caller, made["id"])

    dismissed = await person.post(f"/api/v1/breaker-trips/{trip['id']}/dismiss", json={"reason": "a recall"})

    assert (dismissed.json()["state"], dismissed.json()["resolved_reason"]) == ("dismissed", "a recall")
    await spike(caller, refund, made["source"], 1)
    listed = (await caller.get("/api/v1/breaker-trips", params={"state": "dismissed"})).json()["items"]
    assert trip["id"] in {item["id"] for item in listed}


async def test_who_may_arm_change_and_retire(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, admin_key: httpx.AsyncClient, log_in: LogIn
) -> None:
    for refused, status in ((http, 401), (caller, 403), (await log_in("support"), 403), (await log_in("viewer"), 403)):
        assert (await refused.post("/api/v1/breakers", json=breaker())).status_code == status
    assert (await admin_key.post("/api/v1/breakers", json=breaker(mode="live"))).status_code == 403
    made = await armed(admin_key)
    path = f"/api/v1/breakers/{made['id']}"
    assert (await caller.patch(path, json={"minimum": 9})).status_code == 403
    assert (await caller.delete(path)).status_code == 403

    changed = await admin_key.patch(path, json={"minimum": 9, "freeze_seconds": None, "name": "Quieter"})
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in ("minimum", "freeze_seconds", "name", "factor_percent")} == {
        "minimum": 9,
        "freeze_seconds": None,
        "name": "Quieter",
        "factor_percent": 300,
    }
    retired = await admin_key.delete(path)
    assert retired.json()["retired_at"] is not None
    assert (await admin_key.delete(path)).status_code == 409
    assert (await admin_key.patch(path, json={"minimum": 1})).status_code == 409
    listed = (await caller.get("/api/v1/breakers")).json()["items"]
    assert made["id"] in {item["id"] for item in listed}


async def test_a_live_breaker_is_not_there_for_a_test_key(admin_key: httpx.AsyncClient, log_in: LogIn) -> None:
    made = await armed(await log_in("controller"), mode="live")
    path = f"/api/v1/breakers/{made['id']}"

    assert (await admin_key.delete(path)).status_code == 404
    assert (await admin_key.patch(path, json={"minimum": 1})).status_code == 404
    assert made["id"] not in {item["id"] for item in (await admin_key.get("/api/v1/breakers")).json()["items"]}
    assert (await (await log_in("controller")).delete(path)).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"mode": "both"}, "mode"),
        ({"metric": "mean"}, "metric"),
        ({"surface": "stripe.nothing"}, "surface"),
        ({"surface": {"a": 1}}, "surface"),
        ({"source": " "}, "source"),
        ({"currency": "zzz"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"metric": "amount"}, "currency"),
        ({"window_seconds": 59}, "window_seconds"),
        ({"window_seconds": 604_801}, "window_seconds"),
        ({"window_seconds": 60.5}, "window_seconds"),
        ({"window_seconds": 3_601}, "baseline_seconds"),
        ({"baseline_seconds": 10**12}, "baseline_seconds"),
        ({"factor_percent": 100}, "factor_percent"),
        ({"minimum": 0}, "minimum"),
        ({"minimum": 2**53}, "body"),
        ({"response": "ignore"}, "response"),
        ({"freeze_seconds": 0}, "freeze_seconds"),
        ({"scope": {}}, "scope"),
    ],
)
async def test_every_field_that_is_wrong_is_named(
    admin_key: httpx.AsyncClient, wrong: dict[str, Any], field: str
) -> None:
    answer = await admin_key.post("/api/v1/breakers", json=breaker(**wrong))

    assert answer.status_code == 400, answer.text
    if field != "body":
        assert field in {error["field"] for error in answer.json()["field_errors"]}


@pytest.mark.parametrize(
    "change",
    [{"metric": "amount"}, {"surface": "stripe.payout"}, {"window_seconds": 3_601}, {"name": ""}, {"minimum": None}],
)
async def test_a_change_that_does_not_fit_changes_nothing(admin_key: httpx.AsyncClient, change: dict[str, Any]) -> None:
    made = await armed(admin_key)
    path = f"/api/v1/breakers/{made['id']}"

    assert (await admin_key.patch(path, json=change)).status_code == 400

    assert (await admin_key.delete(path)).json() | {"retired_at": None} == made


@pytest.mark.parametrize("path", ["breakers/br_none", "breaker-trips/bt_none/accept", "breaker-trips/bt_none/dismiss"])
async def test_unknown_ids_are_not_found(admin_key: httpx.AsyncClient, path: str) -> None:
    send = admin_key.patch if path.startswith("breakers") else admin_key.post
    body = {"minimum": 2} if path.startswith("breakers") else {"reason": "x"}
    answer = await send(f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
