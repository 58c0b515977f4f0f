"""The API's endpoints for a member's own affairs. Every method raises what ApiClient raises."""

from datetime import datetime

from console.account_views import DelegationList, LinkCode, LogInList, SlackLink
from console.api_client import ApiClient, segment
from console.api_errors import ApiRefused

SLACK_LINK = "/api/v1/slack/link"


class AccountApi:
    """What the logged-in member may change about themself."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def delegations(self) -> DelegationList:
        return await self._api.call("GET", "/api/v1/delegations", DelegationList)

    async def delegate(self, to_member_id: str, *, starts_at: datetime, ends_at: datetime, reason: str) -> None:
        """Let somebody vote in the member's place for a while."""
        body = {
            "to_member_id": to_member_id,
            "starts_at": starts_at.isoformat(),
            "ends_at": ends_at.isoformat(),
            "reason": reason,
        }
        await self._api.send("POST", "/api/v1/delegations", json=body)

    async def end_delegation(self, delegation_id: str) -> None:
        await self._api.send("DELETE", f"/api/v1/delegations/{segment(delegation_id)}")

    async def notify_by_email(self, wanted: bool) -> None:
        await self._api.send("PATCH", "/api/v1/members/me", json={"notify_by_email": wanted})

    async def change_password(self, *, current: str, password: str) -> None:
        await self._api.send("PUT", "/api/v1/members/me/password", json={"current": current, "password": password})

    async def log_ins(self) -> LogInList:
        return await self._api.call("GET", "/api/v1/sessions", LogInList)

    async def end_log_in(self, session_id: str) -> None:
        await self._api.send("DELETE", f"/api/v1/sessions/{segment(session_id)}")

    async def slack_link(self) -> SlackLink | None:
        """The member's Slack user; None where they have linked none."""
        try:
            return await self._api.call("GET", SLACK_LINK, SlackLink)
        except ApiRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    async def slack_code(self) -> LinkCode:
        return await self._api.call("POST", "/api/v1/slack/link-codes", LinkCode)

    async def unlink_slack(self) -> None:
        await self._api.send("DELETE", SLACK_LINK)
