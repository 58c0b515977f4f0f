"""`custom_expression: "amount_cents > 10000 && initiator.kind == 'agent'"`: what no other kind can say, in CEL.

Without one of its facts the expression is unknown, as every condition is. It is unknown, too, where it fails (another
type, a division by zero, a number past 64 bits) or answers neither true nor false; then the rule's `on_error` decides.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Self

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.expression import Expression, ExpressionRefused, read_expression
from policies.facts import Facts
from policies.reading import Reader

MAX_FACT_CHARACTERS = 10_000
MAX_FACT_ITEMS = 100
"""A movement with more to read than this fails the expression: what evaluation costs is bounded on both sides."""

_read = lru_cache(maxsize=4096)(read_expression)


class CustomExpression(Condition, frozen=True):
    kind: ClassVar[str] = "custom_expression"

    expression: str

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        source = reader.text(node, max_characters=4_000).strip()
        if source:
            try:
                _read(source)
            except ExpressionRefused as refused:
                message = f"at character {refused.column} of the expression: {refused.message}"
                reader.report(node, "invalid_expression", message, refused.hint)
        return cls(source)

    def written(self) -> Any:
        return self.expression

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        expression, expected = _read(self.expression), not negated

        def holds(facts: Facts, _now: datetime) -> bool | None:
            answer = _answer(expression, facts)
            return answer is expected if isinstance(answer, bool) else None

        return holds

    def fails(self, facts: Facts) -> bool:
        """Whether the expression has all its facts, and yet no answer."""
        expression = _read(self.expression)
        known = all(facts.get(name) is not None for name in expression.fact_names)
        return known and not isinstance(_answer(expression, facts), bool)

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - the same in every scope
        return _read(self.expression).fact_names


def _answer(expression: Expression, facts: Facts) -> Any:
    variables: dict[str, Any] = {}
    size = 0
    for name in expression.fact_names:
        value = facts.get(name)
        if value is None:
            return None
        size += _size(value)
        group, _, key = name.partition(".")
        if key:
            variables.setdefault(group, {})[key] = value
        else:
            variables[group] = value
    if size > MAX_FACT_CHARACTERS:
        return None
    try:
        return expression.program.execute(variables)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        # Whatever CEL has to say of it, the rule's `on_error` decides. A panic in it is not an Exception.
        return None


def _size(value: Any) -> int:
    """Characters, or more than is allowed where CEL could not hold the value exactly."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int):
        return 0 if -(2**63) <= value < 2**63 else MAX_FACT_CHARACTERS + 1
    items: Iterable[Any] = value
    sizes = [_size(item) for item in items]
    return sum(sizes) if len(sizes) <= MAX_FACT_ITEMS else MAX_FACT_CHARACTERS + 1
