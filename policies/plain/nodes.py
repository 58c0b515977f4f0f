"""YAML nodes that carry the place of plain words, so that one reader (`policies.parse`) serves both formats."""

from collections.abc import Iterable
from typing import Any

import yaml

from policies.reading import MAX_INTEGER

_TAG = "tag:yaml.org,2002:"
_LONGEST_INTEGER = len(str(MAX_INTEGER))


def word(value: str, at: Any, *, quoted: bool = False) -> yaml.ScalarNode:
    """`at` is whatever `mark_at` finds the place of."""
    mark = mark_at(at)
    return yaml.ScalarNode(f"{_TAG}str", value, mark, mark, style='"' if quoted else None)


def integer(figures: str, at: Any) -> yaml.ScalarNode:
    mark = mark_at(at)
    # Past what all JSON readers agree on, a number is written as text.
    kind = "str" if len(figures) > _LONGEST_INTEGER or int(figures) > MAX_INTEGER else "int"
    return yaml.ScalarNode(f"{_TAG}{kind}", figures, mark, mark)


def boolean(value: bool, at: Any) -> yaml.ScalarNode:
    mark = mark_at(at)
    return yaml.ScalarNode(f"{_TAG}bool", "true" if value else "false", mark, mark)


def mapping(at: Any, entries: Iterable[tuple[str, yaml.Node]]) -> yaml.MappingNode:
    mark = mark_at(at)
    return yaml.MappingNode(f"{_TAG}map", [(word(key, value.start_mark), value) for key, value in entries], mark, mark)


def sequence(at: Any, items: Iterable[yaml.Node]) -> yaml.SequenceNode:
    mark = mark_at(at)
    return yaml.SequenceNode(f"{_TAG}seq", list(items), mark, mark)


def one_or_several(items: list[yaml.Node]) -> yaml.Node:
    return items[0] if len(items) == 1 else sequence(items[0].start_mark, items)


def entries(node: yaml.MappingNode) -> list[tuple[str, yaml.Node]]:
    return [(key.value, value) for key, value in node.value]


def mark_at(at: Any) -> yaml.Mark:
    """The place of a mark, a node, a token, or the first of several that has one."""
    match at:
        case yaml.Mark():
            return at
        case yaml.Node():
            return at.start_mark
        case list() | tuple():
            return mark_at(next(each for each in at if each and type(each) is not str))
        case _:
            return yaml.Mark("", 0, at.line - 1, at.column - 1, None, 0)
