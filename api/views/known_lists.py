"""The lists that an organization's policies may look into."""

from axiru.database import rows


async def list_kinds(organization_id: str) -> dict[str, str]:
    """The kind of each list, by slug: what the static checks have to know."""
    found = await rows("SELECT slug, kind FROM lists WHERE organization_id = {}", organization_id)
    return {each["slug"]: each["kind"] for each in found}
