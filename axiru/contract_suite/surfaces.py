"""The surfaces of the target: set for the time of the suite, and put back."""

from typing import Any, Final

import httpx

from axiru.contract_suite.cases import ACTIONS, SurfaceMode, surface_of
from axiru.contract_suite.refusal import SuiteCannotRun

_REASON: Final = "contract suite"


class Surfaces:
    """Reads how surfaces are now; `set_all` and `put_back` go by that."""

    def __init__(self, api_url: str, admin_key: str, connection_id: str) -> None:
        headers = {"Authorization": f"Bearer {admin_key}"}
        self._http = httpx.AsyncClient(base_url=api_url, headers=headers, timeout=15, trust_env=False)
        self._connection_id = connection_id
        self._before: list[dict[str, Any]] = []

    async def close(self) -> None:
        await self._http.aclose()

    async def remember(self) -> None:
        """Note how every surface stands that decides about our requests. Raises httpx.HTTPError."""
        found = (await self._http.get("/api/v1/surfaces", params={"mode": "test"})).raise_for_status().json()["items"]
        ours = {surface_of(action) for action in ACTIONS}
        self._before = [
            surface
            for surface in found
            if surface["surface"] in ours and surface["stripe_connection_id"] in (None, self._connection_id)
        ]

    async def set_all(self, surface_mode: SurfaceMode) -> None:
        """Every surface of the suite to one mode. Raises httpx.HTTPError."""
        for surface in self._before:
            await self._put(surface, surface_mode)

    async def put_back(self) -> None:
        """Every surface to what it was. Raises SuiteCannotRun naming those that could not be."""
        failed = []
        for surface in self._before:
            try:
                await self._put(surface, surface["surface_mode"])
            except httpx.HTTPError:
                failed.append(f"{surface['surface']} ({surface['surface_mode']})")
        if failed:
            raise SuiteCannotRun(f"These surfaces are not as they were: {', '.join(failed)}.")

    async def _put(self, surface: dict[str, Any], surface_mode: str) -> None:
        body = {"surface": surface["surface"], "surface_mode": surface_mode, "reason": _REASON}
        body |= {"override_reason": _REASON, "mode": "test"}
        if surface["stripe_connection_id"] is not None:
            body["stripe_connection_id"] = surface["stripe_connection_id"]
        (await self._http.put("/api/v1/surfaces", json=body)).raise_for_status()
