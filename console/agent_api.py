"""The API's endpoints for agents. Every method raises what ApiClient raises."""

from typing import Any, Final

from console.agent_views import AgentList
from console.api_client import ApiClient, segment

AGENTS: Final = "/api/v1/agents"


class AgentApi:
    """Agents, as the logged-in member may see and change them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def agents(self) -> AgentList:
        return await self._api.call("GET", AGENTS, AgentList)

    async def register(self, body: dict[str, Any]) -> None:
        await self._api.send("POST", AGENTS, json=body)

    async def change(self, ident: str, changes: dict[str, Any]) -> None:
        await self._api.send("PATCH", f"{AGENTS}/{segment(ident)}", json=changes)

    async def retire(self, ident: str) -> None:
        await self._api.send("DELETE", f"{AGENTS}/{segment(ident)}")
