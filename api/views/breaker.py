"""Circuit breakers and their trips, as people see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.errors import NotFound
from api.views.page import Cursor
from api.views.people import Person, people
from axiru.database import rows
from axiru.domain.breaker import BreakerTerms, Metric, Response, TripState
from axiru.domain.movement import Mode
from ledger.acts.trip import measured


class BreakerView(msgspec.Struct, frozen=True, kw_only=True):
    """`retired_at` is None while the breaker is armed."""

    id: str
    name: str
    mode: Mode
    metric: Metric
    surface: str
    source: str | None
    currency: str | None
    window_seconds: int
    baseline_seconds: int
    factor_percent: int
    minimum: int
    response: Response
    freeze_seconds: int | None
    created_by: Person
    created_at: datetime
    updated_at: datetime
    retired_at: datetime | None


class BreakerList(msgspec.Struct, frozen=True):
    items: list[BreakerView]


class TripView(msgspec.Struct, frozen=True, kw_only=True):
    """`observed`, `usual` and `threshold` are in the breaker's unit; the texts are the same for people.

    `in_flight`: decisions whose call to Stripe was under way when the proposal was accepted and did not settle.
    """

    id: str
    breaker: Person
    mode: Mode
    state: TripState
    observed: int
    observed_text: str
    usual: int
    usual_text: str
    threshold: int
    scope: dict[str, str]
    control_id: str | None
    tripped_at: datetime
    resolved_by: Person | None
    resolved_reason: str | None
    resolved_at: datetime | None
    in_flight: Sequence[str] = ()


class TripPage(msgspec.Struct, frozen=True):
    items: list[TripView]
    next_cursor: str | None


_MOST: Final = 200
_BREAKER: Final = """
SELECT b.*, m.name AS created_by_name FROM breakers b LEFT JOIN members m ON m.id = b.created_by
WHERE b.organization_id = {} AND b.mode = ANY({}::text[])
"""
_TRIP: Final = """
SELECT t.*, b.name, b.metric, b.rail, b.rail_action, b.source, b.currency, b.window_seconds, b.baseline_seconds,
    b.factor_percent, b.minimum, b.response
FROM breaker_trips t JOIN breakers b ON b.id = t.breaker_id
WHERE t.organization_id = {} AND t.mode = ANY({}::text[])
"""


async def find_breakers(organization_id: str, mode: Mode | None) -> BreakerList:
    """Armed breakers, and those that were retired last, newest first."""
    found = await rows(
        f"{_BREAKER} ORDER BY b.retired_at IS NOT NULL, b.created_at DESC, b.id LIMIT {_MOST}",
        organization_id,
        _modes(mode),
    )
    return BreakerList([_breaker_view(breaker) for breaker in found])


async def find_breaker(breaker_id: str, organization_id: str, mode: Mode | None) -> BreakerView:
    """Raises NotFound; of another mode than a key's, too."""
    found = await rows(f"{_BREAKER} AND b.id = {{}}", organization_id, _modes(mode), breaker_id)
    if not found:
        raise NotFound
    return _breaker_view(found[0])


async def find_trips(
    organization_id: str, mode: Mode | None, wanted: TripState | None, *, limit: int, after: Cursor | None
) -> TripPage:
    """Trips, newest first."""
    found = await rows(
        f"""
        {_TRIP} AND ({{}}::text IS NULL OR t.state = {{}})
            AND ({{}}::timestamptz IS NULL OR (t.tripped_at, t.id) < ({{}}::timestamptz, {{}}::text))
        ORDER BY t.tripped_at DESC, t.id DESC LIMIT {{}}
        """,
        *(organization_id, _modes(mode), wanted, wanted),
        *(after and after.at, after and after.at, after and after.id, limit + 1),
    )
    shown = found[:limit]
    known = await _resolvers(shown)
    last = shown[-1] if len(found) > limit else None
    return TripPage(
        [_trip_view(trip, known) for trip in shown],
        Cursor(last["tripped_at"], last["id"]).text() if last else None,
    )


async def find_trip(trip_id: str, organization_id: str, mode: Mode | None, in_flight: Sequence[str] = ()) -> TripView:
    """Raises NotFound; of another mode than a key's, too."""
    found = await rows(f"{_TRIP} AND t.id = {{}}", organization_id, _modes(mode), trip_id)
    if not found:
        raise NotFound
    return msgspec.structs.replace(_trip_view(found[0], await _resolvers(found)), in_flight=in_flight)


async def _resolvers(trips: Sequence[Mapping[str, Any]]) -> dict[str, Person]:
    return await people({trip["resolved_by"] for trip in trips if trip["resolved_by"]})


def _modes(mode: Mode | None) -> list[str]:
    return [mode] if mode else ["test", "live"]


def _breaker_view(found: Mapping[str, Any]) -> BreakerView:
    by = found["created_by"]
    return msgspec.convert(
        {
            **found,
            "surface": f"{found['rail']}.{found['rail_action']}",
            "created_by": Person(by, found["created_by_name"] or by),
        },
        BreakerView,
    )


def _trip_view(found: Mapping[str, Any], known: Mapping[str, Person]) -> TripView:
    terms = msgspec.convert(found, BreakerTerms)
    return msgspec.convert(
        {
            **found,
            "breaker": Person(found["breaker_id"], found["name"]),
            "observed_text": measured(terms, found["observed"]),
            "usual_text": measured(terms, found["usual"]),
            "scope": msgspec.json.decode(found["scope"]),
            "resolved_by": known.get(found["resolved_by"]),
        },
        TripView,
    )
