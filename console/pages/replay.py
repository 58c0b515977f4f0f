"""One replay: how far it is, then what it found, the rows, and the files to pass round."""

import asyncio
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import context, ui

from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.tabs import Tabs
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.existence import exists
from console.following import Following
from console.pages import replay_progress, replay_result
from console.pages.policies import may_write
from console.pages.replays import POLL_SECONDS, replay_badge
from console.replay_views import Replay
from console.sessions import Session
from console.theme import Frame, frame

PAGE_SIZE: Final = 50
MOST_ROWS: Final = 200
"""The API's longest page. All of them are in the CSV file."""
_TABS: Final = {"": "All", "blocked": "Blocked", "paused": "Paused", "drift": "Drift"}


def register(console: Console) -> None:
    @ui.page("/replays/{replay_id}", title="Replay · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def replay(request: Request, replay_id: str) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        found = await exists(session.replays.replay(replay_id))
        with frame(session, title="Replay", here="replays", mode="test") as shell:
            if found:
                page = ReplayPage(session, shell, replay_id)
                page.build()
            else:
                ui.context.client.status_code = 404
                empty_state("No such replay", "It was deleted, belongs to another organization, or is mistyped.")
        await shell.start()
        if found:
            await page.start()
        return None


class ReplayPage:
    """One open replay."""

    def __init__(self, session: Session, shell: Frame, replay_id: str) -> None:
        self._session = session
        self._shell = shell
        self._replay_id = replay_id
        self._client = context.client
        self._outcome = ""
        self._limit = PAGE_SIZE
        self._shown: Any = None

    def build(self) -> None:
        with block("a", "back", href="/replays"):
            icon("arrow-left")
            Text("span", "Replays")
        self._head = block("div", "page-head")
        with block("div", "panels"):
            self._body = block("section", "panel", aria_label="Result")
            self._build_rows()
        self._deleting = ConfirmDialog("Delete this replay", "Delete", self._delete, "danger")
        with self._deleting.content:
            Text("p", "It goes away at once, with its file and everything it found. No decision is touched.")

    def _build_rows(self) -> None:
        with block("section", "panel", aria_label="Rows") as self._rows_panel:
            with block("div", "panel-top"):
                Text("h2", "The rows concerned")
                self._tabs = Tabs("Outcome", _TABS, self._choose)
            self._rows = block("div", "panel-body")
            with block("div", "panel-body") as self._more:
                Button("Show more", self._show_more)
        self._tabs.press("")
        self._rows_panel.set_visibility(False)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=lambda event: False,  # noqa: ARG005 - no event tells of replays
            problem=lambda sentence: self._shell.problem("replay", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        replay = await self._session.replays.replay(self._replay_id)
        asked = (replay, self._outcome, self._limit)
        if asked != self._shown:
            self._show(replay)
            if replay.result is not None:
                await self._show_rows(replay)
            self._shown = asked
        if replay.is_under_way:
            asyncio.get_running_loop().call_later(POLL_SECONDS, self._following.resync)

    def _show(self, replay: Replay) -> None:
        self._head.clear()
        with self._head:
            self._build_head(replay)
        self._body.clear()
        with self._body, block("div", "panel-body"):
            if replay.error is not None:
                replay_progress.failure(replay)
            elif replay.result is None:
                replay_progress.progress(replay)
            else:
                replay_result.totals(replay.result)
                replay_result.reservations(replay, replay.result)
                replay_result.changes(replay.result.changes)
                replay_result.by_rule(replay.result.by_rule)

    def _build_head(self, replay: Replay) -> None:
        with block("div"):
            with block("h1", "version-title"):
                Text("span", replay.name)
                replay_badge(replay)
            with block("p", "facts"):
                Text("span", f"through {replay.policy}")
                with block("span"):
                    Text("span", f"by {replay.requested_by.shown}, ")
                    Timestamp(replay.created_at)
                with block("span"):
                    Text("span", "deleted ")
                    Timestamp(replay.expires_at, "distance")
        with block("div", "page-actions"):
            if replay.result is not None:
                link("Rows as CSV", f"/replays/{replay.id}/findings.csv", "button button-plain")
                link("Page to pass round", f"/replays/{replay.id}/report.html", "button button-plain")
            if may_write(self._session):
                Button("Delete…", self._ask_to_delete, "danger")

    async def _show_rows(self, replay: Replay) -> None:
        page = await self._session.replays.rows(replay.id, outcome=self._outcome, limit=self._limit)
        self._rows.clear()
        with self._rows:
            if page.items:
                replay_result.found_rows(replay, page.items)
            else:
                Text("p", "None.", "muted")
            if page.next_cursor is not None and self._limit >= MOST_ROWS:
                Text("p", f"The first {MOST_ROWS}; all of them are in the CSV file.", "muted")
        self._more.set_visibility(page.next_cursor is not None and self._limit < MOST_ROWS)
        self._rows_panel.set_visibility(True)

    async def _choose(self, outcome: str) -> None:
        self._outcome, self._limit = outcome, PAGE_SIZE
        self._tabs.press(outcome)
        self._following.resync()

    async def _show_more(self) -> None:
        self._limit = min(self._limit * 2, MOST_ROWS)
        self._following.resync()

    async def _ask_to_delete(self) -> None:
        self._deleting.open()

    async def _delete(self) -> None:
        try:
            await self._session.replays.delete(self._replay_id)
        except SessionEnded:
            self._session.end()
        except AxiruError as error:
            self._deleting.refuse(error.message)
        else:
            self._client.open("/replays")
