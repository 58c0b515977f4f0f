"""A replay as it is told: how far it is, what it found, row by row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from api.errors import NotFound
from api.views.page import Cursor
from api.views.people import Person
from axiru.database import row, rows
from axiru.domain.exact import exact
from axiru.domain.movement import Mode
from axiru.domain.replay import PullStage, ReplaySource, ReplayState
from policies.history import Finding, Report
from policies.history.report import Change, ReplayOutcome, RuleTotal, Total


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """As `axiru replay --json` tells it, without findings. `changes` compare with what was decided."""

    rows: int
    refunds: int
    allowed: Total
    blocked: Total
    paused: Total
    drift: Total
    not_evaluable: list[str]
    by_rule: list[RuleTotal]
    changes: list[Change]
    since: datetime | None
    until: datetime | None
    caveats: list[str]
    ignored_columns: list[str]
    policy: str
    policy_hash: str


class ReplayError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a replay failed. `line` and `column` place it in the file."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None


class PullView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the pull is, newest first, back to `covered_from`; for `waited_seconds` Stripe wanted no requests."""

    stage: PullStage
    pulled: int
    covered_from: datetime | None
    waited_seconds: int


class ReplayView(msgspec.Struct, frozen=True, kw_only=True):
    """`rows_total` is about how many rows there are while it runs, and exact once it is done.

    `pull` is None for what is not pulled from Stripe, or waits to be.
    """

    id: str
    mode: Mode
    source: ReplaySource
    title: str
    state: ReplayState
    policy: str
    since: datetime | None
    until: datetime | None
    rows_done: int
    rows_total: int | None
    result: ReplayResult | None
    error: ReplayError | None
    requested_by: Person
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime
    stripe_connection_id: str | None
    pull: PullView | None


class ReplayPage(msgspec.Struct, frozen=True):
    items: list[ReplayView]
    next_cursor: str | None


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """`line` is that of the file; `id` the refund's in the file, or the decision's, which was decided as `was`.

    `amount_cents` past 2^53 is a decimal string.
    """

    position: int
    line: int | None
    id: str
    outcome: ReplayOutcome
    rule: str | None
    reason: str
    message: str
    amount_cents: int | str
    currency: str
    at: datetime | None
    flags: list[str]
    was: ReplayOutcome | None


class FindingPage(msgspec.Struct, frozen=True):
    items: list[FindingRow]
    next_cursor: str | None


_SELECT: Final = """
SELECT r.*, m.name AS requested_by_name, p.stage, p.pulled, p.covered_from, p.waited_seconds
FROM replays r JOIN members m ON m.id = r.requested_by LEFT JOIN replay_pulls p ON p.replay_id = r.id
WHERE r.organization_id = {} AND r.mode = ANY({}::text[]) AND r.expires_at > clock_timestamp()
"""


async def find_replays(organization_id: str, mode: Mode, *, limit: int, after: Cursor | None) -> ReplayPage:
    """One page of an organization's replays in one mode, newest first."""
    condition, arguments = "", []
    if after is not None:
        condition, arguments = "AND (r.created_at, r.id) < ({}::timestamptz, {}::text)", [after.at, after.id]
    found = await rows(
        f"{_SELECT} {condition} ORDER BY r.created_at DESC, r.id DESC LIMIT {{}}",
        organization_id,
        [mode],
        *arguments,
        limit + 1,
    )
    shown = found[:limit]
    more = Cursor(shown[-1]["created_at"], shown[-1]["id"]).text() if len(found) > limit else None
    return ReplayPage([_view(each) for each in shown], more)


async def find_replay(replay_id: str, organization_id: str, mode: Mode | None) -> ReplayView:
    """`mode` None looks in both. Raises NotFound, for one whose days are over, too."""
    modes = [mode] if mode else ["live", "test"]
    found = await row(f"{_SELECT} AND r.id = {{}}", organization_id, modes, replay_id)
    if found is None:
        raise NotFound
    return _view(found)


async def find_findings(replay_id: str, *, limit: int, after: int, outcome: ReplayOutcome | None = None) -> FindingPage:
    """One page of the findings of a replay that the caller was found to see, in their order."""
    condition, arguments = ("AND outcome = {}", [outcome]) if outcome else ("", [])
    found = await rows(
        f"SELECT position, line, subject AS id, outcome, rule, reason, message, amount_cents, currency, "  # noqa: S608
        f"moved_at AS at, flags, was FROM replay_findings WHERE replay_id = {{}} AND position > {{}} {condition} "
        f"ORDER BY position LIMIT {{}}",
        replay_id,
        after,
        *arguments,
        limit + 1,
    )
    shown = [FindingRow(**exact(each)) for each in found[:limit]]
    return FindingPage(shown, str(shown[-1].position) if len(found) > limit else None)


def as_finding(shown: FindingRow) -> Finding:
    """A row as the reports for people take it."""
    plain = msgspec.to_builtins(shown)
    del plain["position"]
    if shown.was is None:
        del plain["was"]
    return msgspec.convert(plain, Finding, strict=False)


def as_report(result: ReplayResult, findings: list[FindingRow]) -> Report:
    """A result with some of its findings, as the page to pass round takes it."""
    plain = msgspec.to_builtins(result)
    return msgspec.convert({**plain, "findings": [msgspec.to_builtins(as_finding(each)) for each in findings]}, Report)


def _view(found: Mapping[str, Any]) -> ReplayView:
    return ReplayView(
        **{name: found[name] for name in _PLAIN},
        policy=found["policy_name"],
        result=msgspec.json.decode(found["result"], type=ReplayResult) if found["result"] else None,
        error=msgspec.json.decode(found["error"], type=ReplayError) if found["error"] else None,
        requested_by=Person(found["requested_by"], found["requested_by_name"]),
        pull=PullView(**{name: found[name] for name in PullView.__struct_fields__}) if found["stage"] else None,
    )


_PLAIN: Final = (
    *("id", "mode", "source", "title", "state", "since", "until", "rows_done", "rows_total"),
    *("created_at", "finished_at", "expires_at", "stripe_connection_id"),
)
