"""Who answers for a budget is told when it fills up, and when it stops something; in the decision's own transaction."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from axiru.database import rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Ovt
from ledger.acts.chain import Act
from ledger.acts.evaluating import Words
from ledger.acts.standing import VersionInForce, subject_of
from policies.budgets import Budget, percent_of

_UNNAMED = frozenset({"customer", "charge"})
"""Whose windows alerts do not name: what is told is kept, and customers can be forgotten."""


class _Touched(NamedTuple):
    """A budget that the movement concerns: what its window held `before`, and holds once the movement is counted."""

    version: VersionInForce
    budget: Budget
    subject: str
    before: int
    after: int


async def tell_budgets(
    deciding: Act,
    decision_id: str,
    ovt: Ovt,
    words: Words,
    *,
    alert_percent: int,
    surface_mode: SurfaceMode,
    reserved: bool,
    by_policy: bool,
) -> None:
    """Tell once when a window comes from below `alert_percent` of a ceiling to that or more, and once when the
    policy's word is that of a budget with no room for the movement. Budgets of one window are told of as one.

    Only what is told costs a statement. `reserved`: the movement is counted. `by_policy`: it asked, and no control
    answered it.
    """
    known = [deciding.organization_id, deciding.mode, surface_mode]
    for touched in _by_window(ovt, words):
        crossed = [one for one in touched if one.before * 100 < alert_percent * one.budget.ceiling <= one.after * 100]
        if reserved and crossed:
            for one in crossed:
                await rows(_REARM, *known, *_named(one))
            deciding.tell("budget", _told("threshold_reached", crossed, crossed[0].after, surface_mode, decision_id))
        full = [one for one in touched if by_policy and _no_room(one, ovt)]
        full.sort(key=lambda one: not _spoke(words, one))
        if full and _spoke(words, full[0]):
            # Told of as one: none of the others is told of again once it is the one that speaks.
            newly = [
                await rows(_EXHAUSTED, *known, *_named(one), deciding.now, one.budget.window.within_seconds)
                for one in full
            ]
            if newly[0]:
                used = full[0].after if reserved else full[0].before
                deciding.tell("budget", _told("exhausted", full, used, surface_mode, decision_id))


def _by_window(ovt: Ovt, words: Words) -> Iterator[list[_Touched]]:
    """The budgets that the movement concerns, those of one window and subject together, the tightest first."""
    found: dict[tuple[str, str], list[_Touched]] = {}
    for one in _touched(ovt, words):
        found.setdefault((one.budget.window.name, one.subject), []).append(one)
    for together in found.values():
        yield sorted(together, key=lambda one: one.budget.ceiling)


def _touched(ovt: Ovt, words: Words) -> Iterator[_Touched]:
    for version, budget in words.budgets:
        before = words.measured.windows.get(budget.window.name)
        if before is None or not budget.concerns(ovt):
            continue
        subject = "" if budget.window.per == "organization" else subject_of(ovt, budget.window.per) or ""
        yield _Touched(version, budget, subject, before, before + budget.moving(ovt))


def _spoke(words: Words, one: _Touched) -> bool:
    """Whether the budget's rule names the outcome."""
    live = words.live
    if live is None or live.version.id != one.version.id:
        return False
    return live.evaluation.matched_rule_id == one.budget.rule_id


def _no_room(one: _Touched, ovt: Ovt) -> bool:
    """What would not fit an empty window exhausts nothing."""
    return one.after > one.budget.ceiling >= one.budget.moving(ovt)


def _named(one: _Touched) -> tuple[str, str, str, str]:
    return one.budget.policy, one.budget.rule_id, one.budget.window.name, one.subject


def _told(
    state: Literal["threshold_reached", "exhausted"],
    together: Sequence[_Touched],
    used: int,
    surface_mode: SurfaceMode,
    decision_id: str,
) -> dict[str, Any]:
    """Of the first and its window; `rules` are all whose budgets it is."""
    window, subject = together[0].budget.window, together[0].subject
    rules = [
        {
            "policy": one.budget.policy,
            "version": one.version.version,
            "rule_id": one.budget.rule_id,
            "effect": one.budget.effect.value,
            "ceiling_units": str(one.budget.ceiling),
            "percent": percent_of(used, one.budget.ceiling),
        }
        for one in together
    ]
    return {
        "state": state,
        **rules[0],
        "rules": rules,
        "window": window.name,
        "measure": window.measure,
        "per": window.per,
        "subject": None if window.per in _UNNAMED else subject or None,
        "rail": window.rail,
        "asset": window.asset,
        "window_seconds": window.within_seconds,
        "used_units": str(used),
        "surface_mode": surface_mode,
        "decision_id": decision_id,
    }


# A window that fills up anew may be exhausted anew.
_REARM = """
DELETE FROM budget_exhaustions WHERE organization_id = {} AND mode = {} AND surface_mode = {} AND policy = {}
    AND rule_id = {} AND budget_window = {} AND subject = {}
"""
# So may one of which nothing is left that it held when it was told of.
_EXHAUSTED = """
INSERT INTO budget_exhaustions AS known (organization_id, mode, surface_mode, policy, rule_id, budget_window, subject,
    told_at)
VALUES ({}, {}, {}, {}, {}, {}, {}, {})
ON CONFLICT (organization_id, mode, surface_mode, policy, rule_id, budget_window, subject) DO UPDATE
    SET told_at = excluded.told_at WHERE known.told_at <= excluded.told_at - make_interval(secs => {})
RETURNING told_at
"""
