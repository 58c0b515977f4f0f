"""Disputes: which still take an answer, until when, and how each ended."""

from datetime import UTC, datetime
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.carrying_out import carried_out
from console.components.badge import badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.mode_switch import mode_switch
from console.components.money import money
from console.components.tabs import Tabs
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.dispute_views import DisputeSummary
from console.dispute_words import readable, status_look
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.sessions import Session
from console.theme import Frame, frame

_TABS: Final = {
    "open": "Need a response",
    "answered": "With the bank",
    "closed": "Ended",
    "past_due": "Too late",
    "": "All",
}


def register(console: Console) -> None:
    @ui.page("/disputes", title="Disputes · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def disputes(request: Request, mode: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="Disputes", here="disputes", mode=chosen) as shell:
            page = DisputesPage(session, shell, chosen)
            page.build()
        await shell.start()
        await page.start()
        return None


class DisputesPage:
    """The list, the most urgent first while they are open."""

    def __init__(self, session: Session, shell: Frame, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._mode = mode
        self._state = "open"
        self._kept = Kept()
        self._items: tuple[DisputeSummary, ...] = ()
        self._older: tuple[DisputeSummary, ...] = ()
        self._cursor = ""

    def build(self) -> None:
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "Disputes")
                Text(
                    "p",
                    "Evidence is gathered by itself; it goes to the bank on a decision.",
                    "sub",
                )
            mode_switch(self._mode, "/disputes")
        self._tabs = Tabs("State", _TABS, self._choose)
        self._tabs.press(self._state)
        with block("section", "panel below-tabs", aria_label="Disputes"):
            self._rows = block("ul", "rows", aria_live="polite")
        self._below = block("div", "below-table")
        self._refusal = Text("p", "", "refusal")
        self._refusal.props["role"] = "alert"

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=lambda event: event.event == "dispute",
            problem=lambda sentence: self._shell.problem("disputes", sentence),
        )
        await self._following.start()

    async def _choose(self, state: str) -> None:
        self._state, self._older, self._cursor = state, (), ""
        self._tabs.press(state)
        self._following.resync()

    async def _read(self) -> None:
        asked = self._state
        page = await self._session.disputes.disputes(self._mode, state=asked)
        if asked != self._state:
            return
        if not self._older:
            self._cursor = page.next_cursor or ""
        # Among those that take an answer, the most urgent first.
        last = datetime.max.replace(tzinfo=UTC)
        urgent = sorted(page.items, key=lambda one: one.evidence_due_by or last)
        self._items = tuple(urgent) if asked == "open" else page.items
        self._kept.show((self._items, self._older, self._cursor, self._state), self._build_rows)

    async def _show_older(self) -> None:
        if await carried_out(self._session, self._read_older, self._refusal.set_text):
            self._build_rows()

    async def _read_older(self) -> None:
        page = await self._session.disputes.disputes(self._mode, state=self._state, cursor=self._cursor)
        self._older += page.items
        self._cursor = page.next_cursor or ""

    def _build_rows(self) -> None:
        newest = {dispute.id for dispute in self._items}
        self._rows.clear()
        with self._rows:
            for dispute in (*self._items, *(one for one in self._older if one.id not in newest)):
                _row(dispute)
            if not self._items:
                with block("li"):
                    _nothing(self._state, self._mode)
        self._below.clear()
        if self._cursor:
            with self._below:
                Button("Show older", self._show_older)


def _row(dispute: DisputeSummary) -> None:
    with block("li"):
        with block("div", "row-head"):
            with block("a", "money", href=f"/disputes/{dispute.id}"):
                money(dispute.amount_cents, dispute.currency)
            look = status_look(dispute.status)
            badge(look.label, look.tone, look.icon)
            Text("span", readable(dispute.reason))
            with block("span", "row-end"):
                due(dispute)
        with block("p", "facts"):
            Text("code", dispute.id)
            if dispute.charge:
                with block("span"):
                    Text("span", "of ")
                    Text("code", dispute.charge)
            with block("span"):
                Text("span", "opened ")
                Timestamp(dispute.opened_at)
            if dispute.packet_version is not None:
                Text("span", f"evidence version {dispute.packet_version}")
            if dispute.submitted:
                Text("span", "submitted")
            elif dispute.staged:
                Text("span", "on Stripe, not submitted")
            if dispute.degraded:
                badge("Degraded", "failed", "alert")


def due(dispute: DisputeSummary, words: str = "answer due") -> None:
    """Until when an answer is taken; nothing once none is."""
    if not dispute.is_open:
        return
    if dispute.evidence_due_by is None:
        Text("span", f"{words}: no deadline known")
        return
    Text("span", f"{words} ")
    Timestamp(dispute.evidence_due_by, "distance")


def _nothing(state: str, mode: Mode) -> None:
    if state == "open":
        empty_state("Nothing to answer", f"No dispute in {mode} mode needs a response.")
    elif state:
        empty_state("No dispute is like that", "Choose another state.")
    else:
        empty_state(f"No disputes in {mode} mode", "A dispute appears here as soon as Stripe tells of it.")
