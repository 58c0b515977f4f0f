"""A replay of history, made however often a worker is lost; and the end of those whose days are over."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.history import Replays
    from activities.stripe_history import PULLED, StripeHistory
    from axiru.domain.replay import ReplayInput

REPLAY_TIMEOUT = timedelta(hours=2)
REPLAY_HEARTBEAT = timedelta(seconds=20)
REPLAY_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5)
PULL_TIMEOUT = timedelta(hours=6)
PULL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
WRITE_TIMEOUT = timedelta(minutes=5)


@workflow.defn
class HistoryReplay:
    """Workflow id = replay id."""

    @workflow.run
    async def run(self, asked: ReplayInput) -> str:
        """The state the replay ends in. A file at fault is an end, not a failure, and is not tried again.

        Only what pulls asks Stripe, so that histories from before it could follow the same way.
        """
        try:
            if asked.pulls and (state := await self._pull(asked)) != PULLED:
                return state
            return await workflow.execute_activity_method(
                Replays.replay,
                asked,
                schedule_to_close_timeout=REPLAY_TIMEOUT,
                heartbeat_timeout=REPLAY_HEARTBEAT,
                retry_policy=REPLAY_RETRY,
            )
        except ActivityError:
            await workflow.execute_activity_method(Replays.give_up, asked, start_to_close_timeout=WRITE_TIMEOUT)
            return "failed"

    async def _pull(self, asked: ReplayInput) -> str:
        return await workflow.execute_activity_method(
            StripeHistory.pull,
            asked,
            schedule_to_close_timeout=PULL_TIMEOUT,
            heartbeat_timeout=REPLAY_HEARTBEAT,
            retry_policy=PULL_RETRY,
        )


@workflow.defn
class ReplayExpiry:
    """Started by a schedule."""

    @workflow.run
    async def run(self) -> int:
        """How many replays were deleted."""
        return await workflow.execute_activity_method(
            Replays.delete_expired, start_to_close_timeout=WRITE_TIMEOUT, heartbeat_timeout=REPLAY_HEARTBEAT
        )
