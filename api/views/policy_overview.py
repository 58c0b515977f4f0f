"""A policy with all its versions: which decides, which look on, which are being written."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from api.errors import NotFound
from api.views.policy_draft import DraftSummary, open_drafts
from api.views.policy_version import VersionSummary, find_versions, versions_in_sight
from axiru.database import rows
from axiru.domain.movement import Mode


class PolicySummary(msgspec.Struct, frozen=True, kw_only=True):
    """`live` is in force; `canary` decides a share of the requests; `shadows` look on, the canary among them."""

    slug: str
    live: VersionSummary | None
    canary: VersionSummary | None
    shadows: list[VersionSummary]
    drafts: list[DraftSummary]
    latest_version: int | None


class PolicyOverview(PolicySummary, frozen=True, kw_only=True):
    """`versions`: every one there ever was, newest first."""

    versions: list[VersionSummary]


class PolicyList(msgspec.Struct, frozen=True):
    items: list[PolicySummary]


async def find_policies(organization_id: str, mode: Mode) -> PolicyList:
    """Every policy that has a version or an open draft, by name."""
    latest = await rows(
        "SELECT slug, max(version) AS latest FROM policy_versions WHERE organization_id = {} GROUP BY slug",
        organization_id,
    )
    latest_of = {policy["slug"]: policy["latest"] for policy in latest}
    versions: defaultdict[str, list[VersionSummary]] = defaultdict(list)
    for version in await versions_in_sight(organization_id, mode):
        versions[version.slug].append(version)
    drafts: defaultdict[str, list[DraftSummary]] = defaultdict(list)
    for draft in await open_drafts(organization_id):
        drafts[draft.slug].append(draft)
    slugs = sorted({*latest_of, *drafts})
    return PolicyList([_summary(slug, versions[slug], drafts[slug], latest_of.get(slug)) for slug in slugs])


async def policy_overview(organization_id: str, slug: str, mode: Mode) -> PolicyOverview:
    """Raises NotFound."""
    versions, drafts = await find_versions(organization_id, slug, mode), await open_drafts(organization_id, slug)
    if not versions and not drafts:
        raise NotFound
    latest = versions[0].version if versions else None
    summary = _summary(slug, versions, drafts, latest)
    return PolicyOverview(**msgspec.structs.asdict(summary), versions=versions)


def _summary(
    slug: str, versions: Sequence[VersionSummary], drafts: list[DraftSummary], latest: int | None
) -> PolicySummary:
    shadows = [version for version in versions if version.status == "shadow"]
    return PolicySummary(
        slug=slug,
        live=next((version for version in versions if version.status == "active"), None),
        canary=next((version for version in shadows if version.canary_percent), None),
        shadows=shadows,
        drafts=drafts,
        latest_version=latest,
    )
