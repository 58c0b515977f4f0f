"""The API's endpoints for members and keys. Every method raises what ApiClient raises."""

from typing import Any, Final

from console.api_client import ApiClient, segment
from console.people_views import KeyList, MemberList, NewKey, PasswordLink

MEMBERS: Final = "/api/v1/members"
KEYS: Final = "/api/v1/keys"


class PeopleApi:
    """Who may act here, and for whom, as the logged-in member may see and change it."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def members(self) -> MemberList:
        return await self._api.call("GET", MEMBERS, MemberList)

    async def invite(self, *, email: str, name: str, roles: tuple[str, ...]) -> PasswordLink:
        body = {"email": email, "name": name, "roles": roles}
        return await self._api.call("POST", MEMBERS, PasswordLink, json=body)

    async def change_member(self, member_id: str, **changes: Any) -> None:
        await self._api.send("PATCH", f"{MEMBERS}/{segment(member_id)}", json=changes)

    async def password_link(self, member_id: str) -> PasswordLink:
        return await self._api.call("POST", f"{MEMBERS}/{segment(member_id)}/password-link", PasswordLink)

    async def keys(self) -> KeyList:
        return await self._api.call("GET", KEYS, KeyList)

    async def make_key(self, body: dict[str, Any]) -> NewKey:
        """The answer holds the secret, once."""
        return await self._api.call("POST", KEYS, NewKey, json=body)

    async def revoke_key(self, key_id: str) -> None:
        await self._api.send("DELETE", f"{KEYS}/{segment(key_id)}")
