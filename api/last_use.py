"""When a key or a log-in was last used: written at most once a minute each, and never waited for."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, assert_never

import structlog

from axiru.database import rows

FRESH: Final = timedelta(minutes=1)
_log = structlog.get_logger("api")
_writing: dict[str, asyncio.Task[None]] = {}


def note_use(table: Literal["api_keys", "sessions"], identifier: str, last: datetime | None) -> None:
    """Have it written that this was used now, unless that was written less than `FRESH` ago.

    The time is for people to read and for the idle limit: a write that is lost costs a minute of it, not the request.
    """
    if identifier in _writing or (last is not None and datetime.now(UTC) - last < FRESH):
        return
    writing = asyncio.create_task(_write(table, identifier))
    _writing[identifier] = writing
    writing.add_done_callback(lambda _: _writing.pop(identifier, None))


async def _write(table: Literal["api_keys", "sessions"], identifier: str) -> None:
    match table:
        case "api_keys":
            use = "UPDATE api_keys SET last_used_at = now() WHERE id = {} AND coalesce(last_used_at, '-infinity')"
        case "sessions":
            use = "UPDATE sessions SET last_seen_at = now() WHERE token_hash = {} AND last_seen_at"
        case _:
            assert_never(table)
    try:
        # Several processes may want to write it at once; one of them does.
        await rows(f"{use} <= now() - {{}}::interval", identifier, FRESH)
    except Exception as error:  # whatever it was, the next use writes it
        _log.warning("last_use_not_written", table=table, error=type(error).__name__)
