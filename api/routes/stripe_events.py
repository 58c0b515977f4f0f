"""`/api/v1/stripe-events`: what Stripe told, what came of it, and looking again where something is missing."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.params import QueryParameter

from api.auth import Caller, requires
from api.openapi import BEARER
from api.permissions import Permission
from api.services import services_of
from api.views.connection import find_connection
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from api.views.stripe_event import StripeEventPage, StripeEventView, find_stripe_event, find_stripe_events
from axiru.database import rows
from axiru.domain.stripe_event import EventState
from axiru.errors import AxiruError
from workflows.reconciliation import start_reconciliation


class ConnectionNotActive(AxiruError):
    """Nothing can be read with the tokens of this connection."""

    code = "conflict"


class Reconciling(msgspec.Struct, frozen=True):
    """What Stripe's own list of events has and the webhook did not tell is being looked for."""

    stripe_connection_id: str
    state: Literal["reconciling"] = "reconciling"


@get("/api/v1/stripe-events", guards=[requires(Permission.READ)], security=BEARER)
async def list_stripe_events(
    request: Request[Caller, Any, Any],
    connection: Annotated[str | None, QueryParameter(name="connection", max_length=255)] = None,
    wanted_state: Annotated[EventState | None, QueryParameter(name="state")] = None,
    mode: ModeFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> StripeEventPage:
    """Events of the last 30 days, newest first. A key sees those of its own mode."""
    caller = request.user
    return await find_stripe_events(
        caller.organization_id,
        caller.shown_mode(mode),
        connection_id=connection,
        state=wanted_state,
        limit=limit,
        after=Cursor.parse(cursor) if cursor else None,
    )


@post(
    "/api/v1/stripe-events/{event_id:str}/reprocess",
    guards=[requires(Permission.CONNECTIONS)],
    status_code=202,
    security=BEARER,
)
async def reprocess_stripe_event(request: Request[Caller, Any, Any], event_id: str) -> StripeEventView:
    """Act on an event once more; what was found out of it before stays."""
    caller = request.user
    event = await find_stripe_event(event_id, caller.organization_id, caller.modes)
    await rows(
        "UPDATE stripe_events SET state = 'received', attempts = 0, next_attempt_at = clock_timestamp(), "
        "processed_at = NULL WHERE organization_id = {} AND mode = {} AND id = {}",
        *(caller.organization_id, event.mode, event_id),
    )
    return await find_stripe_event(event_id, caller.organization_id, caller.modes)


@post(
    "/api/v1/connections/{connection_id:str}/reconcile",
    guards=[requires(Permission.CONNECTIONS)],
    status_code=202,
    security=BEARER,
)
async def reconcile_connection(request: Request[Caller, Any, Any], connection_id: str) -> Reconciling:
    """Look now, not only once a day; while one look is under way, asking again starts no other."""
    caller = request.user
    connection = await find_connection(connection_id, caller.organization_id, caller.mode)
    if connection.status != "active":
        raise ConnectionNotActive("This connection is not active.", state=connection.status)
    services = services_of(request)
    await start_reconciliation(services.temporal, services.settings.temporal_task_queue, connection_id)
    return Reconciling(connection_id)
