"""Lists of customers, countries, accounts or words that policies look into, version by version."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from api.errors import NotFound
from api.views.people import Person, people
from axiru.database import rows

LARGEST_VERSION: Final = 2**31 - 1


class ListVersionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Values as they were proposed at once. `activated_by` is somebody other than the `authors`."""

    id: str
    slug: str
    version: int
    name: str
    status: Literal["proposed", "active", "retired"]
    content_hash: str
    size: int
    authors: list[Person]
    note: str
    created_at: datetime
    activated_at: datetime | None
    activated_by: Person | None
    retired_at: datetime | None


class ListVersionView(ListVersionSummary, frozen=True, kw_only=True):
    """The version with its values, and what activating it would add to and remove from those in force."""

    kind: str
    values: list[str]
    added: list[str]
    removed: list[str]


class ListSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`active` is what policies look into; without one every look is unknown. `latest_version` may only be proposed."""

    slug: str
    kind: str
    description: str
    created_at: datetime
    active: ListVersionSummary | None
    latest_version: ListVersionSummary


class ListView(ListSummary, frozen=True, kw_only=True):
    """`versions`: every one there ever was, newest first."""

    versions: list[ListVersionSummary]


class ListPage(msgspec.Struct, frozen=True):
    items: list[ListSummary]


_SELECT: Final = """
SELECT v.*, a.member_id AS activated_by FROM list_versions v LEFT JOIN LATERAL (
    SELECT member_id FROM activations WHERE version_id = v.id AND percent > 0 ORDER BY activated_at DESC LIMIT 1
) a ON TRUE
WHERE v.organization_id = {}
"""


async def find_lists(organization_id: str) -> ListPage:
    """Every list, by name."""
    lists = await rows("SELECT * FROM lists WHERE organization_id = {} ORDER BY slug", organization_id)
    newest_or_active = "(v.status = 'active' OR NOT EXISTS (SELECT FROM list_versions n WHERE n.version > v.version "
    newest_or_active += "AND n.organization_id = v.organization_id AND n.slug = v.slug))"
    versions: defaultdict[str, list[ListVersionSummary]] = defaultdict(list)
    for version in await _summaries(
        await rows(f"{_SELECT} AND {newest_or_active} ORDER BY v.version DESC", organization_id)
    ):
        versions[version.slug].append(version)
    return ListPage([_summary(each, versions[each["slug"]]) for each in lists])


async def list_view(organization_id: str, slug: str) -> ListView:
    """Raises NotFound."""
    found = await rows("SELECT * FROM lists WHERE organization_id = {} AND slug = {}", organization_id, slug)
    if not found:
        raise NotFound
    versions = await _summaries(
        await rows(f"{_SELECT} AND v.slug = {{}} ORDER BY v.version DESC", organization_id, slug)
    )
    return ListView(**msgspec.structs.asdict(_summary(found[0], versions)), versions=versions)


async def find_list_version(organization_id: str, slug: str, version: int) -> ListVersionSummary:
    """Raises NotFound."""
    found: list[dict[str, Any]] = []
    if 0 < version <= LARGEST_VERSION:
        found = await rows(f"{_SELECT} AND v.slug = {{}} AND v.version = {{}}", organization_id, slug, version)
    if not found:
        raise NotFound
    (summary,) = await _summaries(found)
    return summary


async def list_version_view(organization_id: str, slug: str, version: int) -> ListVersionView:
    """Raises NotFound."""
    shown = await find_list_version(organization_id, slug, version)
    shown_list = await list_view(organization_id, slug)
    values = await _values(shown.id)
    in_force = await _values(shown_list.active.id) if shown_list.active else []
    return ListVersionView(
        **msgspec.structs.asdict(shown),
        kind=shown_list.kind,
        values=values,
        added=sorted(set(values) - set(in_force)),
        removed=sorted(set(in_force) - set(values)),
    )


async def _values(version_id: str) -> list[str]:
    found = await rows("SELECT value FROM list_values WHERE list_version_id = {}", version_id)
    return sorted(each["value"] for each in found)


def _summary(found: Mapping[str, Any], versions: Sequence[ListVersionSummary]) -> ListSummary:
    return ListSummary(
        slug=found["slug"],
        kind=found["kind"],
        description=found["description"],
        created_at=found["created_at"],
        active=next((version for version in versions if version.status == "active"), None),
        latest_version=versions[0],
    )


async def _summaries(found: Iterable[Mapping[str, Any]]) -> list[ListVersionSummary]:
    found = list(found)
    named = await people({member for version in found for member in _members(version)})
    return [
        ListVersionSummary(
            **{name: version[name] for name in _PLAIN},
            name=f"v{version['version']}",
            authors=[named.get(author, Person(author, author)) for author in version["author_member_ids"]],
            activated_by=named.get(version["activated_by"]),
        )
        for version in found
    ]


def _members(version: Mapping[str, Any]) -> list[str]:
    return [*version["author_member_ids"], *([version["activated_by"]] if version["activated_by"] else [])]


_PLAIN: Final = (
    *("id", "slug", "version", "status", "content_hash", "size", "note", "created_at", "activated_at", "retired_at"),
)
