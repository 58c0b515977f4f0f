"""`/api/v1/deliveries`: what left the house, through which channel, how often it was tried; and sending it again."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import QueryParameter

from api.auth import Caller, requires
from api.openapi import BEARER
from api.permissions import Permission
from api.views.delivery import (
    DeliveryFilter,
    DeliveryPage,
    DeliveryState,
    DeliveryView,
    find_deliveries,
    find_delivery,
)
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from axiru import ids
from axiru.database import row
from axiru.domain.delivery import ChannelName
from axiru.errors import AxiruError


class StillBeingSent(AxiruError):
    """It has not been given up: it is sent again by itself."""

    code = "conflict"


@get("/api/v1/deliveries", guards=[requires(Permission.WEBHOOKS)], security=BEARER)
async def list_deliveries(
    request: Request[Caller, Any, Any],
    channel: ChannelName | None = None,
    target: Annotated[str | None, QueryParameter(name="target", max_length=255)] = None,
    wanted_state: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
    mode: ModeFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> DeliveryPage:
    """The log of every way out, newest first, with each attempt."""
    caller = request.user
    only = caller.mode_of_list(mode)
    modes = [only] if only else caller.modes
    wanted = DeliveryFilter(modes, channel, target, wanted_state)
    after = Cursor.parse(cursor) if cursor else None
    return await find_deliveries(caller.organization_id, wanted, limit=limit, after=after)


@get("/api/v1/deliveries/{delivery_id:str}", guards=[requires(Permission.WEBHOOKS)], security=BEARER)
async def get_delivery(request: Request[Caller, Any, Any], delivery_id: str) -> DeliveryView:
    """One delivery."""
    return await find_delivery(delivery_id, request.user.organization_id, request.user.modes)


@post(
    "/api/v1/deliveries/{delivery_id:str}/resend",
    guards=[requires(Permission.WEBHOOKS)],
    status_code=201,
    security=BEARER,
)
async def resend(request: Request[Caller, Any, Any], delivery_id: str) -> DeliveryView:
    """Send the same news to the same target once more: a new delivery, under an id of its own."""
    caller = request.user
    sent = await find_delivery(delivery_id, caller.organization_id, caller.modes)
    if sent.state == "pending":
        raise StillBeingSent("This delivery is still being tried.", state=sent.state)
    new_id = ids.new_id(ids.DELIVERY)
    await row(
        """
        INSERT INTO deliveries (id, organization_id, mode, channel, target, event, body, dedupe, state,
            next_attempt_at, created_at, resend_of)
        SELECT {}, organization_id, mode, channel, target, event, body, {}, 'pending', clock_timestamp(),
            clock_timestamp(), id FROM deliveries WHERE id = {}
        """,
        new_id,
        f"resend/{new_id}",
        sent.id,
    )
    return await find_delivery(new_id, caller.organization_id, caller.modes)
