"""The third step: the policies in force, how well their shadows agree, and where they are changed."""

from console.components.text import Text, block, link
from console.components.version_badge import agreement_text, version_badge
from console.onboarding_progress import Progress
from console.pages.policies import may_write
from console.policy_views import Policy, VersionSummary
from console.sessions import Session


class TuneStep:
    """What decides now, what looks on, what is being written."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def build(self) -> None:
        self._policies = block("ul", "step-list")
        Text(
            "p",
            "A draft tells beside every rule what it would have done to your history. Publish it to let it look on in "
            "shadow; a second person puts it in force.",
            "muted",
        )
        with block("div", "page-actions"):
            if may_write(self._session):
                link("Write a draft", "/policies/drafts/new", "button button-plain")
                link("Start from a template", "/policies/templates", "button button-plain")
            link("All policies", "/policies", "button button-plain")

    def show(self, progress: Progress) -> None:
        self._policies.clear()
        with self._policies:
            for policy in progress.live:
                _policy(policy)
            if not progress.live:
                with block("li"):
                    Text("p", "No policy is in force yet: everything is allowed.", "muted")


def _policy(policy: Policy) -> None:
    for version in (policy.live, *policy.shadows):
        if version is not None:
            _version(version)
    for draft in policy.drafts:
        if draft.is_open:
            with block("li", "row-head"):
                link(f"Draft of {draft.slug}", f"/policies/drafts/{draft.id}")


def _version(version: VersionSummary) -> None:
    with block("li", "row-head"):
        link(version.slug, f"/policies/{version.slug}?v={version.version}")
        Text("span", version.name, "version-name")
        version_badge(version)
        if version.status == "shadow":
            Text("span", agreement_text(version.agreement_rate, version.compared), "muted")
