"""`context: {customer_tenure_days: {lt: 7}, reason_code: fraudulent}`: what the caller knows about the case.

`metadata.<key>` reads the movement's own metadata, `extra.<name>` what else the caller says of the case: words (true
and false among them) or whole numbers. `marked_for_review` is the merchant's label. All that is said must hold.
"""

import re
from datetime import datetime
from typing import Any, ClassVar

import yaml

from policies.conditions.base import Test
from policies.conditions.fact_group import FactGroup, Said
from policies.conditions.predicates import BOUNDS, CODE, FREE_TEXT, Bounds, OneOf, Truth, Vocabulary
from policies.facts import Facts
from policies.reading import Reader

_FREE_KEY = re.compile(r"(?:metadata|extra)\.[!-~]{1,40}")


class Context(FactGroup, frozen=True):
    kind: ClassVar[str] = "context"
    numbers: ClassVar[tuple[str, ...]] = ("customer_tenure_days",)
    words: ClassVar[dict[str, Vocabulary]] = {"customer_id": FREE_TEXT, "reason_code": CODE, "source": CODE}
    truths: ClassVar[tuple[str, ...]] = ("marked_for_review",)

    @classmethod
    def known(cls) -> tuple[str, ...]:
        return (*super().known(), *cls.truths, "metadata.<key>", "extra.<name>")

    @classmethod
    def vocabulary_of(cls, name: str) -> Vocabulary | None:
        return FREE_TEXT if _FREE_KEY.fullmatch(name) else super().vocabulary_of(name)

    @classmethod
    def said_of(cls, name: str, node: yaml.Node, reader: Reader) -> Said | None:
        if name in cls.truths:
            return Truth(reader.boolean(node))
        if name.startswith("extra.") and isinstance(node, yaml.MappingNode) and _names_a_bound(node):
            return super().bounds_of(node, reader)
        return super().said_of(name, node, reader)

    @classmethod
    def fact_of(cls, name: str) -> str:
        if name in cls.truths:
            return f"label.{name}"
        return name if _FREE_KEY.fullmatch(name) else super().fact_of(name)

    def test_of(self, name: str, said: Said, *, negated: bool) -> Test:
        test = super().test_of(name, said, negated=negated)
        if not name.startswith("extra."):
            return test
        match said:
            case OneOf():
                return _as(_word, name, test)
            case Bounds():
                return _as(_integer, name, test)
            case _:
                return test


def _names_a_bound(node: yaml.MappingNode) -> bool:
    return any(key.value in BOUNDS for key, _ in node.value if isinstance(key, yaml.ScalarNode))


def _as(read: Any, fact: str, test: Test) -> Test:
    """Callers type what they add as they like: a value of another type than the rule speaks of tells it nothing."""

    def test_of_that_type(facts: Facts, now: datetime) -> bool | None:
        return test({fact: read(facts.get(fact))}, now)

    return test_of_that_type


def _word(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
