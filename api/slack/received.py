"""A signed request that comes again does nothing again, and is answered as the first time."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from api.slack.signature import SignedRequest
from axiru.database import row, rows

DOOR: Final = "slack"


async def once(signed: SignedRequest, work: Callable[[], Awaitable[Any]]) -> Any:
    """What `work` answers, now or when this very request first came; None while the first is still being answered."""
    fresh = await rows(
        "INSERT INTO received_messages (door, message_id, received_at) VALUES ({}, {}, clock_timestamp()) "
        "ON CONFLICT DO NOTHING RETURNING message_id",
        DOOR,
        signed.id,
    )
    if not fresh:
        known = await row("SELECT answer FROM received_messages WHERE door = {} AND message_id = {}", DOOR, signed.id)
        return msgspec.json.decode(known["answer"]) if known and known["answer"] else None
    answer = await work()
    await rows(
        "UPDATE received_messages SET answer = {}::jsonb WHERE door = {} AND message_id = {}",
        msgspec.json.encode(answer).decode(),
        DOOR,
        signed.id,
    )
    return answer
