"""What callers may do while Axiru cannot be reached: told as a signed document, and kept short by people."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


def programme(**changed: Any) -> dict[str, Any]:
    body = {
        "programme": f"weekly-{uuid.uuid4().hex[:8]}",
        "currency": "USD",
        "max_amount_cents": 50_000,
        "reason": "drivers are paid on Fridays",
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        **changed,
    }
    return {name: value for name, value in body.items() if value is not None}


async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    told = (await client.get("/api/v1/fail-safe")).raise_for_status().json()
    claims: dict[str, Any] = jwt.decode(told["document"], OKPKey.import_key(told["public_key"]), ["Ed25519"]).claims
    return claims


async def test_document_says_what_holds_without_any_choice_and_for_how_long(
    caller: httpx.AsyncClient, stack: DevJson
) -> None:
    claims = await document(caller)

    assert (claims["iss"], claims["aud"], claims["mode"]) == (stack.issuer, stack.organization_id, "test")
    assert claims["exp"] - claims["iat"] == 24 * 3600
    assert claims["unreachable"] == {
        "refund": "hold",
        "payout": "hold",
        "transfer": "hold",
        "app_fee_refund": "hold",
        "dispute": "last_good_packet",
    }
    assert claims["default_connection"] == "stripe_conn_demo"
    assert claims["surfaces"]["stripe.refund"] == "enforce"
    assert claims["surfaces"]["stripe.adjustment"] == "shadow"


async def test_document_says_what_controls_stop(caller: httpx.AsyncClient, log_in: LogIn, stack: DevJson) -> None:
    controller = await log_in("controller")
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    account = (await controller.get("/api/v1/connections/stripe_conn_demo")).json()["stripe_account_id"]
    customer = f"cus_{uuid.uuid4().hex}"
    controls = [
        {"kind": "kill_switch"},
        {"kind": "freeze", "scope": {"customer_id": customer}, "expires_at": ends},
        {"kind": "freeze", "scope": {"stripe_account_id": account}, "pause_payouts": False},
        {"kind": "mark_for_review", "scope": {"stripe_account_id": account}},
    ]
    engaged = []
    try:
        for control in controls:
            answer = await controller.post("/api/v1/controls", json={"mode": "test", "reason": "a test", **control})
            engaged.append(answer.raise_for_status().json()["id"])
        stopped = (await document(caller))["stopped"]
    finally:
        for control_id in engaged:
            await controller.request("DELETE", f"/api/v1/controls/{control_id}", json={"reason": "over"})

    frozen = {stop["expires_at"] for stop in stopped if stop["scope"] == {"customer_id": customer}}
    assert [datetime.fromisoformat(moment) for moment in frozen] == [datetime.fromisoformat(ends)]
    scopes = [stop["scope"] for stop in stopped]
    assert scopes.count({}) == 1
    assert scopes.count({"stripe_account_id": account}) == 1
    assert {"stripe_connection_id": "stripe_conn_demo"} in scopes
    assert {} not in [stop["scope"] for stop in (await document(caller))["stopped"]]


async def test_an_altered_document_does_not_verify(caller: httpx.AsyncClient) -> None:
    told = (await caller.get("/api/v1/fail-safe")).json()
    header, body, signature = told["document"].split(".")
    key = OKPKey.import_key(told["public_key"])

    for altered in (f"{header}.{body[:-2]}AA.{signature}", f"{header}.{body}.{signature[:-4]}AAAA"):
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(altered, key, ["Ed25519"])


async def test_a_programme_is_listed_told_and_taken_off_again(admin_key: httpx.AsyncClient) -> None:
    body = programme()
    listed = await admin_key.post("/api/v1/fail-open", json=body)
    assert listed.status_code == 201, listed.text
    view = listed.json()
    assert (view["currency"], view["in_force"], view["added_by"]["name"]) == ("usd", True, "Demo admin")

    told = [one for one in (await document(admin_key))["programmes"] if one["programme"] == body["programme"]]
    assert [(one["currency"], one["max_amount_cents"]) for one in told] == [("usd", 50_000)]
    assert datetime.fromisoformat(told[0]["expires_at"]) == datetime.fromisoformat(body["expires_at"])

    again = await admin_key.post("/api/v1/fail-open", json=body)
    assert (again.status_code, again.json()["error"]) == (409, "conflict")

    for _ in range(2):
        assert (await admin_key.delete(f"/api/v1/fail-open/{view['id']}")).status_code == 204
    assert body["programme"] not in [one["programme"] for one in (await document(admin_key))["programmes"]]
    shown = (await admin_key.get("/api/v1/fail-open")).json()["items"]
    assert next(one for one in shown if one["id"] == view["id"])["in_force"] is False


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"programme": ""}, "programme"),
        ({"programme": "Weekly drivers"}, "programme"),
        ({"programme": None}, "programme"),
        ({"currency": "dollars"}, "currency"),
        ({"max_amount_cents": 0}, "max_amount_cents"),
        ({"max_amount_cents": 10.5}, "max_amount_cents"),
        ({"reason": " "}, "reason"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=36_500)).isoformat()}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"forever": True}, "forever"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
async def test_wrong_programme_is_refused_by_field(
    admin_key: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    answer = await admin_key.post("/api/v1/fail-open", json=programme(**changed))

    assert answer.status_code == 400, answer.text
    assert field in [error["field"] for error in answer.json()["field_errors"]]


async def test_who_may_not_change_policies_lists_no_programme(log_in: LogIn, caller: httpx.AsyncClient) -> None:
    for client in (await log_in("support"), caller):
        answer = await client.post("/api/v1/fail-open", json=programme(mode="test"))
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_a_key_lists_nothing_for_the_other_mode(admin_key: httpx.AsyncClient) -> None:
    answer = await admin_key.post("/api/v1/fail-open", json=programme(mode="live"))

    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_unknown_programme_is_not_found(admin_key: httpx.AsyncClient) -> None:
    assert (await admin_key.delete("/api/v1/fail-open/fo_of_nobody")).status_code == 404
