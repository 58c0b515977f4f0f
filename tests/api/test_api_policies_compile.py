"""`POST /api/v1/policies/compile`: both views of a text, or every place where it goes wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from api.compiling import PolicyCompiler, Text, TooCostly
from policies import pack, pack_names, parse

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]

LARGE = """
policy: large-refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: large
    when: {amount: {currency: usd, gt: 15000}}
    effect: review
    message: Refunds over $150 require approval
    approvers: {role: controller}
"""


async def compiled(client: httpx.AsyncClient, text: str, format: str = "yaml") -> dict[str, Any]:
    answer = await client.post("/api/v1/policies/compile", json={"text": text, "format": format})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_yaml_is_told_in_canonical_form_with_its_rules(caller: httpx.AsyncClient) -> None:
    told = await compiled(caller, LARGE)
    assert (told["errors"], told["findings"], told["slug"]) == ([], [], "large-refunds")
    assert parse(told["yaml"]) == parse(LARGE)
    (rule,) = told["rules"]
    assert (rule["id"], rule["effect"], rule["kind"], rule["reason"]) == ("large", "review", "amount", "large")


async def test_every_error_has_its_place_and_nothing_else_is_told(caller: httpx.AsyncClient) -> None:
    told = await compiled(caller, LARGE.replace("effect: review", "effect: ask").replace("schema: 2", "schema: 7"))
    assert (told["yaml"], told["plain"], told["rules"]) == (None, None, [])
    assert {"line", "column", "expected", "nearest", "code", "message", "hint"} <= set(told["errors"][0])
    assert {error["line"] for error in told["errors"]} == {3, 8}
    assert all(error["expected"] for error in told["errors"])


async def test_of_a_text_that_is_wrong_everywhere_the_first_thousand_errors_are_told(caller: httpx.AsyncClient) -> None:
    told = await compiled(caller, f"policy: p\napplies_to: {{rail: stripe}}\nrules: [{'x,' * 60_000}]\n")
    assert len(told["errors"]) == 1_000
    assert [error["column"] for error in told["errors"][:2]] == [9, 11]


async def test_sentences_come_back_as_yaml_and_yaml_as_sentences(caller: httpx.AsyncClient) -> None:
    sentence = "Refunds over $150 require approval by finance_manager."
    told = await compiled(caller, sentence, "plain")
    assert (told["errors"], told["plain"].strip(), told["rules"][0]["plain"]) == ([], sentence, sentence)
    back = await compiled(caller, told["yaml"])
    assert (back["yaml"], back["plain"], back["content_hash"]) == (told["yaml"], told["plain"], told["content_hash"])


async def test_a_sentence_that_does_not_parse_is_told_the_nearest_that_does(caller: httpx.AsyncClient) -> None:
    told = await compiled(caller, "Refunds over $150 require aproval by finance_manager.", "plain")
    error = told["errors"][0]
    assert (error["line"], error["column"]) == (1, 27)
    assert error["expected"]
    assert error["nearest"] == "Refunds over $150 require approval by finance_manager."


async def test_findings_are_told_of_a_text_that_loads(caller: httpx.AsyncClient) -> None:
    told = await compiled(caller, LARGE.replace("role: controller", "role: astronaut"))
    assert told["yaml"] is not None
    (finding,) = told["findings"]
    assert (finding["code"], finding["severity"], finding["rules"]) == ("unknown_role", "error", ["large"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "\ufeff",
        "a",
        "- a",
        "[[[[",
        "policy: [",
        "%YAML 9.9\n---\na: b",
        "&a [*a]",
        "\t",
        "policy: x\x07",
        "{}",
    ],
)
@pytest.mark.parametrize("format", ["yaml", "plain"])
async def test_whatever_the_text_it_is_answered(caller: httpx.AsyncClient, text: str, format: str) -> None:
    told = await compiled(caller, text, format)
    assert told["yaml"] is None
    assert told["errors"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": "a"}, "format"),
        ({"text": 7, "format": "yaml"}, "text"),
        ({"text": "a", "format": "json"}, "format"),
        ({"text": "a", "format": "yaml", "save": True}, "save"),
    ],
)
async def test_a_body_that_is_not_a_text_is_refused(caller: httpx.AsyncClient, body: Any, field: str) -> None:
    answer = await caller.post("/api/v1/policies/compile", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert field in {error["field"] for error in answer.json()["field_errors"]}


async def test_more_than_256_kib_are_not_read(caller: httpx.AsyncClient) -> None:
    answer = await caller.post("/api/v1/policies/compile", json={"text": "x" * 262_144, "format": "yaml"})
    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")


async def test_everybody_who_may_read_may_compile_and_nobody_else(http: httpx.AsyncClient, log_in: LogIn) -> None:
    assert (await compiled(await log_in("viewer"), LARGE))["errors"] == []
    answer = await http.post("/api/v1/policies/compile", json={"text": LARGE, "format": "yaml"})
    assert (answer.status_code, answer.json()["error"]) == (401, "missing_authorization")


async def test_a_long_text_keeps_nobody_else_waiting(caller: httpx.AsyncClient) -> None:
    rules = "".join(
        f"  - {{id: r{n}, when: {{amount: {{currency: usd, gt: {n}}}}}, effect: deny}}\n" for n in range(2_000)
    )
    asked_at = time.perf_counter()
    long = asyncio.create_task(compiled(caller, f"policy: x\napplies_to: {{rail: stripe}}\nrules:\n{rules}"))
    waits = []
    while not long.done():
        began = time.perf_counter()
        (await caller.get("/api/v1/sessions/current")).json()
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    assert len((await long)["rules"]) == 2_000
    took = time.perf_counter() - asked_at
    assert sorted(waits)[len(waits) // 2] < took / 5


async def test_a_text_that_takes_too_long_is_refused_and_the_next_is_read() -> None:
    rules = "".join(f"  - {{id: r{n}, when: {{rail_action: transfer}}, effect: deny}}\n" for n in range(3_000))
    compiler = PolicyCompiler(cpu_seconds_a_text=1)
    try:
        with pytest.raises(TooCostly):
            await compiler.read(Text(text=f"{LARGE}{rules}", format="yaml", lists={}))
        assert (await compiler.read(Text(text=LARGE, format="yaml", lists={}))).errors == []
    finally:
        await compiler.close()


async def test_who_hangs_up_leaves_no_answer_for_the_next() -> None:
    compiler = PolicyCompiler()
    try:
        for seconds in (0.001, 0.1):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await compiler.read(Text(text=LARGE, format="yaml", lists={}))
        other = Text(text=LARGE.replace("large-refunds", "others"), format="yaml", lists={})
        assert (await compiler.read(other)).slug == "others"
        task = asyncio.create_task(compiler.read(Text(text=LARGE, format="yaml", lists={})))
        await asyncio.sleep(0)
        task.cancel()
        assert (await compiler.read(other)).slug == "others"
    finally:
        await compiler.close()


async def test_the_shipped_packs_have_nothing_wrong_with_them(caller: httpx.AsyncClient) -> None:
    for name in pack_names():
        told = await compiled(caller, pack(name))
        assert (told["errors"], [each for each in told["findings"] if each["severity"] == "error"]) == ([], [])
