"""A rule's condition as boxes: what it says about each fact, in one of several ways that each suffice.

A box is one way for the condition to hold; the condition is True exactly where all facts of some box are known and as
the box says. Kinds that nothing is known of here are one truth value each: an expression is itself or its opposite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from math import inf

from axiru.domain.assets import named_by
from axiru.domain.movement import SURFACES
from policies.checks.values import ANYTHING, Numbers, Values, Words, joined, span
from policies.conditions import Condition, Scope
from policies.conditions.agent_scope import AgentScope
from policies.conditions.amount import Amount
from policies.conditions.custom_expression import CustomExpression
from policies.conditions.fact_group import FactGroup
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.logic import All, Any_, Not
from policies.conditions.predicates import Bounds, InList, OneOf, Truth
from policies.conditions.rolling_window import RollingWindow
from policies.conditions.single_fact import SingleFact
from policies.conditions.time_of_day import DAYS, MINUTES_A_DAY, TimeOfDay
from policies.syntax import Rule
from policies.windows import WindowSpec

MAX_BOXES_A_RULE = 64
MAX_STEPS_A_POLICY = 400_000

Box = Mapping[str, Values]

TIME = "now in "
"""What facts about local time are called here, before the name of their zone."""

_WEEK = span(0, len(DAYS) * MINUTES_A_DAY - 1)
_TRUE = Words(frozenset({True}))
_ALWAYS_KNOWN = frozenset({"rail", "rail_action", "amount_cents", "currency"})


@dataclass(frozen=True, slots=True)
class Normal:
    """A rule and its boxes, none of which lies within another; none at all if it can never hold.

    `conflicts` are facts of which contradictory things are said, and `beyond_scope` those of which something is said
    that no movement has to which the policy applies.
    """

    rule: Rule
    boxes: tuple[Box, ...]
    conflicts: frozenset[str]
    beyond_scope: frozenset[str]

    @property
    def leaves_out_undecidable(self) -> bool:
        """Whether a part that cannot hold can still be undecided, where a fact of it is unknown."""
        return not all(map(always_known, self.conflicts | self.beyond_scope))


class TooManyBoxes(Exception):
    """The condition has more ways to hold than are looked at; nothing is said about its rule."""


class Budget:
    """How much work a policy may still make, so that checking is bounded whatever the text says."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int) -> bool:
        """Whether there was enough left."""
        self._left -= steps
        return self._left >= 0


def always_known(fact: str) -> bool:
    return fact in _ALWAYS_KNOWN or fact.startswith(TIME)


def normal_forms(rules: tuple[Rule, ...], scope: Scope) -> tuple[Normal, ...]:
    """The rules that are simple enough to be looked at, in their order."""
    budget = Budget(MAX_STEPS_A_POLICY)
    domain = _domain(scope)
    found: list[Normal] = []
    for rule in rules:
        try:
            found.append(_normal(rule, scope, domain, budget))
        except TooManyBoxes:
            continue
    return tuple(found)


def meet(one: Box, other: Box, conflicts: set[str]) -> Box | None:
    """What both say; None, and the fact in `conflicts`, if that is impossible."""
    both = dict(one)
    for fact, values in other.items():
        if fact in both:
            values = both[fact].meet(values)  # type: ignore[arg-type] # noqa: PLW2901 - a fact is words or numbers, never both
        if values.empty:
            conflicts.add(fact)
            return None
        both[fact] = values
    return both


def lies_within(inner: Box, outer: Box) -> bool:
    """Whether `outer` is known to hold wherever `inner` is."""
    for fact, values in outer.items():
        within = inner.get(fact)
        if within is None:
            if not fact.startswith(TIME):
                return False
            within = _WEEK
        if not within.within(values):  # type: ignore[arg-type] # a fact is words or numbers, never both
            return False
    return True


def key_of(boxes: tuple[Box, ...]) -> frozenset[frozenset[tuple[str, Values]]]:
    """Equal for conditions that hold for the same movements, as far as the form can tell."""
    return frozenset(frozenset(box.items()) for box in boxes)


def _domain(scope: Scope) -> Box:
    """What is true of every movement that the policy is asked about."""
    actions = frozenset(each.partition(".")[2] for each in SURFACES if each.startswith(f"{scope.rail}."))
    # What the policy states itself may be an action that is still to come.
    stated = frozenset(scope.rail_actions) or actions
    return {
        "amount_cents": span(1, inf),
        "currency": ANYTHING,
        "rail_action": Words(stated) if stated else ANYTHING,
        "rail": Words(frozenset({scope.rail})),
    }


def _normal(rule: Rule, scope: Scope, domain: Box, budget: Budget) -> Normal:
    conflicts: set[str] = set()
    beyond: set[str] = set()
    windows = {window.fact: window for window in rule.when.windows(scope)}
    boxes: list[Box] = []
    for box in _Boxes(scope, budget, conflicts).of(rule.when, negated=False):
        applied = meet(domain, box, beyond)
        bounded = _bounded(applied, windows, conflicts) if applied is not None else None
        if bounded is not None:
            boxes.append(bounded)
    if not budget.spend(len(boxes) ** 2):
        raise TooManyBoxes
    largest = tuple(
        box
        for place, box in enumerate(boxes)
        if not any(
            lies_within(box, other) and (not lies_within(other, box) or other_place < place)
            for other_place, other in enumerate(boxes)
            if other_place != place
        )
    )
    return Normal(rule, largest, frozenset(conflicts), frozenset(beyond))


def _bounded(box: Box, windows: Mapping[str, WindowSpec], conflicts: set[str]) -> Box | None:
    """With what no number can be less than: a window that counts the movement being decided holds at least that."""
    bounds: dict[str, Values] = {}
    for fact in box:
        if fact in windows:
            bounds[fact] = span(_least(windows[fact], box), inf)
        elif fact == "context.customer_tenure_days":
            bounds[fact] = span(0, inf)
    return meet(box, bounds, conflicts)


def _least(window: WindowSpec, box: Box) -> float:
    counted = box["rail"].within(Words(frozenset({window.rail}))) and (  # type: ignore[arg-type]
        not window.rail_actions or box["rail_action"].within(Words(frozenset(window.rail_actions)))  # type: ignore[arg-type]
    )
    if not counted:
        return 0
    amount = box["amount_cents"]
    return amount.low if window.measure == "sum" and isinstance(amount, Numbers) else 1


class _Boxes:
    """The boxes of a condition, or of its negation as `not` pushes it down to the leaves."""

    def __init__(self, scope: Scope, budget: Budget, conflicts: set[str]) -> None:
        self._scope = scope
        self._budget = budget
        self._conflicts = conflicts

    def of(self, condition: Condition, *, negated: bool) -> list[Box]:
        match condition:
            case Not():
                return self.of(condition.condition, negated=not negated)
            case Any_() if negated:
                others, limits = condition.by_currency()
                each = [self._every([self.of(one, negated=True) for one in limit]) for limit in limits]
                parts = [self.of(part, negated=True) for part in others]
                return self._every([*parts, self._some(each)] if each else parts)
            case All() | Any_():
                parts = [self.of(part, negated=negated) for part in condition.conditions]
                return self._every(parts) if isinstance(condition, All) is not negated else self._some(parts)
            case FactGroup():
                said = [
                    [_said(condition.fact_of(name), each, negated=negated)] for name, each in condition.expectations
                ]
                return self._some(said) if negated else self._every(said)
            case AgentScope():
                return self._scopes(condition, negated=negated)
            case _:
                return [box] if (box := self._leaf(condition, negated=negated)) is not None else []

    def _every(self, parts: list[list[Box]]) -> list[Box]:
        return reduce(self._product, parts)

    def _some(self, parts: list[list[Box]]) -> list[Box]:
        boxes = [box for part in parts for box in part]
        if len(boxes) > MAX_BOXES_A_RULE:
            raise TooManyBoxes
        return boxes

    def _product(self, ones: list[Box], others: list[Box]) -> list[Box]:
        if not self._budget.spend(len(others) * sum(map(_size, ones))):
            raise TooManyBoxes
        met = (meet(one, other, self._conflicts) for one in ones for other in others)
        return self._some([[box for box in met if box is not None]])

    def _scopes(self, condition: AgentScope, *, negated: bool) -> list[Box]:
        """Each scope is held or not."""
        of_all = condition.quantifier != "any_of"
        held = (condition.quantifier != "none_of") is not negated
        boxes: list[list[Box]] = [
            [{f"initiator.scopes {scope}": _TRUE if held else _TRUE.without()}] for scope in condition.scopes
        ]
        return self._every(boxes) if of_all is not negated else self._some(boxes)

    def _leaf(self, leaf: Condition, *, negated: bool) -> Box | None:
        box: Box
        match leaf:
            case SingleFact():
                box = _said(leaf.fact, leaf.compared, negated=negated)
            case InitiatorId():
                box = _said(leaf.fact, leaf.expected, negated=negated)
            case Amount():
                box = {"currency": Words(leaf.assets), "amount_cents": _within(leaf.bounds, negated)}
            case RollingWindow():
                box = {leaf.window(self._scope).fact: _within(leaf.bounds, negated)}
                if leaf.currency is not None:
                    box = {"currency": Words(named_by(leaf.currency)), **box}
            case TimeOfDay():
                minutes = _minutes(leaf)
                box = {f"{TIME}{leaf.zone}": minutes.without().meet(_WEEK) if negated else minutes}
            case CustomExpression() if not leaf.fact_names(self._scope) and not self._constant(leaf, negated=negated):
                box = {_opaque(leaf): Words(frozenset())}
            case _:
                box = {_opaque(leaf): _TRUE.without() if negated else _TRUE}
        return meet({}, box, self._conflicts)

    def _constant(self, leaf: CustomExpression, *, negated: bool) -> bool | None:
        """The answer of an expression that reads no fact, and so has but one."""
        return leaf.test(self._scope, negated=negated)({}, datetime.min.replace(tzinfo=UTC))


def _size(box: Box) -> int:
    return 1 + sum(len(values.spans) for values in box.values() if isinstance(values, Numbers))


def _opaque(leaf: Condition) -> str:
    return f"{leaf.kind}: {leaf.written()}"


def _said(fact: str, said: object, *, negated: bool) -> Box:
    match said:
        case OneOf():
            return {fact: Words(frozenset(said.values), said.negated is not negated)}
        case Bounds():
            # What callers add may be a word here and a number there.
            return {f"{fact} as a number" if fact.startswith("extra.") else fact: _within(said, negated)}
        case InList():
            return {said.reads(fact): _TRUE.without() if said.negated is not negated else _TRUE}
        case Truth():
            return {fact: _TRUE if said.value is not negated else _TRUE.without()}
        case _:
            return {f"{fact}: {said}": _TRUE.without() if negated else _TRUE}


def _within(bounds: Bounds, negated: bool) -> Numbers:
    within = span(*bounds.limits)
    return within.without() if negated else within


def _minutes(leaf: TimeOfDay) -> Numbers:
    """The minutes of the week, from Monday 00:00, that the clocks in the zone show."""
    week = len(DAYS) * MINUTES_A_DAY
    spans: list[tuple[int, int]] = []
    for day in leaf.days or DAYS:
        midnight = DAYS.index(day) * MINUTES_A_DAY
        start, end = midnight + leaf.from_minute, midnight + leaf.until_minute - 1
        if leaf.from_minute > leaf.until_minute:
            end += MINUTES_A_DAY
        spans.append((start, min(end, week - 1)))
        if end >= week:
            spans.append((0, end - week))
    return joined(spans)
