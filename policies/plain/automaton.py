"""The parser's tables as a plain pushdown automaton: which words may follow, without building anything."""

from functools import cache, lru_cache
from typing import Any

from lark.parsers.lalr_analysis import Shift

from policies.plain.grammar import grammar

END = "$END"

Stack = tuple[int, ...]
"""States of the LALR(1) automaton, the current one last."""


@cache
def start() -> Stack:
    return (_tables().start_state,)


@lru_cache(maxsize=50_000)
def feed(stack: Stack, terminal: str) -> Stack | None:
    """The stack after `terminal`, or None where it cannot follow. After END it is the stack as it was."""
    tables = _tables()
    states = list(stack)
    while True:
        step = tables.states[states[-1]].get(terminal)
        if step is None:
            return None
        action, argument = step
        if action is Shift:
            states.append(argument)
            return tuple(states)
        if argument.expansion:
            del states[-len(argument.expansion) :]
        states.append(tables.states[states[-1]][argument.origin.name][1])
        if terminal == END and states[-1] == tables.end_state:
            return stack


@lru_cache(maxsize=5_000)
def accepted(stack: Stack) -> tuple[str, ...]:
    """The terminals that may follow, in a fixed order."""
    candidates = (name for name in _tables().states[stack[-1]] if name == END or name.isupper())
    return tuple(sorted(name for name in candidates if feed(stack, name) is not None))


@cache
def _tables() -> Any:
    return grammar().parse_interactive([]).parser_state.parse_conf
