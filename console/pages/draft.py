"""A draft's page, and the page of one that is still to be saved."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.errors import AxiruError
from console.api_errors import ApiRefused
from console.components.code_value import code_block
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.pages.draft_editor import DraftEditor
from console.pages.policies import NOT_PERMITTED, may_write, people_text
from console.policy_views import Draft
from console.sessions import Session
from console.theme import frame

START: Final = """Policy my-policy governs refunds on stripe.

Refunds over $150 require approval by finance_manager.

Everything else is allowed.
"""
"""What a new policy begins with: something to change rather than an empty page."""


def register(console: Console) -> None:
    @ui.page("/policies/drafts/new", title="New policy · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def new_draft(request: Request, of: str = "", v: int = 0) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="New policy", here="policies", mode="test") as shell:
            if not may_write(session):
                _may_not("New policy")
            else:
                text = await _version_text(session, of, v) if of else START
                if text is None:
                    ui.context.client.status_code = 404
                    empty_state("No such version", "The address may be mistyped.")
                else:
                    _open_editor(session, None, text, title=f"New version of {of}" if of else "New policy")
        await shell.start()
        return None

    @ui.page("/policies/drafts/{draft_id}", title="Draft · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def draft(request: Request, draft_id: str) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        try:
            found: Draft | None = await session.policies.draft(draft_id)
            problem = ""
        except ApiRefused as refusal:
            found, problem = None, "" if refusal.status == 404 else refusal.message
        except AxiruError as error:
            found, problem = None, error.message
        with frame(session, title="Draft", here="policies", mode="test") as shell:
            if problem:
                empty_state("The draft cannot be shown now", f"{problem} Load the page again in a moment.")
            elif found is None:
                ui.context.client.status_code = 404
                empty_state("No such draft", "It may belong to another organization, or the address is mistyped.")
            elif not found.is_open:
                _ended(found)
            elif not may_write(session):
                _may_not(f"Draft of {found.slug}")
                with block("section", "panel"), block("div", "panel-body"):
                    code_block(found.text, "draft")
            else:
                _open_editor(session, found, found.text, title=f"Draft of {found.slug}")
        await shell.start()
        return None


async def _version_text(session: Session, slug: str, version: int) -> str | None:
    try:
        return (await session.policies.version(slug, version)).plain
    except AxiruError:
        return None


def _open_editor(session: Session, draft: Draft | None, text: str, *, title: str) -> None:
    editor = DraftEditor(session, draft)
    _back()
    with block("div", "page-head"):
        with block("div"):
            Text("h1", title)
            if draft is not None:
                with block("p", "facts"):
                    Text("span", f"by {people_text(draft)}")
                    with block("span"):
                        Text("span", "saved ")
                        Timestamp(draft.updated_at, "distance")
        with block("div", "page-actions"):
            editor.build_actions()
    editor.build(text)
    editor.start()


def _may_not(title: str) -> None:
    _back()
    with block("div", "page-head"):
        Text("h1", title)
    Text("p", NOT_PERMITTED, "note page-note")


def _ended(draft: Draft) -> None:
    _back()
    with block("div", "page-head"):
        Text("h1", f"Draft of {draft.slug}")
    if draft.published_version is None:
        empty_state("This draft was discarded", "Nothing can be changed about it any more.")
        return
    empty_state(f"This draft was published as version {draft.published_version}", "What is published never changes.")
    with block("p", "centred"):
        link("To that version", f"/policies/{draft.slug}?v={draft.published_version}", "button button-plain")


def _back() -> None:
    with block("a", "back", href="/policies"):
        icon("arrow-left")
        Text("span", "Policies")
