"""`all`, `any` and `not`, in Kleene's three-valued logic.

`not` is pushed down to the leaves (De Morgan) instead of flipping an answer, so that a leaf can say what its negation
means: the negation of "over $100" is "dollars, and not over 100", and so never matches another currency either. For the
same reason "over $100 or €90" is one limit to `not`: its negation is "dollars, and not over 100, or euros, and not over
90"; that both fail at once no movement could fulfil.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Self

import yaml

from policies.conditions.base import Condition, Scope, Test, read_condition
from policies.facts import Facts
from policies.lists import ListSpec
from policies.reading import Reader
from policies.windows import WindowSpec


class _Several(Condition, frozen=True):
    conditions: tuple[Condition, ...]

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        return cls(tuple(read_condition(item, reader) for item in reader.sequence(node)))

    def written(self) -> Any:
        return [condition.document() for condition in self.conditions]

    def fact_names(self, scope: Scope) -> tuple[str, ...]:
        return tuple(name for condition in self.conditions for name in condition.fact_names(scope))

    def windows(self, scope: Scope) -> tuple[WindowSpec, ...]:
        return tuple(window for condition in self.conditions for window in condition.windows(scope))

    def lists(self, scope: Scope) -> tuple[ListSpec, ...]:
        return tuple(spec for condition in self.conditions for spec in condition.lists(scope))

    def leaves(self) -> Iterator[Condition]:
        for condition in self.conditions:
            yield from condition.leaves()


class All(_Several, frozen=True):
    kind: ClassVar[str] = "all"

    def test(self, scope: Scope, *, negated: bool = False) -> Test:
        tests = tuple(condition.test(scope, negated=negated) for condition in self.conditions)
        return any_of(tests) if negated else all_of(tests)


class Any_(_Several, frozen=True):
    kind: ClassVar[str] = "any"

    def test(self, scope: Scope, *, negated: bool = False) -> Test:
        if not negated:
            return any_of(tuple(condition.test(scope) for condition in self.conditions))
        others, limits = self.by_currency()
        tests = [condition.test(scope, negated=True) for condition in others]
        if limits:
            each = (all_of(tuple(one.test(scope, negated=True) for one in limit)) for limit in limits)
            tests.append(any_of(tuple(each)))
        return all_of(tuple(tests))

    def by_currency(self) -> tuple[tuple[Condition, ...], tuple[tuple[Condition, ...], ...]]:
        """The conditions that speak of several currencies or none, and the others, one tuple for each currency."""
        limits: dict[str, list[Condition]] = {}
        others: list[Condition] = []
        for condition in self.conditions:
            currency = condition.only_currency
            (others if currency is None else limits.setdefault(currency, [])).append(condition)
        return tuple(others), tuple(map(tuple, limits.values()))


class Not(Condition, frozen=True):
    kind: ClassVar[str] = "not"

    condition: Condition

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        return cls(read_condition(node, reader))

    def written(self) -> Any:
        return self.condition.document()

    @property
    def only_currency(self) -> str | None:
        return self.condition.only_currency

    def test(self, scope: Scope, *, negated: bool = False) -> Test:
        return self.condition.test(scope, negated=not negated)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:
        return self.condition.fact_names(scope)

    def windows(self, scope: Scope) -> tuple[WindowSpec, ...]:
        return self.condition.windows(scope)

    def lists(self, scope: Scope) -> tuple[ListSpec, ...]:
        return self.condition.lists(scope)

    def leaves(self) -> Iterator[Condition]:
        yield from self.condition.leaves()


def all_of(tests: tuple[Test, ...]) -> Test:
    """False as soon as one is, else unknown if one is, else True."""
    if len(tests) == 1:
        return tests[0]

    def test(facts: Facts, now: datetime) -> bool | None:
        unknown = False
        for each in tests:
            answer = each(facts, now)
            if answer is False:
                return False
            if answer is None:
                unknown = True
        return None if unknown else True

    return test


def any_of(tests: tuple[Test, ...]) -> Test:
    """True as soon as one is, else unknown if one is, else False."""
    if len(tests) == 1:
        return tests[0]

    def test(facts: Facts, now: datetime) -> bool | None:
        unknown = False
        for each in tests:
            answer = each(facts, now)
            if answer is True:
                return True
            if answer is None:
                unknown = True
        return None if unknown else False

    return test
