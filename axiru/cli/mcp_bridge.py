"""Between MCP over stdio and MCP over streamable HTTP: one line is one request, one answer is one line."""

from typing import Any, Final

import httpx
import msgspec

# Longer than a tool waits for a decision to settle.
_ANSWER_SECONDS: Final = 90.0
_SERVER_ERROR: Final = -32_000
_VERSION_OF_A_REQUEST: Final = "io.modelcontextprotocol/protocolVersion"


class Bridge:
    """One connection to the API, and the version of the protocol that was agreed on over it."""

    def __init__(self, api_url: str, api_key: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._http = httpx.AsyncClient(headers={"Authorization": f"Bearer {api_key}"}, timeout=_ANSWER_SECONDS)
        self._version: str | None = None

    async def __aenter__(self) -> "Bridge":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, line: bytes) -> bytes | None:
        """The answer to one message, a JSON-RPC error where there is no other; None to a notification."""
        message = _read(line)
        try:
            response = await self._http.post(
                f"{self._api_url}/mcp", content=line.rstrip(b"\r\n"), headers=self._headers(message)
            )
        except httpx.HTTPError as error:
            return _failure(message, {"error": "unreachable", "message": f"{self._api_url} cannot be reached: {error}"})
        told = _read(response.content)
        if "jsonrpc" not in told:
            return None if response.is_success else _failure(message, told)
        if message.get("method") == "initialize" and isinstance(told.get("result"), dict):
            self._version = told["result"].get("protocolVersion")
        return msgspec.json.encode(told)

    def _headers(self, message: dict[str, Any]) -> dict[str, str]:
        """What streamable HTTP says beside the message, and stdio does not."""
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        version = meta.get(_VERSION_OF_A_REQUEST) if isinstance(meta, dict) else None
        told = {"MCP-Protocol-Version": version or self._version}
        if version is not None:
            told |= {"Mcp-Method": message.get("method"), "Mcp-Name": params.get("name")}
        return headers | {name: value for name, value in told.items() if isinstance(value, str) and value.isprintable()}


def _read(text: bytes) -> dict[str, Any]:
    """What there is of a message; that it is one, and only one, is for the API to say."""
    try:
        read = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return read if isinstance(read, dict) else {}


def _failure(message: dict[str, Any], told: dict[str, Any]) -> bytes | None:
    """An error of the API as the answer to `message`; a notification has none."""
    if message and "id" not in message:
        return None
    error = {"code": _SERVER_ERROR, "message": told.get("message", "The API gave no answer."), "data": told}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": message.get("id"), "error": error})
