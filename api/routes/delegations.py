"""`/api/v1/delegations`: who votes in whose place while they are out of office."""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, require_scope, requires
from api.errors import NotFound
from api.fields import blank_reason, decode_by_rules, past_time
from api.intake.text import Identifier, Moment
from api.json_body import read_object
from api.live_reach import may_reach_live
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.people import Person
from axiru.database import rows
from ledger.acts.delegate import delegate, end_delegation


class DelegationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without `from_member_id` one's own seat, without `starts_at` from now on; 90 days at most."""

    to_member_id: Identifier
    ends_at: Moment
    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]
    from_member_id: Identifier | None = None
    starts_at: Moment | None = None


class DelegationView(msgspec.Struct, frozen=True, kw_only=True):
    """`in_force` now; what was passed on is not passed on again."""

    id: str
    from_: Person = msgspec.field(name="from")
    to: Person
    starts_at: datetime
    ends_at: datetime
    reason: str
    in_force: bool
    ended_at: datetime | None
    created_by: Person


class DelegationList(msgspec.Struct, frozen=True):
    items: list[DelegationView]


@get("/api/v1/delegations", guards=[requires(Permission.READ)], security=BEARER)
async def list_delegations(request: Request[Caller, Any, Any]) -> DelegationList:
    """The organization's delegations, newest first, those that are over too; 500 at most."""
    found = await rows(f"{_SELECT} ORDER BY d.created_at DESC, d.id DESC LIMIT {_MOST}", request.user.organization_id)
    return DelegationList([_view(one) for one in found])


@post(
    "/api/v1/delegations",
    guards=[requires(Permission.READ), may_reach_live],
    status_code=201,
    operation_class=taking(DelegationBody),
    security=BEARER,
)
async def begin_delegation(request: Request[Caller, Any, Any]) -> DelegationView:
    """Pass on one's own seat; an admin passes on somebody's, and never to themselves."""
    caller = request.user
    require_scope(Permission.VOTE, caller)
    raw = await read_object(request)
    broken = chain(blank_reason(raw, "A delegation needs a reason."), past_time(raw, "ends_at"))
    body = decode_by_rules(raw, DelegationBody, broken)
    receipt = await delegate(
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        from_member_id=body.from_member_id or caller.member_id,
        to_member_id=body.to_member_id,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        reason=body.reason.strip(),
        signer=services_of(request).signer,
    )
    return await _find(receipt.delegation_id, caller)


@delete(
    "/api/v1/delegations/{delegation_id:str}",
    guards=[requires(Permission.READ), may_reach_live],
    status_code=200,
    security=BEARER,
)
async def end_one_delegation(request: Request[Caller, Any, Any], delegation_id: str) -> DelegationView:
    """End it before its time: both of the two may, and admins. Votes that were cast stay cast."""
    caller = request.user
    require_scope(Permission.VOTE, caller)
    await end_delegation(
        delegation_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )
    return await _find(delegation_id, caller)


_MOST: Final = 500
_SELECT: Final = """
SELECT d.*, f.name AS from_name, t.name AS to_name, c.name AS created_by_name,
    d.ended_at IS NULL AND d.starts_at <= clock_timestamp() AND clock_timestamp() < d.ends_at AS in_force
FROM delegations d JOIN members f ON f.id = d.from_member_id JOIN members t ON t.id = d.to_member_id
JOIN members c ON c.id = d.created_by WHERE d.organization_id = {}
"""


async def _find(delegation_id: str, caller: Caller) -> DelegationView:
    for found in await rows(f"{_SELECT} AND d.id = {{}}", caller.organization_id, delegation_id):
        return _view(found)
    raise NotFound


def _view(found: Mapping[str, Any]) -> DelegationView:
    return DelegationView(
        id=found["id"],
        from_=Person(found["from_member_id"], found["from_name"]),
        to=Person(found["to_member_id"], found["to_name"]),
        starts_at=found["starts_at"],
        ends_at=found["ends_at"],
        reason=found["reason"],
        in_force=found["in_force"],
        ended_at=found["ended_at"],
        created_by=Person(found["created_by"], found["created_by_name"]),
    )
