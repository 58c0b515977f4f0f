"""Drafts: the text of a version that is still to be published. Nothing is in force, so nothing is sealed."""

import asyncio
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from axiru import ids
from axiru.database import row
from axiru.errors import AxiruError
from policies import PolicyError, PolicyInvalid
from policies.formats import Format, read
from policies.syntax import ParsedPolicy

RESERVED_SLUGS: Final = frozenset({"compile", "drafts", "templates"})
"""Words that have another meaning where a policy's slug stands in the API's paths."""


class DraftNotFound(AxiruError):
    """There is no such draft in this organization."""

    code = "not_found"


class DraftChanged(AxiruError):
    """Somebody else saved, published or discarded the draft since it was read. `revision` is the present one."""

    code = "conflict"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as it is kept. Everybody who ever saved it is one of its authors."""

    id: str
    organization_id: str
    slug: str
    format: Format
    source: str
    note: str
    author_member_ids: tuple[str, ...]
    revision: int
    created_at: datetime
    updated_at: datetime
    published_version: int | None = None
    discarded_at: datetime | None = None

    @property
    def state(self) -> Literal["open", "published", "discarded"]:
        if self.published_version is not None:
            return "published"
        return "open" if self.discarded_at is None else "discarded"


async def save_draft(
    *,
    organization_id: str,
    member_id: str,
    text: str,
    format: Format,
    note: str = "",
    draft_id: str | None = None,
    revision: int = 0,
) -> Draft:
    """Begin a draft, or save the one of `draft_id` over `revision`; the member becomes one of its authors.

    The text has to load: raises PolicyInvalid. Raises DraftNotFound, and DraftChanged where the draft is no longer at
    `revision` or has ended.
    """
    slug = (await load(text, format)).policy.slug
    if draft_id is None:
        saved = await row(
            "INSERT INTO policy_drafts (id, organization_id, slug, format, source, note, author_member_ids, revision, "
            "created_at, updated_at) VALUES ({}, {}, {}, {}, {}, {}, ARRAY[{}::text], 1, now(), now()) RETURNING *",
            ids.new_id(ids.POLICY_DRAFT),
            organization_id,
            slug,
            format,
            text,
            note,
            member_id,
        )
        return _draft(saved)
    saved = await row(
        """
        UPDATE policy_drafts SET slug = {}, format = {}, source = {}, note = {}, revision = revision + 1,
            updated_at = now(), author_member_ids = author_member_ids
                || CASE WHEN {} = ANY (author_member_ids) THEN ARRAY[]::text[] ELSE ARRAY[{}::text] END
        WHERE id = {} AND organization_id = {} AND revision = {} AND published_version IS NULL AND discarded_at IS NULL
        RETURNING *
        """,
        slug,
        format,
        text,
        note,
        member_id,
        member_id,
        draft_id,
        organization_id,
        revision,
    )
    if saved is None:
        raise changed(await read_draft(draft_id, organization_id=organization_id))
    return _draft(saved)


async def discard_draft(draft_id: str, *, organization_id: str) -> Draft:
    """End a draft without publishing it; discarding it again changes nothing. Raises DraftNotFound, DraftChanged."""
    discarded = await row(
        "UPDATE policy_drafts SET discarded_at = now() WHERE id = {} AND organization_id = {} "
        "AND published_version IS NULL AND discarded_at IS NULL RETURNING *",
        draft_id,
        organization_id,
    )
    draft = _draft(discarded) if discarded else await read_draft(draft_id, organization_id=organization_id)
    if draft.published_version is not None:
        raise changed(draft)
    return draft


async def read_draft(draft_id: str, *, organization_id: str) -> Draft:
    """Raises DraftNotFound."""
    found = await row("SELECT * FROM policy_drafts WHERE id = {} AND organization_id = {}", draft_id, organization_id)
    if found is None:
        raise DraftNotFound("There is no such draft.")
    return _draft(found)


async def load(text: str, format: Format) -> ParsedPolicy:
    """Read a text, beside the event loop: a long one takes its time. Raises PolicyInvalid."""
    parsed = await asyncio.to_thread(read, text, format)
    if parsed.policy.slug in RESERVED_SLUGS:
        message = f"no policy can be called `{parsed.policy.slug}`"
        raise PolicyInvalid([PolicyError(1, 1, "reserved_name", message, "choose another name")])
    return parsed


def changed(draft: Draft) -> DraftChanged:
    """The refusal that says where the draft stands now."""
    said = "was saved by somebody else since you read it" if draft.state == "open" else f"was already {draft.state}"
    return DraftChanged(f"The draft {said}.", state=draft.state, revision=draft.revision)


def _draft(found: Any) -> Draft:
    return msgspec.convert(found, Draft)
