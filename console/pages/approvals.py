"""The inbox: what waits for the reader, what waits for anybody, and what has been decided."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.approval_views import ApprovalView
from console.components.approval_table import ApprovalTable
from console.components.bulk_bar import BulkBar
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.mode_switch import mode_switch
from console.components.text import Text, block, link
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.sessions import Session
from console.theme import Frame, frame

PAGE_SIZE: Final = 50
MOST_ROWS: Final = 200
"""The API's longest list."""

TABS: Final = {"mine": "Mine", "open": "All open", "assigned": "Assigned to me", "decided": "Decided"}
_NOTHING: Final = {
    "mine": ("Nothing waits for you", "Approvals that need your vote appear here by themselves, within a second."),
    "open": ("Nothing is open", "Requests that a policy sends to people appear here until enough of them have voted."),
    "assigned": ("Nothing is assigned to you", "Anybody may ask you to look after an approval; it then appears here."),
    "decided": ("Nothing was decided yet", "Approvals that were approved, denied or ran out of time are kept here."),
}


def register(console: Console) -> None:
    @ui.page("/approvals", title="Approvals · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def approvals(request: Request, tab: str = "mine", mode: str = "test") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="Approvals", here="approvals", mode=chosen) as shell:
            page = ApprovalsPage(session, shell, chosen, tab if tab in TABS else "mine")
            page.build()
        await shell.start()
        await page.start()
        return None


class ApprovalsPage:
    """One open inbox: its rows, which of them are selected, and how many are shown."""

    def __init__(self, session: Session, shell: Frame, mode: Mode, tab: str) -> None:
        self._session = session
        self._shell = shell
        self._mode = mode
        self._tab = tab
        self._limit = PAGE_SIZE
        self._shown: dict[str, ApprovalView] = {}
        self._selected: tuple[str, ...] = ()

    def build(self) -> None:
        with block("div", "page-head"):
            Text("h1", "Approvals")
            mode_switch(self._mode, "/approvals", tab=self._tab)
        with block("nav", "tabs inbox-tabs", aria_label="Which approvals"):
            for name, label in TABS.items():
                anchor = link(label, f"/approvals?tab={name}&mode={self._mode}", "tab")
                if name == self._tab:
                    anchor.props["aria-current"] = "page"
        self._bulk = BulkBar(self._session, self._voted)
        self._table = ApprovalTable(f"{TABS[self._tab]}, soonest deadline first", self._select)
        with block("div", "below-table"):
            self._nothing = block("div")
            self._amount = Text("p", "", "muted")
            self._amount.props["role"] = "status"
            self._older = Button("Show older", self._show_older)
        self._bulk.build_bar()
        self._older.set_visibility(False)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=_is_about_approvals,
            problem=lambda sentence: self._shell.problem("inbox", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        found, more = await self._decided() if self._tab == "decided" else await self._open()
        self._shown = {approval.approval_id: approval for approval in found}
        self._table.show(found)
        self._table.set_visibility(bool(found))
        self._bulk.select(self._chosen())
        self._older.set_visibility(more and self._limit < MOST_ROWS)
        self._nothing.clear()
        if not found:
            with self._nothing:
                empty_state(*_NOTHING[self._tab])
        count = f"{len(found)} {'approval' if len(found) == 1 else 'approvals'}"
        self._amount.set_text(f"The {count} asked for last; there are older ones." if more else count if found else "")

    async def _open(self) -> tuple[list[ApprovalView], bool]:
        page = await self._session.approvals.approvals(
            mode=self._mode,
            state="pending",
            mine=self._tab == "mine",
            assigned_to_me=self._tab == "assigned",
            limit=self._limit,
        )
        return sorted(page.items, key=lambda approval: approval.expires_at), page.next_cursor is not None

    async def _decided(self) -> tuple[list[ApprovalView], bool]:
        api = self._session.approvals
        pages = [
            await api.approvals(mode=self._mode, state=state, limit=self._limit)
            for state in ("approved", "denied", "expired")
        ]
        found = [approval for page in pages for approval in page.items]
        found.sort(key=lambda approval: approval.closed_at or approval.expires_at, reverse=True)
        more = len(found) > self._limit or any(page.next_cursor for page in pages)
        return found[: self._limit], more

    def _chosen(self) -> list[ApprovalView]:
        shown = (self._shown.get(chosen) for chosen in self._selected)
        return [approval for approval in shown if approval is not None and approval.can_vote]

    def _select(self, approval_ids: tuple[str, ...]) -> None:
        self._selected = approval_ids
        self._bulk.select(self._chosen())

    def _voted(self) -> None:
        self._table.clear_selection()
        self._following.resync()

    async def _show_older(self) -> None:
        self._limit = min(self._limit * 2, MOST_ROWS)
        self._following.resync()


def _is_about_approvals(event: StreamEvent) -> bool:
    return event.event in {"approval", "control"}
