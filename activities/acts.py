"""Acts as activities: each runs in a worker, maybe twice, and finds what it has already sealed."""

from typing import Literal

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.names import REQUEST_STALE
from axiru.domain.approval import ApprovalState
from axiru.domain.decision import DecisionReceipt, MovementInput, NoticeInput
from ledger.acts.decide import RequestStale, decide
from ledger.acts.hold import approval_outcome
from ledger.acts.notice import give_notice
from ledger.acts.projection import receipt_of
from ledger.acts.standing import CompiledVersions
from ledger.acts.vote import expire_approval
from ledger.entry import EntrySigner


class Acts:
    """The acts a workflow asks for, with the key they seal with."""

    def __init__(self, signer: EntrySigner) -> None:
        self._signer = signer
        self._compiled = CompiledVersions()

    @activity.defn
    async def decide(self, movement: MovementInput) -> DecisionReceipt:
        """Decide the recorded request. A stale one fails with type `RequestStale`, which is not retried."""
        try:
            return await decide(movement.decision_id, signer=self._signer, compiled=self._compiled)
        except RequestStale as stale:
            raise ApplicationError(stale.message, type=REQUEST_STALE, non_retryable=True) from stale

    @activity.defn
    async def read_approval(self, movement: MovementInput) -> ApprovalState | Literal["held"]:
        """Where the decision's approval stands by its recorded votes; `held` is approved, and waits for a release."""
        outcome = await approval_outcome(movement.decision_id)
        if outcome is None:
            raise ApplicationError("This decision asks nobody.", non_retryable=True)
        return outcome

    @activity.defn
    async def expire_approval(self, movement: MovementInput) -> ApprovalState | Literal["held"]:
        """Close the approval if its deadline has passed by the database's clock; returns where that leaves it."""
        await expire_approval(
            await self._approval_id(movement),
            organization_id=movement.organization_id,
            mode=movement.mode,
            signer=self._signer,
        )
        return await self.read_approval(movement)

    @activity.defn
    async def give_notice(self, due: NoticeInput) -> ApprovalState | Literal["held"]:
        """Remind the approvers, or tell those who may stand in for them now; returns where the approval stands."""
        await give_notice(
            await self._approval_id(due.movement),
            due.notice,
            organization_id=due.movement.organization_id,
            mode=due.movement.mode,
            signer=self._signer,
        )
        return await self.read_approval(due.movement)

    async def _approval_id(self, movement: MovementInput) -> str:
        receipt = await receipt_of(movement.decision_id)
        if receipt.approval_id is None:
            raise ApplicationError("This decision asks nobody.", non_retryable=True)
        return receipt.approval_id
