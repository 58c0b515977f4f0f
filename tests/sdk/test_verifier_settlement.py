"""Consuming and settling: one answer is enough, none is none, and a lost one is never taken for leave to settle."""

from typing import Any

import pytest
from axiru_verifier import AnswerLost, RequestRefused, SettlementClient, TokenNotUsable, TokenUse

CONSUME, SETTLEMENT = "/api/v1/authorizations/jti_1/consume", "/api/v1/authorizations/jti_1/settlement"
USED = {"jti": "jti_1", "decision_id": "ed_1", "at": "2026-05-01T14:00:00Z", "audit": {"ledger_id": "lr_1"}}
CONSUMED = {"error": "conflict", "message": "This token was used.", "state": "consumed"}


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(axiru: Any, pauses: list[float]) -> SettlementClient:
    return SettlementClient(axiru.url, "ak_test_1", timeout_seconds=0.5, sleep=pauses.append)


def test_consumed_token_says_where_it_is_sealed(axiru: Any, scripted: Any, client: SettlementClient) -> None:
    axiru.says(CONSUME, scripted(200, USED))
    assert client.consume("jti_1") == TokenUse(
        jti="jti_1", decision_id="ed_1", at="2026-05-01T14:00:00Z", ledger_id="lr_1"
    )
    assert axiru.headers[0]["authorization"] == "Bearer ak_test_1"


@pytest.mark.parametrize("state", ["consumed", "expired", "withheld", "revoked"])
def test_token_that_may_not_be_used_is_told_with_its_state(
    state: str, axiru: Any, scripted: Any, client: SettlementClient
) -> None:
    axiru.says(CONSUME, scripted(409, CONSUMED | {"state": state}))
    with pytest.raises(TokenNotUsable) as refused:
        client.consume("jti_1")
    assert (refused.value.status, refused.value.error, refused.value.state) == (409, "conflict", state)
    assert len(axiru.asked) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "invalid_request"), (401, "invalid_api_key"), (403, "insufficient_scope"), (404, "not_found")],
)
def test_refusal_is_not_asked_again(
    status: int, error: str, axiru: Any, scripted: Any, client: SettlementClient
) -> None:
    axiru.says(CONSUME, scripted(status, {"error": error, "message": "No."}))
    with pytest.raises(RequestRefused) as refused:
        client.consume("jti_1")
    assert (type(refused.value), refused.value.error) == (RequestRefused, error)
    assert len(axiru.asked) == 1


LOST = [
    {"status": 500, "body": {"error": "internal_error"}},
    {"status": 503, "body": b"no upstream"},
    {"status": 200, "body": b"<html>sign in to the wireless</html>"},
    {"status": 200, "body": [USED]},
    {"body": USED, "drops": True},
    {"body": USED, "hangs": 0.8},
]


@pytest.mark.parametrize("lost", LOST)
def test_answer_after_a_lost_one_is_as_good(
    lost: dict[str, Any], axiru: Any, scripted: Any, client: SettlementClient
) -> None:
    axiru.says(CONSUME, scripted(**lost), scripted(200, USED))
    assert client.consume("jti_1").decision_id == "ed_1"


@pytest.mark.parametrize("lost", LOST)
def test_consumed_after_a_lost_answer_may_be_another_and_is_no_leave_to_settle(
    lost: dict[str, Any], axiru: Any, scripted: Any, client: SettlementClient
) -> None:
    axiru.says(CONSUME, scripted(**lost), scripted(409, CONSUMED))
    with pytest.raises(AnswerLost):
        client.consume("jti_1")


def test_no_answer_at_all_is_no_leave_to_settle(
    axiru: Any, scripted: Any, client: SettlementClient, pauses: list[float], nowhere: str
) -> None:
    axiru.says(CONSUME, scripted(500, {}))
    with pytest.raises(AnswerLost):
        client.consume("jti_1")
    assert (len(axiru.asked), pauses) == (3, [0.2, 0.4])
    with pytest.raises(AnswerLost), SettlementClient(nowhere, "ak_test_1", sleep=pauses.append) as away:
        away.consume("jti_1")


def test_being_asked_to_wait_loses_no_answer(
    axiru: Any, scripted: Any, client: SettlementClient, pauses: list[float]
) -> None:
    axiru.says(CONSUME, scripted(429, {"error": "rate_limited"}, {"retry-after": "3"}), scripted(409, CONSUMED))
    with pytest.raises(TokenNotUsable):
        client.consume("jti_1")
    assert pauses == [3]


@pytest.mark.parametrize("said", [{}, USED | {"jti": "jti_2"}, USED | {"audit": None}])
def test_answer_that_is_not_about_this_token_is_none(
    said: dict[str, Any], axiru: Any, scripted: Any, client: SettlementClient
) -> None:
    axiru.says(CONSUME, scripted(200, said))
    with pytest.raises(AnswerLost):
        client.consume("jti_1")


def test_settlements_say_what_was_moved(axiru: Any, scripted: Any, client: SettlementClient) -> None:
    axiru.says(SETTLEMENT, scripted(500, {}), scripted(200, USED))
    client.settled("jti_1")
    client.settled("jti_1", amount_units="340282366920938463463374607431768211456")
    client.failed("jti_1")
    assert [body for _, body in axiru.asked] == [
        {"settlement": "settled"},
        {"settlement": "settled"},
        {"settlement": "settled", "amount_units": "340282366920938463463374607431768211456"},
        {"settlement": "failed"},
    ]


def test_jti_cannot_lead_elsewhere(axiru: Any, scripted: Any, client: SettlementClient) -> None:
    axiru.says("/api/v1/authorizations/..%2Fx%3F/consume", scripted(404, {"error": "not_found", "message": "No."}))
    with pytest.raises(RequestRefused):
        client.consume("../x?")
    assert axiru.asked[0][0] == "/api/v1/authorizations/..%2Fx%3F/consume"
