"""`/_sandbox`: what tests and the local stack ask of the sandbox beside Stripe's API. No key is needed."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler

from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.faults import Fault
from axiru.dev.sandbox.rate_limits import RateLimit
from axiru.dev.sandbox.stripe_api import StripeApi
from axiru.dev.sandbox.webhooks import Webhooks


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Move Stripe's time forward, by ten years at most: everything that is due by then happens at once."""

    advance_seconds: Annotated[int, msgspec.Meta(le=10 * 366 * 24 * 60 * 60)]


def control_routes(api: StripeApi, clock: Clock, webhooks: Webhooks | None) -> list[HTTPRouteHandler]:
    """Health, faults, rate limits, the log of received requests, and the clock."""

    @get("/_sandbox/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @post("/_sandbox/faults")
    async def plan_fault(data: Fault) -> Fault:
        api.faults.planned.append(data)
        return data

    @get("/_sandbox/faults")
    async def planned_faults() -> dict[str, Any]:
        return {"data": api.faults.planned}

    @delete("/_sandbox/faults")
    async def clear_faults() -> None:
        api.faults.planned.clear()

    @post("/_sandbox/rate_limits")
    async def limit_rate(data: RateLimit) -> RateLimit:
        api.rate_limits.limits.append(data)
        return data

    @delete("/_sandbox/rate_limits")
    async def lift_rate_limits() -> None:
        api.rate_limits.limits.clear()

    @get("/_sandbox/requests")
    async def received_requests(method: str | None = None, path: str | None = None) -> dict[str, Any]:
        return {"data": api.journal.matching(method=method, path=path)}

    @delete("/_sandbox/requests")
    async def clear_requests() -> None:
        api.journal.clear()

    @get("/_sandbox/clock")
    async def read_clock() -> dict[str, int]:
        return {"now": clock.now(), "offset_seconds": clock.offset_seconds}

    @post("/_sandbox/clock")
    async def advance_clock(data: Advance) -> dict[str, int]:
        clock.advance(data.advance_seconds)
        if webhooks is not None:
            webhooks.advance(data.advance_seconds)
        api.let_time_pass()
        return {"now": clock.now(), "offset_seconds": clock.offset_seconds}

    return [
        health, plan_fault, planned_faults, clear_faults, limit_rate, lift_rate_limits, received_requests,
        clear_requests, read_clock, advance_clock,
    ]  # fmt: skip
