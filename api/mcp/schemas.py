"""Schemas of tools, from the same structs that the HTTP API reads and answers with."""

from collections.abc import Sequence
from typing import Any

import msgspec

from api.openapi import inlined


def schema_of(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """JSON Schema (2020-12) of one struct, an object without references, as tools need it."""
    return inlined(msgspec.json.schema(shape))


def merged_schema(shapes: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    """One object that takes what any of the shapes takes.

    Models are shown no alternatives at the top of a schema, which some of their makers refuse; the body itself is held
    to the one shape that it is of.
    """
    schemas = [schema_of(shape) for shape in shapes]
    properties: dict[str, list[Any]] = {}
    for schema in schemas:
        for name, part in schema["properties"].items():
            known = properties.setdefault(name, [])
            if part not in known:
                known.append(part)
    required = set(schemas[0]["required"]).intersection(*(schema["required"] for schema in schemas))
    return {
        "type": "object",
        "properties": {name: parts[0] if len(parts) == 1 else {"anyOf": parts} for name, parts in properties.items()},
        "required": [name for name in properties if name in required],
        "additionalProperties": False,
    }
