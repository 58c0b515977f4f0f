"""Whether a decision's execution can be taken back, and how far that is."""

from datetime import datetime

import msgspec

from api.views.execution import ExecutionError
from api.views.people import Person
from axiru.database import row
from axiru.domain.execution import StripeCall
from axiru.domain.undoing import how_undone, undo_of, why_not_undone


class UndoView(msgspec.Struct, frozen=True, kw_only=True):
    """`how` says what undoing would do, or does; `why_not` why it cannot be asked for.

    `possible` goes by what Stripe said of the object last; asking for it asks Stripe again. `state` is null until
    somebody has asked: then `intended`, `calling`, `succeeded` or `failed`, and a failed one can be asked for again.
    """

    possible: bool
    how: str | None = None
    why_not: str | None = None
    state: str | None = None
    stripe_object_id: str | None = None
    error: ExecutionError | None = None
    reason: str | None = None
    requested_by: Person | None = None
    requested_at: datetime | None = None


async def undo_view(decision_id: str, execute: str) -> UndoView:
    """How far undoing a decision is, or whether it can be asked for."""
    found = await row(
        """
        SELECT x.state AS executed, x.call, x.stripe_object_id AS made, x.stripe_status, u.state, u.call AS undo,
            u.stripe_object_id, u.error_code, u.error_message, u.reason, u.requested_by, u.requested_at, m.name
        FROM executions x LEFT JOIN undoings u ON u.decision_id = x.decision_id
        LEFT JOIN members m ON m.id = u.requested_by WHERE x.decision_id = {}
        """,
        decision_id,
    )
    if found is None or found["executed"] != "succeeded":
        return UndoView(possible=False, why_not=_NOT_AXIRU if execute == "caller" else _NOT_YET)
    call = msgspec.json.decode(found["call"], type=StripeCall)
    undo = undo_of(decision_id, call, found["made"], found["stripe_status"])
    if found["state"] is None:
        if undo is None:
            return UndoView(possible=False, why_not=why_not_undone(call))
        return UndoView(possible=True, how=how_undone(undo))
    code = found["error_code"]
    again = found["state"] == "failed"
    return UndoView(
        possible=again,
        how=how_undone(msgspec.json.decode(found["undo"], type=StripeCall)),
        why_not=None if again else _STATES[found["state"]],
        state=found["state"],
        stripe_object_id=found["stripe_object_id"],
        error=ExecutionError(code, found["error_message"]) if code else None,
        reason=found["reason"],
        requested_by=Person(found["requested_by"], found["name"] or found["requested_by"]),
        requested_at=found["requested_at"],
    )


_NOT_AXIRU = "Your own system executes this; Axiru can take back only what it made itself."
_NOT_YET = "Axiru has executed nothing for this decision."
_STATES = {
    "intended": "It is being undone.",
    "calling": "It is being undone.",
    "succeeded": "It was undone.",
}
