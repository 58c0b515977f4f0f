"""The shape shared by kinds that say something about several facts of one group, all of which must hold."""

from typing import Any, ClassVar, Self

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.logic import all_of, any_of
from policies.conditions.predicates import BOUNDS, Bounds, InList, OneOf, Truth, Vocabulary, read_said
from policies.lists import ListSpec
from policies.reading import Reader

Said = OneOf | InList | Bounds | Truth


class FactGroup(Condition, frozen=True):
    """`expectations` pairs each fact's name within the group with what is said about it, sorted by name."""

    words: ClassVar[dict[str, Vocabulary]]
    numbers: ClassVar[tuple[str, ...]] = ()

    expectations: tuple[tuple[str, Said], ...]

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        entries = reader.entries(node)
        if not entries and isinstance(node, yaml.MappingNode):
            reader.report(node, "empty_condition", "nothing is said here", f"known here: {', '.join(cls.known())}")
        expectations: list[tuple[str, Said]] = []
        for name, value in sorted(entries.items()):
            said = cls.said_of(name, value, reader)
            if said is not None:
                expectations.append((name, said))
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
    def said_of(cls, name: str, node: yaml.Node, reader: Reader) -> Said | None:
        """What `node` says of the fact `name`; None if the group has no such fact."""
        if name in cls.numbers:
            return cls.bounds_of(node, reader)
        vocabulary = cls.vocabulary_of(name)
        return None if vocabulary is None else read_said(node, reader, vocabulary)

    @classmethod
    def bounds_of(cls, node: yaml.Node, reader: Reader) -> Bounds:
        return Bounds.of(reader.mapping(node, BOUNDS), node, reader)

    @classmethod
    def fact_of(cls, name: str) -> str:
        return f"{cls.kind}.{name}"

    def written(self) -> Any:
        return {name: said.written() for name, said in self.expectations}

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        tests = tuple(self.test_of(name, said, negated=negated) for name, said in self.expectations)
        return any_of(tests) if negated else all_of(tests)

    def test_of(self, name: str, said: Said, *, negated: bool) -> Test:
        return said.test(self.fact_of(name), negated=negated)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return tuple(said.reads(self.fact_of(name)) for name, said in self.expectations)

    def lists(self, scope: Scope) -> tuple[ListSpec, ...]:  # noqa: ARG002 - the same in every scope
        return tuple(said.spec(self.fact_of(name)) for name, said in self.expectations if isinstance(said, InList))
