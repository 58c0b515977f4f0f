"""The end of an approval: its row, its decision's, and the budget that was reserved."""

from axiru.database import rows
from axiru.domain.approval import ApprovalState
from axiru.domain.control import ControlHit
from ledger.acts.chain import Act
from ledger.acts.question import Question


async def close_approval(question: Question, state: ApprovalState, closing: Act, hit: ControlHit | None = None) -> None:
    """End the approval. What is approved, and `hit` forbids, is denied where the caller executes: nobody asks again."""
    await rows("UPDATE approvals SET state = {}, closed_at = {} WHERE id = {}", state, closing.now, question.id)
    decision_state = "denied" if hit else state
    await rows(
        "UPDATE decisions SET state = {}, updated_at = {} WHERE id = {}",
        decision_state,
        closing.now,
        question.decision_id,
    )
    if hit is not None:
        await rows(
            "UPDATE decisions SET reason = {}, message = {}, matched_rule = {} WHERE id = {}",
            hit.reason,
            hit.message,
            f"control:{hit.control_id}",
            question.decision_id,
        )
    if decision_state != "approved":
        await rows("UPDATE movements SET state = 'released' WHERE decision_id = {}", question.decision_id)
    closing.tell("approval", {"approval_id": question.id, "decision_id": question.decision_id, "state": state})
    closing.tell("decision", {"decision_id": question.decision_id, "state": decision_state})
