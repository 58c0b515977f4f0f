"""What whoever runs Axiru asks it."""

from collections.abc import Callable
from typing import Any

import httpx
import jsonschema

_JSON = {"Content-Type": "application/json"}


async def test_alive_and_ready_by_part(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    ready = await http.get("/readyz")
    assert ready.status_code == 200
    assert {name: part["status"] for name, part in ready.json()["parts"].items()} == dict.fromkeys(
        ("postgres", "valkey", "temporal", "worker"), "up"
    )


async def test_metrics_count_answers_by_route(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    await http.get("/healthz")
    (await caller.post("/api/v1/decisions", json=refund())).raise_for_status()
    text = (await http.get("/metrics")).text
    assert 'axiru_http_requests_total{method="GET",route="/healthz",status="200"}' in text
    assert "axiru_decide_seconds_bucket" in text


async def test_unknown_paths_do_not_become_metrics(http: httpx.AsyncClient) -> None:
    await http.get("/some/scanner/path.php")
    assert "scanner" not in (await http.get("/metrics")).text


async def test_the_schema_describes_bodies_and_answers(http: httpx.AsyncClient) -> None:
    schema = (await http.get("/schema")).json()
    operation = schema["paths"]["/api/v1/decisions"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {"intent", "idempotency_key"}
    assert "$ref" not in str(body)
    assert "200" in operation["responses"]
    wallet = schema["paths"]["/webhooks/wallet-policy/{policy_id}"]["post"]["requestBody"]
    properties = wallet["content"]["application/json"]["schema"]["properties"]
    assert {"payment_requirements", "typed_data", "request_id"} <= set(properties)


async def test_the_schema_describes_refusals_as_they_are_answered(
    http: httpx.AsyncClient, caller: httpx.AsyncClient
) -> None:
    schema = (await http.get("/schema")).json()
    components = schema["components"]
    body = components["schemas"]["Refusal"] | {"additionalProperties": True}

    def told(path: str, method: str, answer: httpx.Response) -> str:
        reference = schema["paths"][path][method]["responses"][str(answer.status_code)]["$ref"]
        response = components["responses"][reference.rpartition("/")[2]]
        assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Refusal"}
        jsonschema.validate(answer.json(), body)
        assert answer.json()["error"] in response["description"]
        return str(answer.json()["error"])

    path, other = "/api/v1/decisions", "/api/v1/authorizations"
    assert told(path, "post", await http.post(path, json={})) == "missing_authorization"
    assert told(path, "post", await caller.post(path, json={})) == "invalid_request"
    assert told(path, "post", await caller.post(path, content="{", headers=_JSON)) == "invalid_json"
    assert told(path, "post", await caller.post(path, content="{}")) == "unsupported_media_type"
    assert told(path, "get", await caller.get(path, params={"limit": 0})) == "invalid_request"
    assert told(f"{path}/{{decision_id}}", "get", await caller.get(f"{path}/ed_1")) == "not_found"
    assert told(other, "post", await caller.post(other, json={})) == "insufficient_scope"
    assert "Retry-After" in components["responses"]["Refused429"]["headers"]


async def test_the_schema_describes_the_published_keys(http: httpx.AsyncClient) -> None:
    told = (await http.get("/schema")).json()
    answer = await http.get("/axiru-jwks.json")
    content = told["paths"]["/axiru-jwks.json"]["get"]["responses"]["200"]["content"]
    reference = content[answer.headers["content-type"]]["schema"]["$ref"].rpartition("/")[2]
    jsonschema.validate(answer.json(), told["components"]["schemas"][reference])


async def test_no_answer_is_kept_by_a_cache(http: httpx.AsyncClient, caller: httpx.AsyncClient) -> None:
    for answer in (await caller.get("/api/v1/decisions"), await http.get("/api/v1/decisions")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
