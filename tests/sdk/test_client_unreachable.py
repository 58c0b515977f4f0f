"""What callers get when Axiru gives no answer that counts: money holds, and is on the disk before they are told."""

import time
from typing import Any

import pytest
from axiru_client import (
    Axiru,
    Conflict,
    IdempotencyMismatch,
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    Retry,
)

DECISIONS = "/api/v1/decisions"
ACTIONS = ("refund", "payout", "transfer", "app_fee_refund", "dispute")
ALLOWED = {"decision_id": "ed_1", "outcome": "allow", "reason": "default_allow", "state": "allowed"}
NO_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "hangs": ({"hangs": 3.0}, "timed_out"),
    "hangs_in_the_body": ({"drops": True}, "connection_failed"),
    "500": ({"status": 500, "body": {"error": "internal_error"}}, "server_error"),
    "decision_failed": ({"status": 500, "body": {"error": "decision_failed", "message": "…"}}, "server_error"),
    "503_of_a_proxy": ({"status": 503, "body": b"<html>"}, "server_error"),
    "rate_limited": (
        {"status": 429, "body": {"error": "rate_limited"}, "headers": {"retry-after": "60"}},
        "rate_limited",
    ),
    "403_of_a_proxy": ({"status": 403, "body": b"<html>blocked</html>"}, "invalid_answer"),
    "401_with_a_list": ({"status": 401, "body": ["error"]}, "invalid_answer"),
    "redirect": ({"status": 302, "headers": {"location": "/login"}}, "invalid_answer"),
    "204": ({"status": 204, "body": b""}, "invalid_answer"),
    "not_json": ({"body": b"allow"}, "invalid_answer"),
    "nested_json": ({"body": b"[" * 100_000}, "invalid_answer"),
    "not_an_object": ({"body": ["allow"]}, "invalid_answer"),
    "no_outcome": ({"body": {"decision_id": "ed_1"}}, "invalid_answer"),
    "no_decision_id": ({"body": {"outcome": "allow"}}, "invalid_answer"),
    "unknown_outcome": ({"body": ALLOWED | {"outcome": "ALLOW"}}, "invalid_answer"),
    "outcome_of_another_kind": ({"body": ALLOWED | {"outcome": True}}, "invalid_answer"),
    "answer_to_another_request": ({"body": ALLOWED | {"execute": "axiru"}}, "invalid_answer"),
    "state_of_another_kind": ({"body": ALLOWED | {"state": ["denied"]}}, "invalid_answer"),
    "two_outcomes": ({"body": b'{"decision_id": "ed_1", "outcome": "deny", "outcome": "allow"}'}, "invalid_answer"),
    "endless": ({"body": b" " * 2_000_000}, "invalid_answer"),
    "404": ({"status": 404, "body": {"error": "not_found"}}, "endpoint_missing"),
}
REFUSALS = {
    400: ("invalid_request", InvalidRequest),
    401: ("invalid_api_key", NotAuthenticated),
    403: ("insufficient_scope", NotPermitted),
    409: ("conflict", Conflict),
    413: ("payload_too_large", InvalidRequest),
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_every_action_is_held_when_nobody_listens(connect: Any, nowhere: str, action: str) -> None:
    client = connect(nowhere)

    decision = await client.decide(action, 17_500, "usd", f"key_{action}")

    assert (decision.outcome, decision.reachable, decision.may_execute) == ("hold", False, False)
    assert (decision.reason, decision.unreachable.cause) == ("axiru_unreachable", "connection_failed")
    (hold,) = await client.holds()
    assert hold == decision.hold
    assert (hold.idempotency_key, hold.action, hold.body["intent"]["amount_cents"]) == (f"key_{action}", action, 17_500)


@pytest.mark.parametrize("case", NO_ANSWERS)
async def test_what_is_no_answer_holds(connect: Any, axiru: Any, scripted: Any, case: str) -> None:
    answer, cause = NO_ANSWERS[case]
    axiru.says(DECISIONS, scripted(**answer))
    client = connect(axiru.url)

    decision = await client.decide("refund", 100, "usd", "key_1")

    assert (decision.outcome, decision.may_execute, decision.unreachable.cause) == ("hold", False, cause)
    assert [hold.idempotency_key for hold in await client.holds()] == ["key_1"]


async def test_the_deadline_holds_whatever_the_other_side_does(connect: Any, axiru: Any, scripted: Any) -> None:
    client = connect(axiru.url, retry=Retry(attempt_seconds=0.4, deadline_seconds=1.5, first_pause_seconds=0.05))
    for answer in (scripted(hangs=2), scripted(500), scripted(429, {"error": "rate_limited"}, {"retry-after": "9"})):
        axiru.says(DECISIONS, answer)

        began = time.monotonic()
        decision = await client.decide("refund", 100, "usd", "key_1")

        assert decision.outcome == "hold"
        assert time.monotonic() - began < 1.5 + 1.5  # the second half is what a busy machine takes


async def test_tls_that_does_not_come_about_holds(connect: Any, axiru: Any) -> None:
    client = connect(axiru.url.replace("http://", "https://"))

    assert (await client.decide("payout", 100, "usd", "key_1")).unreachable.cause == "connection_failed"


@pytest.mark.parametrize("status", REFUSALS)
async def test_refusal_of_the_callers_own_making_is_raised_and_not_held(
    connect: Any, axiru: Any, scripted: Any, status: int
) -> None:
    code, kind = REFUSALS[status]
    said = {"error": code, "message": "No.", "request_id": "req_1", "field_errors": [{"field": "intent.amount_cents"}]}
    axiru.says(DECISIONS, scripted(status, said))
    client = connect(axiru.url)

    with pytest.raises(kind) as raised:
        await client.decide("refund", 100, "usd", "key_1")

    assert (raised.value.status, raised.value.code, raised.value.request_id) == (status, code, "req_1")
    assert raised.value.field_errors[0]["field"] == "intent.amount_cents"
    assert (len(axiru.asked), await client.holds()) == (1, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("refund", 0, "usd", "key"),
        ("refund", -1, "usd", "key"),
        ("refund", 1.5, "usd", "key"),
        ("refund", True, "usd", "key"),
        ("refund", "100", "usd", "key"),
        ("refund", 100, "dollars", "key"),
        ("refund", 100, "", "key"),
        ("refund", 100, "usd", ""),
        ("refund", 100, "usd", "k" * 256),
        ("refund", 100, "usd", None),
        ("gift", 100, "usd", "key"),
    ],
)
async def test_what_nobody_would_take_is_refused_before_it_is_sent(connect: Any, axiru: Any, arguments: Any) -> None:
    client = connect(axiru.url)

    with pytest.raises(InvalidRequest):
        await client.decide(*arguments)

    assert (axiru.asked, await client.holds()) == ([], [])


async def test_context_that_is_no_json_is_refused_before_it_is_sent(connect: Any, axiru: Any) -> None:
    client = connect(axiru.url)

    for context in ({"at": object()}, {"score": float("nan")}, "text", ["tenure", 3]):
        with pytest.raises(InvalidRequest):
            await client.decide("refund", 100, "usd", "key", context=context)
    assert axiru.asked == []


async def test_retries_send_the_same_body_until_there_is_an_answer(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(500), scripted(hangs=3.0), scripted())
    client = connect(axiru.url, retry=_longer())

    decision = await client.decide("refund", 100, "usd", "key_1", charge="ch_1", context={"customer_tenure_days": 3})

    assert (decision.outcome, decision.reachable, decision.may_execute) == ("allow", True, True)
    assert len(axiru.decisions()) == 3
    assert all(body == axiru.decisions()[0] for body in axiru.decisions())
    assert axiru.decisions()[0]["intent"] == {
        "kind": "refund",
        "amount_cents": 100,
        "currency": "usd",
        "charge": "ch_1",
    }
    assert await client.holds() == []


async def test_retry_after_is_kept_to(connect: Any, axiru: Any, scripted: Any) -> None:
    axiru.says(DECISIONS, scripted(429, {"error": "rate_limited"}, {"retry-after": "1"}), scripted())
    client = connect(axiru.url, retry=_longer())

    began = time.monotonic()
    decision = await client.decide("refund", 100, "usd", "key_1")

    assert decision.outcome == "allow"
    assert time.monotonic() - began >= 1


async def test_outcomes_of_either_vocabulary_are_understood(connect: Any, axiru: Any, scripted: Any) -> None:
    words = {"allowed": "allow", "pending_approval": "review", "denied": "deny", "review": "review", "deny": "deny"}
    client = connect(axiru.url)
    for word, outcome in words.items():
        axiru.says(DECISIONS, scripted(body=ALLOWED | {"outcome": word, "state": word}))

        decision = await client.decide("refund", 100, "usd", word)

        assert (decision.outcome, decision.may_execute) == (outcome, outcome == "allow")
    assert await client.holds() == []
    assert {header["Axiru-Outcome-Style"] for header in axiru.headers} == {"integration"}


async def test_review_may_execute_once_it_is_approved_and_never_where_axiru_executes(
    connect: Any, axiru: Any, scripted: Any
) -> None:
    client = connect(axiru.url)
    for state, expected in {"pending_approval": False, "approved": True, "held": False, "expired": False}.items():
        axiru.says(DECISIONS, scripted(body=ALLOWED | {"outcome": "review", "state": state, "cached": True}))
        assert (await client.decide("refund", 100, "usd", "key")).may_execute is expected
    for state in ("approved", "allowed", "held", "executed"):
        axiru.says(
            DECISIONS, scripted(body=ALLOWED | {"outcome": "denied", "reason": "kill_switch_engaged", "state": state})
        )
        assert not (await client.decide("refund", 100, "usd", f"stopped_{state}")).may_execute
    axiru.says(DECISIONS, scripted(body=ALLOWED | {"execute": "axiru"}))
    assert not (await client.decide("refund", 100, "usd", "key_2", execute="axiru")).may_execute


async def test_authorization_of_an_axiru_without_the_endpoint_is_held_and_says_so(connect: Any, axiru: Any) -> None:
    client = connect(axiru.url)

    answer = await client.authorize(
        "stripe_daa",
        "agent_payment",
        25_000,
        "usd",
        initiator={"kind": "agent", "id": "a"},
        idempotency_key="invoice_1",
    )

    assert (answer.outcome, answer.token, answer.may_execute) == ("hold", None, False)
    assert answer.unreachable.cause == "endpoint_missing"
    assert "does not have this endpoint" in answer.message


async def test_authorization_may_settle_with_its_token_only(connect: Any, axiru: Any, scripted: Any) -> None:
    client = connect(axiru.url)
    said = {
        "outcome": "allow",
        "decision_id": "ed_1",
        "authorization_token": "a.b.c",
        "expires_at": "2026-05-01T14:05:00Z",
    }
    cases = {
        "allowed": (said, True),
        "withheld": (said | {"authorization_token": None, "token_status": "withheld"}, False),
        "quarantined": (said | {"outcome": "quarantine", "authorization_token": None}, False),
        "shadow": (said | {"authorization_token": None, "surface_mode": "shadow"}, True),
    }
    for name, (answer, expected) in cases.items():
        axiru.says("/api/v1/authorizations", scripted(body=answer))
        found = await client.authorize(
            "stripe_daa", "agent_payment", 25_000, "usd", initiator={"kind": "agent", "id": "a"}, idempotency_key=name
        )
        assert (name, found.may_execute) == (name, expected)
    assert "a.b.c" not in repr(found)


async def test_key_that_waits_with_another_body_is_refused_here_already(connect: Any, nowhere: str) -> None:
    client = connect(nowhere)
    await client.decide("refund", 100, "usd", "key_1")

    with pytest.raises(IdempotencyMismatch):
        await client.decide("refund", 200, "usd", "key_1")

    assert [hold.body["intent"]["amount_cents"] for hold in await client.holds()] == [100]


def test_a_key_of_no_mode_is_none(tmp_path: Any) -> None:
    with pytest.raises(ValueError, match="ak_test_"):
        Axiru("http://127.0.0.1:1", "sk_test_1", directory=tmp_path)


@pytest.mark.parametrize("url", ["127.0.0.1:8400", "axiru.example.com", "", "ftp://axiru.example.com"])
def test_an_address_that_no_request_can_go_to_is_none(tmp_path: Any, url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        Axiru(url, "ak_test_1", directory=tmp_path)


async def test_option_that_is_misspelt_is_refused(connect: Any, axiru: Any, tmp_path: Any) -> None:
    client = connect(axiru.url)

    with pytest.raises(TypeError, match="excute"):
        await client.decide("refund", 100, "usd", "key", excute="axiru")
    with pytest.raises(TypeError, match="conection"):
        await client.authorize(
            "stripe_daa", "agent_payment", 100, "usd", initiator={}, idempotency_key="key", conection="stripe_conn_1"
        )
    with pytest.raises(TypeError, match="on_holds"):
        Axiru(axiru.url, "ak_test_1", directory=tmp_path, on_holds=print)  # type: ignore[call-arg]
    assert (axiru.asked, await client.holds()) == ([], [])


def _longer() -> Retry:
    return Retry(attempt_seconds=2, deadline_seconds=12, first_pause_seconds=0.05, longest_pause_seconds=0.1)
