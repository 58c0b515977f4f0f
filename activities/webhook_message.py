"""What a webhook says: the Standard Webhooks payload, made when it is sent from what stands in the tables then."""

from typing import Any, Final

import msgspec

from axiru.database import row
from axiru.domain.delivery import Happening, Outgoing
from axiru.domain.movement import Amount
from ledger.approval_sheet import read_sheet

MOST_BYTES: Final = 256 * 1024


def kept(happening: Happening) -> dict[str, Any]:
    """What a delivery keeps until it is sent: ids and states, nothing personal."""
    return {"at": happening.written_at.isoformat(), "told": happening.payload}


async def message(outgoing: Outgoing) -> bytes:
    """The body to sign and send: `type`, `timestamp` (when it was sealed) and `data`, at most 256 KiB.

    What is about an approval carries its whole sheet, as every door shows it; one too large to carry is left out, and
    says so.
    """
    told: dict[str, Any] = outgoing.body["told"]
    data = {"mode": outgoing.mode, "organization_id": outgoing.organization_id, **told}
    match outgoing.event.partition(".")[0]:
        case "approval" | "break_glass":
            data["approval"] = await read_sheet(told["approval_id"])
            if comment_id := told.get("comment_id"):
                data["comment"] = await row(_COMMENT, comment_id)
        case "decision" | "authorization" | "execution" | "undo" | "budget":
            data["decision"] = _amounts_in(await row(_DECISION, told["decision_id"]))
            if "jti" in told:
                data["token"] = await row(_ISSUED, told["jti"])
        case "bypass":
            data["decision"] = _amounts_in(await row(_DECISION, told["decision_id"]))
            data["observed"] = await row(_OBSERVED, told["decision_id"])
        case "dispute":
            keys = (outgoing.organization_id, outgoing.mode, told["dispute_id"])
            data["dispute"] = await row(_DISPUTE, *keys)
        case "connection":
            data["connection"] = await row(_CONNECTION, told["connection_id"])
        case "control":
            data["control"] = _json_in(await row(_CONTROL, told["control_id"]), "scope")
        case "breaker":
            data["breaker"] = _json_in(await row(_TRIP, told["trip_id"]), "scope")
        case _:
            pass
    body = _encoded(outgoing, data)
    if len(body) > MOST_BYTES and "approval" in data:
        body = _encoded(outgoing, {**data, "approval": None, "approval_left_out": "larger than 256 KiB"})
    return body


def _encoded(outgoing: Outgoing, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": outgoing.event, "timestamp": outgoing.body["at"], "data": data})


def _amounts_in(decision: dict[str, Any] | None) -> dict[str, Any] | None:
    """The amount of whatever asset, and `amount_cents` where that is a currency."""
    if decision is None:
        return None
    exponent = decision.pop("exponent")
    amount = Amount(str(decision["amount_cents"]), decision["currency"], exponent)
    return {**decision, "amount_cents": amount.cents, "amount": amount}


def _json_in(found: dict[str, Any] | None, column: str) -> dict[str, Any] | None:
    return {**found, column: msgspec.Raw(found[column].encode())} if found else None


# What names a customer is not among them; it is at `GET /api/v1/decisions/{id}` for those who may read it.
_DECISION: Final = """
SELECT d.state, d.outcome, d.reason, d.message, d.matched_rule, d.policy_version, d.approval_id, d.surface_mode,
    d.execute, d.rail, d.rail_action, d.initiator_id, d.amount_cents, d.currency, d.charge, d.source, d.bypass,
    d.decided_at,
    (r.ovt -> 'amount' ->> 'exponent')::integer AS exponent
FROM decisions d JOIN requests r ON r.decision_id = d.id WHERE d.id = {}
"""
_ISSUED: Final = """
SELECT issued_at, expires_at, consumed_at, settlement, settled_units::text, settled_at FROM authorization_tokens
WHERE jti = {}
"""
_OBSERVED: Final = """
SELECT kind, stripe_object_id, stripe_connection_id, why, stripe_status, observed_at FROM observed_movements
WHERE decision_id = {} AND bypass
"""
_DISPUTE: Final = """
SELECT status, reason, charge, amount_cents, currency, evidence_due_by, submission_count, stripe_connection_id,
    stripe_account_id, opened_at FROM disputes WHERE organization_id = {} AND mode = {} AND id = {}
"""
_COMMENT: Final = """
SELECT c.kind, c.text, c.member_id, m.name AS member_name, c.written_at FROM approval_comments c
JOIN members m ON m.id = c.member_id WHERE c.id = {}
"""
_CONNECTION: Final = """
SELECT name, stripe_account_id, status, status_reason, status_changed_at, is_default, write_actions
FROM stripe_connections WHERE id = {}
"""
_CONTROL: Final = """
SELECT kind, scope, applies_to, reason, engaged_at, expires_at, lifted_at, lifted_reason FROM controls WHERE id = {}
"""
_TRIP: Final = """
SELECT b.name, b.metric, b.response, b.window_seconds, b.baseline_seconds, t.state, t.observed, t.usual, t.threshold,
    t.scope, t.control_id, t.tripped_at FROM breaker_trips t JOIN breakers b ON b.id = t.breaker_id WHERE t.id = {}
"""
