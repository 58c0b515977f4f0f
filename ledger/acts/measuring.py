"""What rules need counted and looked up beyond the request itself, read behind the lock in one statement."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from axiru.database import rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode, Ovt
from ledger.acts.list_values import fold
from ledger.acts.standing import ActiveList, subject_of
from policies import WindowSpec, facts_of
from policies.lists import ListSpec


class Measured(NamedTuple):
    """Windows by `WindowSpec.name`, memberships by `ListSpec.fact`. None is unknown, never 0 and never False."""

    windows: dict[str, int | None]
    listed: dict[str, bool | None]


class _Select(NamedTuple):
    """One SELECT of a number, and its arguments."""

    sql: str
    arguments: list[Any]


async def measure(
    windows: Iterable[WindowSpec],
    looked_up: Collection[ListSpec],
    lists: Iterable[ActiveList],
    ovt: Ovt,
    *,
    organization_id: str,
    mode: Mode,
    surface_mode: SurfaceMode,
    now: datetime,
    excluding: str | None = None,
) -> Measured:
    """What each window holds before this movement, and which lists its subjects are in; one range of an index each.

    A window without a subject is unknown, and so is a membership without a subject or an active list. `excluding` is
    the decision whose own reservation does not count: one that is judged again.
    """
    whose = [organization_id, mode, surface_mode, now]
    sums = {window.name: _window(window, ovt, whose, excluding) for window in windows}
    facts = facts_of(ovt, windows={}) if looked_up else {}
    active = {one.slug: one for one in lists}
    members = {spec.fact: _membership(active.get(spec.slug), facts.get(spec.subject_fact)) for spec in looked_up}
    held = await _held({**sums, **members})
    listed = {fact: None if (count := held[fact]) is None else count > 0 for fact in members}
    return Measured({name: held[name] for name in sums}, listed)


async def _held(selects: dict[str, _Select | None]) -> dict[str, int | None]:
    asked = {name: select for name, select in selects.items() if select is not None}
    held: dict[str, int | None] = dict.fromkeys(selects)
    if asked:
        parts = [f"SELECT {{}}::text AS name, {select.sql}" for select in asked.values()]
        arguments = [argument for name, select in asked.items() for argument in (name, *select.arguments)]
        held |= {found["name"]: int(found["held"]) for found in await rows(" UNION ALL ".join(parts), *arguments)}
    return held


def _window(window: WindowSpec, ovt: Ovt, whose: list[Any], excluding: str | None) -> _Select | None:
    subject = None if window.per == "organization" else subject_of(ovt, window.per)
    if window.per != "organization" and subject is None:
        return None
    measured = "coalesce(sum(units), 0)" if window.measure == "sum" else "count(*)"
    conditions = [
        "organization_id = {}",
        "mode = {}",
        "surface_mode = {}",
        "moved_at > {}::timestamptz - make_interval(secs => {})",
        "state <> 'released'",
        "rail = {}",
    ]
    arguments: list[Any] = [*whose, float(window.within_seconds), window.rail]
    if excluding is not None:
        conditions.append("decision_id <> {}")
        arguments.append(excluding)
    if window.rail_actions:
        conditions.append("rail_action = ANY({}::text[])")
        arguments.append(list(window.rail_actions))
    if window.asset is not None:
        conditions.append("asset = ANY({}::text[])")
        arguments.append(sorted(window.assets))
    if window.per == "initiator":
        # What an agent spent before it was put under another still counts for it, and for those below it.
        conditions.append("initiator_id = ANY({}::text[])")
        arguments.append([ovt.initiator.id, *ovt.initiator.lineage])
    elif subject is not None:
        conditions.append(f"{COLUMN_OF[window.per]} = {{}}")
        arguments.append(subject)
    # Every name spliced in comes from the closed tables here; what the request says goes in as an argument.
    return _Select(f"{measured} AS held FROM movements WHERE {' AND '.join(conditions)}", arguments)


def _membership(active: ActiveList | None, subject: Any) -> _Select | None:
    # What callers add to the context may be a boolean, which rules call by its JSON name.
    word = str(subject).lower() if isinstance(subject, bool) else subject
    if active is None or not isinstance(word, str):
        return None
    # What cannot stand in such a list is looked up as it is, and not found.
    sql = "count(*) AS held FROM list_values WHERE list_version_id = {} AND value = {}"
    return _Select(sql, [active.id, fold(active.kind, word) or word])


COLUMN_OF: Final = {
    "initiator": "initiator_id",
    "counterparty": "counterparty_id",
    "customer": "customer_id",
    "merchant": "merchant_id",
    "charge": "charge",
}
"""The column of `movements` that holds whose window it is."""
