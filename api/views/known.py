"""What the static checks may rely on: the roles that members hold, the lists there are."""

from typing import Any

from axiru.database import rows


async def known_names(organization_id: str) -> dict[str, Any]:
    """`roles` and `lists` of a `Job`."""
    roles = await rows(
        "SELECT DISTINCT unnest(roles) AS role FROM members WHERE organization_id = {} AND disabled_at IS NULL",
        organization_id,
    )
    lists = await rows("SELECT slug, kind FROM lists WHERE organization_id = {}", organization_id)
    return {
        "roles": frozenset(member["role"] for member in roles),
        "lists": {each["slug"]: each["kind"] for each in lists},
    }
