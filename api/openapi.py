"""The OpenAPI description at `/schema`: bodies are read by hand, so their shapes are added by hand as well."""

from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    Operation,
    RequestBody,
    Schema,
    SecurityRequirement,
    SecurityScheme,
)

from api.refusals_described import SchemaWithRefusals

BEARER: Final[list[SecurityRequirement]] = [{"bearer": []}]

CONFIG: Final = OpenAPIConfig(
    title="Axiru",
    version="1",
    description="Decisions before money moves. Amounts are integers in minor units, times RFC 3339 in UTC.",
    path="/schema",
    render_plugins=[SchemaWithRefusals(path=["/", "/openapi.json"])],
    components=Components(
        security_schemes={
            "bearer": SecurityScheme(
                type="http", scheme="bearer", description="An API key (`ak_…`) or a session token (`st_…`)"
            )
        }
    ),
)


def taking(*shapes: type[msgspec.Struct], required: bool = True) -> type[Operation]:
    """An operation whose JSON body is one of `shapes`."""
    schemas = [inlined(msgspec.json.schema(shape)) for shape in shapes]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    @dataclass
    class TakesBody(Operation):
        def __post_init__(self) -> None:
            media_type = OpenAPIMediaType(schema=cast(Schema, schema))
            self.request_body = RequestBody(content={"application/json": media_type}, required=required)

    return TakesBody


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema without references, which in an OpenAPI document would point elsewhere."""
    definitions = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        match part:
            case {"$ref": str(reference)}:
                return inline(definitions[reference.rpartition("/")[2]])
            case dict():
                return {name: inline(value) for name, value in part.items()}
            case list():
                return [inline(item) for item in part]
            case _:
                return part

    return cast(dict[str, Any], inline(schema))
