"""Answering Slack in time: what takes longer goes on, and its outcome is told when there is one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog

from axiru.errors import AxiruError
from axiru.slack.text import said

ANSWER_SECONDS: Final = 2.0
"""Slack shows people an error after three."""

LATEST_SECONDS: Final = 2.5
"""For all of an answer, what comes before and after its work included: who asks is read from tables, too."""

UNCERTAIN: Final = "Axiru's database does not answer. Whether this is done will show here or in the console."

WENT_WRONG: Final = "Something went wrong here; it has been recorded. Please use the console."

_log = structlog.get_logger("api")
_under_way: set[asyncio.Task[Any]] = set()


def go_on(work: Coroutine[Any, Any, Any]) -> None:
    """Let `work` run by itself. How it fails goes to the log."""
    _keep(asyncio.create_task(_logged(work)))


async def text_in_time(
    work: Coroutine[Any, Any, str], *, meanwhile: str, later: Callable[[str], Awaitable[None]]
) -> str:
    """The mrkdwn that `work` ends with, or its refusal; `meanwhile` if that takes too long, and the text `later`."""
    task: asyncio.Task[str] = asyncio.create_task(_worded(work))
    _keep(task)
    done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
    if done:
        return task.result()

    async def tell() -> None:
        await later(await task)

    go_on(tell())
    return meanwhile


async def answer_in_time(answering: Coroutine[Any, Any, dict[str, Any]], late: dict[str, Any]) -> dict[str, Any]:
    """The answer, or `late` when Slack would not wait for it; what was asked goes on."""
    task = asyncio.create_task(answering)
    _keep(task)
    done, _ = await asyncio.wait({task}, timeout=LATEST_SECONDS)
    if done:
        return task.result()
    go_on(_ended(task))
    return late


async def _ended(task: asyncio.Task[Any]) -> None:
    await task


async def _worded(work: Coroutine[Any, Any, str]) -> str:
    try:
        return await work
    except AxiruError as refusal:
        return said(refusal.message, 1_000)
    except Exception as error:
        _log.error("slack_request_failed", exc_info=error)
        return WENT_WRONG


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception as error:
        _log.error("slack_aftermath_failed", exc_info=error)


def _keep(task: asyncio.Task[Any]) -> None:
    """The event loop itself holds no task for good."""
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
