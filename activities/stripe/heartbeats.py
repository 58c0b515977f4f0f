"""Signs of life of an activity that calls Stripe."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from temporalio import activity

_HEARTBEAT_SECONDS: Final = 1.0


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Tell Temporal that this worker lives, so that another takes over within seconds when it does not."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
