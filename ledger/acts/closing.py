"""The end of an approval: its row, its decision's, and the budget that was reserved."""

from axiru.database import rows
from axiru.domain.approval import ApprovalState
from axiru.domain.execution import Objection
from ledger.acts.chain import Act
from ledger.acts.hold import deny, end_hold, set_state
from ledger.acts.question import Question


async def close_approval(
    question: Question, state: ApprovalState, closing: Act, objection: Objection | None = None
) -> None:
    """End the approval. What is approved, and objected to, is denied where the caller executes: nobody asks again.

    What is approved under a hold stays held, and is checked when it is released; any other end ends the hold as well.
    """
    decision_id, held = question.decision_id, question.decision_state == "held"
    await rows("UPDATE approvals SET state = {}, closed_at = {} WHERE id = {}", state, closing.now, question.id)
    objected = objection if question.execute == "caller" and not held else None
    decision_state = "denied" if objected else "held" if held and state == "approved" else state
    closing.tell("approval", {"approval_id": question.id, "decision_id": decision_id, "state": state})
    await set_state(closing, decision_id, decision_state)
    if objected is not None:
        await deny(decision_id, objected)
    elif state != "approved":
        await rows("UPDATE movements SET state = 'released' WHERE decision_id = {}", decision_id)
    if held and state != "approved":
        await end_hold(closing, decision_id, state)
