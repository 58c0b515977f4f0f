"""`/api/v1/controls`: stop money outside of policy, and let it go again. Works without Temporal."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, require_mode, requires
from api.errors import FieldError, NotFound
from api.fields import blank_reason, decode, decode_by_rules, past_time
from api.intake.text import Moment, Reason
from api.json_body import read_object, read_optional_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.telling import tell_workflow
from api.views.control import ControlList, ControlView, find_control, find_controls
from api.views.page import ModeFilter
from axiru.domain.control import FREEZE_REASONS, AppliesTo
from axiru.domain.movement import SURFACES
from ledger.acts.control import engage, lift
from workflows.money_movement import MoneyMovement

_LONGEST_NAME: Final = 255


class ControlBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`scope` is empty for the kill switch; a freeze names one thing, a hold a decision, a mark a connected account.

    A mark stops nothing by itself: it is what rules about accounts `marked_for_review` read. The freeze of an account
    also stops its automatic payouts, where a connection may, unless `pause_payouts` is false.
    """

    kind: Literal["kill_switch", "freeze", "hold", "mark_for_review"]
    mode: AppliesTo
    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]
    scope: dict[str, Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)]] = {}
    expires_at: Moment | None = None
    pause_payouts: bool | None = None


class LiftBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why the control is no longer needed."""

    reason: Reason | None = None


@post(
    "/api/v1/controls",
    guards=[requires(Permission.CONTROLS)],
    status_code=201,
    operation_class=taking(ControlBody),
    security=BEARER,
)
async def engage_control(request: Request[Caller, Any, Any]) -> ControlView:
    """Put a control in force. It binds before this answers; `in_flight` are the calls it came too late for.

    A hold binds in its decision's mode. One that can no longer be held answers 409 with its state.
    """
    caller = request.user
    body = read_control(await read_object(request))
    require_mode(Permission.CONTROLS, caller, body.mode)
    receipt = await engage(
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        kind=body.kind,
        scope=body.scope,
        applies_to=body.mode,
        reason=body.reason.strip(),
        expires_at=body.expires_at,
        signer=services_of(request).signer,
        pause_payouts=body.pause_payouts,
    )
    return await find_control(receipt.control_id, caller.organization_id)


@get("/api/v1/controls", guards=[requires(Permission.READ)], security=BEARER)
async def list_controls(
    request: Request[Caller, Any, Any], in_force: bool | None = None, mode: ModeFilter = None
) -> ControlList:
    """Controls, newest first. A key sees those that bind its own mode."""
    caller = request.user
    return await find_controls(caller.organization_id, caller.mode_of_list(mode), in_force=in_force)


@delete(
    "/api/v1/controls/{control_id:str}",
    guards=[requires(Permission.CONTROLS)],
    status_code=200,
    operation_class=taking(LiftBody, required=False),
    security=BEARER,
)
async def lift_control(request: Request[Caller, Any, Any], control_id: str) -> ControlView:
    """Take a control out of force; the reason comes in the body or as `?reason=`. A hold is released by this."""
    caller = request.user
    body = decode(await read_optional_object(request), LiftBody)
    shown = await find_control(control_id, caller.organization_id)
    if caller.mode is not None and shown.mode not in {caller.mode, "both"}:
        raise NotFound
    require_mode(Permission.CONTROLS, caller, shown.mode)
    reason = body.reason or str(request.query_params.get("reason") or "")
    await lift(
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        control_id=control_id,
        reason=reason.strip()[:2_000],
        signer=services_of(request).signer,
    )
    if shown.kind == "hold":
        tell_workflow(shown.scope["decision_id"], MoneyMovement.release_recorded, control_id, services_of(request))
    return await find_control(control_id, caller.organization_id)


def read_control(raw: dict[str, Any]) -> ControlBody:
    body = decode_by_rules(raw, ControlBody, _broken_rules(raw))
    if "source" in body.scope:
        # Compared as requests are: see `folded`.
        return msgspec.structs.replace(body, scope={"source": body.scope["source"].strip().casefold()})
    return body


def _broken_rules(raw: dict[str, Any]) -> Iterator[FieldError]:
    kind, scope = raw.get("kind"), raw.get("scope", {})
    yield from blank_reason(raw, "A control needs a reason.")
    yield from past_time(raw, "expires_at")
    if isinstance(scope, dict):
        if kind == "kill_switch" and scope:
            yield FieldError("scope", "not_allowed", "The kill switch stops everything; leave the scope empty.")
        if kind == "freeze" and (len(scope) != 1 or not set(scope) <= set(FREEZE_REASONS)):
            yield FieldError("scope", "not_allowed", f"A freeze names exactly one of: {', '.join(FREEZE_REASONS)}.")
        if kind == "mark_for_review" and set(scope) != {"stripe_account_id"}:
            yield FieldError("scope", "not_allowed", "A mark names one connected account: stripe_account_id.")
        if kind == "hold" and set(scope) != {"decision_id"}:
            yield FieldError("scope", "not_allowed", "A hold names one decision: decision_id.")
        if raw.get("pause_payouts") is not None and (kind != "freeze" or set(scope) != {"stripe_account_id"}):
            message = "Only the freeze of a connected account (stripe_account_id) can pause payouts."
            yield FieldError("pause_payouts", "not_allowed", message)
        surface = scope.get("surface")
        if kind == "freeze" and surface is not None and surface not in SURFACES:
            yield FieldError(
                "scope.surface", "not_allowed", f"There are these surfaces: {', '.join(sorted(SURFACES))}."
            )
