"""What the border answers to requests that are no requests: sizes, types, methods, paths. Never a 500."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from api.json_body import MAX_BODY_BYTES

Refund = Callable[..., dict[str, Any]]
JSON = {"Content-Type": "application/json"}


def assert_envelope(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.json()["message"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        rb'{"intent": {"\u0000": 1}}',
        b'{"intent": {"amount_cents": 1, "amount_cents": 2}}',
        b'{"intent": {"amount_cents": 9007199254740993}}',
        b'{"intent": {"amount_cents": NaN}}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
async def test_hostile_bodies_are_invalid_json(caller: httpx.AsyncClient, http: httpx.AsyncClient, raw: bytes) -> None:
    assert_envelope(await caller.post("/api/v1/decisions", content=raw, headers=JSON), 400, "invalid_json")
    assert_envelope(await http.post("/api/decision", content=raw, headers=JSON), 400, "invalid_json")
    assert_envelope(await http.post("/api/v1/sessions", content=raw, headers=JSON), 400, "invalid_json")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"true"])
async def test_json_that_is_no_object_is_an_invalid_request(caller: httpx.AsyncClient, raw: bytes) -> None:
    answer = await caller.post("/api/v1/decisions", content=raw, headers=JSON)
    assert_envelope(answer, 400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == ["body"]


async def test_a_body_over_the_limit_is_refused_announced_or_not(caller: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (MAX_BODY_BYTES // 4)

    announced = await caller.post("/api/v1/decisions", content=b" " * (MAX_BODY_BYTES + 1), headers=JSON)
    assert_envelope(announced, 413, "payload_too_large")
    assert_envelope(await caller.post("/api/v1/decisions", content=chunks(), headers=JSON), 413, "payload_too_large")


async def test_a_body_just_within_the_limit_is_read(caller: httpx.AsyncClient) -> None:
    answer = await caller.post("/api/v1/decisions", content=b"{" + b" " * (MAX_BODY_BYTES - 2) + b"}", headers=JSON)
    assert_envelope(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_what_is_not_declared_as_json_is_refused(caller: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await caller.post("/api/v1/decisions", content=b"{}", headers=headers)
    assert_envelope(answer, 415, "unsupported_media_type")


async def test_json_may_name_its_charset(caller: httpx.AsyncClient, refund: Refund) -> None:
    request = caller.build_request("POST", "/api/v1/decisions", json=refund())
    request.headers["content-type"] = 'Application/JSON; charset="UTF-8"'
    assert (await caller.send(request)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/api/v1", "/api/v1/decisions/", "/api/v1/decisions/ed_x/y", "/api/v1/decisions/%00", "/%ff"]
)
async def test_unknown_paths_are_not_found(caller: httpx.AsyncClient, path: str) -> None:
    answer = await caller.get(path)
    if path != "/api/v1/decisions/":
        assert_envelope(answer, 404, "not_found")
    assert answer.status_code in {200, 404}


async def test_wrong_methods_are_told_which_are_right(caller: httpx.AsyncClient) -> None:
    answer = await caller.put("/api/v1/decisions", json={})
    assert_envelope(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["allow"].split(",")}
    assert_envelope(await caller.get("/api/decision"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "mode=both",
        "state=done",
        "outcome=maybe",
        "cursor=x",
        "cursor=MjAyNg",
        "surface_mode=off",
        "q=%00",
        "charge=%00",
    ],
)
async def test_wrong_query_parameters_are_named(caller: httpx.AsyncClient, query: str) -> None:
    answer = await caller.get(f"/api/v1/decisions?{query}")
    assert_envelope(answer, 400, "invalid_request")
    assert answer.json()["field_errors"][0]["field"] in {query.partition("=")[0], "query"}


@pytest.mark.parametrize("wait", ["-1", "61", "x", "1.5"])
async def test_waiting_has_limits(caller: httpx.AsyncClient, refund: Refund, wait: str) -> None:
    answer = await caller.post(f"/api/v1/decisions?wait={wait}", json=refund())
    assert_envelope(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "event_id", ["x", "test:1", "live:1:1", "test:-1:0", "test:99999999999999999999:0", "test:1:²"]
)
async def test_an_event_id_of_no_event_is_refused(caller: httpx.AsyncClient, event_id: str) -> None:
    answer = await caller.get("/api/v1/events", headers={"Last-Event-ID": event_id.encode()})
    assert_envelope(answer, 400, "invalid_request")


async def test_an_unknown_outcome_style_is_refused(caller: httpx.AsyncClient, refund: Refund) -> None:
    answer = await caller.post("/api/v1/decisions", json=refund(), headers={"Axiru-Outcome-Style": "shouting"})
    assert_envelope(answer, 400, "invalid_request")
