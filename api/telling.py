"""Telling a workflow what was sealed: at once and unwaited for. The outbox tells it again, should this be lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from api.services import Services
from workflows.money_movement import MoneyMovement

_SECONDS: Final = 2.0
_log = structlog.get_logger("api")
_under_way: set[asyncio.Task[None]] = set()


def tell_workflow(
    decision_id: str,
    signal: Callable[[MoneyMovement, str], Awaitable[None] | None],
    recorded_id: str,
    services: Services,
) -> None:
    """Signal a decision's workflow that something was recorded under this id. Whatever fails, what is sealed stands."""
    telling = asyncio.create_task(_tell(decision_id, signal, recorded_id, services))
    _under_way.add(telling)
    telling.add_done_callback(_under_way.discard)


async def _tell(
    decision_id: str,
    signal: Callable[[MoneyMovement, str], Awaitable[None] | None],
    recorded_id: str,
    services: Services,
) -> None:
    try:
        await services.temporal.get_workflow_handle(decision_id).signal(
            signal, recorded_id, rpc_timeout=timedelta(seconds=_SECONDS)
        )
    except Exception as error:
        _log.warning("workflow_not_told", recorded_id=recorded_id, error=type(error).__name__)
