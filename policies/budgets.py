"""The budgets of a policy: its rolling windows with a ceiling, in rules that stop what would go past it."""

import math
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from axiru.domain.movement import Ovt
from policies.conditions import Condition, Scope
from policies.conditions.fact_group import FactGroup, Said
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.logic import All, Any_, Not
from policies.conditions.predicates import OneOf
from policies.conditions.rolling_window import RollingWindow
from policies.plain.say_conditions import condition_text
from policies.syntax import Effect, Policy, Rule
from policies.windows import Per, WindowSpec

DEFAULT_ALERT_PERCENT: Final = 80
"""At how much of its ceiling a budget is told of, as long as the organization has not chosen."""


class Budget(msgspec.Struct, frozen=True):
    """`ceiling` is the most that the window may hold, in units of its asset or in movements: all of it may be used.

    `when_else` says in plain words what the rule asks for besides; empty if the window is all that it looks at.
    `only` are the subjects whose movements the rule looks at, where it names them.
    """

    policy: str
    rule_id: str
    effect: Effect
    window: WindowSpec
    ceiling: int
    when_else: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def concerns(self, ovt: Ovt) -> bool:
        """Whether the rule can say anything of the movement: of another asset, or others' subjects, it does not."""
        if self.window.asset is not None and ovt.amount.asset not in self.window.assets:
            return False
        return not self.only or not set(self.only).isdisjoint(_subjects(ovt, self.window.per))

    def moving(self, ovt: Ovt) -> int:
        """What the movement adds to the window; nothing where the window looks at other movements than this one."""
        window = self.window
        counted = ovt.rail == window.rail and (not window.rail_actions or ovt.rail_action in window.rail_actions)
        if not counted or not self.concerns(ovt):
            return 0
        return ovt.amount.minor_units if window.measure == "sum" else 1


def _subjects(ovt: Ovt, per: Per) -> tuple[str | None, ...]:
    """Those whose window of this kind the movement counts in. What agents pass on counts as the root's."""
    match per:
        case "initiator":
            return ovt.initiator.id, *ovt.initiator.lineage
        case "customer":
            return (ovt.context.customer_id,)
        case _:
            return (ovt.merchant.stripe_account_id,)


def percent_of(used: int, ceiling: int) -> int:
    """Rounded down. A budget of nothing is used up from the start."""
    return used * 100 // ceiling if ceiling else 100


def budgets_of(policy: Policy) -> tuple[Budget, ...]:
    """Every budget of the policy, in the order of its rules."""
    return tuple(budget for rule in policy.rules for budget in _of_rule(policy, rule))


def _of_rule(policy: Policy, rule: Rule) -> Iterator[Budget]:
    if rule.effect not in {Effect.DENY, Effect.REVIEW} or not rule.when.windows(policy.applies_to):
        return
    for window, ceiling, besides in _ceilings(rule.when, policy.applies_to, negated=False, besides=()):
        when_else = tuple(condition_text(condition.document()) for condition in besides)
        yield Budget(policy.slug, rule.id, rule.effect, window, ceiling, when_else, _named(besides, window))


def _named(besides: Iterable[Condition], window: WindowSpec) -> tuple[str, ...]:
    """Receivers are not looked for: the same one may go by an account or by a name."""
    if window.per not in {"initiator", "customer", "merchant"}:
        return ()
    subject = window.subject_facts[0]
    said = [each for condition in besides for fact, each in _said(condition) if fact == subject]
    named = [each.values for each in said if isinstance(each, OneOf) and not each.negated]
    # Two conditions that name different ones leave no list that says who.
    return named[0] if len(named) == 1 else ()


def _said(condition: Condition) -> Iterator[tuple[str, Said]]:
    """What a condition says of each fact."""
    match condition:
        case InitiatorId():
            yield condition.fact, condition.expected
        case FactGroup():
            for name, said in condition.expectations:
                yield condition.fact_of(name), said
        case _:
            return


_Ceiling = tuple[WindowSpec, int, tuple[Condition, ...]]


def _ceilings(
    condition: Condition, scope: Scope, *, negated: bool, besides: tuple[Condition, ...]
) -> Iterator[_Ceiling]:
    """Each window beyond whose ceiling `condition`, or its negation, begins to hold if `besides` do."""
    match condition:
        case RollingWindow():
            low, high = condition.bounds.limits
            most = high if negated else low - 1
            if 0 <= most < math.inf:
                # Past its upper end a band no longer holds: that is one more thing the rule asks for.
                band = (condition,) if not negated and high < math.inf else ()
                yield condition.window(scope), int(most), (*besides, *band)
        case Not():
            yield from _ceilings(condition.condition, scope, negated=not negated, besides=besides)
        case All():
            for each, others in _each_and_others(condition.conditions):
                yield from _ceilings(each, scope, negated=negated, besides=besides if negated else (*besides, *others))
        case Any_():
            for each, others in _each_and_others(condition.conditions):
                none_of = _none_of(each, others) if negated else ()
                yield from _ceilings(each, scope, negated=negated, besides=(*besides, *none_of))
        case _:
            return


def _each_and_others(conditions: tuple[Condition, ...]) -> Iterator[tuple[Condition, tuple[Condition, ...]]]:
    for position, each in enumerate(conditions):
        yield each, conditions[:position] + conditions[position + 1 :]


def _none_of(each: Condition, others: Iterable[Condition]) -> tuple[Condition, ...]:
    """`not (this or that)`: a limit in another currency says nothing of movements in this one."""
    currencies = {None, each.only_currency}
    asked = tuple(other for other in others if each.only_currency is None or other.only_currency in currencies)
    return (Not(asked[0] if len(asked) == 1 else Any_(asked)),) if asked else ()
