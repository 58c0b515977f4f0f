"""Asking a part over HTTP whether it is there."""

from collections.abc import Awaitable, Callable

import httpx


def answers(url: str, *, below: int = 400) -> Callable[[], Awaitable[bool]]:
    """A question for `Part.is_ready`: is `url` answered with a status under `below`? Proxies are not asked."""

    async def ask() -> bool:
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                return (await client.get(url)).status_code < below
        except httpx.HTTPError:
            return False

    return ask
