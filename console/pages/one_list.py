"""One list: its versions, their values, and what the chosen one would change."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.components.button import Button
from console.components.code_value import code_value
from console.components.confirm_dialog import ConfirmDialog
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.key_value import fact, key_value, key_values
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.existence import exists
from console.following import Following
from console.list_views import ListVersion, ListVersionDetail, ValueList
from console.pages.lists import KINDS, about_lists, size_text, status_badge
from console.pages.policies import NOT_PERMITTED, may_write, people_text
from console.sessions import Session
from console.theme import Frame, frame

MOST_VALUES: Final = 500
SECOND_PERSON: Final = "You proposed it: a second person has to put it in force."


def register(console: Console) -> None:
    @ui.page("/lists/{slug}", title="List · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def one_list(request: Request, slug: str, v: int = 0) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        found = await exists(
            session.lists.list(slug), lambda shown: not v or any(each.version == v for each in shown.versions)
        )
        with frame(session, title=slug if found else "List", here="lists", mode="test") as shell:
            if found:
                page = OneListPage(session, shell, slug, v)
                page.build()
            else:
                ui.context.client.status_code = 404
                empty_state("No such list", "It may belong to another organization, or the address is mistyped.")
        await shell.start()
        if found:
            await page.start()
        return None


class OneListPage:
    """One open list. The version shown is the one asked for, or else the newest: it may wait for somebody."""

    def __init__(self, session: Session, shell: Frame, slug: str, version: int) -> None:
        self._session = session
        self._shell = shell
        self._slug = slug
        self._asked = version
        self._shown: Any = None

    def build(self) -> None:
        with block("a", "back", href="/lists"):
            icon("arrow-left")
            Text("span", "Lists")
        with block("div", "page-head"):
            Text("h1", self._slug)
            if may_write(self._session):
                with block("div", "page-actions"):
                    link("Propose a new version", f"/lists/{self._slug}/propose", "button button-plain")
        with block("div", "policy-page"):
            self._main = block("div", "panels")
            self._side = block("div", "panels")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=about_lists,
            problem=lambda sentence: self._shell.problem("list", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        found = await self._session.lists.list(self._slug)
        chosen = next((each for each in found.versions if each.version == self._asked), found.versions[0])
        if (found, chosen) == self._shown:
            return
        version = await self._session.lists.version(self._slug, chosen.version)
        self._side.clear()
        with self._side:
            _versions(found, chosen)
        self._main.clear()
        with self._main:
            self._build_version(found, version)
        self._shown = (found, chosen)

    def _build_version(self, found: ValueList, version: ListVersionDetail) -> None:
        with block("section", "panel", aria_label=version.name):
            with block("div", "panel-top"), block("h2", "version-title"):
                Text("span", version.name)
                status_badge(version)
            with block("div", "panel-body"):
                if found.description:
                    Text("p", found.description, "sub")
                _history(found, version)
                if version.status != "active":
                    _difference(found, version)
                    self._build_activating(found, version)
        with block("section", "panel", aria_label="Values"):
            Text("h2", size_text(version).capitalize())
            with block("div", "panel-body"):
                _values(version.values)

    def _build_activating(self, found: ValueList, version: ListVersionDetail) -> None:
        if not may_write(self._session):
            Text("p", NOT_PERMITTED, "muted")
            return
        is_author = self._session.member.id in {author.id for author in version.authors}
        dialog = ConfirmDialog(
            f"Put {version.name} in force", "Put in force", lambda: self._activate(version), "primary"
        )
        with dialog.content:
            Text("p", _change_text(found, version))
            Text("p", "Every policy that looks into this list sees it from the next decision on.", "muted")

        async def ask() -> None:
            dialog.open()

        self._dialog = dialog
        with block("div", "actions"), block("div", "action"):
            text = "Put in force…" if version.status == "proposed" else "Roll back to this…"
            Button(text, ask, "primary").block(is_author, SECOND_PERSON if is_author else "")
            if is_author:
                Text("p", SECOND_PERSON, "muted")

    async def _activate(self, version: ListVersion) -> None:
        try:
            await self._session.lists.activate(version.slug, version.version)
        except SessionEnded:
            self._session.end()
        except AxiruError as error:
            self._dialog.refuse(error.message)
        else:
            self._dialog.close()
            self._following.resync()


def _history(found: ValueList, version: ListVersion) -> None:
    with key_values():
        key_value("Holds", KINDS.get(found.kind, found.kind))
        key_value("Proposed by", people_text(version))
        with fact("Proposed"):
            Timestamp(version.created_at, "full")
        if version.activated_at is not None:
            with fact("Put in force"):
                Timestamp(version.activated_at, "full")
                Text("span", f" by {version.activated_by.shown}" if version.activated_by else "")
        if version.note:
            key_value("Note", version.note)
        with fact("Content hash"):
            code_value(version.content_hash, "content hash")


def _change_text(found: ValueList, version: ListVersionDetail) -> str:
    if found.active is None:
        return f"Nothing is in force yet; {size_text(version)} will be."
    return (
        f"Beside {found.active.name}, which is in force: {len(version.added):,} more, {len(version.removed):,} fewer."
    )


def _difference(found: ValueList, version: ListVersionDetail) -> None:
    Text("p", _change_text(found, version))
    if found.active is None:
        return
    for title, values in (("Would be added", version.added), ("Would be removed", version.removed)):
        if values:
            with more(f"{title}: {len(values):,}"):
                _values(values)


def _values(values: Iterable[str]) -> None:
    values = tuple(values)
    if not values:
        Text("p", "None: nothing is on this list.", "muted")
        return
    with block("ul", "values"):
        for value in values[:MOST_VALUES]:
            Text("li", value)
    if len(values) > MOST_VALUES:
        Text("p", f"The first {MOST_VALUES:,} of {len(values):,}.", "muted")


def _versions(found: ValueList, chosen: ListVersion) -> None:
    with block("section", "panel", aria_label="Versions"):
        Text("h2", "Versions")
        with block("ol", "rows versions"):
            for version in found.versions:
                with block("li", "row-chosen" if version == chosen else ""):
                    with block("div", "row-head"):
                        anchor = link(version.name, f"/lists/{version.slug}?v={version.version}", "version-name")
                        if version == chosen:
                            anchor.props["aria-current"] = "true"
                        status_badge(version)
                        Text("span", size_text(version), "row-end")
                    if version.note:
                        Text("p", version.note, "sub clamped")
