"""`agent_scope: {none_of: ["payments:write"]}`: the scopes the initiator holds.

An initiator without scopes is known to hold none; only an absent list is unknown.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.predicates import IDENTIFIER, read_words, written_words
from policies.facts import Facts
from policies.reading import Reader

Quantifier = Literal["any_of", "all_of", "none_of"]
QUANTIFIERS: tuple[Quantifier, ...] = ("any_of", "all_of", "none_of")


class AgentScope(Condition, frozen=True):
    kind: ClassVar[str] = "agent_scope"

    scopes: tuple[str, ...]
    quantifier: Quantifier = "any_of"

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        quantifier: Quantifier = "any_of"
        if isinstance(node, yaml.MappingNode):
            entries = reader.mapping(node, QUANTIFIERS)
            if len(entries) != 1:
                reader.report(
                    node, "invalid_value", "expected one of any_of, all_of, none_of", 'any_of: ["payments:write"]'
                )
                return cls(())
            quantifier = next(each for each in QUANTIFIERS if each in entries)
            node = entries[quantifier]
        return cls(read_words(node, reader, IDENTIFIER), quantifier)

    def written(self) -> Any:
        scopes = written_words(self.scopes)
        return scopes if self.quantifier == "any_of" else {self.quantifier: scopes}

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        wanted = frozenset(self.scopes)
        if self.quantifier == "all_of":
            expected = not negated

            def holds_all(facts: Facts, _now: datetime) -> bool | None:
                held = facts.get("initiator.scopes")
                return None if held is None else wanted.issubset(held) is expected

            return holds_all
        disjoint = (self.quantifier == "none_of") is not negated

        def is_disjoint(facts: Facts, _now: datetime) -> bool | None:
            held = facts.get("initiator.scopes")
            return None if held is None else wanted.isdisjoint(held) is disjoint

        return is_disjoint

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return ("initiator.scopes",)
