"""The API's endpoints for replays. Every method raises what ApiClient raises."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

import httpx

from axiru.domain.movement import Mode
from console.api_client import ApiClient, segment
from console.components.timestamp import utc_text
from console.replay_views import FoundRows, Replay, ReplayPage, ReplayStarted

REPLAYS = "/api/v1/replays"
UPLOAD_TIMEOUT_SECONDS = 180.0
"""The API waits two minutes for a file to arrive."""


class JudgingPolicy(NamedTuple):
    """A published version, or a template by its name where `version` is 0."""

    name: str
    version: int

    @property
    def text(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def named(self) -> dict[str, str | int]:
        """As a body asks for it."""
        return {"slug": self.name, "version": self.version} if self.version else {"pack": self.name}

    @classmethod
    def parse(cls, text: str) -> "JudgingPolicy | None":
        name, _, version = text.rpartition("/")
        return (
            cls(name, int(version)) if name and version.isascii() and version.isdigit() and len(version) < 8 else None
        )


class ReplayApi:
    """Replays, as the logged-in member may see and start them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def replays(self, mode: Mode) -> ReplayPage:
        return await self._api.call("GET", REPLAYS, ReplayPage, params={"mode": mode})

    async def replay(self, replay_id: str) -> Replay:
        return await self._api.call("GET", f"{REPLAYS}/{segment(replay_id)}", Replay)

    async def rows(self, replay_id: str, *, outcome: str, limit: int) -> FoundRows:
        wanted = {"outcome": outcome, "limit": str(limit)} if outcome else {"limit": str(limit)}
        return await self._api.call("GET", f"{REPLAYS}/{segment(replay_id)}/findings", FoundRows, params=wanted)

    async def delete(self, replay_id: str) -> None:
        await self._api.send("DELETE", f"{REPLAYS}/{segment(replay_id)}")

    async def of_decisions(self, judge: JudgingPolicy, *, since: datetime, title: str, mode: Mode) -> ReplayStarted:
        """Stored decisions since then, through another policy."""
        body = {"source": "decisions", "policy": judge.named, "since": utc_text(since), "title": title}
        return await self._api.call("POST", REPLAYS, ReplayStarted, json=body, params={"mode": mode})

    async def of_file(
        self, judge: JudgingPolicy, content: AsyncIterator[bytes], *, title: str, mode: Mode
    ) -> ReplayStarted:
        """A file of history, passed on as it comes in."""
        policy = {"policy": judge.name, "version": judge.version} if judge.version else {"pack": judge.name}
        return await self._api.call(
            "POST",
            REPLAYS,
            ReplayStarted,
            params={**policy, "title": title, "mode": mode},
            content=content,
            extra_headers={"Content-Type": "text/csv"},
            timeout=UPLOAD_TIMEOUT_SECONDS,
        )

    async def of_history(self, judge: JudgingPolicy, connection_id: str, *, mode: Mode, title: str) -> ReplayStarted:
        """The connection's last 90 days, read from Stripe first."""
        body = {"source": "stripe", "stripe_connection_id": connection_id, "policy": judge.named, "title": title}
        return await self._api.call("POST", REPLAYS, ReplayStarted, json=body, params={"mode": mode})

    async def findings_file(self, replay_id: str) -> httpx.Response:
        """All rows as CSV, to be read piece by piece and closed."""
        return await self._api.open(f"{REPLAYS}/{segment(replay_id)}/findings", params={"format": "csv"})

    async def report_file(self, replay_id: str) -> httpx.Response:
        """The page to pass round, to be read piece by piece and closed."""
        return await self._api.open(f"{REPLAYS}/{segment(replay_id)}/report.html")
