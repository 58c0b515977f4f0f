"""The lists that policies look into: what is in force, and what waits for a second person."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui
from nicegui.element import Element

from console.components.badge import Look, badge
from console.components.empty_state import empty_state
from console.components.text import Text, block, link
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.list_views import ListVersion, ValueList
from console.pages.policies import NOT_PERMITTED, may_write
from console.sessions import Session
from console.theme import Frame, frame

KINDS: Final = {"customer": "Customers", "country": "Countries", "account": "Stripe accounts", "text": "Words"}
_LOOKS: Final = {
    "proposed": Look("Proposed", "clock", "waiting"),
    "active": Look("In force", "check-circle", "done"),
    "retired": Look("Retired", "pause", "neutral"),
}


def register(console: Console) -> None:
    @ui.page("/lists", title="Lists · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def lists(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Lists", here="lists", mode="test") as shell:
            page = ListsPage(session, shell)
            page.build()
        await shell.start()
        await page.start()
        return None


def status_badge(version: ListVersion) -> Element:
    look = _LOOKS[version.status]
    return badge(look.label, look.tone, look.icon)


def size_text(version: ListVersion) -> str:
    return f"{version.size:,} {'value' if version.size == 1 else 'values'}"


def about_lists(event: StreamEvent) -> bool:
    return event.event == "list"


class ListsPage:
    """One open page of all lists."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell

    def build(self) -> None:
        with block("div", "page-head narrow"):
            Text("h1", "Lists")
            if may_write(self._session):
                with block("div", "page-actions"):
                    link("New list", "/new-list", "button button-primary")
        if not may_write(self._session):
            Text("p", NOT_PERMITTED, "muted page-note")
        with block("section", "panel narrow", aria_label="Lists"):
            self._rows = block("ul", "rows")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=about_lists,
            problem=lambda sentence: self._shell.problem("lists", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        lists = (await self._session.lists.lists()).items
        self._rows.clear()
        with self._rows:
            for each in lists:
                _row(each)
            if not lists:
                with block("li"):
                    empty_state(
                        "No list yet",
                        "Rules can ask whether a customer, a country or an account is on a list of yours.",
                    )


def _row(each: ValueList) -> None:
    with block("li"):
        with block("div", "row-head"):
            link(each.slug, f"/lists/{each.slug}")
            Text("span", KINDS.get(each.kind, each.kind), "muted")
            if each.active is not None:
                Text("span", f"{each.active.name}, {size_text(each.active)}", "row-end")
            else:
                Text("span", "nothing in force", "row-end")
        if each.description:
            Text("p", each.description, "sub")
        if each.latest_version.status == "proposed":
            with block("div", "row-head"):
                status_badge(each.latest_version)
                Text("span", f"{each.latest_version.name}, {size_text(each.latest_version)}", "muted")
