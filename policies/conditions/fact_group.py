"""The shape shared by kinds that say something about several facts of one group, all of which must hold."""

from typing import Any, ClassVar, Self

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.logic import all_of, any_of
from policies.conditions.predicates import BOUNDS, Bounds, OneOf, Vocabulary
from policies.reading import Reader


class FactGroup(Condition, frozen=True):
    """`expectations` pairs each fact's name within the group with what is said about it, sorted by name."""

    words: ClassVar[dict[str, Vocabulary]]
    numbers: ClassVar[tuple[str, ...]] = ()

    expectations: tuple[tuple[str, OneOf | Bounds], ...]

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        entries = reader.entries(node)
        if not entries and isinstance(node, yaml.MappingNode):
            reader.report(node, "empty_condition", "nothing is said here", f"known here: {', '.join(cls.known())}")
        expectations: list[tuple[str, OneOf | Bounds]] = []
        for name, value in sorted(entries.items()):
            vocabulary = cls.vocabulary_of(name)
            if name in cls.numbers:
                expectations.append((name, Bounds.of(reader.mapping(value, BOUNDS), value, reader)))
            elif vocabulary is not None:
                expectations.append((name, OneOf.read(value, reader, vocabulary)))
            else:
                reader.unknown_key(value, name, cls.known())
        return cls(tuple(expectations))

    @classmethod
    def known(cls) -> tuple[str, ...]:
        return (*cls.numbers, *cls.words)

    @classmethod
    def vocabulary_of(cls, name: str) -> Vocabulary | None:
        return cls.words.get(name)

    @classmethod
    def fact_of(cls, name: str) -> str:
        return f"{cls.kind}.{name}"

    def written(self) -> Any:
        return {name: expected.written() for name, expected in self.expectations}

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        tests = tuple(expected.test(self.fact_of(name), negated=negated) for name, expected in self.expectations)
        return any_of(tests) if negated else all_of(tests)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return tuple(self.fact_of(name) for name, _ in self.expectations)
