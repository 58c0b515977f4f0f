"""`/_sandbox/webhooks`: what goes wrong between Stripe and the webhook endpoint."""

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from axiru.dev.sandbox.deliveries import DeliveryFault
from axiru.dev.sandbox.webhooks import Webhooks


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send what was held; the newest first if `reverse`."""

    reverse: bool = False


def webhook_routes(webhooks: Webhooks | None) -> list[HTTPRouteHandler]:
    """They answer 409 where the sandbox sends no events."""

    def courier() -> Webhooks:
        if webhooks is None:
            raise HTTPException("This sandbox sends no events: it has no --webhook-url.", status_code=409)
        return webhooks

    @post("/_sandbox/webhooks/faults")
    async def plan_delivery_fault(data: DeliveryFault) -> DeliveryFault:
        courier().faults.planned.append(data)
        return data

    @delete("/_sandbox/webhooks/faults")
    async def clear_delivery_faults() -> None:
        courier().faults.planned.clear()

    @get("/_sandbox/webhooks/deliveries")
    async def waiting_deliveries() -> dict[str, Any]:
        return {"data": courier().waiting()}

    @post("/_sandbox/webhooks/release", status_code=200)
    async def release(data: Release) -> dict[str, int]:
        return {"released": courier().release(reverse=data.reverse)}

    return [plan_delivery_fault, clear_delivery_faults, waiting_deliveries, release]
