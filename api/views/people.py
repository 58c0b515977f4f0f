"""Members as they appear beside what they did."""

import msgspec

from axiru.database import rows


class Person(msgspec.Struct, frozen=True):
    id: str
    name: str


async def people(member_ids: set[str]) -> dict[str, Person]:
    """The members of these ids, by id."""
    if not member_ids:
        return {}
    found = await rows("SELECT id, name FROM members WHERE id = ANY({}::text[])", sorted(member_ids))
    return {member["id"]: Person(member["id"], member["name"]) for member in found}
