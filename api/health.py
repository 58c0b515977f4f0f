"""Whether this process is alive, and whether the parts it needs are there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from api.services import Services
from axiru.database import row

_PART_SECONDS: Final = 2.0
# A poll lasts up to 60 s; a worker that has not come back for longer than that is gone.
_POLLED_WITHIN: Final = timedelta(seconds=75)

Status = Literal["up", "down"]


class PartHealth(msgspec.Struct, frozen=True):
    status: Status
    detail: str


class Readiness(msgspec.Struct, frozen=True):
    """Ready only when every part is up."""

    status: Literal["ready", "not_ready"]
    parts: dict[str, PartHealth]


async def readiness(services: Services) -> Readiness:
    """Ask every part at the same time, each for at most two seconds."""
    probes: dict[str, Callable[[Services], Awaitable[str]]] = {
        "postgres": _postgres,
        "valkey": _valkey,
        "temporal": _temporal,
        "worker": _worker,
    }
    found = await asyncio.gather(*(_probed(probe, services) for probe in probes.values()))
    parts = dict(zip(probes, found, strict=True))
    ready = all(part.status == "up" for part in parts.values())
    return Readiness("ready" if ready else "not_ready", parts)


class PartDown(Exception):
    """A part answered, but not as one that works."""


async def _probed(probe: Callable[[Services], Awaitable[str]], services: Services) -> PartHealth:
    try:
        async with asyncio.timeout(_PART_SECONDS):
            return PartHealth("up", await probe(services))
    except PartDown as down:
        return PartHealth("down", str(down))
    except Exception as error:  # whatever a part does when it is down; its own words may hold addresses
        return PartHealth("down", "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


async def _postgres(_: Services) -> str:
    await row("SELECT 1 FROM chain_heads LIMIT 1")
    return "answers"


async def _valkey(services: Services) -> str:
    await services.rate_limit.ping()
    return "answers"


async def _temporal(services: Services) -> str:
    if not await services.temporal.service_client.check_health(timeout=timedelta(seconds=_PART_SECONDS)):
        raise PartDown("not serving")
    return "serving"


async def _worker(services: Services) -> str:
    queue = services.settings.temporal_task_queue
    described = await services.temporal.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=services.settings.temporal_namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=timedelta(seconds=_PART_SECONDS),
    )
    since = datetime.now(UTC) - _POLLED_WITHIN
    pollers = [poller for poller in described.pollers if poller.last_access_time.ToDatetime(UTC) >= since]
    if not pollers:
        raise PartDown(f"nobody takes work from the task queue {queue}")
    return f"{len(pollers)} on the task queue {queue}"
