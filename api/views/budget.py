"""What each budget in force holds and has left, counted from the movements within its window."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from api.views.budget_use import BudgetInForce, BudgetsWanted, Place, used_budgets
from axiru.database import row, rows
from axiru.domain.assets import decimals_of
from axiru.domain.currency import CURRENCIES
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import folded_agent
from ledger.acts.evaluating import has_a_share
from ledger.acts.lineage import lineages
from ledger.acts.standing import CompiledVersions, VersionInForce
from policies.budgets import DEFAULT_ALERT_PERCENT, percent_of
from policies.syntax import Effect
from policies.windows import Measure, Per

MOST_PERCENT: Final = 1_000_000
_MOST_CENTS: Final = 2**53 - 1


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of one subject. Units are decimal strings of any size; cents are null for what is no currency.

    `used` may pass the ceiling, `remaining` is never below 0, `used_percent` is rounded down and at most 1,000,000. By
    `window`, `subject` and `surface_mode` the list of decisions gives those that count.
    """

    policy: str
    version: int
    rule_id: str
    effect: Effect
    window: str
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


async def find_budgets(
    wanted: BudgetsWanted, *, after: Place | None, limit: int, compiled: CompiledVersions
) -> BudgetPage:
    """One page. Raises PolicyVersionMissing for a version in force that is not what was published."""
    in_force = await _in_force(wanted, compiled)
    found = await used_budgets(wanted, in_force, after, limit + 1) if in_force else []
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
        alert_percent=setting["percent"] if setting else DEFAULT_ALERT_PERCENT,
    )


async def _in_force(wanted: BudgetsWanted, compiled: CompiledVersions) -> list[BudgetInForce]:
    found = await rows(
        "SELECT id, slug, version, status, content_hash, canary_percent FROM policy_versions "
        "WHERE organization_id = {} AND status IN ('active', 'shadow') ORDER BY slug, version",
        wanted.organization_id,
    )
    versions = [version for version in msgspec.convert(found, list[VersionInForce]) if has_a_share(version)]
    found_budgets = [
        BudgetInForce(f"{version.slug}:v{version.version}:{position:04}", version, budget)
        for version in versions
        if wanted.policy in {None, version.slug}
        for position, budget in enumerate((await compiled.get(version)).budgets)
        if wanted.per in {None, budget.window.per} and wanted.rail in {None, budget.window.rail}
    ]
    named = {name for each in found_budgets if each.budget.window.per == "initiator" for name in each.budget.only}
    named |= {wanted.subject or ""}
    lines = await lineages(wanted.organization_id, named - {""})
    roots = {name: lines[name].line[-1].agent_id if name in lines else name for name in named}
    counted_as = {name: folded_agent(root) for name, root in roots.items()}
    return [each for one in found_budgets for each in _with_subjects(one, wanted, counted_as)]


def _with_subjects(one: BudgetInForce, wanted: BudgetsWanted, counted_as: Mapping[str, str]) -> Iterator[BudgetInForce]:
    """An agent's movements count as those of the agent that its authority comes from: `counted_as`."""
    if one.budget.window.per == "organization":
        if wanted.subject is None:
            yield one._replace(shown=("",))
        return
    resolved = counted_as if one.budget.window.per == "initiator" else {}
    only = {resolved.get(name, name) for name in one.budget.only}
    asked = {resolved.get(wanted.subject, wanted.subject)} if wanted.subject else only
    if not only or asked <= only:
        shown = tuple(sorted(asked)) if only or wanted.per else ()
        yield one._replace(subjects=tuple(sorted(asked)) or None, shown=shown)


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
        window=window.name,
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
