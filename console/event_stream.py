"""Server-sent events as they come off the wire: WHATWG HTML §9.2.6, as much of it as the API sends."""

from collections.abc import AsyncGenerator, AsyncIterator

import msgspec


class StreamEvent(msgspec.Struct, frozen=True):
    """One event. `id` is the last id the stream named, for `Last-Event-ID` after a break."""

    event: str
    data: str
    id: str


async def events_in(lines: AsyncIterator[str], last_event_id: str = "") -> AsyncGenerator[StreamEvent, None]:
    """The events in a stream of lines without their line ends; comments (heartbeats) and unknown fields are skipped.

    An event that the stream breaks off before its blank line is dropped, as the standard asks: it will be sent again.
    """
    event = "message"
    data: list[str] = []
    async for line in lines:
        if not line:
            if data:
                yield StreamEvent(event, "\n".join(data), last_event_id)
            event, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                event = value
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                last_event_id = value
            case _:
                pass
