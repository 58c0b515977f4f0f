"""A dispute until it is answered: evidence kept up to date, people told in time, a last word before the deadline."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.disputes import DisputeResponses
    from axiru.domain.dispute_response import DisputeInput, DisputePlan

STEP_TIMEOUT = timedelta(seconds=60)
STEP_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
AGAIN_FIRST = timedelta(minutes=5)
AGAIN_AT_MOST = timedelta(hours=6)
CLOCK_MARGIN = timedelta(milliseconds=250)


@workflow.defn
class DisputeResponse:
    """Workflow id = `DisputeInput.workflow_id`. Started and woken by the outbox; keeps the time and nothing else."""

    def __init__(self) -> None:
        self._changed = False

    @workflow.run
    async def run(self, dispute: DisputeInput) -> str:
        """The status in which Stripe takes no more evidence, or `past_due`."""
        again = AGAIN_FIRST
        while True:
            self._changed = False
            plan = await workflow.execute_activity_method(
                DisputeResponses.prepare, dispute, start_to_close_timeout=STEP_TIMEOUT, retry_policy=STEP_RETRY
            )
            if not plan.is_open:
                return plan.status
            if _reached(plan.due_at):
                await workflow.execute_activity_method(
                    DisputeResponses.past_due, dispute, start_to_close_timeout=STEP_TIMEOUT, retry_policy=STEP_RETRY
                )
                return "past_due"
            if _reached(plan.remind_at):
                await workflow.execute_activity_method(
                    DisputeResponses.due_soon, dispute, start_to_close_timeout=STEP_TIMEOUT, retry_policy=STEP_RETRY
                )
            if _reached(plan.last_word_at):
                await workflow.execute_activity_method(
                    DisputeResponses.answer, dispute, start_to_close_timeout=STEP_TIMEOUT, retry_policy=STEP_RETRY
                )
            if await self._waits(_moment_after(plan, again)):
                again = AGAIN_FIRST
            elif plan.degraded:
                again = min(2 * again, AGAIN_AT_MOST)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(dispute)

    async def _waits(self, until: datetime | None) -> bool:
        """Whether something changed before that moment came."""
        timeout = None if until is None else max(until - workflow.now(), timedelta(0)) + CLOCK_MARGIN
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=timeout)
        except TimeoutError:
            return False
        return True

    @workflow.signal
    def changed(self) -> None:
        """The dispute, or what its evidence is made of, has changed. The signal itself says nothing: the tables do."""
        self._changed = True


def _reached(moment: datetime | None) -> bool:
    return moment is not None and workflow.now() >= moment


def _moment_after(plan: DisputePlan, again: timedelta) -> datetime | None:
    """When something is due next: the next moment of the plan, sooner while inputs are missing or the end is near."""
    now = workflow.now()
    ahead = [one for one in (plan.remind_at, plan.last_word_at, plan.due_at) if one is not None and one > now]
    if _reached(plan.last_word_at):
        ahead.append(now + AGAIN_FIRST)
    elif plan.degraded:
        ahead.append(now + again)
    return min(ahead, default=None)
