"""Budgets: what the rolling windows of policies in force hold, and what is left of each."""

from typing import Final, get_args

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.budget_views import BudgetPage, Per
from console.components.agent_tabs import agent_tabs
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.mode_switch import mode_switch
from console.components.queue_filters import Pick, QueueFilters, Tab
from console.components.text import Text, block, link
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.pages.budget_alert import BudgetAlert
from console.pages.budget_row import budget_row
from console.pages.queue import RAILS
from console.sessions import Session
from console.theme import Frame, frame

PAGE_SIZE: Final = 50
MOST_ROWS: Final = 200
READ_AGAIN_SECONDS: Final = 2.0
"""Every decision moves some budget; people need not see each step of a hundred a second."""
TABS: Final = (
    Tab("", "All"),
    Tab("initiator", "Agents"),
    Tab("counterparty", "Counterparties"),
    Tab("customer", "Customers"),
    Tab("charge", "Charges"),
    Tab("merchant", "Merchants"),
    Tab("organization", "Organization"),
)
_SURFACES: Final = {"": "Any surface", "enforce": "Enforced only", "shadow": "Shadow only"}


def register(console: Console) -> None:
    @ui.page("/budgets", title="Budgets · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def budgets(
        request: Request, mode: str = "", per: str = "", subject: str = "", rail: str = "", surface: str = ""
    ) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="Budgets", here="agents", mode=chosen) as shell:
            page = BudgetsPage(session, shell, chosen, per if per in get_args(Per) else "", subject[:255])
            page.build(rail, surface)
        await shell.start()
        await page.start()
        return None


class BudgetsPage:
    """One open list of budgets, most used first."""

    def __init__(self, session: Session, shell: Frame, mode: Mode, per: str, subject: str) -> None:
        self._session = session
        self._shell = shell
        self._mode: Mode = mode
        self._per = per
        self._subject = subject
        self._limit = PAGE_SIZE
        self._kept = Kept()

    def build(self, rail: str, surface: str) -> None:
        agent_tabs("budgets", self._mode)
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "Budgets")
                with block("p", "sub"):
                    Text("span", "What rolling windows hold and have left. Ceilings are rules of ")
                    link("policies", "/policies")
                    Text("span", " in force.")
            mode_switch(self._mode, "/budgets")
        self._filters = QueueFilters(
            TABS,
            self._per,
            self._subject,
            self._filter,
            searches="Whose budget, by its exact id",
            placeholder="Exact id of an agent, account …",
            filtered="Filter by whose budget it is",
            parameters=("per", "subject"),
            picks=(Pick("rail", "Rail", RAILS, rail), Pick("surface", "Surfaces", _SURFACES, surface)),
        )
        self._alert = BudgetAlert(self._session, self._read_again)
        with block("section", "panel", aria_label="Budgets"):
            self._rows = block("ul", "rows budgets")
        with block("div", "below-table"):
            self._shown = Text("p", "", "muted")
            self._shown.props["role"] = "status"
            self._older = Button("Show more", self._show_more)
        self._older.set_visibility(False)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=_concerns,
            problem=lambda sentence: self._shell.problem("budgets", sentence),
            shortest_interval_seconds=READ_AGAIN_SECONDS,
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    def _asked(self) -> tuple[object, ...]:
        return self._per, self._subject, self._limit, *self._filters.chosen.values()

    async def _read(self) -> None:
        asked, chosen = self._asked(), self._filters.chosen
        page = await self._session.budgets.budgets(
            mode=self._mode,
            per=self._per,
            subject=self._subject,
            rail=chosen["rail"],
            surface_mode=chosen["surface"],
            limit=self._limit,
        )
        if asked == self._asked():
            self._kept.show(page, lambda: self._build_rows(page))

    def _build_rows(self, page: BudgetPage) -> None:
        self._alert.show(page.alert_percent)
        self._rows.clear()
        with self._rows:
            for budget in page.items:
                budget_row(budget, self._mode, page.alert_percent)
            if not page.items:
                with block("li"):
                    self._nothing()
        count = len(page.items)
        self._shown.set_text(f"The {count} most used; there are more." if page.next_cursor else "")
        self._older.set_visibility(page.next_cursor is not None and self._limit < MOST_ROWS)

    def _nothing(self) -> None:
        if self._per or self._subject or any(self._filters.chosen.values()):
            empty_state("No budget matches", "Ids are compared as a whole; without one, choose another filter.")
        else:
            empty_state(
                "No budget is in use",
                "A budget is a rolling window with a ceiling in a policy in force. It is shown once something moves.",
            )

    async def _filter(self, per: str, subject: str) -> None:
        self._per, self._subject, self._limit = per, subject.strip()[:255], PAGE_SIZE
        self._following.resync()

    async def _show_more(self) -> None:
        self._limit = min(self._limit * 2, MOST_ROWS)
        self._following.resync()


def _concerns(event: StreamEvent) -> bool:
    return event.event in {"budget", "authorization", "decision", "execution", "approval", "policy"}
