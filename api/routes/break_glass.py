"""`/api/v1/break-glass`: approving past quorum and roles in an emergency. People do it, logged in; never a key."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, get, post
from litestar.params import QueryParameter
from msgspec import Meta

from api.auth import Caller, requires
from api.errors import NotFound
from api.fields import decode
from api.intake.text import Identifier, Reason
from api.json_body import read_object, read_optional_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import Services, services_of
from api.telling import tell_workflow
from api.views.approval import require_approval
from api.views.people import Person
from axiru.database import rows
from axiru.domain.movement import Mode
from ledger.acts.break_glass import GlassReceipt, confirm_glass, open_glass, withdraw_glass
from workflows.money_movement import MoneyMovement

GlassWord = Literal["open", "used", "withdrawn", "expired"]


class OpenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`digest` is of exactly what was shown. `alone` asks for no second person and alarms everybody."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]
    digest: Identifier
    alone: bool = False


class WordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why, if that is to be kept."""

    reason: Reason | None = None


class GlassView(msgspec.Struct, frozen=True, kw_only=True):
    """`expired` was open, and nobody confirmed it in time, or before the approval was decided otherwise."""

    id: str
    approval_id: str
    decision_id: str
    mode: Mode
    state: GlassWord
    alone: bool
    reason: str
    digest: str
    opened_by: Person
    opened_at: datetime
    expires_at: datetime
    confirmed_by: Person | None
    confirmed_at: datetime | None


class GlassList(msgspec.Struct, frozen=True):
    items: list[GlassView]


@get("/api/v1/break-glass", guards=[requires(Permission.READ)], security=BEARER)
async def list_break_glass(
    request: Request[Caller, Any, Any],
    wanted_state: Annotated[GlassWord | None, QueryParameter(name="state")] = None,
) -> GlassList:
    """Every time somebody reached for it, newest first; 500 at most. A key sees those of its own mode."""
    caller = request.user
    found = await rows(
        f"{_SELECT} AND b.mode = ANY({{}}::text[]) AND ({{}}::text IS NULL OR {_STATE} = {{}}) "
        f"ORDER BY b.opened_at DESC, b.id DESC LIMIT {_MOST}",
        caller.organization_id,
        caller.modes,
        wanted_state,
        wanted_state,
    )
    return GlassList([_view(one) for one in found])


@post(
    "/api/v1/approvals/{approval_id:str}/break-glass",
    guards=[requires(Permission.BREAK_GLASS)],
    status_code=201,
    operation_class=taking(OpenBody),
    security=BEARER,
)
async def open_break_glass(request: Request[Caller, Any, Any], approval_id: str) -> GlassView:
    """Ask a second person to confirm within 15 minutes, or go alone where the organization chose so."""
    caller, services = request.user, services_of(request)
    body = decode(await read_object(request), OpenBody)
    await require_approval(approval_id, caller)
    receipt = await open_glass(
        approval_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        reason=body.reason.strip(),
        alone=body.alone,
        digest=body.digest,
        signer=services.signer,
    )
    return await _told(receipt, caller, services)


@post(
    "/api/v1/break-glass/{break_glass_id:str}/confirm",
    guards=[requires(Permission.BREAK_GLASS)],
    status_code=200,
    operation_class=taking(WordBody, required=False),
    security=BEARER,
)
async def confirm_break_glass(request: Request[Caller, Any, Any], break_glass_id: str) -> GlassView:
    """The second person's word. It approves; controls and hard denials bind as ever."""
    return await _second_word(request, break_glass_id, confirm_glass)


@post(
    "/api/v1/break-glass/{break_glass_id:str}/withdraw",
    guards=[requires(Permission.BREAK_GLASS)],
    status_code=200,
    operation_class=taking(WordBody, required=False),
    security=BEARER,
)
async def withdraw_break_glass(request: Request[Caller, Any, Any], break_glass_id: str) -> GlassView:
    """Take it back before it is confirmed."""
    return await _second_word(request, break_glass_id, withdraw_glass)


async def _second_word(
    request: Request[Caller, Any, Any], break_glass_id: str, act: Callable[..., Awaitable[GlassReceipt]]
) -> GlassView:
    caller, services = request.user, services_of(request)
    body = decode(await read_optional_object(request), WordBody)
    receipt = await act(
        break_glass_id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        reason=(body.reason or "").strip(),
        signer=services.signer,
    )
    return await _told(receipt, caller, services)


async def _told(receipt: GlassReceipt, caller: Caller, services: Services) -> GlassView:
    if receipt.state == "used":
        tell_workflow(receipt.decision_id, MoneyMovement.vote_recorded, receipt.break_glass_id, services)
    for found in await rows(f"{_SELECT} AND b.id = {{}}", caller.organization_id, receipt.break_glass_id):
        return _view(found)
    raise NotFound


_MOST: Final = 500
_STATE: Final = """
CASE WHEN b.state = 'open' AND (b.expires_at <= clock_timestamp()
    OR EXISTS (SELECT FROM approvals a WHERE a.id = b.approval_id AND a.state <> 'pending')) THEN 'expired'
ELSE b.state END"""
_SELECT: Final = f"""
SELECT b.*, {_STATE} AS state_now, o.name AS opened_by_name, c.name AS confirmed_by_name FROM break_glass b
JOIN members o ON o.id = b.opened_by LEFT JOIN members c ON c.id = b.confirmed_by WHERE b.organization_id = {{}}
"""  # noqa: S608 - no value in it


def _view(found: Mapping[str, Any]) -> GlassView:
    confirmed_by = found["confirmed_by"]
    return GlassView(
        id=found["id"],
        approval_id=found["approval_id"],
        decision_id=found["decision_id"],
        mode=found["mode"],
        state=found["state_now"],
        alone=found["alone"],
        reason=found["reason"],
        digest=found["digest"],
        opened_by=Person(found["opened_by"], found["opened_by_name"]),
        opened_at=found["opened_at"],
        expires_at=found["expires_at"],
        confirmed_by=Person(confirmed_by, found["confirmed_by_name"]) if confirmed_by else None,
        confirmed_at=found["confirmed_at"],
    )
