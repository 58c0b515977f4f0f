"""The policies that a version would stand beside: one of another name replaces nothing."""

import msgspec

from axiru.database import rows
from ledger.acts.standing import CompiledVersions, VersionInForce
from policies.conditions import Scope


async def policies_beside(organization_id: str, version_id: str, compiled: CompiledVersions) -> list[str]:
    """The active policies, by name, that cover some of what the version covers.

    None where a version of its own policy is active: it takes that one's place. Raises PolicyVersionMissing.
    """
    found = await rows(
        """
        SELECT v.id, v.slug, v.version, v.status, v.content_hash
        FROM policy_versions shown JOIN policy_versions v USING (organization_id)
        WHERE shown.organization_id = {} AND shown.id = {} AND (v.id = shown.id OR v.status = 'active')
            AND NOT EXISTS (SELECT FROM policy_versions own WHERE own.organization_id = shown.organization_id
                AND own.slug = shown.slug AND own.status = 'active')
        ORDER BY v.slug
        """,
        organization_id,
        version_id,
    )
    versions = [msgspec.convert(one, VersionInForce) for one in found]
    # What was read once stays compiled: a page that is kept current asks again and again.
    scopes = {version.id: (await compiled.get(version)).policy.applies_to for version in versions}
    return [
        version.slug
        for version in versions
        if version.id != version_id and _overlap(scopes[version.id], scopes[version_id])
    ]


def _overlap(one: Scope, other: Scope) -> bool:
    """No rail actions are all of them."""
    if one.rail != other.rail:
        return False
    return not one.rail_actions or not other.rail_actions or not set(one.rail_actions).isdisjoint(other.rail_actions)
