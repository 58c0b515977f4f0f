"""Slack's Web API: one call, once, and what came of it. Nothing here tries again: whoever calls knows when to."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from axiru.settings import Settings

CALL_SECONDS: Final = 10
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_OURS: Final = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_arguments", "msg_too_long", "no_text", "unknown_method"}
)
"""Errors that a person can do nothing about and that come again with every attempt."""


class SlackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`ok` with Slack's `body`, or why not: `refused` by Slack with its `error`, or Slack was `away`."""

    outcome: Literal["ok", "refused", "away"]
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    error: str = ""
    status: int | None = None
    retry_after_seconds: float = 0.0

    @property
    def is_for_good(self) -> bool:
        """Whether the same call would be refused again whatever people do in Slack."""
        return self.outcome == "refused" and self.error in _OURS


class SlackWebApi:
    """One workspace's API, as its bot. Never raises for what Slack does; gives up after `CALL_SECONDS`."""

    def __init__(self, settings: Settings, bot_token: str) -> None:
        self._client = AsyncWebClient(
            bot_token, base_url=settings.slack_api_base, timeout=CALL_SECONDS, retry_handlers=[]
        )
        if urlsplit(settings.slack_api_base).hostname in _LOOPBACK:
            # slack_sdk takes the environment's proxy for every host.
            self._client.proxy = None

    async def call(self, method: str, arguments: Mapping[str, Any], *, seconds: float = CALL_SECONDS) -> SlackAnswer:
        """Call `method` with JSON `arguments`, waiting no longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.api_call(method, json=dict(arguments))
        except SlackApiError as error:
            return _refusal(error)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # ValueError: a body that is no text, which slack_sdk lets through.
            return SlackAnswer(outcome="away", error=type(error).__name__)
        return SlackAnswer(outcome="ok", body=_object(response.data), status=200)


def _refusal(error: SlackApiError) -> SlackAnswer:
    response = error.response
    status = getattr(response, "status_code", None)
    told = _object(getattr(response, "data", None))
    reason = str(told.get("error") or f"status {status}")
    details = told.get("response_metadata")
    if isinstance(details, dict) and details.get("messages"):
        reason_told = f"{reason}: {'; '.join(map(str, details['messages']))}"
    else:
        reason_told = reason
    if status == 429 or reason == "ratelimited":
        return SlackAnswer(
            outcome="away", error="ratelimited", status=status, retry_after_seconds=_retry_after(response.headers)
        )
    if not told or status is None or status >= 500:
        return SlackAnswer(outcome="away", error=reason, status=status)
    return SlackAnswer(outcome="refused", body={"told": reason_told}, error=reason, status=status)


def _retry_after(headers: Mapping[str, str]) -> float:
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(text) if text.isascii() and text.isdigit() else 1.0


def _object(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, dict) else {}
