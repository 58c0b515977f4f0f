"""From draft to retirement over HTTP, by real people: nobody puts in force what they wrote."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from axiru.dev.dev_json import DevJson
from policies import parse

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
AUTHOR, SECOND_PERSON = "finance_manager", "controller"


def text(slug: str, amount_cents: int = 15_000, *, role: str = "controller") -> str:
    """A policy of transfers that no other test makes, for a customer nobody has."""
    return f"""
policy: {slug}
schema: 2
description: Large transfers wait
applies_to: {{rail: stripe, rail_action: transfer}}
rules:
  - id: large
    when:
      all:
        - amount: {{currency: usd, gt: {amount_cents}}}
        - context: {{customer_id: cus_nobody}}
    effect: review
    message: Large transfers wait
    approvers: {{role: {role}}}
    when_missing: skip
"""


@pytest.fixture
def slug() -> str:
    return f"transfers-{uuid.uuid4().hex[:12]}"


async def drafted(client: httpx.AsyncClient, source: str, note: str = "") -> dict[str, Any]:
    body = {"text": source, "format": "yaml", "note": note}
    answer = await client.post("/api/v1/policies/drafts", json=body)
    assert answer.status_code == 201, answer.text
    draft: dict[str, Any] = answer.json()
    return draft


async def published(client: httpx.AsyncClient, source: str) -> dict[str, Any]:
    draft = await drafted(client, source)
    answer = await client.post(f"/api/v1/policies/drafts/{draft['id']}/publish")
    assert answer.status_code == 201, answer.text
    version: dict[str, Any] = answer.json()
    return version


def path(version: dict[str, Any], act: str = "") -> str:
    return f"/api/v1/policies/{version['slug']}/versions/{version['version']}{act and f'/{act}'}"


async def done(client: httpx.AsyncClient, version: dict[str, Any], act: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path(version, act), json=body)
    assert answer.status_code == 200, answer.text
    after: dict[str, Any] = answer.json()
    return after


async def test_a_policy_from_draft_to_roll_back(log_in: LogIn, slug: str) -> None:
    author, second = await log_in(AUTHOR), await log_in(SECOND_PERSON)
    first = await published(author, text(slug))
    assert (first["name"], first["status"], first["shadow"], first["activated_at"]) == ("v1", "shadow", True, None)
    assert [author["name"] for author in first["authors"]] == ["Demo finance"]

    active = await done(second, first, "activate")
    assert (active["status"], active["activated_by"]["name"]) == ("active", "Demo controller")

    newer = await published(author, text(slug, 20_000))
    assert (await done(second, newer, "activate", percent=20))["canary_percent"] == 20
    overview = (await author.get(f"/api/v1/policies/{slug}")).json()
    assert (overview["live"]["version"], overview["canary"]["version"]) == (1, 2)
    assert [version["version"] for version in overview["versions"]] == [2, 1]

    assert (await done(second, newer, "activate"))["status"] == "active"
    replaced = (await author.get(path(first))).json()
    assert (replaced["status"], replaced["shadow"]) == ("retired", False)
    assert replaced["activated_by"]["name"] == "Demo controller"

    assert (await done(second, first, "activate"))["status"] == "active"
    assert (await done(author, newer, "shadow"))["status"] == "shadow"
    assert (await done(author, newer, "retire"))["status"] == "retired"
    assert (await done(second, first, "retire"))["status"] == "retired"


async def test_a_version_shows_both_views_and_whether_it_looks_on(log_in: LogIn, slug: str) -> None:
    author, second = await log_in(AUTHOR), await log_in(SECOND_PERSON)
    version = await published(author, text(slug))
    assert (version["format"], version["source"]) == ("yaml", text(slug))
    assert version["description"] == "Large transfers wait"
    assert [(rule["id"], rule["kind"], rule["effect"]) for rule in version["rules"]] == [("large", "amount", "review")]
    assert "\nshadow: true\n" in version["yaml"]
    await done(second, version, "activate")
    shown = (await author.get(path(version))).json()
    assert "\nshadow: false\n" in shown["yaml"]
    assert parse(shown["yaml"]) == parse(text(slug))
    await done(second, version, "retire")


async def test_an_author_neither_activates_nor_retires_what_decides(log_in: LogIn, slug: str) -> None:
    author, second = await log_in(AUTHOR), await log_in(SECOND_PERSON)
    version = await published(author, text(slug))
    for body in ({}, {"percent": 5}):
        refused = await author.post(path(version, "activate"), json=body)
        assert (refused.status_code, refused.json()["error"]) == (403, "not_eligible")
    await done(second, version, "activate")
    refused = await author.post(path(version, "retire"))
    assert (refused.status_code, refused.json()["error"]) == (403, "not_eligible")
    assert (await author.get(path(version))).json()["status"] == "active"
    await done(second, version, "retire")


async def test_everybody_who_saved_a_draft_is_an_author(log_in: LogIn, slug: str) -> None:
    author, second = await log_in(AUTHOR), await log_in(SECOND_PERSON)
    draft = await drafted(author, text(slug), "the first try")
    change = {"text": text(slug, 1_000), "format": "yaml", "note": "lower", "revision": draft["revision"]}
    changed = (await second.put(f"/api/v1/policies/drafts/{draft['id']}", json=change)).json()
    assert (changed["revision"], changed["note"]) == (2, "lower")
    assert len(changed["authors"]) == 2
    version = (await author.post(f"/api/v1/policies/drafts/{draft['id']}/publish")).json()
    for person in (author, second):
        assert (await person.post(path(version, "activate"))).status_code == 403
    await done(author, version, "retire")


async def test_nobodys_change_to_a_draft_is_overwritten_unseen(log_in: LogIn, slug: str) -> None:
    author = await log_in(AUTHOR)
    draft = await drafted(author, text(slug))
    change = {"text": text(slug, 1), "format": "yaml", "revision": 1}
    assert (await author.put(f"/api/v1/policies/drafts/{draft['id']}", json=change)).status_code == 200
    again = await author.put(f"/api/v1/policies/drafts/{draft['id']}", json=change)
    assert (again.status_code, again.json()["error"], again.json()["revision"]) == (409, "conflict", 2)


async def test_a_draft_that_ended_is_neither_changed_nor_published(log_in: LogIn, slug: str) -> None:
    author = await log_in(AUTHOR)
    discarded, finished = await drafted(author, text(slug)), await drafted(author, text(slug, 7))
    for _ in range(2):
        assert (await author.delete(f"/api/v1/policies/drafts/{discarded['id']}")).status_code == 204
    version = (await author.post(f"/api/v1/policies/drafts/{finished['id']}/publish")).json()
    for draft, state in ((discarded, "discarded"), (finished, "published")):
        change = {"text": text(slug), "format": "yaml", "revision": draft["revision"]}
        refused = await author.put(f"/api/v1/policies/drafts/{draft['id']}", json=change)
        assert (refused.status_code, refused.json()["error"], refused.json()["state"]) == (409, "conflict", state)
        refused = await author.post(f"/api/v1/policies/drafts/{draft['id']}/publish")
        assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
    assert (await author.delete(f"/api/v1/policies/drafts/{finished['id']}")).status_code == 409
    assert (await author.get(f"/api/v1/policies/drafts/{finished['id']}")).json()["published_version"] == 1
    open_now = {draft["id"] for draft in (await author.get("/api/v1/policies/drafts")).json()["items"]}
    assert not open_now & {discarded["id"], finished["id"]}
    await done(author, version, "retire")


async def test_a_text_that_does_not_load_is_no_draft(log_in: LogIn, slug: str) -> None:
    author = await log_in(AUTHOR)
    broken = text(slug).replace("effect: review", "effect: ask")
    answer = await author.post("/api/v1/policies/drafts", json={"text": broken, "format": "yaml"})
    told = answer.json()
    assert (answer.status_code, told["error"]) == (400, "invalid_request")
    assert told["errors"][0]["line"] == 12
    assert {error["field"] for error in told["field_errors"]} == {"text"}


async def test_an_unsound_draft_is_kept_and_not_published(log_in: LogIn, slug: str) -> None:
    author = await log_in(AUTHOR)
    draft = await drafted(author, text(slug, role="astronaut"))
    assert [finding["code"] for finding in draft["findings"]] == ["unknown_role"]
    answer = await author.post(f"/api/v1/policies/drafts/{draft['id']}/publish")
    told = answer.json()
    assert (answer.status_code, told["error"]) == (400, "invalid_request")
    assert [(each["field"], each["code"]) for each in told["field_errors"]] == [("rules.large", "unknown_role")]
    assert told["findings"] == draft["findings"]
    assert (await author.get(f"/api/v1/policies/{slug}")).json()["versions"] == []


async def test_drafts_and_versions_are_found_in_the_list(log_in: LogIn, slug: str) -> None:
    author, viewer = await log_in(AUTHOR), await log_in("viewer")
    version = await published(author, text(slug))
    draft = await drafted(author, text(slug, 3))
    items = {policy["slug"]: policy for policy in (await viewer.get("/api/v1/policies")).json()["items"]}
    mine = items[slug]
    assert (mine["live"], [shadow["name"] for shadow in mine["shadows"]]) == (None, ["v1"])
    assert ([each["id"] for each in mine["drafts"]], mine["latest_version"]) == ([draft["id"]], 1)
    assert items["refunds-starter"]["live"]["status"] == "active"
    await done(author, version, "retire")


async def test_a_conflict_names_the_state(log_in: LogIn, slug: str) -> None:
    author, second = await log_in(AUTHOR), await log_in(SECOND_PERSON)
    version = await published(author, text(slug))
    await done(second, version, "activate")
    for act, body in (("activate", {"percent": 50}), ("shadow", {})):
        refused = await second.post(path(version, act), json=body)
        assert (refused.status_code, refused.json()["error"], refused.json()["state"]) == (409, "conflict", "active")
    await done(second, version, "retire")


async def test_a_key_needs_the_scope_that_the_answer_names(
    stack: DevJson, caller: httpx.AsyncClient, admin_key: httpx.AsyncClient, log_in: LogIn, slug: str
) -> None:
    body = {"text": text(slug), "format": "yaml"}
    refused = await caller.post("/api/v1/policies/drafts", json=body)
    assert (refused.status_code, refused.json()["required_scope"]) == (403, "policies:write")
    made = await admin_key.post("/api/v1/keys", json={"name": "ci", "scopes": ["policies:write"], "mode": "test"})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30) as key:
        version = await published(key, text(slug))
        assert [author["name"] for author in version["authors"]] == ["Demo admin"]
        assert (await key.post(path(version, "activate"))).status_code == 403
        await done(key, version, "retire")


@pytest.mark.parametrize("role", ["viewer", "support", "agent_owner"])
async def test_people_without_the_permission_only_read(log_in: LogIn, role: str, slug: str) -> None:
    person = await log_in(role)
    for method, where in (
        ("POST", "/api/v1/policies/drafts"),
        ("PUT", "/api/v1/policies/drafts/pd_1"),
        ("DELETE", "/api/v1/policies/drafts/pd_1"),
        ("POST", "/api/v1/policies/drafts/pd_1/publish"),
        ("POST", "/api/v1/policies/refunds-starter/versions/1/activate"),
        ("POST", "/api/v1/policies/refunds-starter/versions/1/retire"),
        ("POST", "/api/v1/policies/refunds-starter/versions/1/shadow"),
    ):
        refused = await person.request(method, where, json={"text": text(slug), "format": "yaml"})
        assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope"), where
    assert (await person.get("/api/v1/policies/refunds-starter/versions/1")).status_code == 200


async def test_what_becomes_of_a_version_is_told_in_the_event_stream(log_in: LogIn, slug: str) -> None:
    author, second = await log_in(AUTHOR), await log_in(SECOND_PERSON)
    told: list[str] = []
    async with second.stream("GET", "/api/v1/events") as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(":")
        version = await published(author, text(slug))
        await done(second, version, "activate")
        name = ""
        async with asyncio.timeout(15):
            async for line in lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and json.loads(line.removeprefix("data: ")).get("slug") == slug:
                    told.append(f"{name} {json.loads(line.removeprefix('data: '))['status']}")
                if len(told) == 2:
                    break
    assert told == ["policy shadow", "policy active"]
    await done(second, version, "retire")
