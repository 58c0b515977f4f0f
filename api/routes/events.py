"""`GET /api/v1/events`: what happens in an organization, as server-sent events, in the order of its chain."""

from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, Final, NamedTuple

from litestar import Request, get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from api.auth import Caller, bearer_token, identify, requires
from api.errors import InvalidBody
from api.openapi import BEARER
from api.permissions import Permission
from api.services import Services, services_of
from api.views.page import ModeFilter
from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError

HEARTBEAT_SECONDS: Final = 15.0
REAUTHORIZE_SECONDS: Final = 30.0
_EVENTS_A_READ: Final = 200
_LARGEST_SEQ: Final = 2**63 - 1
_LARGEST_POSITION: Final = 2**31 - 1
_EVENT_OF_TOPIC: Final = {
    "vote": "approval",
    "discussion": "approval",
    "notice": "approval",
    "context": "approval",
    "break_glass": "approval",
    "release": "control",
    "breaker": "control",
    "payout_pause": "control",
}
"""By which name a topic is told; any other goes by its own."""
_NOT_TOLD: Final = ["member", "organization"]
"""Topics that are for those who are notified of them, not for everybody who may read."""


class Place(NamedTuple):
    """A place in the outbox of one chain; everything after it is still to be told."""

    seq: int
    position: int


@get("/api/v1/events", guards=[requires(Permission.READ)], security=BEARER, media_type="text/event-stream")
async def stream_events(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> ServerSentEvent:
    """Events from now on, or after the one that `Last-Event-ID` names."""
    caller = request.user
    chosen = caller.shown_mode(mode)
    last_event_id = request.headers.get("last-event-id", "").strip()
    place = _resumed(last_event_id, chosen) if last_event_id else await _now(caller.organization_id, chosen)
    token = bearer_token(request.headers.get("authorization", ""))
    return ServerSentEvent(_told(caller.organization_id, chosen, place, token, services_of(request)))


async def _told(
    organization_id: str, mode: Mode, place: Place, token: str, services: Services
) -> AsyncIterator[ServerSentEventMessage]:
    """Ends when the process stops or the token is no longer good. Each reader has its own place and its own pace."""
    yield ServerSentEventMessage(comment="connected", data=None)
    spoke = authorized = monotonic()
    with services.watch.waiting(organization_id) as waiter:
        while not services.closing.is_set():
            for event in await _after(place, organization_id, mode):
                place = Place(event["seq"], event["position"])
                yield ServerSentEventMessage(
                    id=f"{mode}:{place.seq}:{place.position}",
                    event=_EVENT_OF_TOPIC.get(event["topic"], event["topic"]),
                    data=event["payload"],
                )
                spoke = monotonic()
            if monotonic() - spoke >= HEARTBEAT_SECONDS:
                yield ServerSentEventMessage(comment="alive", data=None)
                spoke = monotonic()
            if monotonic() - authorized >= REAUTHORIZE_SECONDS:
                try:
                    # A page that is left open is nobody's presence.
                    await identify(token, services, background=True)
                except AxiruError:
                    return
                authorized = monotonic()
            await waiter.growth()


async def _after(place: Place, organization_id: str, mode: Mode) -> list[dict[str, Any]]:
    return await rows(
        """
        SELECT seq, position, topic, payload FROM outbox
        WHERE organization_id = {} AND mode = {} AND (seq, position) > ({}::bigint, {}::integer)
            AND topic <> ALL ({}::text[])
        ORDER BY seq, position LIMIT {}
        """,
        organization_id,
        mode,
        place.seq,
        place.position,
        _NOT_TOLD,
        _EVENTS_A_READ,
    )


async def _now(organization_id: str, mode: Mode) -> Place:
    head = await row("SELECT seq FROM chain_heads WHERE organization_id = {} AND mode = {}", organization_id, mode)
    return Place(head["seq"] if head else 0, _LARGEST_POSITION)


def _resumed(last_event_id: str, mode: Mode) -> Place:
    named_mode, _, rest = last_event_id.partition(":")
    seq, _, position = rest.partition(":")
    if not (named_mode == mode and _is_number(seq, _LARGEST_SEQ) and _is_number(position, _LARGEST_POSITION)):
        raise InvalidBody.single("Last-Event-ID", "malformed", "This is not the id of an event of this stream.")
    return Place(int(seq), int(position))


def _is_number(text: str, largest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(largest)) and int(text) <= largest
