"""Histories of runs that people rely on: today's code replays every one of them, and ends it as it ended.

They were recorded from real runs (`pytest tests/workflows --record`). A change of the workflow that breaks one needs
`workflow.patched`, not a new recording.
"""

import inspect
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from axiru.temporal import data_converter
from workflows import money_movement
from workflows.money_movement import MoneyMovement

GOLDEN = Path(__file__).parent / "histories"

OUTCOMES = {
    "allowed_for_caller": "allowed",
    "denied": "denied",
    "allowed_and_executed": "executed",
    "approved_and_executed": "executed",
    "approved_by_two": "approved",
    "denied_by_a_person": "denied",
    "expired": "expired",
    "execution_failed": "execution_failed",
    "stale_then_asked_again": "allowed",
    "abandoned": "abandoned",
    "shadow_executes_nothing": "allowed",
    "approved_after_context": "approved",
    "reminded_and_escalated": "approved",
    "held_and_released": "executed",
    "held_while_executing": "executed",
    "held_for_the_caller_and_denied": "denied",
    "approved_at_stripe": "executed",
    "stopped_while_stripe_asks": "execution_failed",
}

PASSED_THROUGH = ("axiru", "activities", "ledger", "policies", "msgspec", "piccolo", "asyncpg", "stripe", "structlog")

MUTATIONS = {
    "people are not asked": ('{"pending_approval", "held"}', '{"denied", "held"}'),
    "shadow executes": ('receipt.surface_mode == "enforce"', 'receipt.surface_mode != ""'),
    "Axiru executes for the caller": ('receipt.execute == "axiru"', 'receipt.execute != ""'),
    "one vote is enough": ('while state == "pending":', "for _ in (1,):"),
    "a denial executes": ('{"allowed", "approved", "executing", "held"}', '{"allowed", "approved", "denied"}'),
    "a stale request is given up": ("self._asked_again, timeout=ABANDONED_AFTER", "True, timeout=ABANDONED_AFTER"),
    "nothing expires": ("_sealed(Acts.expire_approval, movement)", "_sealed(Acts.read_approval, movement)"),
    "what is held executes": ('state == "held" else state', 'state == "pending" else state'),
    "a release is not waited for": ('movement)\n            if state != "held":', "movement)\n            if state:"),
    "a hold ends the execution": ('continue\n            if state != "held":', "continue\n            if state:"),
    "what Stripe asks about is not looked at again": ("                continue\n", "                return state\n"),
    "a control is not heard while Stripe asks": ("self.release_recorded(control_id)", "pass"),
    "nobody is reminded": ("notices = list(receipt.approval_notices)", "notices = list(receipt.approval_notices)[1:]"),
    "Stripe is asked before people may vote": (
        "asyncio.create_task(self._read_payment(movement))",
        "await self._read_payment(movement)",
    ),
    "Stripe is not asked": ("if workflow.patched(CONTEXT_PATCH):", "if False:"),
    "histories from before are asked about as well": ("if workflow.patched(CONTEXT_PATCH):", "if True:"),
    "an abandoned request is allowed": ('return "abandoned"', 'return "allowed"'),
}


class OutcomeKept(Interceptor):
    """Keeps what the workflow returned: a replay alone compares commands, not their results."""

    outcome: str | None = None

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        input.unsafe_extern_functions["keep_outcome"] = self._keep
        return _KeepsOutcome

    def _keep(self, outcome: str) -> None:
        self.outcome = outcome


class _KeepsOutcome(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        outcome = await super().execute_workflow(input)
        workflow.extern_functions()["keep_outcome"](outcome)
        return outcome


def test_every_branch_has_its_history() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
async def test_golden_history_replays_to_its_outcome(name: str) -> None:
    assert await _outcome(name, MoneyMovement) == OUTCOMES[name]


@pytest.mark.parametrize("name", OUTCOMES)
async def test_golden_history_replays_within_the_sandbox(name: str) -> None:
    """The sandbox, which production does without, refuses clocks, randomness and I/O that would break a replay."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)

    outcome = await _outcome(name, MoneyMovement, SandboxedWorkflowRunner(restrictions=restrictions))

    assert outcome == OUTCOMES[name]


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_workflow_that_was_changed_does_not_pass(mutation: str) -> None:
    changed = _changed(*MUTATIONS[mutation])

    assert [name for name in OUTCOMES if not await _passes(name, changed)]


async def _passes(name: str, changed: type) -> bool:
    try:
        return await _outcome(name, changed) == OUTCOMES[name]
    except (workflow.NondeterminismError, RuntimeError):
        return False


async def _outcome(name: str, workflow_class: type, runner: WorkflowRunner | None = None) -> str | None:
    kept = OutcomeKept()
    replayer = Replayer(
        workflows=[workflow_class],
        data_converter=data_converter,
        workflow_runner=runner or UnsandboxedWorkflowRunner(),
        interceptors=[kept],
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, (GOLDEN / f"{name}.json").read_text()))
    return kept.outcome


def _changed(written: str, instead: str) -> type:
    """The workflow with a piece of its source replaced."""
    source = inspect.getsource(money_movement)
    assert source.count(written) == 1
    namespace: dict[str, Any] = {"__name__": money_movement.__name__}
    exec(compile(source.replace(written, instead), money_movement.__file__, "exec"), namespace)  # noqa: S102
    changed: type = namespace["MoneyMovement"]
    return changed
