"""YAML nodes that carry the place of plain words, so that one reader (`policies.parse`) serves both formats."""

from collections.abc import Iterable
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"


def word(value: str, at: Any, *, quoted: bool = False) -> yaml.ScalarNode:
    """`at` is anything with a `line` and a `column` counted from 1."""
    mark = mark_at(at)
    return yaml.ScalarNode(f"{_TAG}str", value, mark, mark, style='"' if quoted else None)


def integer(figures: str, at: Any) -> yaml.ScalarNode:
    mark = mark_at(at)
    return yaml.ScalarNode(f"{_TAG}int", figures, mark, mark)


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
    if isinstance(at, yaml.Mark):
        return at
    return yaml.Mark("", 0, at.line - 1, at.column - 1, None, 0)
