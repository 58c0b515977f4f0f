"""Whether Axiru could execute what is asked: checked at the border, so that nobody approves what cannot be done."""

from collections.abc import Mapping
from typing import Any

from api.auth import Caller
from api.errors import FieldError
from axiru.database import row

_FIELD = "intent.stripe_connection_id"


async def connection_errors(raw: Mapping[str, Any], caller: Caller) -> list[FieldError]:
    """Why the connection in `raw` cannot execute; nothing to say unless `execute` is `axiru`.

    Where the caller executes, a connection that Axiru does not know is the caller's own business.
    """
    intent = raw.get("intent")
    if raw.get("execute") != "axiru" or not isinstance(intent, dict):
        return []
    named = intent.get("stripe_connection_id")
    if named is not None and not isinstance(named, str):
        return []
    write_actions = await _write_actions(named, caller)
    if write_actions is None:
        message = "There is no such active connection." if named else "There is no default connection; name one."
        return [FieldError(_FIELD, "unknown_connection" if named else "missing", message)]
    if (action := raw.get("action", "refund")) not in write_actions:
        return [FieldError(_FIELD, "write_scope_missing", f"This connection lacks the write scope for {action}.")]
    return []


async def _write_actions(connection_id: str | None, caller: Caller) -> tuple[str, ...] | None:
    default = caller.default_connection
    if connection_id is None or (default and default.id == connection_id):
        return default.write_actions if default else None
    found = await row(
        "SELECT write_actions FROM stripe_connections "
        "WHERE id = {} AND organization_id = {} AND mode = {} AND status = 'active'",
        connection_id,
        caller.organization_id,
        caller.mode,
    )
    return tuple(found["write_actions"]) if found else None
