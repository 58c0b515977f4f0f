"""Activate: put a published policy version in force, by someone other than its author."""

from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import acts
from ledger.entry import EntrySigner

_MODES: tuple[Mode, ...] = ("live", "test")


class VersionNotFound(AxiruError):
    """There is no such policy version in this organization."""

    code = "not_found"


class ActivationRefused(AxiruError):
    """The version is a draft, or the person who wants to activate it wrote it."""

    code = "conflict"


async def activate(version_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> None:
    """Make the version the active one of its policy and retire the one before it; sealed in both modes.

    Activating the active version again changes nothing. Raises VersionNotFound, ActivationRefused.
    """
    async with acts(signer, organization_id, _MODES) as activating:
        version = await row(
            "SELECT * FROM policy_versions WHERE id = {} AND organization_id = {}", version_id, organization_id
        )
        if version is None:
            raise VersionNotFound("There is no such policy version.")
        if version["published_at"] is None:
            raise ActivationRefused("Only a published version can be activated.", state=version["status"])
        if version["author_member_id"] == member_id:
            raise ActivationRefused("A version is activated by someone other than its author.", state=version["status"])
        if version["status"] == "active":
            return
        now = activating[0].now
        retired = await rows(
            "UPDATE policy_versions SET status = 'retired' "
            "WHERE organization_id = {} AND slug = {} AND status = 'active' RETURNING version",
            organization_id,
            version["slug"],
        )
        await rows("UPDATE policy_versions SET status = 'active', activated_at = {} WHERE id = {}", now, version_id)
        for one in activating:
            one.seal(
                "policy_activated",
                {
                    "version_id": version_id,
                    "slug": version["slug"],
                    "version": version["version"],
                    "replaces": retired[0]["version"] if retired else None,
                    "author_member_id": version["author_member_id"],
                    "member_id": member_id,
                },
                policy_hash=version["content_hash"],
            )
            one.tell("policy", {"slug": version["slug"], "version": version["version"]})
