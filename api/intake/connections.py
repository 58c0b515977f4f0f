"""What the organization's Stripe connections say about a request that leaves something out."""

from typing import Any

from api.auth import Caller
from axiru.database import row


async def currency_of(connection_id: Any, caller: Caller) -> str | None:
    """The default currency of the connection that a body names; None for no name and for no such connection."""
    if not isinstance(connection_id, str) or "\x00" in connection_id:
        return None
    found = await row(
        "SELECT default_currency FROM stripe_connections WHERE id = {} AND organization_id = {} AND mode = {}",
        connection_id,
        caller.organization_id,
        caller.mode,
    )
    return str(found["default_currency"]) if found is not None else None
