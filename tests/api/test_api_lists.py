"""Lists over HTTP: proposed by one person, in force by another, and shown beside what they would replace."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def slug() -> str:
    return f"customers_{uuid.uuid4().hex[:12]}"


async def begun(client: httpx.AsyncClient, slug: str, *values: str) -> dict[str, Any]:
    body = {"slug": slug, "kind": "customer", "description": "Who is known well", "values": values, "note": "the first"}
    answer = await client.post("/api/v1/lists", json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_list_comes_into_force_by_a_second_person(log_in: LogIn, slug: str) -> None:
    author, second = await log_in("finance_manager"), await log_in("controller")
    made = await begun(author, slug, "cus_2", " cus_1 ", "cus_2")
    assert (made["active"], made["latest_version"]["status"], made["latest_version"]["size"]) == (None, "proposed", 2)
    refused = await author.post(f"/api/v1/lists/{slug}/versions/1/activate")
    assert (refused.status_code, refused.json()["error"]) == (403, "not_eligible")
    active = (await second.post(f"/api/v1/lists/{slug}/versions/1/activate")).raise_for_status().json()
    assert (active["status"], active["activated_by"]["name"]) == ("active", "Demo controller")

    next_one = await author.post(f"/api/v1/lists/{slug}/versions", json={"values": ["cus_3", "cus_2"], "note": "new"})
    assert next_one.status_code == 201
    assert (next_one.json()["version"], next_one.json()["values"]) == (2, ["cus_2", "cus_3"])
    assert (next_one.json()["added"], next_one.json()["removed"]) == (["cus_3"], ["cus_1"])
    (await second.post(f"/api/v1/lists/{slug}/versions/2/activate")).raise_for_status()

    shown = (await author.get(f"/api/v1/lists/{slug}")).json()
    assert (shown["active"]["version"], [version["status"] for version in shown["versions"]]) == (
        2,
        ["active", "retired"],
    )
    assert (shown["kind"], shown["description"]) == ("customer", "Who is known well")
    back = (await second.post(f"/api/v1/lists/{slug}/versions/1/activate")).raise_for_status().json()
    assert back["status"] == "active"
    items = {each["slug"]: each for each in (await author.get("/api/v1/lists")).json()["items"]}
    assert (items[slug]["active"]["version"], items[slug]["latest_version"]["version"]) == (1, 2)


async def test_a_list_may_become_empty(log_in: LogIn, slug: str) -> None:
    author = await log_in("finance_manager")
    await begun(author, slug, "cus_1")
    emptied = (await author.post(f"/api/v1/lists/{slug}/versions", json={"values": []})).raise_for_status().json()
    assert (emptied["size"], emptied["values"]) == (0, [])


async def test_the_same_values_and_the_same_name_again_are_conflicts(log_in: LogIn, slug: str) -> None:
    author = await log_in("finance_manager")
    await begun(author, slug, "cus_1")
    same = await author.post(f"/api/v1/lists/{slug}/versions", json={"values": ["cus_1"]})
    assert (same.status_code, same.json()["error"], same.json()["version"]) == (409, "conflict", 1)
    again = await author.post("/api/v1/lists", json={"slug": slug, "kind": "text", "values": ["x"]})
    assert (again.status_code, again.json()["error"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": None}, "slug"),
        ({"slug": "UPPER"}, "slug"),
        ({"slug": "with-dash"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a" * 65}, "slug"),
        ({"kind": "person"}, "kind"),
        ({"values": "cus_1"}, "values"),
        ({"values": [1]}, "values[0]"),
        ({"values": [None]}, "values[0]"),
        ({"values": ["with space"]}, "values"),
        ({"values": [""]}, "values"),
        ({"kind": "country", "values": ["XX"]}, "values"),
        ({"kind": "country", "values": ["Germany"]}, "values"),
        ({"kind": "text", "values": ["two\nlines"]}, "values"),
        ({"note": 1}, "note"),
        ({"secret": True}, "secret"),
    ],
)
async def test_a_list_that_cannot_be_one_is_refused_by_field(log_in: LogIn, body: Any, field: str) -> None:
    whole = {"slug": f"l_{uuid.uuid4().hex[:8]}", "kind": "customer", "values": ["cus_1"], **body}
    answer = await (await log_in("finance_manager")).post("/api/v1/lists", json=whole)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert field in {error["field"] for error in answer.json()["field_errors"]}


async def test_people_without_the_permission_read_lists_and_change_none(log_in: LogIn, slug: str) -> None:
    await begun(await log_in("finance_manager"), slug, "cus_1")
    viewer = await log_in("viewer")
    for where, body in (
        ("/api/v1/lists", {"slug": "mine", "kind": "text", "values": ["a"]}),
        (f"/api/v1/lists/{slug}/versions", {"values": ["b"]}),
        (f"/api/v1/lists/{slug}/versions/1/activate", {}),
    ):
        refused = await viewer.post(where, json=body)
        assert (refused.status_code, refused.json()["required_scope"]) == (403, "policies:write")
        assert refused.json()["message"] == "None of your roles may do this."
    assert (await viewer.get(f"/api/v1/lists/{slug}/versions/1")).json()["values"] == ["cus_1"]


async def test_a_policy_that_looks_into_a_list_that_is_not_there_is_told(caller: httpx.AsyncClient, slug: str) -> None:
    text = (
        "policy: p\napplies_to: {rail: stripe}\nrules:\n"
        f"  - {{id: known, when: {{context: {{customer_id: {{in_list: {slug}}}}}}}, effect: allow}}\n"
    )
    told = (await caller.post("/api/v1/policies/compile", json={"text": text, "format": "yaml"})).json()
    assert [(finding["code"], finding["rules"]) for finding in told["findings"]] == [("unknown_list", ["known"])]


async def test_a_key_of_test_mode_puts_nothing_in_force_that_live_money_follows(
    log_in: LogIn, admin_key: httpx.AsyncClient, slug: str
) -> None:
    author, admin = await log_in("finance_manager"), await log_in("admin")
    await begun(author, slug, "cus_1")
    body = {"name": "live", "scopes": ["decisions:write"], "mode": "live"}
    live = (await admin.post("/api/v1/keys", json=body)).raise_for_status().json()
    refused = await admin_key.post(f"/api/v1/lists/{slug}/versions/1/activate")
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    (await admin.delete(f"/api/v1/keys/{live['id']}")).raise_for_status()
    assert (await admin_key.post(f"/api/v1/lists/{slug}/versions/1/activate")).json()["status"] == "active"
