"""`/api/v1/decisions/{id}/undo`: take back what Axiru executed, where Stripe has a way."""

from typing import Any

import msgspec
from litestar import Request, post

from api.auth import Caller, requires
from api.fields import blank_reason, decode_by_rules
from api.intake.text import Reason
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import Services, services_of
from api.views.decision import find_decision
from axiru.database import row
from axiru.domain.execution import StripeCall
from ledger.acts.undo import ask_undo


class UndoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is taken back; sealed with it."""

    reason: Reason


class UndoAsked(msgspec.Struct, frozen=True):
    """`state` is `intended` until the call is made, then `calling`, `succeeded` or `failed`."""

    decision_id: str
    state: str


@post(
    "/api/v1/decisions/{decision_id:str}/undo",
    guards=[requires(Permission.CONTROLS)],
    status_code=202,
    operation_class=taking(UndoBody),
    security=BEARER,
)
async def undo_decision(request: Request[Caller, Any, Any], decision_id: str) -> UndoAsked:
    """Take back what was executed. The undoing is sealed before this answers and goes on behind it.

    409 where there is nothing to take back, or Stripe has no way: the message says why. Asked again while it is under
    way, this changes nothing. Controls do not stop it: it brings money back.
    """
    caller = request.user
    raw = await read_object(request)
    body = decode_by_rules(raw, UndoBody, blank_reason(raw, "Say why it is taken back."))
    found = await find_decision(decision_id, caller.organization_id, caller.mode)
    state = await ask_undo(
        decision_id,
        stripe_status=await _status_now(decision_id, services_of(request)),
        reason=body.reason.strip(),
        member_id=caller.member_id,
        organization_id=caller.organization_id,
        mode=found["mode"],
        signer=services_of(request).signer,
    )
    return UndoAsked(decision_id, state)


async def _status_now(decision_id: str, services: Services) -> str | None:
    """What Stripe says now of what was made; what it said when it was made, where it does not answer."""
    found = await row(
        "SELECT call, stripe_object_id, stripe_status FROM executions WHERE decision_id = {}", decision_id
    )
    if found is None or found["stripe_object_id"] is None:
        return None
    call = msgspec.json.decode(found["call"], type=StripeCall)
    said = await services.payments.status_of(call, found["stripe_object_id"])
    return said or found["stripe_status"]
