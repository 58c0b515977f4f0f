"""The live queue: every decision, newest first, there within a second of being made."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import SURFACES, Mode
from axiru.errors import AxiruError
from console.components.button import Button
from console.components.decision_table import DecisionTable
from console.components.empty_state import empty_state
from console.components.mode_switch import mode_switch
from console.components.queue_filters import Pick, QueueFilters, Tab
from console.components.text import Text, block, link
from console.components.wording import RAIL_NAMES
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.pages.queue_window import CountedIn, QueueWindow
from console.sessions import Session
from console.theme import Frame, frame

PAGE_SIZE: Final = 50
MOST_COUNTED: Final = 99
MOST_ROWS: Final = 200
"""The API's longest list. Older decisions are found by searching, not by scrolling."""

DIFFERS: Final = "differs"
"""Not a state: decisions for which a version that only looked on would have said something else."""

BYPASS: Final = "bypass"
"""Not a state either: seen on Stripe without ever having asked."""

TABS: Final = (
    Tab("", "All"),
    Tab("pending_approval", "Needs approval"),
    Tab("allowed", "Allowed"),
    Tab("executed", "Executed"),
    Tab("denied", "Denied"),
    Tab("held", "Held"),
    Tab("execution_failed", "Failed"),
    Tab("expired", "Expired"),
    Tab(DIFFERS, "Live and shadow differ"),
    Tab(BYPASS, "Bypass"),
)
RAILS: Final = {"": "Any rail", **{rail: RAIL_NAMES[rail] for rail in sorted({one.split(".")[0] for one in SURFACES})}}
_STATES: Final = frozenset(tab.name for tab in TABS)


def register(console: Console) -> None:
    @ui.page("/", title="Decisions · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def queue(
        request: Request,
        state: str = "",
        q: str = "",
        mode: str = "test",
        rail: str = "",
        agent: str = "",
        window: str = "",
        subject: str = "",
        surface: str = "",
    ) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="Decisions", here="decisions", mode=chosen) as shell:
            of = CountedIn(window[:1_000], subject[:255], "shadow" if surface == "shadow" else "enforce")
            page = QueuePage(session, shell, chosen, state if state in _STATES else "", q[:200], of if window else None)
            page.build(rail, agent[:255], await _agents(session))
        await shell.start()
        await page.start()
        return None


class QueuePage:
    """One open queue: its filters, how many rows it shows, and the rows themselves."""

    def __init__(
        self, session: Session, shell: Frame, mode: Mode, state: str, query: str, of: CountedIn | None
    ) -> None:
        self._session = session
        self._shell = shell
        self._mode = mode
        self._state = state
        self._query = query
        self._of = of
        self._limit = PAGE_SIZE

    def build(self, rail: str, agent: str, agents: Mapping[str, str]) -> None:
        with block("div", "page-head"):
            Text("h1", "Decisions")
            mode_switch(self._mode, "/")
        # An agent that is not registered is found by following a link to its decisions.
        known = {"": "Any agent", **({agent: agent} if agent else {}), **agents}
        picks = (Pick("rail", "Rail", RAILS, rail), Pick("agent", "Agent", known, agent))
        self._filters = QueueFilters(TABS, self._state, self._query, self._filter, picks=picks)
        self._window = QueueWindow()
        self._table = DecisionTable("Decisions, newest first")
        self._below = block("div", "below-table")
        with self._below:
            self._nothing = block("div")
            self._shown = Text("p", "", "muted")
            self._shown.props["role"] = "status"
            self._older = Button("Show older", self._show_older)
        self._older.set_visibility(False)

    async def start(self) -> None:
        self._following = self._follow(self._read, _is_about_decisions)
        await self._following.start()
        await self._follow(self._read_count, _is_about_approvals).start()

    def _follow(self, read: Callable[[], Awaitable[None]], concerns: Callable[[StreamEvent], bool]) -> Following:
        return Following(
            self._session,
            self._mode,
            read=read,
            concerns=concerns,
            problem=lambda sentence: self._shell.problem(read.__name__, sentence),
        )

    def _asked(self) -> tuple[object, ...]:
        return self._state, self._query, self._limit, *self._filters.chosen.values()

    async def _read(self) -> None:
        asked, picked = self._asked(), self._filters.chosen
        page = await self._session.api.decisions(
            mode=self._mode,
            state="" if self._state in {DIFFERS, BYPASS} else self._state,
            differs=self._state == DIFFERS,
            bypass=self._state == BYPASS,
            query=self._query,
            rail=picked["rail"],
            agent=picked["agent"],
            limit=self._limit,
            **(self._of._asdict() if self._of else {}),
        )
        if asked != self._asked():
            # The person has chosen something else meanwhile; its own reading is on the way.
            return
        everything = {"mode": self._mode, "state": self._state, "q": self._query, **picked}
        self._window.show(page.window, f"/?{urlencode({name: value for name, value in everything.items() if value})}")
        self._table.show(page.items, counting=page.window is not None)
        self._table.set_visibility(bool(page.items))
        self._show_amount(len(page.items), more=page.next_cursor is not None)

    async def _read_count(self) -> None:
        waiting = await self._session.api.decisions(mode=self._mode, state="pending_approval", limit=MOST_COUNTED)
        count = len(waiting.items)
        self._filters.count("pending_approval", f"{count}{'+' if waiting.next_cursor else ''}" if count else "")

    def _show_amount(self, count: int, *, more: bool) -> None:
        self._older.set_visibility(more and self._limit < MOST_ROWS)
        self._nothing.clear()
        if count == 0:
            with self._nothing:
                _nothing(
                    filtered=bool(self._of or self._state or self._query or any(self._filters.chosen.values())),
                    mode=self._mode,
                )
        noun = "decision" if count == 1 else "decisions"
        self._shown.set_text(
            f"{count} newest {noun}; there are older ones." if more else f"{count} {noun}." if count else ""
        )

    async def _filter(self, state: str, query: str) -> None:
        self._state, self._query, self._limit = state, query[:200], PAGE_SIZE
        self._following.resync()

    async def _show_older(self) -> None:
        self._limit = min(self._limit * 2, MOST_ROWS)
        self._following.resync()


async def _agents(session: Session) -> Mapping[str, str]:
    """The agents in use by the ids that requests name them with; none while they cannot be read."""
    try:
        agents = (await session.agents.agents()).items
    except AxiruError:
        return {}
    return {one.agent_id: one.name for one in agents if one.retired_at is None}


def _is_about_decisions(event: StreamEvent) -> bool:
    return event.event in {"decision", "approval", "execution", "authorization"}


def _is_about_approvals(event: StreamEvent) -> bool:
    """The count is read apart: most decisions need nobody and leave it alone."""
    return event.event == "approval"


def _nothing(*, filtered: bool, mode: Mode) -> None:
    if filtered:
        empty_state("No decision matches", "Choose another state, or search for something else.")
    else:
        empty_state(
            f"No decisions in {mode} mode yet",
            "The first request to POST /api/v1/decisions appears here by itself, within a second.",
        )
        with block("p", "centred"):
            link("Set up Axiru", f"/onboarding?mode={mode}")
