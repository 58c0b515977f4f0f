"""A policy decides in both modes, so a key of test mode must not change what live money follows."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from api.auth import Caller, InsufficientScope
from api.permissions import SCOPE_OF, Permission
from axiru.database import row


async def may_reach_live(connection: ASGIConnection[Any, Caller, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let a key of test mode put policies and lists in force only as long as nothing live would follow them.

    Raises InsufficientScope once the organization has a live key or a live Stripe connection.
    """
    caller = connection.user
    if caller.mode != "test":
        return
    live = await row(
        "SELECT 1 AS found WHERE EXISTS (SELECT FROM api_keys WHERE organization_id = {} AND mode = 'live' "
        "AND revoked_at IS NULL) OR EXISTS (SELECT FROM stripe_connections WHERE organization_id = {} "
        "AND mode = 'live' AND status = 'active')",
        caller.organization_id,
        caller.organization_id,
    )
    if live is not None:
        raise InsufficientScope(
            SCOPE_OF[Permission.POLICIES],
            "Live money follows these policies: put them in force as a person or with a key of live mode.",
        )
