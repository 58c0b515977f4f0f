"""The API's endpoints for policies, their versions and drafts. Every method raises what ApiClient raises."""

from datetime import datetime
from typing import Any

from axiru.domain.movement import Mode
from console.api_client import ApiClient, segment
from console.components.timestamp import utc_text
from console.policy_views import (
    Diff,
    Draft,
    Policy,
    PolicyList,
    Promotion,
    Reading,
    TemplateList,
    TextFormat,
    Version,
    VersionSummary,
)

COMPARE_TIMEOUT_SECONDS = 30.0
COMPILE_TIMEOUT_SECONDS = 20.0
"""The API gives a text ten seconds, one after the other."""

POLICIES = "/api/v1/policies"
TEMPLATES = "/api/v1/policies/templates"
DRAFTS = "/api/v1/policies/drafts"


class PolicyApi:
    """Policies, as the logged-in member may see and change them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def policies(self) -> PolicyList:
        return await self._api.call("GET", POLICIES, PolicyList)

    async def policy(self, slug: str) -> Policy:
        return await self._api.call("GET", f"{POLICIES}/{segment(slug)}", Policy)

    async def version(self, slug: str, version: int) -> Version:
        return await self._api.call("GET", _version(slug, version), Version, timeout=COMPILE_TIMEOUT_SECONDS)

    async def diff(self, slug: str, version: int, *, mode: Mode, since: datetime) -> Diff:
        return await self._api.call("GET", f"{_version(slug, version)}/diff", Diff, **_over(mode, since))

    async def promotion(self, slug: str, version: int, *, mode: Mode, since: datetime) -> Promotion:
        return await self._api.call("GET", f"{_version(slug, version)}/promotion", Promotion, **_over(mode, since))

    async def activate(self, slug: str, version: int, *, percent: int = 100) -> VersionSummary:
        """Put a version in force for `percent` of the requests. Its authors are refused (`not_eligible`)."""
        body = {"percent": percent}
        return await self._api.call("POST", f"{_version(slug, version)}/activate", VersionSummary, json=body)

    async def retire(self, slug: str, version: int) -> VersionSummary:
        return await self._api.call("POST", f"{_version(slug, version)}/retire", VersionSummary)

    async def look_on_again(self, slug: str, version: int) -> VersionSummary:
        """A retired version becomes a shadow."""
        return await self._api.call("POST", f"{_version(slug, version)}/shadow", VersionSummary)

    async def compile(self, text: str, format: TextFormat) -> Reading:
        """Read a text as a policy without keeping it."""
        body = {"text": text, "format": format}
        return await self._api.call("POST", f"{POLICIES}/compile", Reading, json=body, timeout=COMPILE_TIMEOUT_SECONDS)

    async def draft(self, draft_id: str) -> Draft:
        return await self._api.call("GET", f"{DRAFTS}/{segment(draft_id)}", Draft, timeout=COMPILE_TIMEOUT_SECONDS)

    async def save_draft(self, draft: Draft | None, *, text: str, format: TextFormat, note: str) -> Draft:
        """Begin a draft, or save `draft` anew; refused with `conflict` when somebody else saved it meanwhile."""
        body = {"text": text, "format": format, "note": note}
        if draft is None:
            return await self._api.call("POST", DRAFTS, Draft, json=body, timeout=COMPILE_TIMEOUT_SECONDS)
        path = f"{DRAFTS}/{segment(draft.id)}"
        revision = {"revision": draft.revision}
        return await self._api.call("PUT", path, Draft, json=body | revision, timeout=COMPILE_TIMEOUT_SECONDS)

    async def discard_draft(self, draft_id: str) -> None:
        await self._api.send("DELETE", f"{DRAFTS}/{segment(draft_id)}")

    async def publish(self, draft_id: str) -> VersionSummary:
        path = f"{DRAFTS}/{segment(draft_id)}/publish"
        return await self._api.call("POST", path, VersionSummary, timeout=COMPILE_TIMEOUT_SECONDS)

    async def templates(self) -> TemplateList:
        return await self._api.call("GET", TEMPLATES, TemplateList)

    async def fill_in(self, template: str, values: dict[str, Any], *, slug: str | None = None) -> Reading:
        """The template's policy with these values. Refused with field errors where one is none; keeps nothing."""
        body = {"parameters": values, "slug": slug}
        path = f"{TEMPLATES}/{segment(template)}"
        return await self._api.call("POST", path, Reading, json=body, timeout=COMPILE_TIMEOUT_SECONDS)


def _over(mode: Mode, since: datetime) -> dict[str, Any]:
    return {"params": {"mode": mode, "since": utc_text(since)}, "timeout": COMPARE_TIMEOUT_SECONDS}


def _version(slug: str, version: int) -> str:
    return f"{POLICIES}/{segment(slug)}/versions/{version}"
