"""`/api/v1/organization`: what an organization chose for itself."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get, put
from msgspec import Meta

from api.auth import Caller, requires
from api.errors import InvalidBody
from api.fields import decode
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.people import Person
from axiru.database import row
from ledger.acts.organization import (
    ALERT_CHANNELS,
    AlertChannel,
    BreakGlassRule,
    choose_break_glass,
    choose_budget_alert_percent,
    choose_bypass_alerts,
)
from policies.budgets import DEFAULT_ALERT_PERCENT


class OrganizationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be chosen; what is left out stays as it is.

    `break_glass`: who may approve past quorum and roles in an emergency: nobody, two people, or one and an alarm.
    `bypass_alerts`: where a movement is told of that was made on Stripe without asking. It is in the list of decisions
    wherever it is told. `budget_alert_percent`: at how much of its ceiling a budget is told of.
    """

    break_glass: BreakGlassRule | msgspec.UnsetType = msgspec.UNSET
    bypass_alerts: Annotated[tuple[AlertChannel, ...], Meta(max_length=4)] | msgspec.UnsetType = msgspec.UNSET
    budget_alert_percent: Annotated[int, Meta(ge=1, le=100)] | msgspec.UnsetType = msgspec.UNSET


class OrganizationView(msgspec.Struct, frozen=True, kw_only=True):
    """`updated_by` is null as long as the defaults hold."""

    id: str
    name: str
    break_glass: BreakGlassRule
    bypass_alerts: list[AlertChannel]
    budget_alert_percent: int
    updated_by: Person | None
    updated_at: datetime | None


@get("/api/v1/organization", guards=[requires(Permission.READ)], security=BEARER)
async def get_organization(request: Request[Caller, Any, Any]) -> OrganizationView:
    """The caller's organization and its choices."""
    return await _view(request.user)


@put(
    "/api/v1/organization",
    guards=[requires(Permission.MEMBERS), may_reach_live],
    status_code=200,
    operation_class=taking(OrganizationBody),
    security=BEARER,
)
async def change_organization(request: Request[Caller, Any, Any]) -> OrganizationView:
    """Choose; what is chosen already is not sealed again."""
    caller = request.user
    body = decode(await read_object(request), OrganizationBody)
    who = {"organization_id": caller.organization_id, "by_member_id": caller.member_id}
    signer = services_of(request).signer
    if (body.break_glass, body.bypass_alerts, body.budget_alert_percent) == (msgspec.UNSET,) * 3:
        raise InvalidBody.single("break_glass", "missing", "There is nothing to choose in this body.")
    if body.break_glass is not msgspec.UNSET:
        await choose_break_glass(body.break_glass, **who, signer=signer)
    if body.bypass_alerts is not msgspec.UNSET:
        await choose_bypass_alerts(body.bypass_alerts, **who, signer=signer)
    if body.budget_alert_percent is not msgspec.UNSET:
        await choose_budget_alert_percent(body.budget_alert_percent, **who, signer=signer)
    return await _view(caller)


async def _view(caller: Caller) -> OrganizationView:
    found = await row(
        """
        SELECT s.break_glass, s.bypass_alerts, s.budget_alert_percent, s.updated_by, s.updated_at, m.name
        FROM organization_settings s
        JOIN members m ON m.id = s.updated_by WHERE s.organization_id = {}
        """,
        caller.organization_id,
    )
    return OrganizationView(
        id=caller.organization_id,
        name=caller.organization_name,
        break_glass=found["break_glass"] if found else "two_people",
        bypass_alerts=list(found["bypass_alerts"] if found else ALERT_CHANNELS),
        budget_alert_percent=found["budget_alert_percent"] if found else DEFAULT_ALERT_PERCENT,
        updated_by=Person(found["updated_by"], found["name"]) if found else None,
        updated_at=found["updated_at"] if found else None,
    )
