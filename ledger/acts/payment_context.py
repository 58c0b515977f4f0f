"""Payment context: what Stripe said of a payment when people were asked about its refund, sealed once."""

import msgspec

from axiru.database import row, rows
from axiru.domain.approval_sheet import PaymentContext
from axiru.domain.movement import Mode
from ledger.acts.chain import act, json, salted
from ledger.entry import EntrySigner


async def keep_payment_context(
    decision_id: str, payment: PaymentContext, *, organization_id: str, mode: Mode, signer: EntrySigner
) -> None:
    """Seal and show it beside the approval, as long as that is open; keeping another one later changes nothing."""
    async with act(signer, organization_id, mode) as keeping:
        asked = await row(
            "SELECT id FROM approvals WHERE decision_id = {} AND state = 'pending' AND context IS NULL", decision_id
        )
        if asked is None:
            return
        sealed = msgspec.to_builtins(payment, builtin_types=())
        personal = {f"payment.{name}": value for name in ("customer_id", "description") if (value := sealed.pop(name))}
        about = {"approval_id": asked["id"], "decision_id": decision_id}
        keeping.seal("payment_context", {**about, "payment": sealed}, personal=salted(personal))
        await rows(
            "UPDATE approvals SET context = {}::jsonb, context_read_at = {} WHERE id = {}",
            json(payment),
            payment.read_at,
            asked["id"],
        )
        keeping.tell("context", about)
