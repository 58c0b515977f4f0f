"""A limit that holds whatever the awaited side does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

_log = structlog.get_logger("api")

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, or TimeoutError after `seconds`.

    `asyncio.timeout` waits for what it cancels; a query to a database that neither answers nor hangs up does not end by
    being cancelled. Such work is left to unwind by itself.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.add_done_callback(_unwound)
            task.cancel()
    if not done:
        raise TimeoutError
    return task.result()


def _unwound(task: asyncio.Task[Any]) -> None:
    """Take note of how abandoned work ended: nobody is left to raise it to."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("abandoned_work_failed", error=type(error).__name__)
