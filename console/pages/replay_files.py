"""Files on their way through the console: history going in, what a replay found coming out."""

from collections.abc import Awaitable, Callable

import httpx
from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from nicegui import app
from starlette.background import BackgroundTask

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.entry import Console, from_another_site
from console.replay_api import JudgingPolicy
from console.sessions import COOKIE_FIELD, Session


def register(console: Console) -> None:
    def session_of(request: Request) -> Session | None:
        return console.sessions.find(request.session.get(COOKIE_FIELD))

    @app.post("/replays/files", include_in_schema=False)
    async def take_file(request: Request, judge: str = "", title: str = "", mode: str = "test") -> Response:
        # A form of another site can send no text/csv, and its scripts are not let through (CORS asks first).
        if from_another_site(request) or request.headers.get("content-type") != "text/csv":
            return _refused("That file came from another site and was not used.", 403)
        session, chosen = session_of(request), JudgingPolicy.parse(judge)
        if session is None:
            return _refused("Your session has ended. Log in again, then send the file again.", 401)
        if chosen is None:
            return _refused("Choose a policy first.", 400)
        in_mode: Mode = "live" if mode == "live" else "test"
        try:
            started = await session.replays.of_file(chosen, request.stream(), title=title[:200], mode=in_mode)
        except AxiruError as error:
            return _told(session, error)
        return JSONResponse({"id": started.id})

    @app.get("/replays/{replay_id}/findings.csv", include_in_schema=False)
    async def findings(request: Request, replay_id: str) -> Response:
        return await _file(session_of(request), lambda session: session.replays.findings_file(replay_id), "csv")

    @app.get("/replays/{replay_id}/report.html", include_in_schema=False)
    async def report(request: Request, replay_id: str) -> Response:
        return await _file(session_of(request), lambda session: session.replays.report_file(replay_id), "html")


async def _file(session: Session | None, get: Callable[[Session], Awaitable[httpx.Response]], ending: str) -> Response:
    """To be saved, never shown: under the console's own address nothing runs that was made from a caller's file."""
    if session is None:
        return Response("Log in first.", status_code=401, media_type="text/plain")
    try:
        found = await get(session)
    except ApiRefused as refusal:
        return Response(refusal.message, status_code=refusal.status, media_type="text/plain")
    except AxiruError as error:
        return Response(error.message, status_code=502, media_type="text/plain")
    return StreamingResponse(
        found.aiter_bytes(),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="replay.{ending}"'},
        background=BackgroundTask(found.aclose),
    )


def _told(session: Session, error: AxiruError) -> Response:
    match error:
        case SessionEnded():
            session.end()
            return _refused(error.message, 401)
        case ApiRefused():
            return _refused(error.sentences, error.status)
        case _:
            return _refused(error.message, 502)


def _refused(message: str, status: int) -> Response:
    return JSONResponse({"message": message}, status_code=status)
