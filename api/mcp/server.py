"""The MCP server: lists the tools and calls them for whoever the HTTP request said it was.

It holds no session. Each request stands alone, as the API's others do, so any process answers any of them, a key that
is revoked is refused at the next one, and a process that stops has nothing to end but what it is answering.
"""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from litestar import Request
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

from api.auth import Caller, require
from api.errors import internal_error, refusal
from api.mcp.tools import TOOLS, Call
from api.observation import request_id_of
from api.services import services_of
from axiru.errors import AxiruError

REQUEST: Final = "axiru.request"
"""Where the scope has the HTTP request, whose caller is known and counted."""

_INSTRUCTIONS: Final = (
    "Axiru decides before money moves. Ask with axiru.decisions.create or axiru.authorizations.create, go on only "
    "after `allow`, and never look for a way round a `deny`."
)
_NO_MESSAGE: Final = msgspec.json.encode(
    {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": types.INVALID_REQUEST, "message": "This is no message of JSON-RPC 2.0."},
    }
)
_BY_NAME: Final = {tool.name: tool for tool in TOOLS}
_LISTED: Final = [
    types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.takes,
        output_schema=tool.answers,
        annotations=tool.annotations,
    )
    for tool in TOOLS
]


class McpDoor:
    """The server behind `/mcp` of one API process."""

    def __init__(self) -> None:
        server = Server[Any](
            "axiru",
            title="Axiru",
            version=importlib.metadata.version("axiru"),
            instructions=_INSTRUCTIONS,
            on_list_tools=_list_tools,
            on_call_tool=_call_tool,
        )
        # Hosts and origins are checked by the route, which knows what this API is called.
        self._manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["McpDoor"]:
        """Answers as long as the context lasts; entered and left by the same task."""
        async with self._manager.run():
            yield self

    async def answer(self, request: Request[Caller, Any, Any], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for one message, which was read and is JSON."""
        try:
            types.jsonrpc_message_adapter.validate_json(body, by_name=False)
        except ValueError:
            # The library would blame the parameters, and tell how it reads messages.
            return 400, {"content-type": "application/json"}, _NO_MESSAGE
        answered: dict[str, Any] = {"status": 500, "headers": []}
        content = bytearray()

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            answered.update(message)
            content.extend(message.get("body", b""))

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/mcp",
            "query_string": b"",
            "headers": request.scope["headers"],
            REQUEST: request,
        }
        await self._manager.handle_request(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answered["headers"]}
        headers.pop("content-length", None)
        return answered["status"], headers, bytes(content)


async def _list_tools(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=_LISTED)


async def _call_tool(context: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
    if context.request is None:
        raise RuntimeError("a tool was called without an HTTP request")
    request: Request[Caller, Any, Any] = context.request.scope[REQUEST]
    tool = _BY_NAME.get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name[:100]!a}.")
    try:
        require(tool.permission, request.user)
        call = Call(params.arguments or {}, request.user, services_of(request), request_id_of(request.scope))
        answer = await tool.run(call)
    except AxiruError as error:
        return _refused(refusal(request, error).content)
    except Exception as error:
        return _refused(internal_error(request, error).content)
    told = msgspec.json.encode(answer)
    return types.CallToolResult(
        content=[types.TextContent(text=told.decode())], structured_content=msgspec.json.decode(told)
    )


def _refused(body: bytes) -> types.CallToolResult:
    """The HTTP API's own error as text: what is structured has to be of the answer's schema."""
    return types.CallToolResult(content=[types.TextContent(text=body.decode())], is_error=True)
