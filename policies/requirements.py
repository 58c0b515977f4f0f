"""What must hold of single facts for a condition to be anything but False: what rules can be looked up by.

A requirement whose fact is unknown is undecided, never broken. Kinds that nothing is said of here require nothing, and
so are tested for every movement; leaving a kind out costs time and never an answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from axiru.domain.assets import named_by
from policies.conditions import Condition, Scope, Test
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
    then: "Within | None" = None


@dataclass(frozen=True, slots=True)
class Within:
    """The integer fact is from `low` to `high`, both included; either may be infinite."""

    fact: str
    low: float
    high: float


Requirement = OneOfThese | Within


@dataclass(frozen=True, slots=True)
class Requirements:
    """All of `each` are required and, if there are `alternatives`, all of one of them.

    Where all of `each` are known to hold, the condition is what all of `rest` say.
    """

    each: tuple[Requirement, ...] = ()
    rest: tuple[Test, ...] = ()
    alternatives: tuple[tuple[Requirement, ...], ...] = ()

    @property
    def ways(self) -> tuple[tuple[Requirement, ...], ...]:
        """Where one requirement of each way is broken, the condition is False."""
        return tuple(self.each + alternative for alternative in self.alternatives) or (self.each,)


def requirements(condition: Condition, scope: Scope, *, negated: bool = False) -> Requirements:
    """What `condition`, or its negation as `not` pushes it down to the leaves, requires in a policy of `scope`."""
    test = condition.test(scope, negated=negated)
    required = Requirements((), (test,))
    match condition:
        case Not():
            required = requirements(condition.condition, scope, negated=not negated)
        case Any_() if negated and len(condition.by_currency()[1]) > 1:
            # One limit in several currencies requires no single one of them.
            pass
        case All() | Any_():
            parts = [requirements(part, scope, negated=negated) for part in condition.conditions]
            required = _all(parts) if isinstance(condition, Any_) == negated else _any(parts, test)
        case SingleFact() | InitiatorId():
            expected = condition.compared if isinstance(condition, SingleFact) else condition.expected
            required = _of_fact(condition.fact, expected, test, negated=negated)
        case FactGroup():
            parts = [
                _of_fact(condition.fact_of(name), said, condition.test_of(name, said, negated=negated), negated=negated)
                for name, said in condition.expectations
            ]
            required = _any(parts, test) if negated else _all(parts)
        case Amount():
            currency, (low, high) = condition.assets, condition.bounds.limits
            # Without a currency the amount says nothing, so its bounds are required only of a movement in this one.
            within = OneOfThese("currency", currency, Within("amount_cents", low, high))
            required = (
                Requirements((OneOfThese("currency", currency),), (test,)) if negated else Requirements((within,))
            )
        case RollingWindow(currency=str(currency)):
            required = Requirements((OneOfThese("currency", named_by(currency)),), (test,))
    return required


def _of_fact(fact: str, said: object, test: Test, *, negated: bool) -> Requirements:
    required = Requirements((), (test,))
    match said:
        case _ if fact.startswith("extra."):
            # Its values are of any type, and the test reads them as what the rule speaks of.
            pass
        case OneOf() if said.negated == negated:
            required = Requirements((OneOfThese(fact, frozenset(said.values)),))
        case Bounds() if not negated:
            required = Requirements((Within(fact, *said.limits),))
        case InList():
            required = Requirements((OneOfThese(said.reads(fact), frozenset({said.negated is negated})),), (test,))
        case Truth():
            required = Requirements((OneOfThese(fact, frozenset({said.value is not negated})),), (test,))
    return required


def _all(parts: list[Requirements]) -> Requirements:
    return Requirements(
        tuple(each for part in parts for each in part.each),
        tuple(test for part in parts for test in part.rest),
        # One choice is enough to find a rule by; all combinations of several could be many.
        next((part.alternatives for part in parts if part.alternatives), ()),
    )


def _any(parts: list[Requirements], test: Test) -> Requirements:
    """To be one of the values of any of the parts, where all speak of the same fact; else what one of them requires."""
    if len(parts) == 1:
        return parts[0]
    values = [_values(part.each) for part in parts]
    shared = [fact for fact in values[0] if all(fact in others for others in values[1:])] if values else []
    if shared:
        united = (OneOfThese(fact, frozenset().union(*(each[fact] for each in values))) for fact in shared)
        return Requirements(tuple(united), (test,))
    alternatives = tuple(part.each for part in parts)
    return Requirements((), (test,), alternatives if all(alternatives) else ())


def _values(requirements: Iterable[Requirement]) -> dict[str, frozenset[str | bool]]:
    return {each.fact: each.values for each in requirements if isinstance(each, OneOfThese)}
