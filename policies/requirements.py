"""What must hold of single facts for a condition to be anything but False: what rules can be looked up by.

A requirement whose fact is unknown is undecided, never broken. Kinds that nothing is said of here require nothing, and
so are tested for every movement; leaving a kind out costs time and never an answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from policies.conditions import Condition, Scope
from policies.conditions.amount import Amount
from policies.conditions.fact_group import FactGroup
from policies.conditions.initiator_id import InitiatorId
from policies.conditions.logic import All, Any_, Not
from policies.conditions.predicates import Bounds, InList, OneOf, Truth
from policies.conditions.rolling_window import RollingWindow
from policies.conditions.single_fact import SingleFact


@dataclass(frozen=True, slots=True)
class OneOfThese:
    """The fact is one of `values`; once it is known to be, `then` is required too."""

    fact: str
    values: frozenset[str | bool]
    then: tuple["Requirement", ...] = ()


@dataclass(frozen=True, slots=True)
class Within:
    """The integer fact is from `low` to `high`, both included; either may be infinite."""

    fact: str
    low: float
    high: float


Requirement = OneOfThese | Within


@dataclass(frozen=True, slots=True)
class Requirements:
    """All of `each` are required. `sufficient`: where all are known to hold, the condition is True."""

    each: tuple[Requirement, ...] = ()
    sufficient: bool = False


_NOTHING = Requirements()


def requirements(condition: Condition, scope: Scope, *, negated: bool = False) -> Requirements:
    """What `condition`, or its negation as `not` pushes it down to the leaves, requires in a policy of `scope`."""
    required = _NOTHING
    match condition:
        case Not():
            required = requirements(condition.condition, scope, negated=not negated)
        case All() | Any_():
            parts = [requirements(part, scope, negated=negated) for part in condition.conditions]
            required = _all(parts) if isinstance(condition, Any_) == negated else _any(parts)
        case SingleFact() | InitiatorId():
            required = _of_fact(condition.fact, condition.expected, negated=negated)
        case FactGroup():
            parts = [_of_fact(condition.fact_of(name), said, negated=negated) for name, said in condition.expectations]
            required = _any(parts) if negated else _all(parts)
        case Amount():
            low, high = condition.bounds.limits
            # Without a currency the amount says nothing, so its bounds are required only of a movement in this one.
            then = () if negated else (Within("amount_cents", low, high),)
            required = Requirements((OneOfThese("currency", frozenset({condition.currency}), then),), not negated)
        case RollingWindow(currency=str(currency)):
            required = Requirements((OneOfThese("currency", frozenset({currency})),))
    return required


def _of_fact(fact: str, said: object, *, negated: bool) -> Requirements:
    if fact.startswith("extra."):
        # Its values are of any type, and the rule's test reads them as what the rule speaks of.
        return _NOTHING
    match said:
        case OneOf() if said.negated == negated:
            return Requirements((OneOfThese(fact, frozenset(said.values)),), sufficient=True)
        case Bounds() if not negated:
            return Requirements((Within(fact, *said.limits),), sufficient=True)
        case InList():
            return Requirements((OneOfThese(said.reads(fact), frozenset({said.negated is negated})),))
        case Truth():
            return Requirements((OneOfThese(fact, frozenset({said.value is not negated})),))
        case _:
            return _NOTHING


def _all(parts: list[Requirements]) -> Requirements:
    return Requirements(tuple(each for part in parts for each in part.each), all(part.sufficient for part in parts))


def _any(parts: list[Requirements]) -> Requirements:
    """Of several conditions only what each requires of the same fact: to be one of the values of any of them."""
    if len(parts) == 1:
        return parts[0]
    values = [_values(part.each) for part in parts]
    shared = [fact for fact in values[0] if all(fact in others for others in values[1:])] if values else []
    return Requirements(tuple(OneOfThese(fact, frozenset().union(*(each[fact] for each in values))) for fact in shared))


def _values(requirements: Iterable[Requirement]) -> dict[str, frozenset[str | bool]]:
    return {each.fact: each.values for each in requirements if isinstance(each, OneOfThese)}
