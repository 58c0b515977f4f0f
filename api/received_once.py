"""Signed messages that come in: each is answered once, and the same message gets the same answer again."""

from typing import Any

import msgspec

from axiru.database import row
from axiru.errors import AxiruError


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What a message of one id asked, and what it was answered once it was."""

    about: str
    body_sha256: str
    answered: dict[str, Any] | None = None


class MessageIdReused(AxiruError):
    """Its sender has sent another message under this id."""

    code = "conflict"


async def received_before(door: str, message_id: str, asked: Received) -> dict[str, Any] | None:
    """The answer to this very message, if it was given; the first of an id is noted. Raises MessageIdReused.

    One that was refused is not answered: sent again it is judged again.
    """
    noted = await row(
        "INSERT INTO received_messages (door, message_id, received_at, answer) "
        "VALUES ({}, {}, clock_timestamp(), {}::jsonb) ON CONFLICT DO NOTHING RETURNING message_id",
        door,
        message_id,
        msgspec.json.encode(asked).decode(),
    )
    if noted is not None:
        return None
    found = await row("SELECT answer FROM received_messages WHERE door = {} AND message_id = {}", door, message_id)
    kept = msgspec.json.decode(found["answer"], type=Received) if found else asked
    if (kept.about, kept.body_sha256) != (asked.about, asked.body_sha256):
        raise MessageIdReused("Another message came under this webhook-id.")
    return kept.answered


async def keep_answer(door: str, message_id: str, asked: Received, answer: dict[str, Any]) -> None:
    await row(
        "UPDATE received_messages SET answer = {}::jsonb WHERE door = {} AND message_id = {}",
        msgspec.json.encode(msgspec.structs.replace(asked, answered=answer)).decode(),
        door,
        message_id,
    )
