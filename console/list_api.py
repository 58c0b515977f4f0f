"""The API's endpoints for lists. Every method raises what ApiClient raises."""

from collections.abc import Sequence

from console.api_client import ApiClient, segment
from console.list_views import ListPage, ListVersion, ListVersionDetail, ValueList

LISTS = "/api/v1/lists"
LONG_LIST_TIMEOUT_SECONDS = 30.0


class ListApi:
    """Lists, as the logged-in member may see and change them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def lists(self) -> ListPage:
        return await self._api.call("GET", LISTS, ListPage)

    async def list(self, slug: str) -> ValueList:
        return await self._api.call("GET", f"{LISTS}/{segment(slug)}", ValueList)

    async def version(self, slug: str, version: int) -> ListVersionDetail:
        path = f"{LISTS}/{segment(slug)}/versions/{version}"
        return await self._api.call("GET", path, ListVersionDetail, timeout=LONG_LIST_TIMEOUT_SECONDS)

    async def begin(self, slug: str, *, kind: str, description: str, values: Sequence[str], note: str) -> ValueList:
        """Begin a list and propose its first version; refused with `conflict` where there is one of this name."""
        body = {"slug": slug, "kind": kind, "description": description, "values": values, "note": note}
        return await self._api.call("POST", LISTS, ValueList, json=body, timeout=LONG_LIST_TIMEOUT_SECONDS)

    async def propose(self, slug: str, *, values: Sequence[str], note: str) -> ListVersionDetail:
        path = f"{LISTS}/{segment(slug)}/versions"
        body = {"values": values, "note": note}
        return await self._api.call("POST", path, ListVersionDetail, json=body, timeout=LONG_LIST_TIMEOUT_SECONDS)

    async def activate(self, slug: str, version: int) -> ListVersion:
        """Put a version in force. Its authors are refused (`not_eligible`)."""
        path = f"{LISTS}/{segment(slug)}/versions/{version}/activate"
        return await self._api.call("POST", path, ListVersion, timeout=LONG_LIST_TIMEOUT_SECONDS)
