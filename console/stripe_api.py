"""The API's endpoints for connections, surfaces and Stripe's events. Every method raises what ApiClient raises."""

from typing import Any, Final

from axiru.domain.movement import Mode
from console.agreement_views import SurfaceAgreement
from console.api_client import ApiClient, segment
from console.connect_views import AskedPermissions
from console.stripe_views import (
    Connection,
    ConnectionList,
    Disconnected,
    Install,
    StripeEventPage,
    SurfaceList,
)

CONNECTIONS: Final = "/api/v1/connections"
EVENTS: Final = "/api/v1/stripe-events"
SURFACES: Final = "/api/v1/surfaces"


class StripeApi:
    """Stripe accounts and what may be done with them, as the logged-in member may see and change it."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def connections(self, mode: Mode) -> ConnectionList:
        return await self._api.call("GET", CONNECTIONS, ConnectionList, params={"mode": mode})

    async def connection(self, connection_id: str) -> Connection:
        return await self._api.call("GET", f"{CONNECTIONS}/{segment(connection_id)}", Connection)

    async def permissions(self) -> AskedPermissions:
        """What is asked for at Stripe, which anybody may read."""
        return await self._api.call(
            "GET", "/permissions", AskedPermissions, extra_headers={"Accept": "application/json"}
        )

    async def install(self, mode: Mode) -> Install:
        return await self._api.call("POST", f"{CONNECTIONS}/install", Install, json={"mode": mode})

    async def rename(self, connection_id: str, name: str) -> None:
        await self._change(connection_id, {"name": name})

    async def make_default(self, connection_id: str) -> None:
        await self._change(connection_id, {"is_default": True})

    async def _change(self, connection_id: str, body: dict[str, Any]) -> None:
        await self._api.send("PATCH", f"{CONNECTIONS}/{segment(connection_id)}", json=body)

    async def grant(self, connection_id: str, action: str, *, reason: str) -> None:
        path = f"{CONNECTIONS}/{segment(connection_id)}/grants"
        await self._api.send("POST", path, json={"action": action, "reason": reason})

    async def revoke_grant(self, connection_id: str, action: str) -> None:
        await self._api.send("DELETE", f"{CONNECTIONS}/{segment(connection_id)}/grants/{segment(action)}")

    async def disconnect(self, connection_id: str, *, reason: str) -> Disconnected:
        path = f"{CONNECTIONS}/{segment(connection_id)}/disconnect"
        return await self._api.call("POST", path, Disconnected, json={"reason": reason})

    async def reconcile(self, connection_id: str) -> None:
        await self._api.send("POST", f"{CONNECTIONS}/{segment(connection_id)}/reconcile")

    async def events(self, connection_id: str, *, mode: Mode, state: str = "", cursor: str = "") -> StripeEventPage:
        wanted = {"connection": connection_id, "mode": mode, "state": state, "cursor": cursor}
        params = {name: value for name, value in wanted.items() if value}
        return await self._api.call("GET", EVENTS, StripeEventPage, params=params)

    async def reprocess(self, event_id: str) -> None:
        await self._api.send("POST", f"{EVENTS}/{segment(event_id)}/reprocess")

    async def surfaces(self, mode: Mode) -> SurfaceList:
        return await self._api.call("GET", SURFACES, SurfaceList, params={"mode": mode})

    async def agreement(self, surface: str, *, mode: Mode, days: int) -> SurfaceAgreement:
        """How far the versions that look on agree at one surface, for all connections."""
        params = {"mode": mode, "days": str(days)}
        return await self._api.call("GET", f"{SURFACES}/{segment(surface)}/agreement", SurfaceAgreement, params=params)

    async def set_surface(
        self,
        surface: str,
        surface_mode: str,
        *,
        mode: Mode,
        reason: str,
        connection_id: str | None,
        override_reason: str = "",
    ) -> None:
        body = {"surface": surface, "mode": mode, "surface_mode": surface_mode, "reason": reason}
        if connection_id is not None:
            body["stripe_connection_id"] = connection_id
        if override_reason:
            body["override_reason"] = override_reason
        await self._api.send("PUT", SURFACES, json=body)
