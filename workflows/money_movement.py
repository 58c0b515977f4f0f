"""One movement of money: evaluate, wait for people where the policy says so, execute, each step sealed by an act."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.acts import Acts
    from activities.names import REQUEST_STALE
    from activities.payment_context import PaymentContexts
    from activities.stripe.executor import StripeExecutor
    from axiru.domain.decision import DecisionReceipt, MovementInput, NoticeInput

ACT_TIMEOUT = timedelta(seconds=10)
ACT_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=5),
    non_retryable_error_types=[REQUEST_STALE],
)
ACT_HERE = timedelta(seconds=1)
"""An act that fails waits no longer than this inside the worker; then Temporal keeps the time, so that a worker that is
to stop is not held up by an act that cannot succeed."""
EXECUTE_TIMEOUT = timedelta(seconds=90)
EXECUTE_HEARTBEAT = timedelta(seconds=5)
EXECUTE_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
APPROVAL_LOOK_FIRST = timedelta(seconds=5)
APPROVAL_LOOK_MOST = timedelta(minutes=15)
ABANDONED_AFTER = timedelta(days=1)
CONTEXT_TIMEOUT = timedelta(seconds=30)
CONTEXT_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5)
CONTEXT_PATCH = "payment-context"
UNDECIDED = frozenset({"pending_approval", "held"})
TO_EXECUTE = frozenset({"allowed", "approved", "executing", "held"})
CLOCK_MARGIN = timedelta(milliseconds=250)

Argument = TypeVar("Argument", MovementInput, NoticeInput)


@workflow.defn
class MoneyMovement:
    """Workflow id = decision id. Holds ids and receipts only; facts and votes live in tables, sealed."""

    def __init__(self) -> None:
        self._receipt: DecisionReceipt | None = None
        self._asked_again = False
        self._votes: list[str] = []
        self._releases: list[str] = []
        self._reading: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, movement: MovementInput) -> str:
        """The state the decision ends in."""
        receipt = await self._evaluate(movement)
        if receipt is None:
            return "abandoned"
        state: str = receipt.state
        if receipt.approval_id is not None and state in UNDECIDED:
            state = await self._await_approval(movement, receipt)
        if receipt.execute == "axiru" and receipt.surface_mode == "enforce" and state in TO_EXECUTE:
            state = await self._execute(movement)
        return state

    async def _evaluate(self, movement: MovementInput) -> DecisionReceipt | None:
        """Seal the decision. A request gone stale waits for its caller to ask again, a day at most."""
        while self._receipt is None:
            self._asked_again = False
            try:
                self._receipt = await workflow.execute_local_activity_method(
                    Acts.decide,
                    movement,
                    start_to_close_timeout=ACT_TIMEOUT,
                    retry_policy=ACT_RETRY,
                    local_retry_threshold=ACT_HERE,
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

    async def _await_approval(self, movement: MovementInput, receipt: DecisionReceipt) -> str:
        """Tally from tables whenever a vote is signalled; at the deadline, which never moves, expiry denies.

        Until then people are told what is due. What was approved under a hold waits for its release as well.
        """
        if receipt.approval_expires_at is None:
            raise ApplicationError("A review without a deadline.", non_retryable=True)
        if workflow.patched(CONTEXT_PATCH):
            self._reading = asyncio.create_task(self._read_payment(movement))
        notices = list(receipt.approval_notices)
        # Held, and started anew: the votes may be in.
        tallied = -1 if receipt.state == "held" else 0
        state = "pending"
        while state == "pending":
            due_at = notices[0].due_at if notices else receipt.approval_expires_at
            remaining = due_at - workflow.now() + CLOCK_MARGIN
            try:
                await workflow.wait_condition(
                    functools.partial(self._more_votes_than, tallied), timeout=max(remaining, CLOCK_MARGIN)
                )
                tallied = len(self._votes)
                state = await _sealed(Acts.read_approval, movement)
            except TimeoutError:
                if notices:
                    state = await _sealed(Acts.give_notice, NoticeInput(movement, notices.pop(0)))
                else:
                    state = await _sealed(Acts.expire_approval, movement)
        return await self._await_release(movement) if state == "held" else state

    async def _await_release(self, movement: MovementInput) -> str:
        """What an approval under a hold comes to. A control, or a policy of today, may deny it at the release."""
        while True:
            released = len(self._releases)
            state = await _sealed(Acts.read_approval, movement)
            if state != "held":
                return state
            await workflow.wait_condition(functools.partial(self._more_releases_than, released))

    async def _read_payment(self, movement: MovementInput) -> None:
        """Beside the wait for people, who may decide without it: Stripe may be slow, or not say."""
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity_method(
                PaymentContexts.read,
                movement,
                start_to_close_timeout=CONTEXT_TIMEOUT,
                retry_policy=CONTEXT_RETRY,
            )

    async def _execute(self, movement: MovementInput) -> str:
        """Execute, again after every hold. A control that comes meanwhile ends it, and says so.

        While Stripe asks its own people, look now and then, and at once when a control came: it withdraws the question.
        """
        look = APPROVAL_LOOK_FIRST
        while True:
            released = len(self._releases)
            state = await workflow.execute_activity_method(
                StripeExecutor.execute,
                movement,
                start_to_close_timeout=EXECUTE_TIMEOUT,
                heartbeat_timeout=EXECUTE_HEARTBEAT,
                retry_policy=EXECUTE_RETRY,
            )
            if state == "requires_approval":
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(functools.partial(self._more_releases_than, released), timeout=look)
                look = min(2 * look, APPROVAL_LOOK_MOST)
                continue
            if state != "held":
                return state
            await workflow.wait_condition(functools.partial(self._more_releases_than, released))

    def _more_votes_than(self, tallied: int) -> bool:
        return len(self._votes) > tallied

    def _more_releases_than(self, released: int) -> bool:
        return len(self._releases) > released

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
    def release_recorded(self, control_id: str) -> None:
        """The hold of this id was lifted. The signal itself permits nothing: whether it is held, the tables say."""
        if control_id not in self._releases:
            self._releases.append(control_id)

    @workflow.signal
    def control_recorded(self, control_id: str) -> None:
        """A control came while Stripe asks its own people. The signal forbids nothing: what is in force, tables say."""
        self.release_recorded(control_id)

    @workflow.signal
    def asked_again(self) -> None:
        """The caller repeated a request that was not decided yet."""
        self._asked_again = True


async def _sealed(act: Callable[[Acts, Argument], Awaitable[str]], argument: Argument) -> str:
    """An act beside the workflow, until it has answered: nothing behind it makes sense without it."""
    return await workflow.execute_local_activity_method(
        act,
        argument,
        start_to_close_timeout=ACT_TIMEOUT,
        retry_policy=ACT_RETRY,
        local_retry_threshold=ACT_HERE,
    )
