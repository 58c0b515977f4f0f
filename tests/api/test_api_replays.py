"""Replays over HTTP, with a real worker: files, stored decisions, their rows, who may see them, and their end."""

import asyncio
import csv
import io
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from temporalio.client import Client

from axiru.dev.dev_json import DevJson
from axiru.temporal import data_converter
from workflows.schedules import replay_expiry_id

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]

HEADER = "id,Created (UTC),Amount,Amount Refunded,Currency,Refunded date (UTC),Customer ID,Reason\n"
EXPORT = HEADER + (
    "ch_1,2024-01-01 10:00,200.00,200.00,usd,2024-02-01 10:00,cus_1,duplicate\n"
    "ch_2,2024-01-02 10:00,200.00,0.00,usd,,cus_2,\n"
    "ch_3,2024-01-03 10:00,140.00,140.00,usd,2024-02-01 10:00,cus_3,duplicate\n"
    "ch_4,2024-01-04 10:00,20.00,20.00,usd,2024-02-01 10:00,cus_4,duplicate\n"
    "=ch_5,2024-01-05 10:00,120.00,120.00,usd,2024-01-06 10:00,cus_5,<script>\n"
)
DENY_ALL = """policy: deny-all
applies_to: {rail: stripe}
rules:
  - id: second_in_a_day
    when: {rolling_window: {measure: count, per: customer, within: 1d, rail_action: refund, gte: 2}}
    effect: deny
    when_missing: skip
"""


async def upload(
    client: httpx.AsyncClient, content: str | bytes = EXPORT, *, media_type: str = "text/csv", **query: Any
) -> httpx.Response:
    body = content.encode() if isinstance(content, str) else content
    return await client.post("/api/v1/replays", content=body, headers={"Content-Type": media_type}, params=query)


async def finished(client: httpx.AsyncClient, started: httpx.Response) -> dict[str, Any]:
    """The replay once it is done or has failed."""
    assert started.status_code == 202, started.text
    assert started.json()["state"] == "waiting"
    async with asyncio.timeout(60):
        while True:
            answer = await client.get(f"/api/v1/replays/{started.json()['id']}")
            shown: dict[str, Any] = answer.raise_for_status().json()
            if shown["state"] in {"done", "failed"}:
                return shown
            await asyncio.sleep(0.1)


async def test_a_file_is_replayed_and_its_rows_are_told(admin_key: httpx.AsyncClient) -> None:
    shown = await finished(admin_key, await upload(admin_key, title="Last quarter.csv"))
    result = shown["result"]
    assert (shown["state"], shown["title"], shown["source"], shown["mode"]) == (
        "done",
        "Last quarter.csv",
        "csv",
        "test",
    )
    assert (shown["policy"], shown["rows_done"], shown["rows_total"], shown["error"]) == ("refunds-starter", 5, 5, None)
    assert {name: result[name] for name in ("rows", "refunds", "blocked", "paused", "allowed", "drift")} == {
        "rows": 5,
        "refunds": 4,
        "blocked": {"count": 1, "amount": {"usd": 12000}},
        "paused": {"count": 1, "amount": {"usd": 20000}},
        "allowed": {"count": 2, "amount": {"usd": 16000}},
        "drift": {"count": 1, "amount": {"usd": 14000}},
    }
    lasts = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["created_at"])
    assert lasts == timedelta(days=30)
    first = (await admin_key.get(f"/api/v1/replays/{shown['id']}/findings", params={"limit": 2})).json()
    assert [(row["line"], row["id"], row["outcome"], row["rule"], row["was"]) for row in first["items"]] == [
        (2, "ch_1", "paused", "high_value_refund_review", None),
        (4, "ch_3", "drift", "just_under_approval_threshold", None),
    ]
    query = {"limit": 2, "cursor": first["next_cursor"]}
    rest = (await admin_key.get(f"/api/v1/replays/{shown['id']}/findings", params=query)).json()
    assert [row["id"] for row in rest["items"]] == ["=ch_5"]
    assert rest["next_cursor"] is None


async def test_findings_are_had_as_csv_and_as_a_page_that_do_no_harm(admin_key: httpx.AsyncClient) -> None:
    shown = await finished(admin_key, await upload(admin_key, title="<script>alert(1)</script>"))
    path = f"/api/v1/replays/{shown['id']}"
    told = await admin_key.get(f"{path}/findings", headers={"Accept": "text/csv"})
    assert told.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(told.text)))
    assert [(row["line"], row["id"], row["amount"]) for row in rows] == [
        ("2", "ch_1", "200.00"),
        ("4", "ch_3", "140.00"),
        ("6", "'=ch_5", "120.00"),
    ]
    page = await admin_key.get(f"{path}/report.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


@pytest.mark.parametrize(
    ("content", "query", "code", "place"),
    [
        (HEADER + "ch_1,2024-01-01,5,five,usd,,,\n", {}, "invalid_amount", (2, 4)),
        (b"", {}, "empty_file", (1, 1)),
        (EXPORT, {"pack": "daa-starter"}, "nothing_about_refunds", (None, None)),
    ],
)
async def test_a_bad_file_fails_with_its_place_and_is_not_tried_again(
    admin_key: httpx.AsyncClient, content: str | bytes, query: dict[str, str], code: str, place: tuple[int, int]
) -> None:
    shown = await finished(admin_key, await upload(admin_key, content, **query))
    assert (shown["state"], shown["result"], shown["error"]["code"]) == ("failed", None, code)
    assert (shown["error"]["line"], shown["error"]["column"]) == place
    assert (await admin_key.get(f"/api/v1/replays/{shown['id']}/report.html")).status_code == 409


async def test_the_file_is_kept_no_longer_than_it_is_needed(admin_key: httpx.AsyncClient, stack: DevJson) -> None:
    shown = await finished(admin_key, await upload(admin_key))
    database = await asyncpg.connect(stack.database_admin_url)
    try:
        assert await database.fetchval("SELECT count(*) FROM replay_uploads WHERE replay_id = $1", shown["id"]) == 0
    finally:
        await database.close()


async def test_what_cannot_be_replayed_is_refused_at_once(admin_key: httpx.AsyncClient) -> None:
    refused = {
        (await upload(admin_key, media_type="text/plain")).status_code,
        (await upload(admin_key, b"x" * (64 * 1024 * 1024 + 1))).status_code,
        (await upload(admin_key, pack="nobody")).status_code,
        (await upload(admin_key, policy="refunds-starter")).status_code,
        (await upload(admin_key, policy="refunds-starter", version=9999)).status_code,
        (await upload(admin_key, mode="live")).status_code,
    }
    assert refused == {400, 404, 413, 415}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"policy": {}}, "policy"),
        ({"policy": {"pack": "refunds-starter", "slug": "refunds-starter", "version": 1}}, "policy"),
        ({"policy": {"pack": "nobody"}}, "policy.pack"),
        ({"policy": {"text": "policy: x\n", "format": "yaml"}}, "text"),
        ({"since": "2024-01-01T00:00:00"}, "since"),
        ({"since": "2024-02-01T00:00:00Z", "until": "2024-01-01T00:00:00Z"}, "since"),
        ({"since": "0001-01-01T00:00:00+23:59"}, "since"),
        ({"until": "0001-01-02T00:00:00Z"}, "period"),
        ({"until": "9999-12-31T23:59:59-23:59"}, "until"),
        ({"source": "csv"}, "source"),
        ({"policies": 1}, "policies"),
    ],
)
async def test_a_wrong_question_names_its_field(
    admin_key: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    body = {"source": "decisions", "policy": {"pack": "refunds-starter"}, **change}
    answer = await admin_key.post("/api/v1/replays", json=body)
    assert answer.status_code == 400, answer.text
    assert {error["field"] for error in answer.json()["field_errors"]} == {field}


async def test_what_if_tells_what_another_policy_would_have_changed(
    admin_key: httpx.AsyncClient, caller: httpx.AsyncClient, refund: Refund
) -> None:
    began = datetime.now(UTC)
    customer = f"cus_{uuid.uuid4().hex}"
    asked = [refund(1_000, context={"customer_id": customer}) for _ in range(3)]
    asked.append(refund(17_500, context={"customer_id": f"cus_{uuid.uuid4().hex}"}))
    decided = [(await caller.post("/api/v1/decisions", json=body)).json() for body in asked]
    assert [each["outcome"] for each in decided] == ["allowed", "allowed", "allowed", "pending_approval"]
    body = {
        "source": "decisions",
        "since": began.isoformat(),
        "until": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
        "policy": {"text": DENY_ALL, "format": "yaml"},
        "title": "what if",
    }
    shown = await finished(admin_key, await admin_key.post("/api/v1/replays", json=body))
    assert shown["state"] == "done", shown["error"]
    page = (await admin_key.get(f"/api/v1/replays/{shown['id']}/findings", params={"limit": 200})).json()
    ours = [row for row in page["items"] if row["id"] in {each["decision_id"] for each in decided}]
    # The second is blocked and so does not count; the third is the second in its place.
    assert [(row["id"], row["was"], row["outcome"], row["rule"]) for row in ours] == [
        (decided[1]["decision_id"], "allowed", "blocked", "second_in_a_day"),
        (decided[2]["decision_id"], "drift", "blocked", "second_in_a_day"),
        (decided[3]["decision_id"], "paused", "allowed", None),
    ]
    changes = {(each["was"], each["becomes"]): each for each in shown["result"]["changes"]}
    assert changes["paused", "allowed"]["count"] >= 1
    assert changes["paused", "allowed"]["amount"]["usd"] >= 17_500
    assert shown["policy"] == "deny-all"


async def test_what_if_from_the_beginning_of_time_begins_with_the_first_decision(admin_key: httpx.AsyncClient) -> None:
    body = {"source": "decisions", "policy": {"pack": "refunds-starter"}, "since": "0001-01-01T00:00:00Z"}
    body["until"] = "2000-01-01T00:00:00Z"
    shown = await finished(admin_key, await admin_key.post("/api/v1/replays", json=body))
    assert (shown["state"], shown["rows_total"]) == ("done", 0), shown["error"]


async def test_what_if_with_the_version_in_force_changes_nothing(
    admin_key: httpx.AsyncClient, caller: httpx.AsyncClient, refund: Refund
) -> None:
    body = refund(14_000, context={"customer_id": f"cus_{uuid.uuid4().hex}"})
    decided = (await caller.post("/api/v1/decisions", json=body)).json()
    question = {"source": "decisions", "policy": {"slug": "refunds-starter", "version": 1}}
    shown = await finished(admin_key, await admin_key.post("/api/v1/replays", json=question))
    assert shown["policy"] == "refunds-starter v1"
    told = await admin_key.get(f"/api/v1/replays/{shown['id']}/findings", params={"format": "csv"})
    [row] = [row for row in csv.DictReader(io.StringIO(told.text)) if row["id"] == decided["decision_id"]]
    assert (row["outcome"], row["was"], row["rule"]) == ("drift", "drift", "just_under_approval_threshold")


async def test_who_may_not_write_policies_starts_no_replay_but_sees_them(
    admin_key: httpx.AsyncClient, log_in: LogIn
) -> None:
    shown = await finished(admin_key, await upload(admin_key))
    viewer = await log_in("viewer")
    assert (await upload(viewer)).status_code == 403
    assert (await viewer.delete(f"/api/v1/replays/{shown['id']}")).status_code == 403
    assert (await viewer.get(f"/api/v1/replays/{shown['id']}")).json() == shown
    listed = (await viewer.get("/api/v1/replays")).json()["items"]
    assert shown["id"] in [each["id"] for each in listed]


async def test_test_and_live_are_kept_apart(admin_key: httpx.AsyncClient, log_in: LogIn) -> None:
    controller = await log_in("controller")
    shown = await finished(controller, await upload(controller, mode="live"))
    assert shown["mode"] == "live"
    path = f"/api/v1/replays/{shown['id']}"
    for unseen in (path, f"{path}/findings", f"{path}/report.html"):
        assert (await admin_key.get(unseen)).status_code == 404
    assert (await admin_key.delete(path)).status_code == 404
    in_test = (await controller.get("/api/v1/replays", params={"mode": "test"})).json()["items"]
    assert shown["id"] not in [each["id"] for each in in_test]


async def test_another_organizations_replay_is_not_there(admin_key: httpx.AsyncClient, stack: DevJson) -> None:
    replay_id = f"rp_{uuid.uuid4().hex}"
    database = await asyncpg.connect(stack.database_admin_url)
    try:
        await _other_organization(database)
        await _replay_row(database, replay_id, "org_other", "mem_other", timedelta(days=1))
    finally:
        await database.close()
    for path in ("", "/findings", "/report.html"):
        assert (await admin_key.get(f"/api/v1/replays/{replay_id}{path}")).status_code == 404
    assert (await admin_key.delete(f"/api/v1/replays/{replay_id}")).status_code == 404


async def test_a_deleted_replay_is_gone_with_its_rows(admin_key: httpx.AsyncClient, stack: DevJson) -> None:
    shown = await finished(admin_key, await upload(admin_key))
    path = f"/api/v1/replays/{shown['id']}"
    assert (await admin_key.delete(path)).status_code == 204
    assert (await admin_key.get(path)).status_code == 404
    database = await asyncpg.connect(stack.database_admin_url)
    try:
        assert await database.fetchval("SELECT count(*) FROM replay_findings WHERE replay_id = $1", shown["id"]) == 0
    finally:
        await database.close()


async def test_beyond_ten_replays_under_way_no_file_is_taken(admin_key: httpx.AsyncClient, stack: DevJson) -> None:
    waiting = [f"rp_{uuid.uuid4().hex}" for _ in range(10)]
    database = await asyncpg.connect(stack.database_admin_url)
    try:
        member = await database.fetchval("SELECT id FROM members WHERE organization_id = $1", stack.organization_id)
        for replay_id in waiting:
            await _replay_row(database, replay_id, stack.organization_id, member, timedelta(days=1))
        await database.execute("UPDATE replays SET state = 'waiting' WHERE id = ANY($1)", waiting)
        question = {"source": "decisions", "policy": {"pack": "refunds-strict"}}
        refused = [await upload(admin_key), await admin_key.post("/api/v1/replays", json=question)]
        await database.execute("DELETE FROM replays WHERE id = ANY($1)", waiting)
    finally:
        await database.close()
    assert [(answer.status_code, answer.json()["error"]) for answer in refused] == [(409, "conflict")] * 2
    assert (await finished(admin_key, await upload(admin_key)))["state"] == "done"


async def test_the_schedule_deletes_what_is_30_days_old_and_nothing_younger(
    admin_key: httpx.AsyncClient, stack: DevJson
) -> None:
    kept = await finished(admin_key, await upload(admin_key))
    expired = f"rp_{uuid.uuid4().hex}"
    database = await asyncpg.connect(stack.database_admin_url)
    try:
        await _other_organization(database)
        await _replay_row(database, expired, "org_other", "mem_other", timedelta(seconds=-1))
        client = await Client.connect(
            stack.temporal_address, namespace=stack.temporal_namespace, data_converter=data_converter
        )
        await client.get_schedule_handle(replay_expiry_id("axiru")).trigger()
        async with asyncio.timeout(30):
            while await database.fetchval("SELECT count(*) FROM replays WHERE id = $1", expired):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert await database.fetchval("SELECT count(*) FROM replay_findings WHERE replay_id = $1", expired) == 0
    finally:
        await database.close()
    assert (await admin_key.get(f"/api/v1/replays/{kept['id']}")).status_code == 200


async def _other_organization(database: asyncpg.Connection) -> None:
    await database.execute("INSERT INTO organizations VALUES ('org_other', 'Other', now()) ON CONFLICT DO NOTHING")
    await database.execute(
        "INSERT INTO members VALUES ('mem_other', 'org_other', 'a@other.example', 'A', 'none', '{admin}', now()) "
        "ON CONFLICT DO NOTHING"
    )


async def _replay_row(
    database: asyncpg.Connection, replay_id: str, organization_id: str, member_id: str, expires_in: timedelta
) -> None:
    await database.execute(
        "INSERT INTO replays VALUES ($1, $2, 'test', 'csv', '', 'done', '', '', NULL, NULL, 1, 1, NULL, NULL, $3, "
        "now() - interval '30 days', now(), now() + $4)",
        replay_id,
        organization_id,
        member_id,
        expires_in,
    )
    await database.execute(
        "INSERT INTO replay_findings VALUES ($1, 0, 2, 'ch_1', 'blocked', 'r', 'r', 'm', 1, 'usd', now(), '{}', NULL)",
        replay_id,
    )
