"""`/api/v1/disputes`: what customers dispute, the evidence kept for each, and facts that make it better."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.params import QueryParameter

from api.auth import Caller, InsufficientScope, requires
from api.errors import FieldError
from api.fields import decode_by_rules
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import SCOPE_OF, Permission
from api.services import services_of
from api.views.dispute import (
    DisputeDetail,
    DisputePage,
    DisputeState,
    PacketView,
    find_dispute,
    find_disputes,
    find_last_good,
    packet_views,
)
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from axiru.domain.evidence import fact_errors
from ledger.acts.evidence import give_facts
from ledger.evidence_packets import packets_of


class PacketBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the caller knows, by the names of Stripe's text evidence fields; null takes an earlier fact back.

    https://docs.stripe.com/api/disputes/update#update_dispute-evidence
    """

    facts: dict[str, str | None]


@get("/api/v1/disputes", guards=[requires(Permission.READ)], security=BEARER)
async def list_disputes(
    request: Request[Caller, Any, Any],
    wanted_state: Annotated[DisputeState | None, QueryParameter(name="state")] = None,
    mode: ModeFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> DisputePage:
    """Disputes, the last opened first. A key sees those of its own mode."""
    caller = request.user
    return await find_disputes(
        caller.organization_id,
        caller.shown_mode(mode),
        wanted_state,
        limit=limit,
        after=Cursor.parse(cursor) if cursor else None,
    )


@get("/api/v1/disputes/{dispute_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_dispute(request: Request[Caller, Any, Any], dispute_id: str) -> DisputeDetail:
    """One dispute with every version of its evidence and what was decided about it."""
    caller = request.user
    return await find_dispute(dispute_id, caller.organization_id, caller.mode)


@get("/api/v1/disputes/{dispute_id:str}/packet", guards=[requires(Permission.READ)], security=BEARER)
async def get_last_good_packet(request: Request[Caller, Any, Any], dispute_id: str) -> PacketView:
    """The last good packet: for callers to keep, for the day that Axiru cannot be reached."""
    caller = request.user
    return await find_last_good(dispute_id, caller.organization_id, caller.mode)


@post(
    "/api/v1/disputes/{dispute_id:str}/packets",
    guards=[requires(Permission.READ)],
    status_code=201,
    operation_class=taking(PacketBody),
    security=BEARER,
)
async def build_packet_from_facts(request: Request[Caller, Any, Any], dispute_id: str) -> PacketView:
    """Add facts to the evidence: a new version, or the present one where nothing changed by them."""
    caller = request.user
    if caller.permissions.isdisjoint({Permission.DECIDE, Permission.CONTROLS}):
        raise InsufficientScope(SCOPE_OF[Permission.DECIDE])
    raw = await read_object(request)
    body = decode_by_rules(raw, PacketBody, _rule_errors(raw))
    dispute = await find_dispute(dispute_id, caller.organization_id, caller.mode)
    await give_facts(
        dispute_id,
        body.facts,
        organization_id=caller.organization_id,
        mode=dispute.mode,
        by=caller.api_key_id or caller.member_id,
        signer=services_of(request).signer,
    )
    versions = await packet_views(await packets_of(caller.organization_id, dispute.mode, dispute_id))
    return versions[0]


def _rule_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    facts = raw.get("facts")
    if isinstance(facts, dict):
        for error in fact_errors(facts):
            yield FieldError(f"facts.{error.field}", error.code, error.message)
