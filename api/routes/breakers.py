"""`/api/v1/breakers` and `/api/v1/breaker-trips`: what trips a freeze by itself, and what it proposes to people."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import QueryParameter
from msgspec import UNSET, Meta, UnsetType

from api.auth import Caller, require_mode, requires
from api.errors import FieldError, InvalidBody
from api.fields import decode
from api.intake.text import Identifier, ShortText, folded
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.breaker import (
    BreakerList,
    BreakerView,
    TripPage,
    TripView,
    find_breaker,
    find_breakers,
    find_trip,
    find_trips,
)
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from axiru.domain.breaker import BreakerTerms, Metric, Response, TripState
from axiru.domain.currency import CURRENCIES
from axiru.domain.movement import SURFACES, Mode
from ledger.acts.breaker import arm, change, retire
from ledger.acts.trip import accept, dismiss

_DAY: Final = 86_400
WindowSeconds = Annotated[int, Meta(ge=60, le=7 * _DAY)]
BaselineSeconds = Annotated[int, Meta(ge=60, le=90 * _DAY)]
FactorPercent = Annotated[int, Meta(gt=100, le=100_000)]
Minimum = Annotated[int, Meta(ge=1, le=2**53 - 1)]
FreezeSeconds = Annotated[int, Meta(ge=1, le=90 * _DAY)]


class BreakerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Trips when the last window holds `minimum` at least, and more than `factor_percent` of a usual window.

    Amounts are in minor units of `currency`. A proposal waits for a person; a freeze without `freeze_seconds` stays
    until somebody lifts it.
    """

    name: ShortText
    mode: Mode
    metric: Metric
    surface: Identifier
    source: Identifier | None = None
    currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    window_seconds: WindowSeconds
    baseline_seconds: BaselineSeconds
    factor_percent: FactorPercent
    minimum: Minimum
    response: Response
    freeze_seconds: FreezeSeconds | None = None


class BreakerChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays. What a breaker watches never changes: retire it and arm another."""

    name: ShortText | UnsetType = UNSET
    window_seconds: WindowSeconds | UnsetType = UNSET
    baseline_seconds: BaselineSeconds | UnsetType = UNSET
    factor_percent: FactorPercent | UnsetType = UNSET
    minimum: Minimum | UnsetType = UNSET
    response: Response | UnsetType = UNSET
    freeze_seconds: FreezeSeconds | UnsetType | None = UNSET


class ResolutionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why the proposal is taken up, or not."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]


@post(
    "/api/v1/breakers",
    guards=[requires(Permission.CONTROLS)],
    status_code=201,
    operation_class=taking(BreakerBody),
    security=BEARER,
)
async def arm_breaker(request: Request[Caller, Any, Any]) -> BreakerView:
    """Arm a circuit breaker. It is read from now on, every few seconds."""
    caller = request.user
    body = read_breaker(await read_object(request))
    require_mode(Permission.CONTROLS, caller, body.mode)
    rail, _, rail_action = body.surface.partition(".")
    terms = msgspec.convert(
        {
            **msgspec.structs.asdict(body),
            "rail": rail,
            "rail_action": rail_action,
            "source": folded(body.source),
            "currency": body.currency.lower() if body.currency else None,
        },
        BreakerTerms,
    )
    breaker_id = await arm(
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        mode=body.mode,
        name=body.name.strip(),
        terms=terms,
        signer=services_of(request).signer,
    )
    return await find_breaker(breaker_id, caller.organization_id, caller.mode)


@get("/api/v1/breakers", guards=[requires(Permission.READ)], security=BEARER)
async def list_breakers(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> BreakerList:
    """Circuit breakers, those that are armed first. A key sees those of its own mode."""
    return await find_breakers(request.user.organization_id, request.user.mode_of_list(mode))


@patch(
    "/api/v1/breakers/{breaker_id:str}",
    guards=[requires(Permission.CONTROLS)],
    operation_class=taking(BreakerChange),
    security=BEARER,
)
async def change_breaker(request: Request[Caller, Any, Any], breaker_id: str) -> BreakerView:
    """Change a breaker's terms."""
    caller = request.user
    body = decode(await read_object(request), BreakerChange)
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    if "name" in changes and not changes["name"].strip():
        raise InvalidBody.single("name", "missing", "A breaker needs a name.")
    await find_breaker(breaker_id, caller.organization_id, caller.mode)
    await change(
        breaker_id,
        changes,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await find_breaker(breaker_id, caller.organization_id, caller.mode)


@delete("/api/v1/breakers/{breaker_id:str}", guards=[requires(Permission.CONTROLS)], status_code=200, security=BEARER)
async def retire_breaker(request: Request[Caller, Any, Any], breaker_id: str) -> BreakerView:
    """Disarm a breaker for good. A freeze it set stays in force until it is lifted or expires."""
    caller = request.user
    await find_breaker(breaker_id, caller.organization_id, caller.mode)
    await retire(
        breaker_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await find_breaker(breaker_id, caller.organization_id, caller.mode)


@get("/api/v1/breaker-trips", guards=[requires(Permission.READ)], security=BEARER)
async def list_trips(
    request: Request[Caller, Any, Any],
    wanted_state: Annotated[TripState | None, QueryParameter(name="state")] = None,
    mode: ModeFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> TripPage:
    """When breakers tripped, on what, and what came of it, newest first."""
    caller = request.user
    after = Cursor.parse(cursor) if cursor else None
    return await find_trips(caller.organization_id, caller.mode_of_list(mode), wanted_state, limit=limit, after=after)


@post(
    "/api/v1/breaker-trips/{trip_id:str}/accept",
    guards=[requires(Permission.CONTROLS)],
    status_code=200,
    operation_class=taking(ResolutionBody),
    security=BEARER,
)
async def accept_trip(request: Request[Caller, Any, Any], trip_id: str) -> TripView:
    """Engage the freeze that was proposed. It binds before this answers."""
    return await _resolve(request, trip_id, "accept")


@post(
    "/api/v1/breaker-trips/{trip_id:str}/dismiss",
    guards=[requires(Permission.CONTROLS)],
    status_code=200,
    operation_class=taking(ResolutionBody),
    security=BEARER,
)
async def dismiss_trip(request: Request[Caller, Any, Any], trip_id: str) -> TripView:
    """Leave things as they are."""
    return await _resolve(request, trip_id, "dismiss")


async def _resolve(
    request: Request[Caller, Any, Any], trip_id: str, resolution: Literal["accept", "dismiss"]
) -> TripView:
    caller = request.user
    reason = decode(await read_object(request), ResolutionBody).reason.strip()
    if not reason:
        raise InvalidBody.single("reason", "missing", "This needs a reason.")
    await find_trip(trip_id, caller.organization_id, caller.mode)
    act = accept if resolution == "accept" else dismiss
    receipt = await act(
        trip_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        reason=reason,
        signer=services_of(request).signer,
    )
    return await find_trip(trip_id, caller.organization_id, caller.mode, receipt.in_flight)


def read_breaker(raw: dict[str, Any]) -> BreakerBody:
    """Raises InvalidBody naming every field that is wrong, those that do not go together included."""
    errors: dict[str, FieldError] = {}
    body: BreakerBody | None = None
    try:
        body = decode(raw, BreakerBody)
    except InvalidBody as invalid:
        errors = {error.field: error for error in invalid.field_errors}
    for error in _rule_errors(raw):
        errors.setdefault(error.field, error)
    if errors or body is None:
        raise InvalidBody(list(errors.values()))
    return body


def _rule_errors(raw: dict[str, Any]) -> Iterator[FieldError]:
    name, surface, source, currency = (raw.get(field) for field in ("name", "surface", "source", "currency"))
    window, baseline = raw.get("window_seconds"), raw.get("baseline_seconds")
    if isinstance(name, str) and not name.strip():
        yield FieldError("name", "missing", "A breaker needs a name.")
    if isinstance(surface, str) and surface not in SURFACES:
        yield FieldError("surface", "not_allowed", f"There are these surfaces: {', '.join(sorted(SURFACES))}.")
    if isinstance(source, str) and not source.strip():
        yield FieldError("source", "missing", "Name a source, or leave it out.")
    if currency is not None and (not isinstance(currency, str) or currency.lower() not in CURRENCIES):
        yield FieldError("currency", "not_allowed", "This is no currency of ISO 4217.")
    if raw.get("metric") == "amount" and currency is None:
        yield FieldError("currency", "missing", "An amount is of one currency.")
    if isinstance(window, int) and isinstance(baseline, int) and baseline < window:
        yield FieldError("baseline_seconds", "out_of_range", "A baseline is at least as long as the window.")
