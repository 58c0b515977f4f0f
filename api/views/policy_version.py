"""A version of a policy: who wrote it, how far it has come, and what it says."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from api.compiling import PolicyCompiler, Text
from api.compiling.shapes import FindingView, RuleView
from api.errors import NotFound
from api.views.known_lists import list_kinds
from api.views.people import Person, people
from api.views.period import DEFAULT_PERIOD
from axiru.database import rows
from axiru.domain.movement import Mode

VersionStatus = Literal["draft", "shadow", "active", "retired"]
LARGEST_VERSION: Final = 2**31 - 1
"""The largest number the column holds; nothing can be found by a larger one."""


class VersionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One version in a list. `shadow`: it looks on; `canary_percent` is the share that it decides all the same.

    `activated_at` and `activated_by` tell of the last time it was put in force, for everything or for a share.
    Where versions are listed, `compared` are the decisions of the last seven days that it looked on at, and
    `agreement_rate` (0 to 1) the share of them for which it said what counted; else null.
    """

    id: str
    slug: str
    version: int
    name: str
    status: VersionStatus
    shadow: bool
    canary_percent: int
    content_hash: str
    language: int
    authors: list[Person]
    note: str
    published_at: datetime | None
    activated_at: datetime | None
    activated_by: Person | None
    retired_at: datetime | None
    compared: int | None = None
    agreement_rate: float | None = None


class VersionView(VersionSummary, frozen=True, kw_only=True):
    """The version with its text. `source` is what was published, in its own `format`.

    `yaml` and `plain` are the two views of it; the YAML says `shadow: true` or `false`, as the status is now.
    """

    description: str
    format: Literal["yaml", "plain"]
    source: str
    yaml: str
    plain: str
    findings: list[FindingView]
    rules: list[RuleView]


_SELECT: Final = """
SELECT v.*, a.member_id AS activated_by, coalesce(a.activated_at, v.activated_at) AS put_in_force_at
FROM policy_versions v LEFT JOIN LATERAL (
    SELECT member_id, activated_at FROM activations WHERE version_id = v.id AND percent > 0
    ORDER BY activated_at DESC LIMIT 1
) a ON TRUE
WHERE v.organization_id = {}
"""


async def find_versions(organization_id: str, slug: str, mode: Mode) -> list[VersionSummary]:
    """Every version of one policy, newest first, with how far those that look on agree in `mode`."""
    found = await rows(f"{_SELECT} AND v.slug = {{}} ORDER BY v.version DESC", organization_id, slug)
    return await _with_agreement(await _summaries(found), organization_id, mode)


async def versions_in_sight(organization_id: str, mode: Mode) -> list[VersionSummary]:
    """The versions of every policy that decide or look on now, newest first, with how far they agree in `mode`."""
    found = await rows(f"{_SELECT} AND v.status IN ('active', 'shadow') ORDER BY v.version DESC", organization_id)
    return await _with_agreement(await _summaries(found), organization_id, mode)


async def find_version(organization_id: str, slug: str, version: int) -> VersionSummary:
    """Raises NotFound."""
    (summary,) = await _summaries([await _row(organization_id, slug, version)])
    return summary


async def active_version(organization_id: str, slug: str) -> VersionSummary | None:
    """The version that is in force."""
    found = await rows(f"{_SELECT} AND v.slug = {{}} AND v.status = 'active'", organization_id, slug)
    return next(iter(await _summaries(found)), None)


async def version_view(organization_id: str, slug: str, version: int, compiler: PolicyCompiler) -> VersionView:
    """Raises NotFound."""
    found = await _row(organization_id, slug, version)
    (summary,) = await _summaries([found])
    lists = await list_kinds(organization_id)
    read = await compiler.read(Text(text=found["source"], format="yaml", lists=lists, shadow=summary.shadow))
    if read.yaml is None or read.plain is None:
        raise RuntimeError(f"the published version {summary.id} does not load")
    return VersionView(
        **msgspec.structs.asdict(summary),
        description=read.description or "",
        format="plain" if found["plain_source"] else "yaml",
        source=found["plain_source"] or found["source"],
        yaml=read.yaml,
        plain=read.plain,
        findings=read.findings,
        rules=read.rules,
    )


async def _with_agreement(versions: list[VersionSummary], organization_id: str, mode: Mode) -> list[VersionSummary]:
    found = await rows(
        """
        SELECT version_id, count(*) AS compared, count(*) FILTER (WHERE agrees) AS agreed FROM shadow_results
        WHERE organization_id = {} AND mode = {} AND version_id = ANY({}::text[]) AND decided_at >= {}
        GROUP BY version_id
        """,
        organization_id,
        mode,
        [version.id for version in versions if version.shadow],
        datetime.now(UTC) - DEFAULT_PERIOD,
    )
    counted = {each["version_id"]: (each["compared"], each["agreed"] / each["compared"]) for each in found}
    return [
        msgspec.structs.replace(version, compared=counted[version.id][0], agreement_rate=counted[version.id][1])
        if version.id in counted
        else version
        for version in versions
    ]


async def _row(organization_id: str, slug: str, version: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    if 0 < version <= LARGEST_VERSION:
        found = await rows(f"{_SELECT} AND v.slug = {{}} AND v.version = {{}}", organization_id, slug, version)
    if not found:
        raise NotFound
    return found[0]


async def _summaries(found: Iterable[Mapping[str, Any]]) -> list[VersionSummary]:
    found = list(found)
    named = await people({member for version in found for member in _members(version)})
    return [_summary(version, named) for version in found]


def _members(version: Mapping[str, Any]) -> list[str]:
    return [*version["author_member_ids"], *([version["activated_by"]] if version["activated_by"] else [])]


def _summary(found: Mapping[str, Any], named: Mapping[str, Person]) -> VersionSummary:
    activated_by = found["activated_by"]
    return VersionSummary(
        id=found["id"],
        slug=found["slug"],
        version=found["version"],
        name=f"v{found['version']}",
        status=found["status"],
        shadow=found["status"] == "shadow",
        canary_percent=found["canary_percent"],
        content_hash=found["content_hash"],
        language=found["language"],
        authors=[named.get(member, Person(member, member)) for member in found["author_member_ids"]],
        note=found["note"],
        published_at=found["published_at"],
        activated_at=found["put_in_force_at"],
        activated_by=named.get(activated_by, Person(activated_by, activated_by)) if activated_by else None,
        retired_at=found["retired_at"],
    )
