"""The API's endpoints for issuers of mandates. Every method raises what ApiClient raises."""

from collections.abc import Mapping
from typing import Final

from console.api_client import ApiClient, segment
from console.mandate_issuer_views import MandateIssuerList

_PATH: Final = "/api/v1/ap2-issuers"


class MandateIssuerApi:
    """Whose mandates are taken, as the logged-in member may see and say it."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def issuers(self) -> MandateIssuerList:
        return await self._api.call("GET", _PATH, MandateIssuerList)

    async def trust(self, *, issuer: str, name: str, jwk: Mapping[str, str]) -> None:
        await self._api.send("POST", _PATH, json={"issuer": issuer, "name": name, "jwk": dict(jwk)})

    async def remove(self, ident: str, *, reason: str) -> None:
        await self._api.send("DELETE", f"{_PATH}/{segment(ident)}", json={"reason": reason})
