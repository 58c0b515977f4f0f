"""One policy: its versions, what the chosen one says, how it compares, and what can be done with it."""

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.components.code_value import code_block, code_value
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.key_value import fact, key_value, key_values
from console.components.rule_sentences import rule_sentences
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.version_badge import version_badge
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.existence import exists
from console.following import Following
from console.pages.comparison import Comparison
from console.pages.policies import NOT_PERMITTED, about_policies, may_write, people_text
from console.pages.version_actions import VersionActions
from console.policy_views import Policy, Version, VersionSummary
from console.sessions import Session
from console.theme import Frame, frame


def register(console: Console) -> None:
    @ui.page("/policies/{slug}", title="Policy · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def policy(request: Request, slug: str, v: int = 0, mode: str = "test") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        found = await exists(
            session.policies.policy(slug), lambda policy: not v or any(each.version == v for each in policy.versions)
        )
        with frame(session, title=slug if found else "Policy", here="policies", mode=chosen) as shell:
            if found:
                page = PolicyPage(session, shell, slug, v, chosen)
                page.build()
            else:
                ui.context.client.status_code = 404
                empty_state("No such policy", "It may belong to another organization, or the address is mistyped.")
        await shell.start()
        if found:
            await page.start()
        return None


class PolicyPage:
    """One open policy. The version shown is the one asked for, or else the one in force, or else the newest."""

    def __init__(self, session: Session, shell: Frame, slug: str, version: int, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._slug = slug
        self._asked = version
        self._mode = mode
        self._shown: object = None
        self._comparison: Comparison | None = None

    def build(self) -> None:
        with block("a", "back", href="/policies"):
            icon("arrow-left")
            Text("span", "Policies")
        with block("div", "page-head"):
            Text("h1", self._slug)
            self._actions = block("div", "page-actions")
        with block("div", "policy-page"):
            self._main = block("div", "panels")
            self._side = block("div", "panels")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=about_policies,
            problem=lambda sentence: self._shell.problem("policy", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        policy = await self._session.policies.policy(self._slug)
        chosen = _chosen(policy, self._asked)
        standing = _standing(policy, chosen)
        if standing == self._shown:
            return
        version = await self._session.policies.version(self._slug, chosen.version) if chosen else None
        if self._comparison is not None:
            self._comparison.stop()
            self._comparison = None
        self._show_actions(policy, chosen)
        self._side.clear()
        with self._side:
            self._versions(policy, chosen)
        self._main.clear()
        with self._main:
            if version is None:
                with block("section", "panel"):
                    empty_state(
                        "Nothing is published yet", "Publish a draft, and its first version looks on from then."
                    )
            else:
                self._build_version(policy, version)
        self._shown = standing
        if self._comparison is not None:
            with self._main:
                await self._comparison.start()

    def _show_actions(self, policy: Policy, chosen: VersionSummary | None) -> None:
        self._actions.clear()
        if chosen is not None and may_write(self._session):
            with self._actions:
                address = f"/policies/drafts/new?of={policy.slug}&v={chosen.version}"
                link(f"New version from {chosen.name}", address, "button button-plain")

    def _build_version(self, policy: Policy, version: Version) -> None:
        with block("section", "panel", aria_label=version.name):
            with block("div", "panel-top"), block("h2", "version-title"):
                Text("span", version.name)
                version_badge(version)
            with block("div", "panel-body"):
                if version.description:
                    Text("p", version.description, "sub")
                _history(version)
                if may_write(self._session):
                    with block("div", "actions"):
                        VersionActions(
                            self._session,
                            version,
                            policy.live,
                            promotion=lambda: self._comparison.promotion if self._comparison else None,
                            changed=self._read_again,
                        ).build()
                else:
                    Text("p", NOT_PERMITTED, "muted")
        if version.status == "shadow":
            self._comparison = Comparison(
                self._session, self._mode, version, lambda sentence: self._shell.problem("comparison", sentence)
            )
            self._comparison.build()
        _rules(version)

    def _versions(self, policy: Policy, chosen: VersionSummary | None) -> None:
        with block("section", "panel", aria_label="Versions"):
            Text("h2", "Versions")
            with block("ol", "rows versions"):
                for draft in policy.drafts:
                    with block("li"):
                        with block("div", "row-head"):
                            icon("pencil")
                            link("Draft", f"/policies/drafts/{draft.id}")
                            Text("span", f"by {people_text(draft)}", "row-end")
                        if draft.note:
                            Text("p", draft.note, "sub clamped")
                for version in policy.versions:
                    self._version_row(version, chosen)

    def _version_row(self, version: VersionSummary, chosen: VersionSummary | None) -> None:
        with block("li", "row-chosen" if version == chosen else ""):
            with block("div", "row-head"):
                mode = f"&mode={self._mode}" if self._mode == "live" else ""
                anchor = link(version.name, f"/policies/{version.slug}?v={version.version}{mode}", "version-name")
                if version == chosen:
                    anchor.props["aria-current"] = "true"
                version_badge(version)
                Text("span", people_text(version), "row-end")
            if version.note:
                Text("p", version.note, "sub clamped")


def _standing(policy: Policy, chosen: VersionSummary | None) -> object:
    """What the page is built again for. Counts change with every decision, and an open dialog must outlive that."""
    versions = [(each.id, each.status, each.canary_percent, each.activated_at) for each in policy.versions]
    return chosen and chosen.id, versions, [(draft.id, draft.revision) for draft in policy.drafts]


def _chosen(policy: Policy, asked: int) -> VersionSummary | None:
    if asked:
        return next((version for version in policy.versions if version.version == asked), None)
    return policy.live or next(iter(policy.versions), None)


def _history(version: Version) -> None:
    with key_values():
        key_value("Written by", people_text(version))
        if version.published_at is not None:
            with fact("Published"):
                Timestamp(version.published_at, "full")
        if version.activated_at is not None:
            with fact(f"{version.canary_percent} % since" if version.canary_percent else "Put in force"):
                Timestamp(version.activated_at, "full")
                Text("span", f" by {version.activated_by.shown}" if version.activated_by else "")
        if version.retired_at is not None and version.status == "retired":
            with fact("Retired"):
                Timestamp(version.retired_at, "full")
        if version.note:
            with fact("Note"):
                Text("span", version.note, "kept-lines")
        with fact("Content hash"):
            code_value(version.content_hash, "content hash")


def _rules(version: Version) -> None:
    with block("section", "panel", aria_label="Rules"):
        Text("h2", "What it says")
        with block("div", "panel-body"):
            if version.rules:
                rule_sentences(version.rules)
            else:
                Text("p", "It has no rules: every request takes the default.", "muted")
            for finding in version.findings:
                with block("p", "flag"):
                    icon("alert")
                    Text("span", finding.message)
            with more("In plain language, as a text"):
                code_block(version.plain, "plain text")
            with more("As YAML"):
                code_block(version.yaml, "YAML")
