"""The API's endpoints for controls, circuit breakers and break-glass. Every method raises what ApiClient raises."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from axiru.domain.movement import Mode
from console.api_client import CONTROL_TIMEOUT_SECONDS, ApiClient, segment
from console.components.timestamp import utc_text
from console.control_views import (
    Breaker,
    BreakerList,
    BreakGlassMode,
    BrokenGlassList,
    OrganizationSettings,
    Trip,
    TripList,
)
from console.safety_views import ProgrammeList
from console.views import ControlList, ControlView

CONTROLS: Final = "/api/v1/controls"
BREAKERS: Final = "/api/v1/breakers"
TRIPS: Final = "/api/v1/breaker-trips"
BREAK_GLASS: Final = "/api/v1/break-glass"
ORGANIZATION: Final = "/api/v1/organization"
FAIL_OPEN: Final = "/api/v1/fail-open"


class ControlApi:
    """What stops money outside of policy, as the logged-in member may see and use it."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def controls(self) -> ControlList:
        return await self._api.controls()

    async def engage(
        self,
        kind: str,
        scope: dict[str, str],
        *,
        mode: str,
        reason: str,
        expires_at: datetime | None = None,
        pause_payouts: bool | None = None,
    ) -> ControlView:
        """In force before this returns; `in_flight` of the answer are the calls it came too late for.

        `pause_payouts` also stops Stripe's automatic payouts of the frozen account, None as the API has it.
        """
        body: dict[str, Any] = {"kind": kind, "scope": scope, "mode": mode, "reason": reason}
        if pause_payouts is not None:
            body["pause_payouts"] = pause_payouts
        if expires_at is not None:
            body["expires_at"] = utc_text(expires_at)
        return await self._api.call("POST", CONTROLS, ControlView, json=body, timeout=CONTROL_TIMEOUT_SECONDS)

    async def lift(self, control_id: str, *, reason: str) -> None:
        path = f"{CONTROLS}/{segment(control_id)}"
        await self._api.send("DELETE", path, json={"reason": reason}, timeout=CONTROL_TIMEOUT_SECONDS)

    async def breakers(self) -> BreakerList:
        return await self._api.call("GET", BREAKERS, BreakerList)

    async def make_breaker(self, body: dict[str, Any]) -> Breaker:
        return await self._api.call("POST", BREAKERS, Breaker, json=body)

    async def change_breaker(self, breaker_id: str, body: dict[str, Any]) -> Breaker:
        return await self._api.call("PATCH", f"{BREAKERS}/{segment(breaker_id)}", Breaker, json=body)

    async def retire_breaker(self, breaker_id: str) -> None:
        await self._api.send("DELETE", f"{BREAKERS}/{segment(breaker_id)}")

    async def trips(self) -> TripList:
        return await self._api.call("GET", TRIPS, TripList)

    async def resolve_trip(self, trip_id: str, verdict: Literal["accept", "dismiss"], *, reason: str) -> Trip:
        """Set the freeze that was proposed, or leave it."""
        path = f"{TRIPS}/{segment(trip_id)}/{verdict}"
        return await self._api.call("POST", path, Trip, json={"reason": reason}, timeout=CONTROL_TIMEOUT_SECONDS)

    async def programmes(self, mode: Mode) -> ProgrammeList:
        """The payout programmes that may go on while Axiru cannot be reached."""
        return await self._api.call("GET", FAIL_OPEN, ProgrammeList, params={"mode": mode})

    async def allow_programme(self, body: dict[str, Any], *, expires_at: datetime) -> None:
        await self._api.send("POST", FAIL_OPEN, json={**body, "expires_at": utc_text(expires_at)})

    async def remove_programme(self, programme_id: str) -> None:
        await self._api.send("DELETE", f"{FAIL_OPEN}/{segment(programme_id)}")

    async def organization(self) -> OrganizationSettings:
        return await self._api.call("GET", ORGANIZATION, OrganizationSettings)

    async def set_break_glass(self, mode: BreakGlassMode) -> None:
        await self._api.send("PUT", ORGANIZATION, json={"break_glass": mode})

    async def set_bypass_alerts(self, channels: Sequence[str]) -> None:
        await self._api.send("PUT", ORGANIZATION, json={"bypass_alerts": list(channels)})

    async def set_budget_alert(self, percent: int) -> None:
        await self._api.send("PUT", ORGANIZATION, json={"budget_alert_percent": percent})

    async def open_glasses(self) -> BrokenGlassList:
        return await self._api.call("GET", BREAK_GLASS, BrokenGlassList, params={"state": "open"})

    async def end_glass(self, glass_id: str, verdict: Literal["confirm", "withdraw"], *, reason: str) -> None:
        """Confirm as the second person, or take the request back."""
        path = f"{BREAK_GLASS}/{segment(glass_id)}/{verdict}"
        await self._api.send("POST", path, json={"reason": reason} if reason else {})
