"""`/api/v1/surfaces`: which movements are enforced and which only looked at, per connection, rail and rail action."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, get, put

from api.auth import Caller, require_mode, requires
from api.errors import FieldError
from api.fields import blank_reason, decode_by_rules
from api.intake.text import Identifier, Reason
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.page import ModeFilter
from api.views.people import Person
from axiru.database import row, rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import SURFACES, Mode
from ledger.acts.surface import AGREEMENT_DAYS, read_agreement, set_surface


class SurfaceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`surface` is `rail.rail_action`, which may be said apart as well. A key sets surfaces of its own mode only."""

    surface_mode: SurfaceMode
    surface: str | None = None
    rail: str | None = None
    rail_action: str | None = None
    stripe_connection_id: Identifier | None = None
    mode: Mode | None = None
    reason: Reason | None = None
    override_reason: Reason | None = None


class AgreementView(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions of the last `days` that a second version looked at; null where nothing was compared."""

    decisions: int
    agreed: int
    rate_percent: float | None
    days: int


class SurfaceView(msgspec.Struct, frozen=True, kw_only=True):
    """One surface. `stripe_connection_id` null: every connection that has no word of its own."""

    surface: str
    rail: str
    rail_action: str
    stripe_connection_id: str | None
    mode: Mode
    surface_mode: SurfaceMode
    updated_at: datetime | None
    updated_by: Person | None
    reason: str | None
    override_reason: str | None
    agreement: AgreementView


class SurfaceList(msgspec.Struct, frozen=True):
    items: list[SurfaceView]


@get("/api/v1/surfaces", guards=[requires(Permission.READ)], security=BEARER)
async def list_surfaces(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> SurfaceList:
    """Every surface there is, and those that were set for one connection. One never set is in shadow."""
    caller = request.user
    chosen = caller.shown_mode(mode)
    found = {
        (f"{one['rail']}.{one['rail_action']}", one["stripe_connection_id"]): one
        for one in await rows(
            "SELECT s.*, m.name AS member_name FROM surfaces s LEFT JOIN members m ON m.id = s.updated_by "
            "WHERE s.organization_id = {} AND s.mode = {}",
            caller.organization_id,
            chosen,
        )
    }
    named = sorted({*found, *((surface, "") for surface in SURFACES)})
    return SurfaceList([await _view(caller, chosen, *name, found.get(name)) for name in named])


@put(
    "/api/v1/surfaces",
    guards=[requires(Permission.POLICIES)],
    status_code=200,
    operation_class=taking(SurfaceBody),
    security=BEARER,
)
async def change_surface(request: Request[Caller, Any, Any]) -> SurfaceView:
    """Set one surface; what it is already is not sealed again. Below 98 % agreement, enforcing takes a reason."""
    caller = request.user
    raw = await read_object(request)
    body = decode_by_rules(raw, SurfaceBody, _rule_errors(raw, caller))
    require_mode(Permission.POLICIES, caller, body.mode)
    mode = caller.mode or body.mode
    assert mode is not None  # noqa: S101 - a log-in without a mode was refused with the body
    surface = body.surface or f"{body.rail}.{body.rail_action}"
    await set_surface(
        surface,
        body.surface_mode,
        organization_id=caller.organization_id,
        mode=mode,
        member_id=caller.member_id,
        stripe_connection_id=body.stripe_connection_id,
        reason=(body.reason or body.override_reason or "").strip(),
        override_reason=(body.override_reason or "").strip() or None,
        signer=services_of(request).signer,
    )
    rail, _, rail_action = surface.partition(".")
    found = await row(
        "SELECT s.*, m.name AS member_name FROM surfaces s LEFT JOIN members m ON m.id = s.updated_by "
        "WHERE s.organization_id = {} AND s.mode = {} AND s.rail = {} AND s.rail_action = {} "
        "AND s.stripe_connection_id = {}",
        caller.organization_id,
        mode,
        rail,
        rail_action,
        body.stripe_connection_id or "",
    )
    return await _view(caller, mode, surface, body.stripe_connection_id or "", found)


def _rule_errors(raw: Mapping[str, Any], caller: Caller) -> Iterator[FieldError]:
    surface = raw.get("surface")
    apart = [raw.get("rail"), raw.get("rail_action")]
    if surface is None and not all(apart):
        yield FieldError("surface", "missing", "Name a surface: rail and rail action, with a dot between them.")
    elif surface is not None and any(part is not None for part in apart):
        yield FieldError("surface", "not_allowed", "Name the surface, or its rail and rail_action, not both.")
    else:
        named = str(surface) if surface is not None else ".".join(map(str, apart))
        if named not in SURFACES:
            field = "surface" if surface is not None else "rail_action"
            yield FieldError(field, "not_allowed", f"There are these surfaces: {', '.join(sorted(SURFACES))}.")
    if caller.mode is None and raw.get("mode") is None:
        yield FieldError("mode", "missing", "Say whether this is about test or live money.")
    if raw.get("reason") is None and raw.get("override_reason") is None:
        yield FieldError("reason", "missing", "Say why.")
    yield from blank_reason(raw, "Say why.")


async def _view(
    caller: Caller, mode: Mode, surface: str, connection_id: str, found: Mapping[str, Any] | None
) -> SurfaceView:
    rail, _, rail_action = surface.partition(".")
    agreement = await read_agreement(
        caller.organization_id, mode, rail, rail_action, connection_id or None, until=datetime.now(UTC)
    )
    return SurfaceView(
        surface=surface,
        rail=rail,
        rail_action=rail_action,
        stripe_connection_id=connection_id or None,
        mode=mode,
        surface_mode=found["surface_mode"] if found else "shadow",
        updated_at=found["updated_at"] if found else None,
        updated_by=Person(found["updated_by"], found["member_name"]) if found and found["updated_by"] else None,
        reason=found["reason"] if found else None,
        override_reason=found["override_reason"] if found else None,
        agreement=AgreementView(
            decisions=agreement.decisions,
            agreed=agreement.agreed,
            rate_percent=agreement.rate_percent,
            days=AGREEMENT_DAYS,
        ),
    )
