"""The stand-in as an ASGI application: Slack's Web API under `/api`, the page at `/`, controls under `/_sandbox`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, assert_never
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, Request, Response, delete, get, post, route
from litestar.enums import MediaType
from litestar.exceptions import HTTPException

from axiru.dev.slack_sandbox.faults import Fault
from axiru.dev.slack_sandbox.gestures import Command, Gestures, NoSuchThing, OpenHome, Press, Reply, Submit
from axiru.dev.slack_sandbox.page import page
from axiru.dev.slack_sandbox.people import USERS
from axiru.dev.slack_sandbox.web_api import WebApi


def create_app(api: WebApi, gestures: Gestures) -> Litestar:
    """An application over an open workspace."""

    @route("/api/{method:str}", http_method=["GET", "POST"])
    async def web_api(request: Request[Any, Any, Any], method: str) -> Response[bytes]:
        fault = api.faults.take(method)
        if fault is not None and fault.kind != "hang":
            return _struck(fault)
        answer = api.answer(method, request.headers.get("authorization", ""), await _arguments(request))
        if fault is not None:
            await asyncio.sleep(fault.seconds)
        return _json(answer)

    @get("/", media_type=MediaType.HTML)
    async def show() -> str:
        return page(api.state.workspace)

    @get("/_sandbox/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @get("/_sandbox/state")
    async def read_state() -> Response[bytes]:
        return _json({**msgspec.to_builtins(api.state.workspace), "users": USERS, "calls": api.calls})

    @delete("/_sandbox/state")
    async def forget() -> None:
        api.state.forget()
        api.calls.clear()

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

    @post("/_sandbox/press", status_code=200)
    async def press(data: Press) -> Response[bytes]:
        return await _done(gestures.press(data))

    @post("/_sandbox/submit", status_code=200)
    async def submit(data: Submit) -> Response[bytes]:
        return await _done(gestures.submit(data))

    @post("/_sandbox/command", status_code=200)
    async def command(data: Command) -> Response[bytes]:
        return await _done(gestures.command(data))

    @post("/_sandbox/home", status_code=200)
    async def open_home(data: OpenHome) -> Response[bytes]:
        return await _done(gestures.open_home(data))

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        await gestures.close()

    handlers = [web_api, show, health, read_state, forget, plan_fault, planned_faults, clear_faults]
    return Litestar(
        [*handlers, press, submit, command, open_home], lifespan=[lifespan], openapi_config=None, logging_config=None
    )


async def _done(gesture: Awaitable[Reply]) -> Response[bytes]:
    try:
        return _json(await gesture)
    except NoSuchThing as error:
        raise HTTPException(str(error), status_code=404) from error


def _struck(fault: Fault) -> Response[bytes]:
    match fault.kind:
        case "rate_limited":
            return _json(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": f"{fault.seconds:.0f}"}
            )
        case "status_500":
            return Response(b"<html>Server Error</html>", status_code=500, media_type=MediaType.HTML)
        case "refuse":
            return _json({"ok": False, "error": fault.error})
        case "hang":
            raise ValueError("a call that hangs is answered")
        case _:
            assert_never(fault.kind)


async def _arguments(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """From the query, a form or JSON: Slack takes all three."""
    arguments: dict[str, Any] = dict(parse_qsl(request.scope["query_string"].decode()))
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        return arguments | (msgspec.json.decode(body) if body else {})
    return arguments | dict(parse_qsl(body.decode()))


def _json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(value), status_code=status, headers=headers or {}, media_type="application/json"
    )
