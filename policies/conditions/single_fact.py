"""The shape shared by kinds that ask whether one fact is one of some values."""

from typing import Any, ClassVar, Self

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.predicates import OneOf, Vocabulary
from policies.reading import Reader


class SingleFact(Condition, frozen=True):
    fact: ClassVar[str]
    vocabulary: ClassVar[Vocabulary]

    expected: OneOf

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        return cls(OneOf.read(node, reader, cls.vocabulary))

    @property
    def compared(self) -> OneOf:
        """What the fact is compared with, where that is more than what is written."""
        return self.expected

    def written(self) -> Any:
        return self.expected.written()

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        return self.compared.test(self.fact, negated=negated)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return (self.fact,)
