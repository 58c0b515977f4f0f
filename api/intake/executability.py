"""Whether Axiru could execute what is asked: checked at the border, so that nobody approves what cannot be done."""

from api.auth import Caller
from api.errors import FieldError
from api.intake.charge import PaymentLookup
from axiru.database import row
from axiru.domain.movement import Ovt

_CONNECTION: str = "intent.stripe_connection_id"


async def execution_errors(ovt: Ovt, caller: Caller, payments: PaymentLookup) -> list[FieldError]:
    """Why Axiru cannot make this call: the connection, its write scope, the payment.

    Asked only where Axiru executes; what the caller executes is the caller's own business.
    """
    connection_id = ovt.merchant.stripe_connection_id
    if connection_id is None:
        return [FieldError(_CONNECTION, "missing", "There is no default connection; name one.")]
    write_actions = await _write_actions(connection_id, caller)
    if write_actions is None:
        return [FieldError(_CONNECTION, "unknown_connection", "There is no such active connection.")]
    if ovt.rail_action not in write_actions:
        message = f"This connection lacks the write scope for {ovt.rail_action}."
        return [FieldError(_CONNECTION, "write_scope_missing", message)]
    return await payments.errors(
        connection_id,
        charge=ovt.target.charge,
        payment_intent=ovt.target.payment_intent,
        stripe_account_id=ovt.merchant.stripe_account_id,
        currency=ovt.amount.asset,
    )


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
