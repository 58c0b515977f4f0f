"""Policies and people count in both modes, so a key of test mode must not change what live money follows."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from api.auth import Caller, Guard, InsufficientScope
from api.permissions import SCOPE_OF, Permission
from axiru.database import row


async def may_reach_live(connection: ASGIConnection[Any, Caller, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a key of test mode change what counts in both modes only as long as nothing live would follow it.

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
            _scope(handler),
            "Live money follows this: do it as a person, logged in, or with a key of live mode.",
        )


def _scope(handler: BaseRouteHandler) -> str:
    """What the route asks of a key; a key of live mode needs it as well."""
    asked = next((guard.permission for guard in handler.resolve_guards() if isinstance(guard, Guard)), Permission.READ)
    return SCOPE_OF.get(asked, SCOPE_OF[Permission.KEYS])
