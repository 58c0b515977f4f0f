"""What the alarms say of a dispute whose deadline is near or over, or that Axiru answers by itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from axiru.database import row
from axiru.domain.money import money_text
from axiru.domain.sheet_lines import time_text

_SAID: Final = {
    "dispute.due_soon": ("Due soon", "Its evidence is due soon, and nobody has submitted any yet."),
    "dispute.past_due": ("Past due", "Its deadline has passed, and no evidence was submitted by Axiru."),
    "dispute.degraded": (
        "Answered by Axiru alone",
        "Nobody else could: the last good packet of evidence goes out.",
    ),
}
_WHY: Final = {
    "decision_failed": "Somebody asked, and no decision could be made.",
    "execution_failed": "A decision to submit evidence could not be executed.",
    "approval_unanswered": "Nobody answered the approval that was asked for.",
    "stopped_by_a_control": "A control stopped what was asked for, and was lifted since.",
    "inputs_degraded": "What evidence is made of could not be read.",
}


class DisputeAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that names a customer is in it."""

    dispute_id: str
    mode: str
    title: str
    message: str
    amount: str
    reason: str
    due_by: str
    charge: str | None
    why: str | None
    decision_id: str | None


async def read_dispute_alarm(
    organization_id: str, mode: str, event: str, told: Mapping[str, Any]
) -> DisputeAlarm | None:
    """None where there is no such dispute."""
    found = await row(
        "SELECT amount_cents, currency, reason, evidence_due_by, charge FROM disputes "
        "WHERE organization_id = {} AND mode = {} AND id = {}",
        *(organization_id, mode, told["dispute_id"]),
    )
    if found is None:
        return None
    title, message = _SAID[event]
    due_by: datetime | None = found["evidence_due_by"]
    return DisputeAlarm(
        dispute_id=told["dispute_id"],
        mode=mode,
        title=title,
        message=message,
        amount=money_text(found["amount_cents"], found["currency"]),
        reason=found["reason"].replace("_", " "),
        due_by=time_text(due_by) if due_by else "Stripe named no deadline",
        charge=found["charge"],
        why=_WHY.get(told.get("why", "")),
        decision_id=told.get("decision_id"),
    )
