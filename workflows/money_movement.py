"""One movement of money: evaluate, wait for people where the policy says so, execute, each step sealed by an act."""

import functools
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.acts import Acts
    from activities.names import REQUEST_STALE
    from activities.stripe import StripeExecutor
    from axiru.domain.approval import ApprovalState
    from axiru.domain.decision import DecisionReceipt, MovementInput

ACT_TIMEOUT = timedelta(seconds=10)
ACT_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=5),
    non_retryable_error_types=[REQUEST_STALE],
)
EXECUTE_TIMEOUT = timedelta(seconds=90)
EXECUTE_HEARTBEAT = timedelta(seconds=5)
EXECUTE_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
ABANDONED_AFTER = timedelta(days=1)
TO_EXECUTE = frozenset({"allowed", "approved", "executing"})
CLOCK_MARGIN = timedelta(milliseconds=250)


@workflow.defn
class MoneyMovement:
    """Workflow id = decision id. Holds ids and receipts only; facts and votes live in tables, sealed."""

    def __init__(self) -> None:
        self._receipt: DecisionReceipt | None = None
        self._asked_again = False
        self._votes: list[str] = []

    @workflow.run
    async def run(self, movement: MovementInput) -> str:
        """The state the decision ends in."""
        receipt = await self._evaluate(movement)
        if receipt is None:
            return "abandoned"
        state: str = receipt.state
        if state == "pending_approval":
            state = await self._await_approval(movement, receipt)
        if receipt.execute == "axiru" and receipt.surface_mode == "enforce" and state in TO_EXECUTE:
            state = await workflow.execute_activity_method(
                StripeExecutor.execute,
                movement,
                start_to_close_timeout=EXECUTE_TIMEOUT,
                heartbeat_timeout=EXECUTE_HEARTBEAT,
                retry_policy=EXECUTE_RETRY,
            )
        return state

    async def _evaluate(self, movement: MovementInput) -> DecisionReceipt | None:
        """Seal the decision. A request gone stale waits for its caller to ask again, a day at most."""
        while self._receipt is None:
            self._asked_again = False
            try:
                self._receipt = await workflow.execute_local_activity_method(
                    Acts.decide, movement, start_to_close_timeout=ACT_TIMEOUT, retry_policy=ACT_RETRY
                )
            except (ActivityError, ApplicationError) as error:
                # The SDK does not wrap the failure of a local activity that failed at its first attempt.
                failure = error.cause if isinstance(error, ActivityError) else error
                if not (isinstance(failure, ApplicationError) and failure.type == REQUEST_STALE):
                    raise
                try:
                    await workflow.wait_condition(lambda: self._asked_again, timeout=ABANDONED_AFTER)
                except TimeoutError:
                    return None
        return self._receipt

    async def _await_approval(self, movement: MovementInput, receipt: DecisionReceipt) -> ApprovalState:
        """Tally from tables whenever a vote is signalled; at the deadline, which never moves, expiry denies."""
        if receipt.approval_expires_at is None:
            raise ApplicationError("A review without a deadline.", non_retryable=True)
        tallied = 0
        while True:
            remaining = receipt.approval_expires_at - workflow.now() + CLOCK_MARGIN
            try:
                await workflow.wait_condition(
                    functools.partial(self._more_votes_than, tallied), timeout=max(remaining, CLOCK_MARGIN)
                )
                tallied = len(self._votes)
                tally = Acts.read_approval
            except TimeoutError:
                tally = Acts.expire_approval
            state: ApprovalState = await workflow.execute_local_activity_method(
                tally, movement, start_to_close_timeout=ACT_TIMEOUT, retry_policy=ACT_RETRY
            )
            if state != "pending":
                return state

    def _more_votes_than(self, tallied: int) -> bool:
        return len(self._votes) > tallied

    @workflow.update
    async def decide(self) -> DecisionReceipt:
        """The sealed decision, as soon as there is one. Called with a fixed update id."""
        await workflow.wait_condition(lambda: self._receipt is not None)
        assert self._receipt is not None  # noqa: S101 - narrows the type; the line above waited for it
        return self._receipt

    @workflow.signal
    def vote_recorded(self, vote_id: str) -> None:
        """A vote was sealed under this id. The signal itself decides nothing."""
        if vote_id not in self._votes:
            self._votes.append(vote_id)

    @workflow.signal
    def asked_again(self) -> None:
        """The caller repeated a request that was not decided yet."""
        self._asked_again = True
