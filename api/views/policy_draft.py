"""A draft: a policy that is being written, with what its text comes to."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from api.compiling import PolicyCompiler, Text
from api.compiling.shapes import FindingView, TextError, TextFormat
from api.errors import NotFound
from api.views.known_lists import list_kinds
from api.views.people import Person, people
from axiru.database import rows


class DraftSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever changed the draft is one of its `authors`; `revision` counts the changes.

    A draft is open until it is published (as `published_version`) or discarded.
    """

    id: str
    slug: str
    format: TextFormat
    note: str
    authors: list[Person]
    revision: int
    created_at: datetime
    updated_at: datetime
    published_version: int | None
    discarded_at: datetime | None


class DraftView(DraftSummary, frozen=True, kw_only=True):
    """The draft with its text as it was written, both views of it, and what keeps it from being published."""

    text: str
    yaml: str | None
    plain: str | None
    errors: list[TextError]
    findings: list[FindingView]


class DraftList(msgspec.Struct, frozen=True):
    items: list[DraftSummary]


_SELECT: Final = "SELECT * FROM policy_drafts WHERE organization_id = {}"


async def open_drafts(organization_id: str, slug: str | None = None) -> list[DraftSummary]:
    """Drafts of one policy or of all, the one changed last first."""
    narrowed = " AND slug = {}" if slug is not None else ""
    found = await rows(
        f"{_SELECT}{narrowed} AND published_version IS NULL AND discarded_at IS NULL ORDER BY updated_at DESC, id DESC",
        organization_id,
        *([slug] if slug is not None else []),
    )
    return await _summaries(found)


async def draft_view(draft_id: str, organization_id: str, compiler: PolicyCompiler) -> DraftView:
    """Raises NotFound."""
    found = await draft_row(draft_id, organization_id)
    (summary,) = await _summaries([found])
    job = Text(text=found["source"], format=found["format"], lists=await list_kinds(organization_id))
    read = await compiler.read(job)
    return DraftView(
        **msgspec.structs.asdict(summary),
        text=found["source"],
        yaml=read.yaml,
        plain=read.plain,
        errors=read.errors,
        findings=read.findings,
    )


async def draft_row(draft_id: str, organization_id: str) -> dict[str, Any]:
    """Raises NotFound."""
    found = await rows(f"{_SELECT} AND id = {{}}", organization_id, draft_id)
    if not found:
        raise NotFound
    return found[0]


async def _summaries(found: Iterable[Mapping[str, Any]]) -> list[DraftSummary]:
    found = list(found)
    named = await people({author for draft in found for author in draft["author_member_ids"]})
    return [
        DraftSummary(
            **{name: draft[name] for name in _PLAIN},
            authors=[named.get(author, Person(author, author)) for author in draft["author_member_ids"]],
        )
        for draft in found
    ]


_PLAIN: Final = (
    *("id", "slug", "format", "note", "revision", "created_at", "updated_at", "published_version", "discarded_at"),
)
