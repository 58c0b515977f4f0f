"""`POST /webhooks/stripe`: what Stripe tells, signed. Kept before it is acknowledged, and acted on behind it."""

from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response, post

from api.json_body import InvalidJson
from api.services import services_of
from api.stripe_signature import read_signed_by_stripe
from axiru.domain.stripe_event import read_event
from axiru.stripe_events import keep_events

_TAKEN: Final = b'{"received":true}'
_log = structlog.get_logger("api")


@post("/webhooks/stripe", status_code=200)
async def receive_stripe_event(request: Request[Any, Any, Any]) -> Response[bytes]:
    """An event of an account that is connected is kept; of any other account nothing is, and the answer is the same."""
    services = services_of(request)
    raw = await read_signed_by_stripe(request, services.settings.stripe_webhook_secrets)
    try:
        event = read_event(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJson("The body is not JSON.") from error
    if event is None:
        _log.info("stripe_event_of_another_kind")
    elif not await keep_events([event], "webhook"):
        _log.info("stripe_event_known_or_of_nobody", event_id=event.id, type=event.type)
    return Response(_TAKEN, status_code=200, media_type="application/json")
