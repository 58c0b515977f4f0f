"""What `/schema` says of refusals: one body for all of them, and by status the codes that are in it."""

from typing import Any, Final

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from api.errors import STATUS, FieldError

_BODY: Final = {
    "title": "Refusal",
    "description": "Facts that a code has stand beside these, such as `state` with `conflict`.",
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "A stable code"},
        "message": {"type": "string"},
        "request_id": {"type": "string"},
        "field_errors": {"type": "array", "items": msgspec.json.schema(FieldError)["$defs"]["FieldError"]},
    },
    "required": ["error", "message", "request_id"],
}
_TEXT: Final = {"schema": {"type": "string"}}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": _TEXT},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
}
_NOT_PAGES: Final = ("/api/", "/webhooks/")


class SchemaWithRefusals(JsonRenderPlugin):
    """The framework would describe an error of its own, which nobody is ever answered."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, with_refusals(openapi_schema))


def with_refusals(schema: dict[str, Any]) -> dict[str, Any]:
    """The same description, with the refusals that each operation can answer."""
    paths = {
        path: {
            word: _described(path, word, part) if isinstance(part, dict) and "responses" in part else part
            for word, part in item.items()
        }
        for path, item in schema["paths"].items()
    }
    responses = {_name(status): _response(status) for status in sorted(set(STATUS.values()))}
    components = schema["components"]
    schemas = components["schemas"] | {"Refusal": _BODY}
    return schema | {"paths": paths, "components": components | {"schemas": schemas, "responses": responses}}


def _described(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    answers = {status: told for status, told in operation["responses"].items() if status < "400"}
    refusals = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in _statuses(path, method)}
    return operation | {"responses": answers | (refusals if path.startswith(_NOT_PAGES) else {})}


def _statuses(path: str, method: str) -> list[int]:
    """The method and the path decide: whatever writes takes a body, names things, and meets what stands in its way."""
    found = {400, 401, 403, 429, 500}
    if "{" in path or method != "get":
        found.add(404)
    if method != "get":
        found |= {409, 413, 415}
    return sorted(found)


def _response(status: int) -> dict[str, Any]:
    codes = ", ".join(f"`{code}`" for code, its in STATUS.items() if its == status)
    told = {
        "description": codes,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }
    return told | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _name(status: int) -> str:
    return f"Refused{status}"
