"""What the console makes of the API's answers, the bad ones above all."""

import asyncio

import httpx
import pytest

from console.api_client import ApiClient, log_in
from console.api_errors import ApiAnswerUnreadable, ApiOutOfReach, ApiRefused, RateLimited, SessionEnded
from console.approval_api import ApprovalApi
from console.refreshing import Refreshing


def client(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> ApiClient:
    return ApiClient(http(answer, seen), "st_secret")


def http(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> httpx.AsyncClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://api")


def decision_json(**changes: object) -> dict[str, object]:
    return {
        "decision_id": "ed_1",
        "mode": "test",
        "state": "allowed",
        "outcome": "allow",
        "amount": {"units": "100", "asset": "usd", "exponent": 2},
        "action": "refund",
        "rail": "stripe",
        "rail_action": "refund",
        "received_at": "2026-01-01T00:00:00Z",
        "execution": {"by": "caller"},
        **changes,
    }


async def test_amounts_arrive_as_they_were_sent() -> None:
    page = await client(httpx.Response(200, json={"items": [decision_json()], "next_cursor": None})).decisions(
        mode="test"
    )
    assert page.items[0].amount.minor_units == 100


@pytest.mark.parametrize("amount", [None, 100, "1.5", "", "-1", "1e3", True, [100], "٣"])
async def test_a_malformed_amount_is_an_error_and_never_a_number(amount: object) -> None:
    answer = httpx.Response(
        200,
        json={"items": [decision_json(amount={"units": amount, "asset": "usd", "exponent": 2})], "next_cursor": None},
    )
    with pytest.raises(ApiAnswerUnreadable):
        await client(answer).decisions(mode="test")


@pytest.mark.parametrize("state", ["", "paid", None])
async def test_an_unknown_state_is_an_error(state: object) -> None:
    answer = httpx.Response(200, json={"items": [decision_json(state=state)], "next_cursor": None})
    with pytest.raises(ApiAnswerUnreadable):
        await client(answer).decisions(mode="test")


async def test_a_refusal_keeps_the_apis_code_and_words() -> None:
    body = {"error": "not_eligible", "message": "You asked for this yourself.", "request_id": "req_1"}
    with pytest.raises(ApiRefused) as refusal:
        await ApprovalApi(client(httpx.Response(403, json=body))).vote("ap_1", "approve", reason="", digest="d")
    assert (refusal.value.code, refusal.value.message, refusal.value.status) == (
        "not_eligible",
        "You asked for this yourself.",
        403,
    )


async def test_a_vote_carries_the_digest_that_was_on_the_page() -> None:
    seen: list[httpx.Request] = []
    answer = {"vote_id": "vt_1", "approval_id": "ap_1", "decision_id": "ed_1", "approval_state": "approved"}
    await ApprovalApi(client(httpx.Response(200, json=answer), seen)).vote(
        "ap_1", "approve", reason="fine", digest="abc"
    )
    assert seen[0].url.path == "/api/v1/approvals/ap_1/approve"
    assert seen[0].read() == b'{"reason":"fine","digest":"abc"}'
    assert seen[0].headers["Authorization"] == "Bearer st_secret"


async def test_an_id_from_the_address_bar_cannot_choose_another_endpoint() -> None:
    seen: list[httpx.Request] = []
    refusal = httpx.Response(404, json={"error": "not_found", "message": "Not found", "request_id": "req_1"})
    with pytest.raises(ApiRefused):
        await client(refusal, seen).decision("../approvals/ap_1?x=1")
    assert seen[0].url.raw_path == b"/api/v1/decisions/..%2Fapprovals%2Fap_1%3Fx%3D1"


async def test_401_means_the_log_in_is_over() -> None:
    with pytest.raises(SessionEnded):
        await client(httpx.Response(401, json={"error": "invalid_api_key", "message": "no"})).controls()


async def test_429_says_when_to_come_back() -> None:
    answer = httpx.Response(429, json={"error": "rate_limited", "message": "Slow down"}, headers={"Retry-After": "7"})
    with pytest.raises(RateLimited) as limited:
        await log_in(http(answer), "a@demo.example", "wrong")
    assert limited.value.retry_after_seconds == 7


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_no_answer_is_told_as_such(failure: Exception) -> None:
    with pytest.raises(ApiOutOfReach):
        await client(failure).controls()


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"{}", b"\xff"])
async def test_a_proxys_error_page_is_not_taken_for_a_reason(body: bytes) -> None:
    with pytest.raises(ApiAnswerUnreadable):
        await client(httpx.Response(502, content=body)).controls()


async def test_a_failed_reading_is_repeated_until_one_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.refreshing.AFTER_FAILURE_SECONDS", 0.01)
    outcomes: list[Exception | None] = [ApiOutOfReach("away"), ValueError("a bug"), None]
    done = asyncio.Event()

    async def read() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        done.set()

    refreshing = Refreshing(read)
    refreshing.ask()
    async with asyncio.timeout(10):
        await done.wait()
    refreshing.stop()
    assert outcomes == []
