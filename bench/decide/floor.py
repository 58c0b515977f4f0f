"""The floor: a bare workflow of the shape of a decision. One update, one local activity, nothing decided or sealed."""

import asyncio
import sys
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.worker import Worker

TASK_QUEUE = "axiru-bench-floor"


@activity.defn
async def nothing(number: int) -> int:
    return number


@workflow.defn
class Bare:
    def __init__(self) -> None:
        self._answer: int | None = None

    @workflow.run
    async def run(self, number: int) -> int:
        self._answer = await workflow.execute_local_activity(
            nothing, number, start_to_close_timeout=timedelta(seconds=10)
        )
        return self._answer

    @workflow.update
    async def decide(self) -> int | None:
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._answer


async def decide_bare(client: Client) -> None:
    """What the API does for a decision, without HTTP, PostgreSQL and Axiru."""
    operation = WithStartWorkflowOperation(
        Bare.run,
        1,
        id=f"bench-{uuid.uuid4()}",
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )
    await client.execute_update_with_start_workflow(Bare.decide, start_workflow_operation=operation, id="decide")


async def main(address: str, namespace: str) -> None:
    """The worker, a process of its own as Axiru's is; ends with its standard input."""
    client = await Client.connect(address, namespace=namespace)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Bare], activities=[nothing]):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
