"""What the API says of circuit breakers and of broken glass, as the console reads it."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from console.views import Person

Metric = Literal["count", "amount", "failures"]
BreakGlassMode = Literal["off", "two_people", "one_with_alarm"]


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """Compares `window_seconds` with what was usual over `baseline_seconds`; amounts are minor units of `currency`."""

    id: str
    name: str
    mode: str
    metric: Metric
    surface: str
    window_seconds: int
    baseline_seconds: int
    factor_percent: int
    minimum: int
    response: Literal["propose", "freeze"]
    source: str | None = None
    currency: str | None = None
    freeze_seconds: int | None = None
    created_by: Person | None = None
    created_at: datetime | None = None
    retired_at: datetime | None = None


class BreakerList(msgspec.Struct, frozen=True):
    items: tuple[Breaker, ...]


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """What a breaker saw: `observed` in its window, `usual` in one like it, `threshold` where it trips.

    `in_flight` are calls to Stripe that an accepted freeze came too late for.
    """

    id: str
    breaker: Person
    mode: str
    state: Literal["proposed", "accepted", "dismissed", "engaged"]
    observed: int
    observed_text: str
    usual: int
    usual_text: str
    threshold: int
    tripped_at: datetime
    scope: dict[str, Any] = {}
    control_id: str | None = None
    resolved_by: Person | None = None
    resolved_at: datetime | None = None
    resolved_reason: str | None = None
    in_flight: tuple[str, ...] = ()


class TripList(msgspec.Struct, frozen=True):
    items: tuple[Trip, ...]


class OrganizationSettings(msgspec.Struct, frozen=True):
    break_glass: BreakGlassMode
    bypass_alerts: tuple[str, ...] = ()


class BrokenGlass(msgspec.Struct, frozen=True, kw_only=True):
    """One approval asked for past quorum and roles; while `open`, a second person may confirm it."""

    id: str
    approval_id: str
    decision_id: str
    state: str
    reason: str
    opened_by: Person
    opened_at: datetime
    expires_at: datetime
    mode: str = "test"
    alone: bool = False
    confirmed_by: Person | None = None


class BrokenGlassList(msgspec.Struct, frozen=True):
    items: tuple[BrokenGlass, ...]
