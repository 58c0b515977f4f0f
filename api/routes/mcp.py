"""`/mcp`: one message of MCP a request. Who asks is known, and counted, before any of it is read."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, post

from api.auth import Caller, requires
from api.json_body import read_object
from api.permissions import Permission
from api.services import services_of
from axiru.errors import AxiruError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class OriginRefused(AxiruError):
    """A page of another site asks: no agent runs there (MCP, streamable HTTP, security: DNS rebinding)."""

    code = "not_eligible"


@post("/mcp", guards=[requires(Permission.READ)], include_in_schema=False, opt={"failure_code": "decision_failed"})
async def answer_mcp(request: Request[Caller, Any, Any]) -> Response[bytes]:
    """Answer one JSON-RPC message. What is refused anywhere in the API is no message here either."""
    _check_origin(request)
    message = await read_object(request)
    status, headers, content = await request.app.state.mcp.answer(request, msgspec.json.encode(message))
    return Response(content, status_code=status, headers=headers)


def _check_origin(request: Request[Caller, Any, Any]) -> None:
    """Browsers name the site a request comes from. Ours are the API's and the console's; programs name none."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    settings = services_of(request).settings
    ours = {origin_of(url) for url in (settings.issuer, settings.api_url, settings.console_url)} - {None}
    if origin_of(origin) not in ours:
        raise OriginRefused("Requests from pages of this origin are not answered.")


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """RFC 6454 §4; None for what is none: `null`, or the address of a console that there is not."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
