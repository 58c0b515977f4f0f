"""What each budget in force holds and has left, counted from the movements within its window."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from api.errors import InvalidBody
from axiru.database import row, rows
from axiru.domain.assets import decimals_of
from axiru.domain.currency import CURRENCIES
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from ledger.acts.evaluating import has_a_share
from ledger.acts.measuring import COLUMN_OF
from ledger.acts.organization import DEFAULT_BUDGET_ALERT_PERCENT
from ledger.acts.standing import CompiledVersions, VersionInForce
from policies.budgets import Budget, percent_of
from policies.syntax import Effect
from policies.windows import Measure, Per

MOST_PERCENT: Final = 1_000_000
_MOST_CENTS: Final = 2**53 - 1


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of one subject. Units are decimal strings of any size; cents are null for what is no currency.

    `used` may pass the ceiling, `remaining` is never below 0, `used_percent` is rounded down and at most 1,000,000.
    """

    policy: str
    version: int
    rule_id: str
    effect: Effect
    measure: Measure
    per: Per
    subject: str | None
    subject_name: str | None
    rail: str
    rail_actions: list[str]
    asset: str | None
    currency: str | None
    exponent: int | None
    window_seconds: int
    ceiling_units: str
    reserved_units: str
    committed_units: str
    used_units: str
    remaining_units: str
    ceiling_cents: int | None
    reserved_cents: int | None
    committed_cents: int | None
    used_cents: int | None
    remaining_cents: int | None
    used_percent: int
    next_release_at: datetime | None
    surface_mode: SurfaceMode
    when_else: list[str]


class BudgetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Most used first."""

    items: list[BudgetView]
    next_cursor: str | None
    alert_percent: int


class BudgetsWanted(NamedTuple):
    """Which of an organization's budgets are asked for. None is all."""

    organization_id: str
    mode: Mode
    per: Per | None = None
    subject: str | None = None
    rail: str | None = None
    policy: str | None = None
    surface_mode: SurfaceMode | None = None


class Place(NamedTuple):
    """The place after one row: by millionths of the ceiling that are used, descending, then by what the row is."""

    used: int
    key: str
    subject: str
    surface_mode: str

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode([str(self.used), *self[1:]])).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Raises InvalidBody for what `text()` did not make."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            used, *rest = msgspec.json.decode(raw, type=tuple[str, str, str, str])
            if not (used.isascii() and used.isdigit()) or "\x00" in "".join(rest):
                raise ValueError(text)
            return cls(int(used), *rest)
        except (ValueError, binascii.Error, msgspec.DecodeError) as error:
            raise InvalidBody.single("cursor", "malformed", "This is not a cursor of this list.") from error


class BudgetInForce(NamedTuple):
    """`key` names it among all: a version of a policy, and the position of the budget in it."""

    key: str
    version: VersionInForce
    budget: Budget


async def find_budgets(
    wanted: BudgetsWanted, *, after: Place | None, limit: int, compiled: CompiledVersions
) -> BudgetPage:
    """One page. Raises PolicyVersionMissing for a version in force that is not what was published."""
    in_force = await _in_force(wanted, compiled)
    found = await _used(wanted, in_force, after, limit + 1) if in_force else []
    by_key = {each.key: each for each in in_force}
    last = found[limit - 1] if len(found) > limit else None
    cursor = Place(last["used"], last["key"], last["subject"], last["surface_mode"]).text() if last else None
    setting = await row(
        "SELECT budget_alert_percent AS percent FROM organization_settings WHERE organization_id = {}",
        wanted.organization_id,
    )
    return BudgetPage(
        items=[_view(by_key[each["key"]], each) for each in found[:limit]],
        next_cursor=cursor,
        alert_percent=setting["percent"] if setting else DEFAULT_BUDGET_ALERT_PERCENT,
    )


async def _in_force(wanted: BudgetsWanted, compiled: CompiledVersions) -> list[BudgetInForce]:
    found = await rows(
        "SELECT id, slug, version, status, content_hash, canary_percent FROM policy_versions "
        "WHERE organization_id = {} AND status IN ('active', 'shadow') ORDER BY slug, version",
        wanted.organization_id,
    )
    versions = [version for version in msgspec.convert(found, list[VersionInForce]) if has_a_share(version)]
    return [
        BudgetInForce(f"{version.slug}:v{version.version}:{position:04}", version, budget)
        for version in versions
        if wanted.policy in {None, version.slug}
        for position, budget in enumerate((await compiled.get(version)).budgets)
        if wanted.per in {None, budget.window.per}
        and wanted.rail in {None, budget.window.rail}
        and not (wanted.subject is not None and budget.window.per == "organization")
    ]


async def _used(
    wanted: BudgetsWanted, in_force: Sequence[BudgetInForce], after: Place | None, limit: int
) -> list[dict[str, Any]]:
    """One range of an index for each window, however many budgets it has."""
    windows = {each.budget.window.name: each.budget for each in in_force}
    counted = [_window(name, budget, wanted) for name, budget in windows.items()]
    place = after or Place(0, "", "", "")
    return await rows(
        _PAGE.replace("(windows)", " UNION ALL ".join(sql for sql, _ in counted)),
        *(argument for _, arguments in counted for argument in arguments),
        msgspec.json.encode(
            [
                {
                    "key": each.key,
                    "window": each.budget.window.name,
                    "per": each.budget.window.per,
                    "ceiling": str(each.budget.ceiling),
                }
                for each in in_force
            ]
        ).decode(),
        wanted.surface_mode or "enforce",
        wanted.subject or "",
        wanted.per is not None and bool(wanted.subject),
        after is None,
        str(place.used),
        str(place.used),
        place.key,
        place.subject,
        place.surface_mode,
        limit,
        wanted.organization_id,
    )


def _window(name: str, budget: Budget, wanted: BudgetsWanted) -> tuple[str, list[Any]]:
    """The rows of one window by subject: bounded by its time, so that older history costs nothing."""
    window = budget.window
    column = "''" if window.per == "organization" else COLUMN_OF[window.per]
    measured = "sum(units)" if window.measure == "sum" else "count(*)::numeric"
    surface_modes = [wanted.surface_mode] if wanted.surface_mode else ["enforce", "shadow"]
    seconds = float(window.within_seconds)
    conditions = [
        "organization_id = {}",
        "mode = {}",
        "surface_mode = ANY({}::text[])",
        "moved_at > statement_timestamp() - make_interval(secs => {})",
        "state <> 'released'",
        "rail = {}",
    ]
    arguments: list[Any] = [*(name, seconds, wanted.organization_id, wanted.mode, surface_modes, seconds, window.rail)]
    if window.rail_actions:
        conditions.append("rail_action = ANY({}::text[])")
        arguments.append(list(window.rail_actions))
    if window.asset is not None:
        conditions.append("asset = ANY({}::text[])")
        arguments.append(sorted(window.assets))
    if window.per != "organization":
        conditions.append(f"{column} <> ''")
    if wanted.subject is not None:
        conditions.append(f"{column} = {{}}")
        arguments.append(wanted.subject)
    # Every name spliced in comes from closed tables; what was asked for goes in as an argument.
    grouped = f"FROM movements WHERE {' AND '.join(conditions)} GROUP BY surface_mode, {column}"
    return _MEASURED.replace("(subject)", column).replace("(measured)", measured) + grouped, arguments


_MEASURED: Final = """
SELECT {}::text AS "window", surface_mode, (subject)::text AS subject,
    coalesce((measured) FILTER (WHERE state = 'reserved'), 0) AS reserved,
    coalesce((measured) FILTER (WHERE state = 'committed'), 0) AS committed,
    min(moved_at) + make_interval(secs => {}) AS next_release_at
"""


# Rows of budgets that nothing moved in are shown where somebody asks for them, and for the organization's own.
_PAGE: Final = """
WITH used AS ((windows)),
budgets AS (
    SELECT key, "window", per, ceiling::numeric AS ceiling
    FROM jsonb_to_recordset({}::jsonb) AS b (key text, "window" text, per text, ceiling text)
),
unused AS (
    SELECT b.key, b.per, b.ceiling, {}::text AS surface_mode, {}::text AS subject FROM budgets b
    WHERE b.per = 'organization' OR {}::boolean
),
shown AS (
    SELECT b.key, b.per, b.ceiling, u.surface_mode, u.subject, u.reserved, u.committed, u.next_release_at
    FROM budgets b JOIN used u USING ("window")
    UNION ALL
    SELECT n.key, n.per, n.ceiling, n.surface_mode, n.subject, 0, 0, NULL FROM unused n
    JOIN budgets b USING (key)
    WHERE NOT EXISTS (SELECT FROM used u WHERE u."window" = b."window" AND u.subject = n.subject
        AND u.surface_mode = n.surface_mode)
),
placed AS (
    SELECT s.*, CASE WHEN ceiling = 0 THEN 1000000 ELSE div((reserved + committed) * 1000000, ceiling) END AS used
    FROM shown s
),
page AS (
    SELECT * FROM placed
    WHERE {}::boolean OR used < {}::numeric OR (used = {}::numeric AND (key, subject, surface_mode) > ({}, {}, {}))
    ORDER BY used DESC, key, subject, surface_mode LIMIT {}
)
SELECT p.key, p.subject, p.surface_mode, p.reserved, p.committed, p.next_release_at, p.used, a.name FROM page p
LEFT JOIN LATERAL (SELECT name FROM agents WHERE p.per = 'initiator' AND organization_id = {}
    AND lower(btrim(agent_id)) = lower(btrim(p.subject)) LIMIT 1) a ON true
ORDER BY p.used DESC, p.key, p.subject, p.surface_mode
"""


def _view(in_force: BudgetInForce, found: Mapping[str, Any]) -> BudgetView:
    version, budget = in_force.version, in_force.budget
    window, ceiling = budget.window, budget.ceiling
    reserved, committed = int(found["reserved"]), int(found["committed"])
    used = reserved + committed
    remaining = max(0, ceiling - used)
    currency = window.asset if window.asset in CURRENCIES else None
    in_cents = [_cents(units, currency) for units in (ceiling, reserved, committed, used, remaining)]
    return BudgetView(
        policy=budget.policy,
        version=version.version,
        rule_id=budget.rule_id,
        effect=budget.effect,
        measure=window.measure,
        per=window.per,
        subject=found["subject"] or None,
        subject_name=found["name"],
        rail=window.rail,
        rail_actions=list(window.rail_actions),
        asset=window.asset,
        currency=currency,
        exponent=decimals_of(window.asset) if window.asset else None,
        window_seconds=window.within_seconds,
        ceiling_units=str(ceiling),
        reserved_units=str(reserved),
        committed_units=str(committed),
        used_units=str(used),
        remaining_units=str(remaining),
        ceiling_cents=in_cents[0],
        reserved_cents=in_cents[1],
        committed_cents=in_cents[2],
        used_cents=in_cents[3],
        remaining_cents=in_cents[4],
        used_percent=min(percent_of(used, ceiling), MOST_PERCENT),
        next_release_at=found["next_release_at"],
        surface_mode=found["surface_mode"],
        when_else=list(budget.when_else),
    )


def _cents(units: int, currency: str | None) -> int | None:
    """None also for what a JSON number cannot hold."""
    return units if currency is not None and units <= _MOST_CENTS else None
