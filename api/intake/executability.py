"""Whether Axiru could execute what is asked: checked at the border, so that nobody approves what cannot be done."""

from typing import Final

import msgspec

from api.auth import Caller
from api.errors import FieldError, InvalidBody
from api.intake.charge import PaymentLookup
from axiru.database import row
from axiru.domain.movement import Ovt
from ledger.acts.grant import surface_mode
from ledger.evidence_packets import last_good_packet

_CONNECTION: Final = "intent.stripe_connection_id"


async def executable(ovt: Ovt, caller: Caller, payments: PaymentLookup) -> Ovt:
    """`ovt`, with all that its call will be built of.

    Asked only where Axiru executes; what the caller executes is the caller's own business. Raises InvalidBody where
    Axiru cannot make this call: the connection, its write scope (which nobody can grant while the surface is in shadow,
    where nothing is executed), the object; and StripeSilent where Stripe alone knows what the call would be, and does
    not answer.
    """
    connection_id = ovt.merchant.stripe_connection_id
    if connection_id is None:
        raise _invalid(_CONNECTION, "missing", "There is no default connection; name one.")
    write_actions = await _write_actions(connection_id, caller)
    if write_actions is None:
        raise _invalid(_CONNECTION, "unknown_connection", "There is no such active connection.")
    if ovt.rail_action not in write_actions and await _enforced(connection_id, ovt, caller):
        message = f"This connection lacks the write scope for {ovt.rail_action}."
        raise _invalid(_CONNECTION, "write_scope_missing", message)
    known = await payments.with_target(connection_id, ovt)
    return await _with_packet(known, caller) if _submits(known) else known


async def _with_packet(ovt: Ovt, caller: Caller) -> Ovt:
    """The evidence that would be submitted, named by its digest: approvers see it, and nothing else is sent."""
    packet = await last_good_packet(caller.organization_id, caller.key_mode, ovt.target.dispute or "")
    if packet is None:
        raise _invalid("intent.dispute", "packet_missing", "There is no packet of evidence for this dispute yet.")
    target = msgspec.structs.replace(ovt.target, packet=packet.id, packet_digest=packet.digest)
    return msgspec.structs.replace(ovt, target=target)


async def _enforced(connection_id: str, ovt: Ovt, caller: Caller) -> bool:
    mode = await surface_mode(connection_id, ovt.rail_action, caller.organization_id, caller.key_mode)
    return mode == "enforce"


def _submits(ovt: Ovt) -> bool:
    return ovt.rail_action == "dispute" and ovt.target.dispute_action != "close"


async def _write_actions(connection_id: str, caller: Caller) -> tuple[str, ...] | None:
    default = caller.default_connection
    if default and default.id == connection_id:
        return default.write_actions
    found = await row(
        "SELECT write_actions FROM stripe_connections "
        "WHERE id = {} AND organization_id = {} AND mode = {} AND status = 'active'",
        connection_id,
        caller.organization_id,
        caller.mode,
    )
    return tuple(found["write_actions"]) if found else None


def _invalid(field: str, code: str, message: str) -> InvalidBody:
    return InvalidBody([FieldError(field, code, message)])
