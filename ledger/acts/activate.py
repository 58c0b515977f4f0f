"""Activate, retire, look on again: every change of what decides, sealed in both modes.

What gives a version traffic, or takes it from the active one, is done by somebody other than its authors. The database
holds to the same: `activations` in the migrations.
"""

import asyncio
from datetime import datetime
from typing import Any, Literal

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from ledger.acts.chain import Act, acts
from ledger.acts.second_person import (
    ACTIVATIONS_MODE,
    ALL_TRAFFIC,
    BOTH_MODES,
    check_member,
    check_second_person,
    record_activation,
)
from ledger.acts.standing import as_published
from ledger.entry import EntrySigner

Status = Literal["shadow", "active", "retired"]


class VersionNotFound(AxiruError):
    """There is no such version in this organization."""

    code = "not_found"


class ActivationRefused(AxiruError):
    """The version is not in a state from which this is possible; `state` names it."""

    code = "conflict"


class VersionReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version stands after an act; `ledger_ids` is empty where it stood there before and nothing was sealed.

    `replaces` is the number of the version that this one retired, or beside which it gets a share of the traffic.
    """

    version_id: str
    slug: str
    version: int
    status: Status
    canary_percent: int
    at: datetime
    replaces: int | None = None
    rollback: bool = False
    ledger_ids: tuple[str, ...] = ()


class Version(msgspec.Struct, frozen=True):
    """A published version, as an act finds it behind the lock."""

    id: str
    slug: str
    version: int
    status: Status
    content_hash: str
    author_member_ids: tuple[str, ...]
    canary_percent: int
    others: tuple["Other", ...]


class Other(msgspec.Struct, frozen=True):
    """Another version of the same policy that decides something."""

    version: int
    status: Status


async def activate(
    version_id: str, *, organization_id: str, member_id: str, signer: EntrySigner, percent: int = ALL_TRAFFIC
) -> VersionReceipt:
    """Put a version in force, and retire the one before it; with `percent` below 100 let it decide that share only.

    The share is that of customers, not of requests (`ledger.acts.canary`), and ends with the next activation of the
    policy. Activating a retired version is a roll-back. Raises VersionNotFound, NotEligible for an author, and
    ActivationRefused.
    """
    if not 1 <= percent <= ALL_TRAFFIC:
        raise ActivationRefused("A share is from 1 to 100 percent.", field="percent")
    await _require_loading(version_id, organization_id)
    async with acts(signer, organization_id, BOTH_MODES) as activating:
        version = await _version(version_id, organization_id, member_id)
        if percent == _share(version):
            return _receipt(version, activating)
        if version.status == "active":
            raise ActivationRefused("An active version decides all of the traffic already.", state=version.status)
        if version.status == "retired" and percent < ALL_TRAFFIC:
            raise ActivationRefused("A retired version looks on first, before it gets a share.", state=version.status)
        check_second_person(member_id, version.author_member_ids)
        replaces = next((other.version for other in version.others if other.status == "active"), None)
        facts: dict[str, Any] = {
            "replaces": replaces,
            "ends_canary_of": [other.version for other in version.others if other.status == "shadow"],
            "rollback": version.status == "retired",
        }
        if percent == ALL_TRAFFIC:
            kind, after = "policy_activated", msgspec.structs.replace(version, status="active", canary_percent=0)
        else:
            kind, after = "policy_canary", msgspec.structs.replace(version, canary_percent=percent)
        return await _change(kind, version, after, facts, member_id, activating)


async def retire(version_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> VersionReceipt:
    """Take a version out: it neither decides nor looks on. Its authors may, as long as an active one stays.

    Raises VersionNotFound, NotEligible.
    """
    async with acts(signer, organization_id, BOTH_MODES) as retiring:
        version = await _version(version_id, organization_id, member_id)
        if version.status == "retired":
            return _receipt(version, retiring)
        _check_leaving(version, member_id)
        after = msgspec.structs.replace(version, status="retired", canary_percent=0)
        return await _change("policy_retired", version, after, {"was": version.status}, member_id, retiring)


async def shadow_again(version_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> VersionReceipt:
    """Let a retired version look on, or end a canary. Raises VersionNotFound, NotEligible, ActivationRefused."""
    async with acts(signer, organization_id, BOTH_MODES) as shadowing:
        version = await _version(version_id, organization_id, member_id)
        if version.status == "active":
            raise ActivationRefused("The active version decides; activate or retire instead.", state=version.status)
        if version.status == "shadow" and not version.canary_percent:
            return _receipt(version, shadowing)
        _check_leaving(version, member_id)
        after = msgspec.structs.replace(version, status="shadow", canary_percent=0)
        facts = {"was": "canary" if version.canary_percent else version.status}
        return await _change("policy_shadowed", version, after, facts, member_id, shadowing)


async def _change(
    kind: str, before: Version, after: Version, facts: dict[str, Any], member_id: str, changing: tuple[Act, ...]
) -> VersionReceipt:
    """Seal the change in every chain, and make it; a changed share is an activation."""
    share = _share(after)
    ledger_ids = []
    activation_id = ids.new_id(ids.ACTIVATION) if share != _share(before) else None
    for one in changing:
        entry = one.seal(
            kind,
            {
                "version_id": after.id,
                "slug": after.slug,
                "version": after.version,
                "percent": share,
                **facts,
                "author_member_ids": list(after.author_member_ids),
                "member_id": member_id,
            },
            policy_hash=after.content_hash,
        )
        ledger_ids.append(entry.ledger_id)
        one.tell("policy", {"slug": after.slug, "version": after.version, "status": after.status, "percent": share})
        if activation_id and one.mode == ACTIVATIONS_MODE:
            await record_activation(activation_id, after.id, member_id, share, entry.seq, one)
    if activation_id and share:
        await _displace(after, activation_id, changing[0])
    await rows(
        """
        UPDATE policy_versions SET status = {}, canary_percent = {}, activation_id = coalesce({}, activation_id),
            activated_at = CASE WHEN {} THEN {}::timestamptz ELSE activated_at END,
            retired_at = CASE WHEN {} THEN {}::timestamptz END
        WHERE id = {}
        """,
        after.status,
        after.canary_percent,
        activation_id,
        share == ALL_TRAFFIC,
        changing[0].now,
        after.status == "retired",
        changing[0].now,
        after.id,
    )
    receipt = _receipt(after, changing)
    return msgspec.structs.replace(
        receipt,
        replaces=facts.get("replaces"),
        rollback=facts.get("rollback", False),
        ledger_ids=tuple(ledger_ids),
    )


async def _displace(after: Version, activation_id: str, changing: Act) -> None:
    """Retire the active version where another takes all of its traffic, and end the canary there was."""
    await rows(
        """
        UPDATE policy_versions SET canary_percent = 0, activation_id = {},
            status = CASE status WHEN 'active' THEN 'retired' ELSE status END,
            retired_at = CASE status WHEN 'active' THEN {}::timestamptz END
        WHERE organization_id = {} AND slug = {} AND id <> {}
            AND (canary_percent > 0 OR (status = 'active' AND {} = 'active'))
        """,
        activation_id,
        changing.now,
        changing.organization_id,
        after.slug,
        after.id,
        after.status,
    )


async def _version(version_id: str, organization_id: str, member_id: str) -> Version:
    found = await row(
        """
        SELECT v.*, (SELECT coalesce(json_agg(json_build_object('version', o.version, 'status', o.status)), '[]')
                FROM policy_versions o WHERE o.organization_id = v.organization_id AND o.slug = v.slug AND o.id <> v.id
                AND (o.status = 'active' OR o.canary_percent > 0))::text AS others
        FROM policy_versions v WHERE v.id = {} AND v.organization_id = {}
        """,
        version_id,
        organization_id,
    )
    if found is None:
        raise VersionNotFound("There is no such policy version.")
    await check_member(member_id, organization_id)
    return msgspec.convert({**found, "others": msgspec.json.decode(found["others"])}, Version)


async def _require_loading(version_id: str, organization_id: str) -> None:
    """Before anything is locked. Raises VersionNotFound, and ActivationRefused for what would stop every decision."""
    stored = await row(
        "SELECT source, content_hash, status FROM policy_versions WHERE id = {} AND organization_id = {}",
        version_id,
        organization_id,
    )
    if stored is None:
        raise VersionNotFound("There is no such policy version.")
    if await asyncio.to_thread(as_published, stored["source"], stored["content_hash"]) is None:
        raise ActivationRefused("The stored text is no longer what was published.", state=stored["status"])


def _check_leaving(version: Version, member_id: str) -> None:
    """Authors take out what only looks on, and a canary where the active version decides again. Raises NotEligible."""
    if _share(version) and not any(other.status == "active" for other in version.others):
        check_second_person(member_id, version.author_member_ids)


def _share(version: Version) -> int:
    """The percent of the traffic that the version decides."""
    return ALL_TRAFFIC if version.status == "active" else version.canary_percent


def _receipt(version: Version, acting: tuple[Act, ...]) -> VersionReceipt:
    return VersionReceipt(
        version_id=version.id,
        slug=version.slug,
        version=version.version,
        status=version.status,
        canary_percent=version.canary_percent,
        at=acting[0].now,
    )
