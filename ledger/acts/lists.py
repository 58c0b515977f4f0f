"""Lists: values proposed as a new version by one person, and put in force by another.

The ledger holds a version's hash and size, never its values: they may name customers.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from axiru import ids
from axiru.database import row, rows, transaction
from axiru.errors import AxiruError
from ledger.acts.activate import VersionNotFound
from ledger.acts.chain import acts, sealing
from ledger.acts.list_values import SLUG, ListInvalid, ListKind, content_hash, read_kind, read_values
from ledger.acts.second_person import (
    ACTIVATIONS_MODE,
    ALL_TRAFFIC,
    BOTH_MODES,
    check_member,
    check_second_person,
    record_activation,
)
from ledger.entry import EntrySigner


class ListConflict(AxiruError):
    """The list is of another kind, or its newest version holds the same values. The facts name which."""

    code = "conflict"


class ListReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a list's version stands after an act; `ledger_ids` is empty where nothing was sealed."""

    version_id: str
    slug: str
    kind: ListKind
    version: int
    status: Literal["proposed", "active", "retired"]
    content_hash: str
    size: int
    at: datetime
    replaces: int | None = None
    rollback: bool = False
    ledger_ids: tuple[str, ...] = ()


class ListVersion(msgspec.Struct, frozen=True):
    """A version of a list, as an act finds it behind the lock."""

    id: str
    slug: str
    kind: ListKind
    version: int
    status: Literal["proposed", "active", "retired"]
    content_hash: str
    size: int
    author_member_ids: tuple[str, ...]
    replaces: int | None


async def propose_list(
    slug: str,
    kind: str,
    values: Iterable[str],
    note: str,
    *,
    organization_id: str,
    member_id: str,
    signer: EntrySigner,
    description: str = "",
) -> ListReceipt:
    """Seal the values as the list's next version; nothing reads them before somebody else activates it.

    A slug that is new makes a new list; `description` counts then only. Raises ListInvalid, ListConflict, NotEligible.
    """
    if not SLUG.fullmatch(slug):
        raise ListInvalid("A list is called by lower-case letters, digits and _.", field="slug")
    known_kind = read_kind(kind)
    listed = await asyncio.to_thread(read_values, known_kind, values)
    proposed_hash = content_hash(listed)
    version_id = ids.new_id(ids.LIST_VERSION)
    # The values are written before the chains are locked: no decision waits for a long list.
    async with transaction():
        await check_member(member_id, organization_id)
        await _begin(organization_id, slug, known_kind, description)
        newest = await row(
            "SELECT version, content_hash FROM list_versions WHERE organization_id = {} AND slug = {} "
            "ORDER BY version DESC LIMIT 1",
            organization_id,
            slug,
        )
        if newest is not None and newest["content_hash"] == proposed_hash:
            raise ListConflict(f"Version {newest['version']} holds the same values.", version=newest["version"])
        version = newest["version"] + 1 if newest else 1
        await rows(
            "INSERT INTO list_versions (id, organization_id, slug, version, status, content_hash, size, "
            "author_member_ids, note, created_at) "
            "VALUES ({}, {}, {}, {}, 'proposed', {}, {}, ARRAY[{}::text], {}, clock_timestamp())",
            version_id,
            organization_id,
            slug,
            version,
            proposed_hash,
            len(listed),
            member_id,
            note,
        )
        await rows("INSERT INTO list_values SELECT {}, unnest({}::text[])", version_id, listed)
        async with sealing(signer, organization_id, BOTH_MODES) as proposing:
            sealed = [
                one.seal(
                    "list_proposed",
                    {
                        "version_id": version_id,
                        "slug": slug,
                        "kind": known_kind,
                        "version": version,
                        "content_hash": proposed_hash,
                        "size": len(listed),
                        "note": note,
                        "member_id": member_id,
                    },
                )
                for one in proposing
            ]
            for one in proposing:
                one.tell("list", {"slug": slug, "version": version, "status": "proposed"})
    return ListReceipt(
        version_id=version_id,
        slug=slug,
        kind=known_kind,
        version=version,
        status="proposed",
        content_hash=proposed_hash,
        size=len(listed),
        at=proposing[0].now,
        ledger_ids=tuple(entry.ledger_id for entry in sealed),
    )


async def activate_list(version_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> ListReceipt:
    """Put a version in force and retire the one before it; a retired version may come back.

    Activating the active version again changes nothing. Raises VersionNotFound, NotEligible.
    """
    async with acts(signer, organization_id, BOTH_MODES) as activating:
        version = await _version(version_id, organization_id)
        await check_member(member_id, organization_id)
        receipt = ListReceipt(
            version_id=version.id,
            slug=version.slug,
            kind=version.kind,
            version=version.version,
            status="active",
            content_hash=version.content_hash,
            size=version.size,
            at=activating[0].now,
        )
        if version.status == "active":
            return receipt
        check_second_person(member_id, version.author_member_ids)
        activation_id = ids.new_id(ids.ACTIVATION)
        ledger_ids = []
        for one in activating:
            entry = one.seal(
                "list_activated",
                {
                    "version_id": version.id,
                    "slug": version.slug,
                    "kind": version.kind,
                    "version": version.version,
                    "content_hash": version.content_hash,
                    "size": version.size,
                    "percent": ALL_TRAFFIC,
                    "replaces": version.replaces,
                    "rollback": version.status == "retired",
                    "author_member_ids": list(version.author_member_ids),
                    "member_id": member_id,
                },
            )
            ledger_ids.append(entry.ledger_id)
            one.tell("list", {"slug": version.slug, "version": version.version, "status": "active"})
            if one.mode == ACTIVATIONS_MODE:
                await record_activation(activation_id, version.id, member_id, ALL_TRAFFIC, entry.seq, one)
        await rows(
            "UPDATE list_versions SET status = 'retired', retired_at = {}, activation_id = {} "
            "WHERE organization_id = {} AND slug = {} AND status = 'active'",
            receipt.at,
            activation_id,
            organization_id,
            version.slug,
        )
        await rows(
            "UPDATE list_versions SET status = 'active', activated_at = {}, retired_at = NULL, activation_id = {} "
            "WHERE id = {}",
            receipt.at,
            activation_id,
            version.id,
        )
        return msgspec.structs.replace(
            receipt,
            replaces=version.replaces,
            rollback=version.status == "retired",
            ledger_ids=tuple(ledger_ids),
        )


async def _begin(organization_id: str, slug: str, kind: ListKind, description: str) -> None:
    """Make the list if there is none yet, and let nobody else number a version of it meanwhile."""
    await rows("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))", f"{organization_id}/lists/{slug}")
    await rows(
        "INSERT INTO lists (id, organization_id, slug, kind, description, created_at) "
        "VALUES ({}, {}, {}, {}, {}, clock_timestamp()) ON CONFLICT DO NOTHING",
        ids.new_id(ids.LIST),
        organization_id,
        slug,
        kind,
        description,
    )
    made = await row("SELECT kind FROM lists WHERE organization_id = {} AND slug = {}", organization_id, slug)
    if made is None or made["kind"] != kind:
        raise ListConflict(f"The list {slug} is of another kind.", kind=made["kind"] if made else None)


async def _version(version_id: str, organization_id: str) -> ListVersion:
    found = await row(
        """
        SELECT v.*, l.kind, (SELECT o.version FROM list_versions o WHERE o.organization_id = v.organization_id
            AND o.slug = v.slug AND o.status = 'active' AND o.id <> v.id) AS replaces
        FROM list_versions v JOIN lists l ON l.organization_id = v.organization_id AND l.slug = v.slug
        WHERE v.id = {} AND v.organization_id = {}
        """,
        version_id,
        organization_id,
    )
    if found is None:
        raise VersionNotFound("There is no such list version.")
    return msgspec.convert(found, ListVersion)
