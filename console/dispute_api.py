"""The API's endpoints for disputes. Every method raises what ApiClient raises."""

from typing import Final

from axiru.domain.movement import Mode
from console.api_client import ApiClient, segment
from console.dispute_views import Dispute, DisputePage

DISPUTES: Final = "/api/v1/disputes"


class DisputeApi:
    """Disputes and their evidence, as the logged-in member may see and add to them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def disputes(self, mode: Mode, *, state: str = "", cursor: str = "") -> DisputePage:
        wanted = {"mode": mode, "state": state, "cursor": cursor}
        params = {name: value for name, value in wanted.items() if value}
        return await self._api.call("GET", DISPUTES, DisputePage, params=params)

    async def dispute(self, dispute_id: str) -> Dispute:
        return await self._api.call("GET", f"{DISPUTES}/{segment(dispute_id)}", Dispute)

    async def give_fact(self, dispute_id: str, field: str, text: str | None) -> None:
        """Build the next version with this fact; None takes an earlier one back."""
        path = f"{DISPUTES}/{segment(dispute_id)}/packets"
        await self._api.send("POST", path, json={"facts": {field: text}})
