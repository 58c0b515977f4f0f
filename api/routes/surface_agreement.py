"""`/api/v1/surfaces/{surface}/agreement`: whether a surface can go to enforce, and since when."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import QueryParameter

from api.auth import Caller, requires
from api.errors import NotFound
from api.openapi import BEARER
from api.permissions import Permission
from api.views.page import ModeFilter
from api.views.surface_agreement import SurfaceAgreement, surface_agreement
from axiru.domain.movement import SURFACES
from ledger.acts.surface import AGREEMENT_DAYS, check_connection

Days = Annotated[int, QueryParameter(name="days", ge=1, le=90, description="Days in UTC, today among them")]


@get("/api/v1/surfaces/{surface:str}/agreement", guards=[requires(Permission.READ)], security=BEARER)
async def get_surface_agreement(
    request: Request[Caller, Any, Any],
    surface: str,
    days: Days = AGREEMENT_DAYS,
    stripe_connection_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    mode: ModeFilter = None,
) -> SurfaceAgreement:
    """How far the versions that look on agree, in all, by day and by version. `surface` is `rail.rail_action`."""
    caller = request.user
    if surface not in SURFACES:
        raise NotFound
    only = caller.shown_mode(mode)
    if stripe_connection_id is not None:
        await check_connection(stripe_connection_id, caller.organization_id, only)
    return await surface_agreement(
        caller.organization_id,
        only,
        surface,
        stripe_connection_id,
        days=days,
        now=datetime.now(UTC),
    )
