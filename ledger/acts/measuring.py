"""What rules need counted and looked up beyond the request itself, read behind the lock in one statement."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypedDict

from axiru.database import rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode, Ovt
from ledger.acts.counting import counted_in
from ledger.acts.list_values import fold
from ledger.acts.standing import ActiveList, subject_of
from policies import WindowSpec, facts_of
from policies.line import lists_of_agents
from policies.lists import ListSpec


class Measured(NamedTuple):
    """Windows by `WindowSpec.name`, memberships by `ListSpec.fact`. None is unknown, never 0 and never False.

    `above` are the memberships of each agent above the one that asks, in the lists that are asked about agents.
    """

    windows: dict[str, int | None]
    listed: dict[str, bool | None]
    above: dict[str, dict[str, bool | None]]


class _Whose(TypedDict):
    organization_id: str
    mode: Mode
    surface_mode: SurfaceMode
    now: datetime


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
    whose: _Whose = {"organization_id": organization_id, "mode": mode, "surface_mode": surface_mode, "now": now}
    facts = facts_of(ovt, windows={}) if looked_up else {}
    active = {one.slug: one for one in lists}
    named = {window.name: window for window in windows}
    selects: dict[_Wanted, _Select | None] = {
        (name, ""): _window(window, ovt, whose, excluding) for name, window in named.items()
    }
    for spec in looked_up:
        selects[spec.fact, ""] = _membership(active.get(spec.slug), facts.get(spec.subject_fact))
    of_agents = lists_of_agents(looked_up)
    for agent in ovt.initiator.lineage:
        for spec in of_agents:
            selects[spec.fact, agent] = _membership(active.get(spec.slug), agent)
    held = await _held(selects)

    def is_in(spec: ListSpec, agent: str = "") -> bool | None:
        return None if (count := held[spec.fact, agent]) is None else count > 0

    return Measured(
        {name: held[name, ""] for name in named},
        {spec.fact: is_in(spec) for spec in looked_up},
        {agent: {spec.fact: is_in(spec, agent) for spec in of_agents} for agent in ovt.initiator.lineage},
    )


_Wanted = tuple[str, str]
"""A fact, and the agent above that it is asked about; empty for the request's own."""


async def _held(selects: dict[_Wanted, _Select | None]) -> dict[_Wanted, int | None]:
    asked = {wanted: select for wanted, select in selects.items() if select is not None}
    held: dict[_Wanted, int | None] = dict.fromkeys(selects)
    if asked:
        parts = [f"SELECT {{}}::text AS fact, {{}}::text AS agent, {select.sql}" for select in asked.values()]
        arguments = [argument for wanted, select in asked.items() for argument in (*wanted, *select.arguments)]
        found = await rows(" UNION ALL ".join(parts), *arguments)
        held |= {(one["fact"], one["agent"]): int(one["held"]) for one in found}
    return held


def _window(window: WindowSpec, ovt: Ovt, whose: _Whose, excluding: str | None) -> _Select | None:
    subject = None if window.per == "organization" else subject_of(ovt, window.per)
    if window.per != "organization" and subject is None:
        return None
    subjects = ovt.initiator.counted if window.per == "initiator" else (subject or "",)
    sql, arguments = counted_in(window, **whose, subjects=subjects)
    if excluding is not None:
        sql, arguments = f"{sql} AND decision_id <> {{}}", [*arguments, excluding]
    measured = "coalesce(sum(units), 0)" if window.measure == "sum" else "count(*)"
    return _Select(f"{measured} AS held FROM movements WHERE {sql}", arguments)


def _membership(active: ActiveList | None, subject: Any) -> _Select | None:
    # What callers add to the context may be a boolean, which rules call by its JSON name.
    word = str(subject).lower() if isinstance(subject, bool) else subject
    if active is None or not isinstance(word, str):
        return None
    # What cannot stand in such a list is looked up as it is, and not found.
    sql = "count(*) AS held FROM list_values WHERE list_version_id = {} AND value = {}"
    return _Select(sql, [active.id, fold(active.kind, word) or word])
