"""What nobody should send: it is refused or not found, never a defect, and other organizations' things are neither."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]

ELSEWHERE = """
INSERT INTO organizations (id, name, created_at) VALUES ('org_elsewhere', 'Elsewhere', now()) ON CONFLICT DO NOTHING;
INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at)
    VALUES ('mem_elsewhere', 'org_elsewhere', 'a@elsewhere.example', 'A', '', '{}', now()) ON CONFLICT DO NOTHING;
INSERT INTO policies VALUES ('org_elsewhere/theirs', 'org_elsewhere', 'theirs', now()) ON CONFLICT DO NOTHING;
INSERT INTO policy_versions (id, organization_id, slug, version, status, source, content_hash, author_member_id,
    author_member_ids, note, created_at, published_at)
    VALUES ('pv_elsewhere', 'org_elsewhere', 'theirs', 1, 'shadow', 'policy: theirs', 'h', 'mem_elsewhere',
    '{mem_elsewhere}', '', now(), now()) ON CONFLICT DO NOTHING;
INSERT INTO policy_drafts VALUES ('pd_elsewhere', 'org_elsewhere', 'theirs', 'yaml', 'policy: theirs', '',
    '{mem_elsewhere}', 1, now(), now()) ON CONFLICT DO NOTHING;
INSERT INTO lists VALUES ('li_elsewhere', 'org_elsewhere', 'theirs', 'text', '', now()) ON CONFLICT DO NOTHING;
INSERT INTO list_versions VALUES ('lv_elsewhere', 'org_elsewhere', 'theirs', 1, 'proposed', 'h', 0, '{mem_elsewhere}',
    '', now()) ON CONFLICT DO NOTHING;
"""
TEXT = "policy: p\napplies_to: {rail: stripe}\nrules:\n  - {id: a, when: {rail_action: transfer}, effect: flag}\n"

THINGS = [
    ("GET", "policies/{}"),
    ("GET", "policies/{}/versions/1"),
    ("GET", "policies/{}/versions/1/diff"),
    ("GET", "policies/{}/versions/1/promotion"),
    ("POST", "policies/{}/versions/1/activate"),
    ("POST", "policies/{}/versions/1/retire"),
    ("POST", "policies/{}/versions/1/shadow"),
    ("GET", "policies/drafts/{}"),
    ("PUT", "policies/drafts/{}"),
    ("DELETE", "policies/drafts/{}"),
    ("POST", "policies/drafts/{}/publish"),
    ("GET", "policies/templates/{}"),
    ("POST", "policies/templates/{}"),
    ("GET", "lists/{}"),
    ("POST", "lists/{}/versions"),
    ("GET", "lists/{}/versions/1"),
    ("POST", "lists/{}/versions/1/activate"),
]
BODIES = {
    "policies/drafts/{}": {"text": TEXT, "format": "yaml", "revision": 1},
    "lists/{}/versions": {"values": ["a"]},
}


async def answer_of(client: httpx.AsyncClient, method: str, pattern: str, name: str) -> httpx.Response:
    url = "/api/v1/" + pattern.format(quote(name, safe=""))
    return await client.request(method, url, json=None if method == "GET" else BODIES.get(pattern, {}))


@pytest.mark.parametrize(("method", "pattern"), THINGS)
async def test_what_belongs_to_others_is_not_there(stack: DevJson, log_in: LogIn, method: str, pattern: str) -> None:
    owner = await asyncpg.connect(stack.database_admin_url)
    try:
        await owner.execute(ELSEWHERE)
    finally:
        await owner.close()
    person = await log_in("controller")
    told = []
    for name in ("pd_elsewhere" if "drafts" in pattern else "theirs", "nobodys"):
        answer = await answer_of(person, method, pattern, name)
        assert answer.status_code == 404, answer.text
        told.append({key: value for key, value in answer.json().items() if key != "request_id"})
    assert told[0] == told[1] == {"error": "not_found", "message": "There is no such resource."}


@pytest.mark.parametrize(("method", "pattern"), THINGS)
async def test_no_name_is_too_strange_to_be_not_found(log_in: LogIn, method: str, pattern: str) -> None:
    person = await log_in("controller")
    for name in ("%", "' OR 1=1 --", "{}", "\u202e", "a" * 3_000, "\x00", "\ud7ff", "NULL", "-1"):
        answer = await answer_of(person, method, pattern, name)
        assert answer.status_code in {404, 405}, (name, answer.text)


@pytest.mark.parametrize("version", ["0", "-1", "2147483648", "9" * 400, "1.0", "v1", "٣", "1e3", " ", "null"])
@pytest.mark.parametrize("prefix", ["policies/refunds-starter", "lists/none"])
async def test_no_number_of_a_version_is_too_strange_to_be_not_found(log_in: LogIn, version: str, prefix: str) -> None:
    person = await log_in("controller")
    for method, act in (("GET", ""), ("POST", "/activate"), ("GET", "/diff")):
        answer = await person.request(method, f"/api/v1/{prefix}/versions/{quote(version)}{act}")
        assert answer.status_code in {404, 405}, answer.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": TEXT}, "format"),
        ({"text": TEXT, "format": "yaml", "slug": "other"}, "slug"),
        ({"text": TEXT, "format": "yaml", "note": "x" * 2_001}, "note"),
        ({"text": TEXT, "format": "yaml", "note": None}, "note"),
        ({"text": "", "format": "yaml"}, "text"),
        ({"text": "", "format": "plain"}, "text"),
        ({"text": TEXT.replace("policy: p", "policy: drafts"), "format": "yaml"}, "text"),
        ({"text": TEXT.replace("policy: p", "policy: compile"), "format": "yaml"}, "text"),
        ({"text": "[" * 5_000, "format": "yaml"}, "text"),
        ({"text": "a: &a [*a, *a]", "format": "yaml"}, "text"),
        ({"text": "Refunds " * 5_000, "format": "plain"}, "text"),
    ],
)
async def test_a_draft_that_cannot_be_one_is_refused_by_field(log_in: LogIn, body: Any, field: str) -> None:
    answer = await (await log_in("controller")).post("/api/v1/policies/drafts", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert field in {error["field"] for error in answer.json()["field_errors"]}


@pytest.mark.parametrize("revision", [0, -1, 1.5, "1", None, True, 2**31, 2**53 - 1])
async def test_a_revision_is_a_whole_number(log_in: LogIn, revision: object) -> None:
    body = {"text": TEXT, "format": "yaml", "revision": revision}
    answer = await (await log_in("controller")).put("/api/v1/policies/drafts/pd_1", json=body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["field_errors"]] == ["revision"]


@pytest.mark.parametrize("percent", [0, 101, -5, 1.5, "20", None, True, 2**53 - 1])
async def test_a_share_is_a_whole_number_of_percent(log_in: LogIn, percent: object) -> None:
    where = "/api/v1/policies/refunds-starter/versions/1/activate"
    answer = await (await log_in("controller")).post(where, json={"percent": percent})
    assert (answer.status_code, [error["field"] for error in answer.json()["field_errors"]]) == (400, ["percent"])


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"text"', b"\xff", b'{"text": "\\u0000", "format": "yaml"}'])
@pytest.mark.parametrize("where", ["policies/compile", "policies/drafts", "lists"])
async def test_bodies_that_are_no_object_are_refused(log_in: LogIn, raw: bytes, where: str) -> None:
    person = await log_in("controller")
    answer = await person.post(f"/api/v1/{where}", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_json", "invalid_request"}


async def test_of_many_who_publish_one_draft_at_once_one_does(log_in: LogIn) -> None:
    person = await log_in("controller")
    text = TEXT.replace("policy: p", "policy: published-at-once")
    draft = (await person.post("/api/v1/policies/drafts", json={"text": text, "format": "yaml"})).json()
    answers = await asyncio.gather(*(person.post(f"/api/v1/policies/drafts/{draft['id']}/publish") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    (await person.post("/api/v1/policies/published-at-once/versions/1/retire")).raise_for_status()
