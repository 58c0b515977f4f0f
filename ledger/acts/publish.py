"""Publish: make a draft the next version of its policy. From then on it never changes, and looks on until activated."""

import asyncio
from datetime import datetime

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from ledger.acts.chain import acts
from ledger.acts.drafts import Draft, changed, load, read_draft
from ledger.acts.evaluating import MOST_LOOKED_UP
from ledger.acts.second_person import BOTH_MODES
from ledger.entry import EntrySigner
from policies import CompiledPolicy, compile_policy, parse, to_yaml
from policies.checks import Finding, Known, check


class AlreadyPublished(AxiruError):
    """The newest version of this policy says the same. `slug` and `version` name it."""

    code = "conflict"


class ChecksFailed(AxiruError):
    """The text loads and cannot mean what it says: a rule that never fires, a role nobody has. `findings` tells all."""

    code = "policy_invalid"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        first = next(finding for finding in findings if finding.severity == "error")
        super().__init__(str(first), findings=msgspec.to_builtins(findings))


class Published(msgspec.Struct, frozen=True):
    """A version as it was sealed: number, hash, and the entries of both modes. `warnings` did not keep it back."""

    version_id: str
    slug: str
    version: int
    content_hash: str
    published_at: datetime
    ledger_ids: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()


async def publish(draft_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> Published:
    """Publish the draft as it is now; its status is `shadow`, whatever its text says.

    Raises DraftNotFound, DraftChanged, PolicyInvalid where the text no longer loads, or is too long as YAML,
    ChecksFailed and AlreadyPublished.
    """
    draft = await read_draft(draft_id, organization_id=organization_id)
    if draft.state != "open":
        raise changed(draft)
    parsed = await load(draft.source, draft.format)
    known = Known(lists=await _list_kinds(organization_id))
    findings = await asyncio.to_thread(check, parsed, known)
    if any(finding.severity == "error" for finding in findings):
        raise ChecksFailed(findings)
    source = to_yaml(parsed.policy) if draft.format == "plain" else draft.source
    # What decisions will read has to load: plain language may be shorter than the YAML it stands for.
    compiled = await asyncio.to_thread(lambda: compile_policy(parse(source)))
    _require_affordable(compiled)
    async with acts(signer, organization_id, BOTH_MODES) as publishing:
        newest = await row(
            "SELECT version, content_hash FROM policy_versions WHERE organization_id = {} AND slug = {} "
            "ORDER BY version DESC LIMIT 1",
            organization_id,
            compiled.slug,
        )
        if newest is not None and newest["content_hash"] == compiled.content_hash:
            raise AlreadyPublished(
                f"Version {newest['version']} says the same.", slug=compiled.slug, version=newest["version"]
            )
        published = Published(
            version_id=ids.new_id(ids.POLICY_VERSION),
            slug=compiled.slug,
            version=newest["version"] + 1 if newest else 1,
            content_hash=compiled.content_hash,
            published_at=publishing[0].now,
            warnings=findings,
        )
        await _close(draft, published.version)
        await _write(draft, source, parsed.language, published)
        ledger_ids = []
        for one in publishing:
            entry = one.seal(
                "policy_published",
                {
                    "version_id": published.version_id,
                    "slug": published.slug,
                    "version": published.version,
                    "draft_id": draft.id,
                    "format": draft.format,
                    "language": parsed.language,
                    "author_member_ids": list(draft.author_member_ids),
                    "note": draft.note,
                    "member_id": member_id,
                },
                policy_hash=published.content_hash,
            )
            ledger_ids.append(entry.ledger_id)
            one.tell("policy", {"slug": published.slug, "version": published.version, "status": "shadow"})
        return msgspec.structs.replace(published, ledger_ids=tuple(ledger_ids))


def _require_affordable(compiled: CompiledPolicy) -> None:
    """Every decision counts and looks up all of it before it is made. Raises ChecksFailed."""
    if (looked_up := len(compiled.windows) + len(compiled.lists)) > MOST_LOOKED_UP:
        message = f"the policy asks for {looked_up:,} different windows and lists, and may ask for {MOST_LOOKED_UP}"
        raise ChecksFailed(
            (Finding("too_costly", "error", message, (), 1, 1, "ask for the same windows in its rules"),)
        )


async def _list_kinds(organization_id: str) -> dict[str, str]:
    found = await rows("SELECT slug, kind FROM lists WHERE organization_id = {}", organization_id)
    return {made["slug"]: made["kind"] for made in found}


async def _close(draft: Draft, version: int) -> None:
    """End the draft at the revision whose text was read."""
    closed = await rows(
        "UPDATE policy_drafts SET published_version = {} WHERE id = {} AND revision = {} "
        "AND published_version IS NULL AND discarded_at IS NULL RETURNING id",
        version,
        draft.id,
        draft.revision,
    )
    if not closed:
        raise changed(await read_draft(draft.id, organization_id=draft.organization_id))


async def _write(draft: Draft, source: str, language: int, published: Published) -> None:
    await rows(
        "INSERT INTO policies (id, organization_id, slug, created_at) VALUES ({}, {}, {}, {}) ON CONFLICT DO NOTHING",
        f"{draft.organization_id}/{published.slug}",
        draft.organization_id,
        published.slug,
        published.published_at,
    )
    await rows(
        """
        INSERT INTO policy_versions (id, organization_id, slug, version, status, source, plain_source, language,
            content_hash, author_member_id, author_member_ids, note, created_at, published_at)
        VALUES ({}, {}, {}, {}, 'shadow', {}, {}, {}, {}, {}, {}::text[], {}, {}, {})
        """,
        published.version_id,
        draft.organization_id,
        published.slug,
        published.version,
        source,
        draft.source if draft.format == "plain" else None,
        language,
        published.content_hash,
        draft.author_member_ids[0],
        list(draft.author_member_ids),
        draft.note,
        draft.created_at,
        published.published_at,
    )
