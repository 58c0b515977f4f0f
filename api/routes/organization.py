"""`/api/v1/organization`: what an organization chose for itself."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, get, put

from api.auth import Caller, requires
from api.fields import decode
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.people import Person
from axiru.database import row
from ledger.acts.organization import BreakGlassRule, choose_break_glass


class OrganizationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may approve past quorum and roles in an emergency: nobody, two people, or one and an alarm."""

    break_glass: BreakGlassRule


class OrganizationView(msgspec.Struct, frozen=True, kw_only=True):
    """`updated_by` is null as long as the defaults hold."""

    id: str
    name: str
    break_glass: BreakGlassRule
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
    await choose_break_glass(
        body.break_glass,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await _view(caller)


async def _view(caller: Caller) -> OrganizationView:
    found = await row(
        """
        SELECT s.break_glass, s.updated_by, s.updated_at, m.name FROM organization_settings s
        JOIN members m ON m.id = s.updated_by WHERE s.organization_id = {}
        """,
        caller.organization_id,
    )
    return OrganizationView(
        id=caller.organization_id,
        name=caller.organization_name,
        break_glass=found["break_glass"] if found else "two_people",
        updated_by=Person(found["updated_by"], found["name"]) if found else None,
        updated_at=found["updated_at"] if found else None,
    )
