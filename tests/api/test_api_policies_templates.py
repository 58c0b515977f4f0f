"""The template library: what is shipped, with values of one's own, ready to become a draft."""

from typing import Any

import httpx
import pytest

from policies import pack, parse
from policies.templates import template_names

NAMES = template_names()


async def test_every_pack_is_a_template_with_its_parameters(caller: httpx.AsyncClient) -> None:
    items = (await caller.get("/api/v1/policies/templates")).json()["items"]
    assert [item["name"] for item in items] == list(NAMES)
    for item in items:
        assert item["title"]
        assert item["description"]
        assert all({"name", "type", "description", "default"} <= set(parameter) for parameter in item["parameters"])


@pytest.mark.parametrize("name", NAMES)
async def test_a_template_is_shown_as_its_defaults_make_it(caller: httpx.AsyncClient, name: str) -> None:
    shown = (await caller.get(f"/api/v1/policies/templates/{name}")).raise_for_status().json()
    assert parse(shown["yaml"]) == parse(pack(name))
    assert (shown["errors"], [each for each in shown["findings"] if each["severity"] == "error"]) == ([], [])
    plain = {"text": shown["plain"], "format": "plain"}
    read_back = (await caller.post("/api/v1/policies/compile", json=plain)).json()
    assert (read_back["errors"], read_back["yaml"]) == ([], shown["yaml"])


async def test_values_of_ones_own_take_the_place_of_the_defaults(caller: httpx.AsyncClient) -> None:
    body = {"parameters": {"cap": 123_456, "currency": "eur"}, "slug": "of-our-own"}
    where = "/api/v1/policies/templates/daa-agent-payment-cap"
    made = (await caller.post(where, json=body)).raise_for_status().json()
    assert (made["errors"], made["slug"]) == ([], "of-our-own")
    assert "€1,234.56" in made["plain"]
    assert parse(made["yaml"]).slug == "of-our-own"


@pytest.mark.parametrize(
    "parameters", [{"nonsense": 1}, {"": ""}, {"a" * 500: [[["x"]]]}, {"x\ny": {}}, {"$cap": "$cap"}]
)
async def test_a_parameter_that_is_not_there_is_an_error_in_the_answer(
    caller: httpx.AsyncClient, parameters: dict[str, Any]
) -> None:
    answer = await caller.post(f"/api/v1/policies/templates/{NAMES[0]}", json={"parameters": parameters})
    told = answer.raise_for_status().json()
    assert (told["yaml"], told["plain"]) == (None, None)
    assert told["errors"]


@pytest.mark.parametrize(
    "value", [None, True, 1.5, -1, "many", [], {}, 10**15, "$", "\u202e", ["US", 7], [["US"]], ["$countries"]]
)
async def test_a_value_of_the_wrong_kind_is_an_error_in_the_answer(caller: httpx.AsyncClient, value: object) -> None:
    where, body = "/api/v1/policies/templates/daa-country-blocklist", {"parameters": {"countries": value}}
    told = (await caller.post(where, json=body)).raise_for_status().json()
    assert told["yaml"] is None
    assert {"line", "column", "code", "message"} <= set(told["errors"][0])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": "Upper Case"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": 7}, "slug"),
        ({"parameters": []}, "parameters"),
        ({"values": {}}, "values"),
    ],
)
async def test_a_body_that_fills_in_nothing_is_refused(caller: httpx.AsyncClient, body: Any, field: str) -> None:
    answer = await caller.post(f"/api/v1/policies/templates/{NAMES[0]}", json=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["field_errors"]]) == (400, [field])
