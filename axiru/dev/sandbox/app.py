"""The sandbox as an ASGI application: Stripe's API under `/v1` and `/v2`, the controls for tests under `/_sandbox`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Litestar, Request, Response, route
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.controls import control_routes
from axiru.dev.sandbox.dashboard import Dashboard
from axiru.dev.sandbox.dashboard_controls import dashboard_routes
from axiru.dev.sandbox.oauth import PATHS, OAuth, oauth_routes
from axiru.dev.sandbox.request_schema import RequestSchema
from axiru.dev.sandbox.store import Store
from axiru.dev.sandbox.stripe_api import Incoming, StripeApi
from axiru.dev.sandbox.webhook_controls import webhook_routes
from axiru.dev.sandbox.webhooks import Webhooks

DROP_CONNECTION = "axiru.drop_connection"
"""The ASGI extension by which the server lends its connection's `abort` to the application."""

CLOCK_SECONDS = 1.0
"""How often what time does is done while nobody asks for anything."""


def create_app(
    store: Store,
    *,
    default_account: str,
    webhooks: Webhooks | None = None,
    schema: RequestSchema | None = None,
    redirect_uris: tuple[str, ...] = (),
) -> Litestar:
    """An application over an open store, which it closes when it stops."""
    clock = Clock(store)
    api = StripeApi(store, clock, default_account=default_account, webhooks=webhooks, schema=schema)
    oauth = OAuth(api, store, clock, webhooks)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_watch_the_clock(api))]
        if webhooks is not None:
            tasks.append(asyncio.create_task(webhooks.run()))
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if schema is not None:
            await schema.close()
        store.close()

    return Litestar(
        [
            _stripe_route(api, oauth),
            *oauth_routes(oauth, redirect_uris=redirect_uris, default_account=default_account),
            *control_routes(api, clock, webhooks),
            *dashboard_routes(Dashboard(store, clock, default_account=default_account, webhooks=webhooks)),
            *webhook_routes(webhooks),
        ],
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
    )


async def _watch_the_clock(api: StripeApi) -> None:
    while True:
        api.let_time_pass()
        await asyncio.sleep(CLOCK_SECONDS)


def _stripe_route(api: StripeApi, oauth: OAuth) -> HTTPRouteHandler:
    @route(["/v1/{path:path}", "/v2/{path:path}"], http_method=["GET", "POST", "DELETE"])
    async def stripe_api(request: Request[Any, Any, Any]) -> Response[bytes]:
        incoming = await _incoming(request)
        answer = await (oauth if incoming.path in PATHS else api).answer(incoming)
        if answer is None:
            drop: Callable[[], None] = request.scope["extensions"][DROP_CONNECTION]  # type: ignore[index, assignment]
            drop()
            await asyncio.sleep(0.01)  # the server learns of the lost connection, and lets the response below go
            return Response(b"")
        return Response(answer.body, status_code=answer.status, headers=answer.headers, media_type=MediaType.JSON)

    return stripe_api


async def _incoming(request: Request[Any, Any, Any]) -> Incoming:
    query: bytes = request.scope["query_string"]
    target = request.scope["raw_path"].decode("ascii") + (f"?{query.decode('ascii')}" if query else "")
    return Incoming(
        method=request.method,
        path=request.scope["path"],
        target=target,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )
