"""Acts as activities: each runs in a worker, maybe twice, and finds what it has already sealed."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.names import REQUEST_STALE
from axiru.domain.approval import ApprovalState
from axiru.domain.decision import DecisionReceipt, MovementInput
from ledger.acts.decide import RequestStale, decide
from ledger.acts.projection import receipt_of
from ledger.acts.standing import CompiledVersions
from ledger.acts.vote import approval_state, expire_approval
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
    async def read_approval(self, movement: MovementInput) -> ApprovalState:
        """Where the decision's approval stands by its recorded votes."""
        return await approval_state(await self._approval_id(movement))

    @activity.defn
    async def expire_approval(self, movement: MovementInput) -> ApprovalState:
        """Close the approval if its deadline has passed by the database's clock."""
        return await expire_approval(
            await self._approval_id(movement),
            organization_id=movement.organization_id,
            mode=movement.mode,
            signer=self._signer,
        )

    async def _approval_id(self, movement: MovementInput) -> str:
        receipt = await receipt_of(movement.decision_id)
        if receipt.approval_id is None:
            raise ApplicationError("This decision asks nobody.", non_retryable=True)
        return receipt.approval_id
