"""The API's endpoints for webhooks, deliveries and Slack. Every method raises what ApiClient raises."""

from typing import Any, Final

from console.api_client import ApiClient, segment
from console.outgoing_views import DeliveryPage, EndpointList, EndpointSecret, Slack

WEBHOOKS: Final = "/api/v1/webhooks"
DELIVERIES: Final = "/api/v1/deliveries"
SLACK: Final = "/api/v1/slack"


class OutgoingApi:
    """The doors that lead out, as the logged-in member may see and change them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def endpoints(self) -> EndpointList:
        return await self._api.call("GET", WEBHOOKS, EndpointList)

    async def make_endpoint(self, body: dict[str, Any]) -> EndpointSecret:
        return await self._api.call("POST", WEBHOOKS, EndpointSecret, json=body)

    async def change_endpoint(self, endpoint_id: str, body: dict[str, Any]) -> None:
        await self._api.send("PATCH", f"{WEBHOOKS}/{segment(endpoint_id)}", json=body)

    async def remove_endpoint(self, endpoint_id: str) -> None:
        await self._api.send("DELETE", f"{WEBHOOKS}/{segment(endpoint_id)}")

    async def rotate_secret(
        self, endpoint_id: str, *, keep_previous_hours: int, votes_as_me: bool | None = None
    ) -> EndpointSecret:
        """With `votes_as_me`, whoever holds the new secret votes as the logged-in member."""
        path = f"{WEBHOOKS}/{segment(endpoint_id)}/rotate"
        body: dict[str, Any] = {"keep_previous_hours": keep_previous_hours}
        if votes_as_me is not None:
            body["votes_as_me"] = votes_as_me
        return await self._api.call("POST", path, EndpointSecret, json=body)

    async def ping(self, endpoint_id: str) -> None:
        await self._api.send("POST", f"{WEBHOOKS}/{segment(endpoint_id)}/ping")

    async def deliveries(self, *, channel: str = "", state: str = "", cursor: str = "") -> DeliveryPage:
        wanted = {"channel": channel, "state": state, "cursor": cursor, "limit": "20"}
        params = {name: value for name, value in wanted.items() if value}
        return await self._api.call("GET", DELIVERIES, DeliveryPage, params=params)

    async def resend(self, delivery_id: str) -> None:
        await self._api.send("POST", f"{DELIVERIES}/{segment(delivery_id)}/resend")

    async def slack(self) -> Slack:
        return await self._api.call("GET", SLACK, Slack)

    async def install_slack(self, *, team_id: str, channel_id: str, bot_token: str) -> None:
        body = {"team_id": team_id, "channel_id": channel_id, "bot_token": bot_token}
        await self._api.send("PUT", SLACK, json=body)

    async def remove_slack(self) -> None:
        await self._api.send("DELETE", SLACK)
