"""Taking back what was executed: asked for by a person, sealed, and gone through with whatever crashes."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.stripe.undoer import StripeUndoer
    from axiru.domain.decision import MovementInput

UNDO_TIMEOUT = timedelta(seconds=90)
UNDO_HEARTBEAT = timedelta(seconds=5)
UNDO_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn
class Undoing:
    """Workflow id = `undo:<decision id>`. What is undone, and whether it may be, the tables say."""

    @workflow.run
    async def run(self, movement: MovementInput) -> str:
        """The state the undoing ends in."""
        return await workflow.execute_activity_method(
            StripeUndoer.undo,
            movement,
            start_to_close_timeout=UNDO_TIMEOUT,
            heartbeat_timeout=UNDO_HEARTBEAT,
            retry_policy=UNDO_RETRY,
        )
