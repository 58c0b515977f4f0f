"""Proposing the values of a list: a new list, or the next version of one."""

import re
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import context, ui

from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.components.button import Button
from console.components.code_editor import CodeEditor, TextKind
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.select_field import SelectField
from console.components.text import Text, block
from console.components.text_field import TextField
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.list_views import ValueList
from console.pages.lists import KINDS
from console.pages.policies import NOT_PERMITTED, may_write
from console.sessions import Session
from console.theme import frame

_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def register(console: Console) -> None:
    @ui.page("/new-list", title="New list · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def new_list(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="New list", here="lists", mode="test") as shell:
            _open(session, None, ())
        await shell.start()
        return None

    @ui.page("/lists/{slug}/propose", title="New version · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def next_version(request: Request, slug: str) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        try:
            found: ValueList | None = await session.lists.list(slug)
            values = (await session.lists.version(slug, found.latest_version.version)).values if found else ()
            problem = ""
        except AxiruError as error:
            missing = isinstance(error, ApiRefused) and error.status == 404
            found, values, problem = None, (), "" if missing else error.message
        with frame(session, title="New version", here="lists", mode="test") as shell:
            if problem:
                empty_state("The list cannot be shown now", f"{problem} Load the page again in a moment.")
            elif found is None:
                ui.context.client.status_code = 404
                empty_state("No such list", "It may belong to another organization, or the address is mistyped.")
            else:
                _open(session, found, values)
        await shell.start()
        return None


def _open(session: Session, found: ValueList | None, values: tuple[str, ...]) -> None:
    with block("a", "back", href=f"/lists/{found.slug}" if found else "/lists"):
        icon("arrow-left")
        Text("span", found.slug if found else "Lists")
    with block("div", "page-head"):
        Text("h1", f"New version of {found.slug}" if found else "New list")
    if may_write(session):
        Proposal(session, found).build(values)
    else:
        Text("p", NOT_PERMITTED, "note page-note")


class Proposal:
    """One open form. `found` is the list whose next version is proposed, None for a new list."""

    def __init__(self, session: Session, found: ValueList | None) -> None:
        self._session = session
        self._list = found
        self._client = context.client

    def build(self, values: tuple[str, ...]) -> None:
        with block("div", "editor-page"):
            with block("section", "panel", aria_label="Values"):
                with block("div", "panel-top editor-bar"):
                    Text("h2", "Values, one a line")
                    self._count = Text("span", "", "checked")
                    self._count.props["role"] = "status"
                self._editor = CodeEditor(
                    "Values", on_change=self._show_count, on_save=self._propose, on_restored=self._restored
                )
            with block("div", "editor-side panels"), block("section", "panel", aria_label="Proposal"):
                Text("h2", "Proposal")
                with block("div", "panel-body form"):
                    if self._list is None:
                        self._slug = TextField(
                            "Name", hint="What rules call it: lower-case letters, digits and _.", max_length=64
                        )
                        self._kind = SelectField("Holds", KINDS, "customer")
                        self._description = TextField("What it is for", max_length=500)
                    self._note = TextField(
                        "What changes, and why", hint="The second person, and everybody after, reads it.", rows=3
                    )
                    Text("p", "Nothing changes until a second person puts it in force.", "muted")
                    Button("Propose", self._propose, "primary")
                    self._refusal = Text("p", "", "refusal")
                    self._refusal.props["role"] = "alert"
        self._editor.keep_as(f"{self._session.member.id}/list/{self._list.slug if self._list else ''}", "")
        self._editor.show("\n".join(values), "values")
        self._editor.saved()
        self._show_count()

    def _restored(self, kind: TextKind, base: str) -> None:
        del kind, base
        self._refusal.set_text("Your values from before this page was loaded again are back.")
        self._show_count()

    def _show_count(self) -> None:
        count = len(self._values())
        self._count.set_text(f"{count:,} {'value' if count == 1 else 'values'}")

    def _values(self) -> list[str]:
        """Each line is a value; what is no free text is parted by commas and spaces too, as people paste it."""
        free = (self._list.kind if self._list else self._kind.value) == "text"
        parts = self._editor.text.split("\n") if free else re.split(r"[\s,;]+", self._editor.text)
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    async def _propose(self) -> None:
        self._refusal.set_text("")
        slug = self._list.slug if self._list else self._slug.value.strip()
        if not _SLUG.fullmatch(slug):
            self._slug.refuse("Lower-case letters, digits and _, beginning with a letter.")
            return
        values, note = self._values(), self._note.value.strip()
        try:
            if self._list is None:
                await self._session.lists.begin(
                    slug,
                    kind=self._kind.value,
                    description=self._description.value.strip(),
                    values=values,
                    note=note,
                )
            else:
                await self._session.lists.propose(slug, values=values, note=note)
        except SessionEnded:
            self._session.end()
        except ApiRefused as refusal:
            self._refusal.set_text(refusal.sentences)
        except AxiruError as error:
            self._refusal.set_text(error.message)
        else:
            self._editor.saved()
            self._client.open(f"/lists/{slug}")
