"""`/api/v1/replays`: a file of history, or stored decisions, through any policy. Nothing is enforced by it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from api.auth import Caller, requires
from api.errors import InvalidBody
from api.intake.replay_body import (
    DEFAULT_PACK,
    ChosenPolicy,
    PolicyChoice,
    StripeHistoryBody,
    WhatIfBody,
    chosen,
    read_file,
    read_stripe_history,
    read_what_if,
)
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from api.views.replay import (
    FindingPage,
    ReplayPage,
    ReplayView,
    as_finding,
    as_report,
    find_findings,
    find_replay,
    find_replays,
)
from axiru.database import row, rows, transaction
from axiru.domain.movement import Mode
from axiru.domain.replay import KEPT_FOR, ReplayInput, ReplaySource, ReplayState
from axiru.errors import AxiruError
from axiru.ids import REPLAY, new_id
from policies.history.findings_csv import findings_csv
from policies.history.page import MAX_SHOWN, report_page
from policies.history.report import ReplayOutcome
from workflows.history_replay import HistoryReplay

_MOST_UNDER_WAY: Final = 10
_ROWS_A_PIECE: Final = 1_000
_START_TIMEOUT: Final = timedelta(seconds=10)


class TooManyReplays(AxiruError):
    """The organization has as many replays under way as it may."""

    code = "conflict"


class ReplayNotDone(AxiruError):
    """There is no result to show yet, or there will be none."""

    code = "conflict"


class ReplayStarted(msgspec.Struct, frozen=True):
    id: str
    state: ReplayState


@post(
    "/api/v1/replays",
    guards=[requires(Permission.POLICIES)],
    status_code=202,
    operation_class=taking(WhatIfBody, StripeHistoryBody),
    security=BEARER,
)
async def start_replay(
    request: Request[Caller, Any, Any],
    pack: Annotated[str | None, QueryParameter(max_length=100, description="For a file: a pack")] = None,
    policy: Annotated[str | None, QueryParameter(max_length=100, description="For a file: a policy's slug")] = None,
    version: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="Its version")] = None,
    title: Annotated[str, QueryParameter(max_length=200, description="For a file: its name")] = "",
    mode: ModeFilter = None,
) -> ReplayStarted:
    """Start a replay: of the CSV in the body (`text/csv`), of stored decisions or of Stripe's history (JSON)."""
    caller = request.user
    in_mode = caller.shown_mode(mode)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv":
        if policy is None and version is None:
            choice = PolicyChoice(pack=pack or DEFAULT_PACK)
        else:
            choice = PolicyChoice(slug=policy, version=version, pack=pack)
        judge = await chosen(choice, request)
        # A file that could not be taken is not read into memory first.
        await _check_room(caller.organization_id)
        content = await read_file(request)
        return await _start(request, "csv", in_mode, title, judge, content=content)
    # What is neither is refused there, by its media type.
    raw, now = await read_object(request), datetime.now(UTC)
    if raw.get("source") == "stripe":
        asked, since, until = await read_stripe_history(raw, now, caller.organization_id, in_mode)
        judge = await chosen(asked.policy, request)
        connection = asked.stripe_connection_id
        return await _start(
            request, "stripe", in_mode, asked.title, judge, period=(since, until), connection_id=connection
        )
    body, since, until = read_what_if(raw, now)
    judge = await chosen(body.policy, request)
    return await _start(request, "decisions", in_mode, body.title, judge, period=(since, until))


@get("/api/v1/replays", guards=[requires(Permission.READ)], security=BEARER)
async def list_replays(
    request: Request[Caller, Any, Any], mode: ModeFilter = None, limit: Limit = 50, cursor: CursorText = None
) -> ReplayPage:
    """Replays, newest first."""
    caller = request.user
    after = Cursor.parse(cursor) if cursor else None
    return await find_replays(caller.organization_id, caller.shown_mode(mode), limit=limit, after=after)


@get("/api/v1/replays/{replay_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_replay(request: Request[Caller, Any, Any], replay_id: str) -> ReplayView:
    """One replay: how far it is, and what it found."""
    return await find_replay(replay_id, request.user.organization_id, request.user.mode)


@get(
    "/api/v1/replays/{replay_id:str}/findings",
    guards=[requires(Permission.READ)],
    responses={200: ResponseSpec(FindingPage, generate_examples=False, description="One page, or all rows as CSV")},
    security=BEARER,
)
async def list_findings(
    request: Request[Caller, Any, Any],
    replay_id: str,
    outcome: ReplayOutcome | None = None,
    form: Annotated[Literal["json", "csv"] | None, QueryParameter(name="format")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response[Any]:
    """The rows concerned, in the order of the file or of time; all of them as CSV where `text/csv` is asked for."""
    shown = await find_replay(replay_id, request.user.organization_id, request.user.mode)
    wants_csv = form == "csv" or (form is None and request.headers.get("accept", "").startswith("text/csv"))
    if wants_csv:
        return Stream(
            _csv(shown.id, outcome),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{shown.id}-findings.csv"'},
        )
    page: FindingPage = await find_findings(shown.id, limit=limit, after=_position(cursor), outcome=outcome)
    return Response(page)


@get("/api/v1/replays/{replay_id:str}/report.html", guards=[requires(Permission.READ)], security=BEARER)
async def get_report(request: Request[Caller, Any, Any], replay_id: str) -> Response[bytes]:
    """The result as one self-contained page to pass round."""
    shown = await find_replay(replay_id, request.user.organization_id, request.user.mode)
    if shown.result is None:
        raise ReplayNotDone("This replay has no result.", state=shown.state)
    page = await find_findings(shown.id, limit=MAX_SHOWN, after=-1)
    html = report_page(
        as_report(shown.result, page.items),
        title=shown.title or shown.id,
        findings=sum(each.count for each in shown.result.by_rule),
    )
    return Response(
        html.encode(),
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


@delete("/api/v1/replays/{replay_id:str}", guards=[requires(Permission.POLICIES)], security=BEARER)
async def delete_replay(request: Request[Caller, Any, Any], replay_id: str) -> None:
    """Delete a replay with its file and findings; one that runs ends."""
    shown = await find_replay(replay_id, request.user.organization_id, request.user.mode)
    await rows("DELETE FROM replays WHERE id = {}", shown.id)


def _position(cursor: str | None) -> int:
    if cursor is None:
        return -1
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise InvalidBody.single("cursor", "malformed", "This is not a cursor of this list.")
    return int(cursor)


async def _csv(replay_id: str, outcome: ReplayOutcome | None) -> AsyncIterator[str]:
    after, header = -1, True
    while True:
        page = await find_findings(replay_id, limit=_ROWS_A_PIECE, after=after, outcome=outcome)
        yield findings_csv((as_finding(each) for each in page.items), header=header)
        if page.next_cursor is None:
            return
        after, header = int(page.next_cursor), False


async def _start(
    request: Request[Caller, Any, Any],
    source: ReplaySource,
    mode: Mode,
    title: str,
    judge: ChosenPolicy,
    *,
    content: bytes | None = None,
    period: tuple[datetime, datetime] | tuple[None, None] = (None, None),
    connection_id: str | None = None,
) -> ReplayStarted:
    """Keep what is to be replayed, then start its workflow. What cannot be started is not kept."""
    caller, services, replay_id = request.user, services_of(request), new_id(REPLAY)
    now = datetime.now(UTC)
    async with transaction():
        # Counted and written by one after the other, so that nobody gets past the limit.
        await rows("SELECT pg_advisory_xact_lock(hashtextextended('replays/' || {}, 0))", caller.organization_id)
        await _check_room(caller.organization_id)
        await rows(
            "INSERT INTO replays (id, organization_id, mode, source, title, state, policy_source, policy_name, since, "
            "until, requested_by, created_at, expires_at, stripe_connection_id) VALUES ({}, {}, {}, {}, {}, 'waiting', "
            "{}, {}, {}, {}, {}, {}, {}, {})",
            replay_id,
            caller.organization_id,
            mode,
            source,
            title.strip(),
            judge.yaml,
            judge.name,
            *period,
            caller.member_id,
            now,
            now + KEPT_FOR,
            connection_id,
        )
        if content is not None:
            await rows("INSERT INTO replay_uploads (replay_id, content) VALUES ({}, {})", replay_id, content)
    try:
        await services.temporal.start_workflow(
            HistoryReplay.run,
            ReplayInput(replay_id, pulls=source == "stripe"),
            id=replay_id,
            task_queue=services.settings.temporal_task_queue,
            rpc_timeout=_START_TIMEOUT,
        )
    except BaseException:
        await rows("DELETE FROM replays WHERE id = {}", replay_id)
        raise
    return ReplayStarted(replay_id, "waiting")


async def _check_room(organization_id: str) -> None:
    """Raises TooManyReplays."""
    under_way = await row(
        "SELECT count(*) AS replays FROM replays WHERE organization_id = {} AND state IN ('waiting', 'running')",
        organization_id,
    )
    if under_way and under_way["replays"] >= _MOST_UNDER_WAY:
        raise TooManyReplays(f"{_MOST_UNDER_WAY} replays are under way; wait for one, or delete one.")
