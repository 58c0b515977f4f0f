"""Members as everybody in the organization sees them, and what only those see who manage them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from api.auth import Caller
from api.errors import NotFound
from api.permissions import Permission
from axiru.database import rows


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """From `email` on told to those who manage members and to oneself, else null.

    `locked_until` is null as well where nobody is kept out.
    """

    id: str
    name: str
    roles: list[str]
    disabled: bool
    email: str | None = None
    password_set: bool | None = None
    locked_until: datetime | None = None
    last_seen: datetime | None = None
    notify_by_email: bool | None = None
    created_at: datetime | None = None


class MemberList(msgspec.Struct, frozen=True):
    items: list[MemberView]


_SELECT: Final = """
SELECT m.id, m.name, m.roles, m.disabled_at IS NOT NULL AS disabled, m.email, m.password_hash <> '' AS password_set,
    m.locked_until, m.notify_by_email, m.created_at,
    (SELECT max(s.last_seen_at) FROM sessions s WHERE s.member_id = m.id) AS last_seen
FROM members m WHERE m.organization_id = {}
"""
_OPEN_TO_ALL: Final = ("id", "name", "roles", "disabled")


async def find_members(caller: Caller) -> MemberList:
    """Everybody there is or was, by name."""
    found = await rows(f"{_SELECT} ORDER BY m.name, m.id", caller.organization_id)
    return MemberList([_view(member, caller) for member in found])


async def find_member(member_id: str, caller: Caller) -> MemberView:
    """Raises NotFound."""
    found = await rows(f"{_SELECT} AND m.id = {{}}", caller.organization_id, member_id)
    if not found:
        raise NotFound
    return _view(found[0], caller)


def _view(found: Mapping[str, Any], caller: Caller) -> MemberView:
    told = {**found, "roles": list(found["roles"])}
    if told["locked_until"] is not None and told["locked_until"] <= datetime.now(UTC):
        told["locked_until"] = None
    if Permission.MEMBERS not in caller.permissions and found["id"] != caller.member_id:
        told = {name: told[name] for name in _OPEN_TO_ALL}
    return MemberView(**told)
