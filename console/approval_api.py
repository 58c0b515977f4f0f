"""The API's endpoints for approvals and what is done around them. Every method raises what ApiClient raises."""

from collections.abc import Sequence
from typing import Final

from axiru.domain.approval import Verdict
from axiru.domain.movement import Mode
from console.api_client import ApiClient, segment
from console.approval_views import (
    ApprovalPage,
    ApprovalView,
    BulkAnswer,
    CommentKind,
    CommentList,
    Selected,
    VoteAnswer,
)

APPROVALS: Final = "/api/v1/approvals"
BULK_TIMEOUT_SECONDS: Final = 60.0
"""A hundred votes, each in a transaction of its own."""


class ApprovalApi:
    """Approvals, as the logged-in member may see and decide them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def approvals(
        self,
        *,
        mode: Mode,
        state: str = "",
        mine: bool = False,
        assigned_to_me: bool = False,
        limit: int = 50,
        cursor: str = "",
    ) -> ApprovalPage:
        """One page, newest first. `mine` are those on which the member may vote now."""
        wanted = {"mode": mode, "state": state, "limit": str(limit), "cursor": cursor}
        wanted["mine"] = "true" if mine else ""
        wanted["assigned_to"] = "me" if assigned_to_me else ""
        params = {name: value for name, value in wanted.items() if value}
        return await self._api.call("GET", APPROVALS, ApprovalPage, params=params)

    async def approval(self, approval_id: str) -> ApprovalView:
        return await self._api.call("GET", _path(approval_id), ApprovalView)

    async def vote(self, approval_id: str, verdict: Verdict, *, reason: str, digest: str) -> VoteAnswer:
        """Cast a vote for exactly what `digest` names; the API refuses if that is no longer what would happen."""
        body = {"reason": reason, "digest": digest}
        return await self._api.call("POST", _path(approval_id, verdict), VoteAnswer, json=body)

    async def vote_on_all(self, selected: Sequence[Selected], verdict: Verdict, *, reason: str) -> BulkAnswer:
        """Cast one vote on each; every one is answered for itself."""
        items = [{"approval_id": one.approval_id, "digest": one.digest} for one in selected]
        body = {"verdict": verdict, "reason": reason, "items": items}
        return await self._api.call("POST", f"{APPROVALS}/bulk", BulkAnswer, json=body, timeout=BULK_TIMEOUT_SECONDS)

    async def comments(self, approval_id: str) -> CommentList:
        """What was said beside it, oldest first."""
        return await self._api.call("GET", _path(approval_id, "comments"), CommentList)

    async def say(self, approval_id: str, kind: CommentKind, text: str) -> None:
        await self._api.send("POST", _path(approval_id, "comments"), json={"kind": kind, "text": text})

    async def assign(self, approval_id: str, member_id: str | None) -> None:
        """Ask one person to look after it; None takes that back. Says nothing about who may vote."""
        await self._api.send("POST", _path(approval_id, "assign"), json={"member_id": member_id})

    async def break_glass(self, approval_id: str, *, reason: str, digest: str, alone: bool) -> None:
        """Ask to approve past quorum and roles; alone, it is approved at once and everybody is alarmed."""
        body = {"reason": reason, "digest": digest, "alone": alone}
        await self._api.send("POST", _path(approval_id, "break-glass"), json=body)


def _path(approval_id: str, *more: str) -> str:
    return "/".join((APPROVALS, segment(approval_id), *more))
