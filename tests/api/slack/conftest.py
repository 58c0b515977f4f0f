"""The running product and the stand-in for Slack beside it: people of the workspace press, type and look."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from axiru.dev.dev_json import DevJson

PATIENCE_SECONDS = 40
SLACK_SECONDS = 3

USERS = {
    "controller": "U_CONTROLLER",
    "finance_manager": "U_FINANCE",
    "admin": "U_ADMIN",
    "viewer": "U_VIEWER",
    "support": "U_SUPPORT",
}
"""The Slack user that each role's member links themselves to."""


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := await look()) is None:
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.1)
    return found


class Slack:
    """The stand-in's controls."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.AsyncClient(base_url=url, timeout=40)

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get("/_sandbox/state")).raise_for_status().json()
        return found

    async def press(self, user: str, message: dict[str, Any], action_id: str, **more: Any) -> dict[str, Any]:
        where = {"channel": message["channel"], "ts": message["ts"]}
        return await self._do("press", {"user": user, "action_id": action_id, **where, **more})

    async def press_at_home(self, user: str, action_id: str, value: str) -> dict[str, Any]:
        return await self._do("press", {"user": user, "action_id": action_id, "value": value})

    async def submit(self, view_id: str, reason: str) -> dict[str, Any]:
        return await self._do("submit", {"view_id": view_id, "values": {"reason": reason} if reason else {}})

    async def command(self, user: str, text: str, **more: str) -> dict[str, Any]:
        return await self._do("command", {"user": user, "text": text, **more})

    async def open_home(self, user: str) -> dict[str, Any]:
        return await self._do("home", {"user": user})

    async def fault(self, kind: str, *, method: str = "*", times: int = 1, **more: Any) -> None:
        fault = {"kind": kind, "method": method, "times": times, **more}
        (await self.http.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def no_faults(self) -> None:
        (await self.http.delete("/_sandbox/faults")).raise_for_status()

    eventually = staticmethod(eventually)

    async def message(
        self, approval_id: str, holds: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The newest message about an approval that `holds`, once there is one."""

        async def look() -> dict[str, Any] | None:
            messages = (await self.state())["messages"]
            found = [one for one in messages if one["thread_ts"] is None and approval_id in str(one)]
            return next((one for one in reversed(found) if holds(one)), None)

        return await eventually(look)

    async def replies(self, message: dict[str, Any]) -> list[str]:
        return [one["text"] for one in (await self.state())["messages"] if one["thread_ts"] == message["ts"]]

    async def told(self, user: str, text: str) -> str:
        """What only this person was told that has `text` in it, once they were."""

        async def look() -> str | None:
            told = [one["text"] for one in (await self.state())["ephemerals"] if one["user"] == user]
            return next((one for one in reversed(told) if text in one), None)

        return await eventually(look)

    async def modal(self, user: str) -> dict[str, Any]:
        """The modal that was opened last for this person."""
        views = [view for view in (await self.state())["views"] if view["user"] == user]
        return views[-1]

    @staticmethod
    def buttons(message: dict[str, Any]) -> list[str]:
        """The actions that a message offers."""
        rows = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
        return [element["action_id"] for row in rows for element in row]

    @staticmethod
    def value(message: dict[str, Any]) -> str:
        """What the buttons under a message say: the approval and the digest."""
        return str(next(block for block in message["blocks"] if block["type"] == "actions")["elements"][0]["value"])

    async def _do(self, gesture: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post(f"/_sandbox/{gesture}", json=body)
        reply: dict[str, Any] = answer.raise_for_status().json()
        assert reply["seconds"] < SLACK_SECONDS, reply
        return reply


@pytest.fixture
async def slack(stack: DevJson) -> AsyncIterator[Slack]:
    """Without faults; what other tests posted is still there."""
    slack = Slack(stack.slack_url)
    await slack.no_faults()
    yield slack
    await slack.no_faults()
    await slack.http.aclose()


Link = Callable[[str], Awaitable[str]]


@pytest.fixture
async def link(slack: Slack, log_in: Callable[[str], Awaitable[httpx.AsyncClient]]) -> Link:
    """Links the first member of a role to their Slack user; gives the Slack user's id."""

    async def link_role(role: str) -> str:
        member = await log_in(role)
        linked = (await member.get("/api/v1/slack/link")).raise_for_status().json()
        if linked["slack_user_id"] != USERS[role]:
            code = (await member.post("/api/v1/slack/link-codes")).raise_for_status().json()["code"]
            reply = await slack.command(USERS[role], f"link {code}")
            assert "You are linked" in reply["body"]["text"], reply
        return USERS[role]

    return link_role


Asked = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def asked(caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]], slack: Slack) -> Asked:
    """Asks for a refund that a controller has to approve; gives the decision."""

    async def ask(amount_cents: int = 40_000, **body: Any) -> dict[str, Any]:
        answer = await caller.post("/api/v1/decisions", json=refund(amount_cents, **body))
        decision: dict[str, Any] = answer.raise_for_status().json()
        assert decision["outcome"] == "pending_approval", decision
        return decision

    return ask
