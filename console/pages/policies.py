"""The policies: what is in force, what looks on beside it, and what is being written."""

from typing import Final, Protocol

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.version_badge import agreement_text, version_badge
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.policy_views import DraftSummary, Policy, VersionSummary
from console.sessions import Session
from console.theme import Frame, frame
from console.views import Person

NEEDED_PERMISSION: Final = "policies"
NOT_PERMITTED: Final = "Your role may read policies, not write them. Finance managers, controllers and admins may."


def register(console: Console) -> None:
    @ui.page("/policies", title="Policies · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def policies(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Policies", here="policies", mode="test") as shell:
            page = PoliciesPage(session, shell)
            page.build()
        await shell.start()
        await page.start()
        return None


def may_write(session: Session) -> bool:
    return NEEDED_PERMISSION in session.permissions


class Written(Protocol):
    """Anything with authors."""

    @property
    def authors(self) -> tuple[Person, ...]: ...


def people_text(written: Written) -> str:
    """`Ann and Ben`, `Ann, Ben and Cleo`."""
    names = [author.shown for author in written.authors] or ["somebody"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def about_policies(event: StreamEvent) -> bool:
    return event.event == "policy"


class PoliciesPage:
    """One open list of policies."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell

    def build(self) -> None:
        with block("div", "page-head narrow"):
            Text("h1", "Policies")
            if may_write(self._session):
                with block("div", "page-actions"):
                    link("From a template", "/policies/templates", "button button-plain")
                    link("New policy", "/policies/drafts/new", "button button-primary")
        if not may_write(self._session):
            Text("p", NOT_PERMITTED, "muted page-note")
        self._list = block("div", "panels narrow")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=about_policies,
            problem=lambda sentence: self._shell.problem("policies", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        policies = (await self._session.policies.policies()).items
        self._list.clear()
        with self._list:
            for policy in policies:
                _policy(policy)
            if not policies:
                self._nothing()

    def _nothing(self) -> None:
        with block("section", "panel"):
            empty_state(
                "No policy yet",
                "Without one every request takes the default. Begin with a template, and let it look on for a while.",
            )


def _policy(policy: Policy) -> None:
    with block("section", "panel", aria_label=policy.slug):
        with block("div", "policy-head"):
            link(policy.slug, f"/policies/{policy.slug}", "policy-name")
            if policy.live is None:
                Text("span", "Nothing in force", "muted")
        with block("ul", "rows rows-inset"):
            if policy.live is not None:
                _version(policy.live)
            for shadow in policy.shadows:
                _version(shadow)
            for draft in policy.drafts:
                _draft(draft)


def _version(version: VersionSummary) -> None:
    with block("li"):
        with block("div", "row-head"):
            link(version.name, f"/policies/{version.slug}?v={version.version}", "version-name")
            version_badge(version)
            if version.status == "shadow" and version.compared is not None:
                Text("span", agreement_text(version.agreement_rate, version.compared), "row-end")
            elif version.activated_at is not None:
                with block("span", "row-end"):
                    Text("span", "since ")
                    Timestamp(version.activated_at)
        if version.note:
            Text("p", version.note, "sub clamped")


def _draft(draft: DraftSummary) -> None:
    with block("li"):
        with block("div", "row-head"):
            icon("pencil")
            link("Draft", f"/policies/drafts/{draft.id}")
            Text("span", f"by {people_text(draft)}", "muted")
            with block("span", "row-end"):
                Timestamp(draft.updated_at)
        if draft.note:
            Text("p", draft.note, "sub clamped")
