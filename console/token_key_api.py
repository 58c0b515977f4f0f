"""The API's endpoints for the keys that sign tokens. Every method raises what ApiClient raises."""

from typing import Final

from console.api_client import ApiClient, segment
from console.token_key_views import TokenKeyList

_PATH: Final = "/api/v1/token-keys"


class TokenKeyApi:
    """The keys in the public set and the revoked ones, as the logged-in member may see and revoke them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def keys(self) -> TokenKeyList:
        return await self._api.call("GET", _PATH, TokenKeyList)

    async def revoke(self, kid: str, *, reason: str) -> None:
        await self._api.send("POST", f"{_PATH}/{segment(kid)}/revoke", json={"reason": reason})
