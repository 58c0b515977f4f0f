"""Parameters: what a template leaves open. `parameters:` declares them, `$name` stands where a value belongs.

    parameters:
      cap: {type: amount, default: 50000, description: The most that one payment may be}
    rules:
      - …amount: {currency: usd, gt: $cap}

A value takes the whole place of a scalar, or, for lists, of a sequence. `$$name` is the text `$name`. Every parameter
is declared, has a value of its type and is used; anything else is a fault, so no `$name` ever becomes part of a policy.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import yaml

from policies.conditions.predicates import COUNTRY, CURRENCY, FREE_TEXT, SNAKE, Vocabulary
from policies.conditions.time_of_day import CLOCK_TIME, ZONE
from policies.reading import Reader
from policies.source import REFUSED_TAG

MAX_PARAMETERS = 50

_YAML = "tag:yaml.org,2002:"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLACE = re.compile(r"(\$+)([a-z][a-z0-9_]{0,39})")


def _word(vocabulary: Vocabulary) -> Callable[[yaml.Node, Reader], object]:
    return vocabulary.read


def _words(vocabulary: Vocabulary) -> Callable[[yaml.Node, Reader], object]:
    return lambda node, reader: [vocabulary.read(item, reader) for item in reader.sequence(node)]


TYPES: dict[str, Callable[[yaml.Node, Reader], object]] = {
    "amount": lambda node, reader: reader.integer(node),
    "count": lambda node, reader: reader.integer(node, maximum=1_000_000),
    "duration": lambda node, reader: reader.duration_seconds(node),
    "currency": _word(CURRENCY),
    "country": _word(COUNTRY),
    "role": _word(SNAKE),
    "word": _word(FREE_TEXT),
    "list": _word(SNAKE),
    "zone": _word(ZONE),
    "time": _word(CLOCK_TIME),
    "text": lambda node, reader: reader.text(node, max_characters=500),
    "list_of_countries": _words(COUNTRY),
    "list_of_currencies": _words(CURRENCY),
    "list_of_words": _words(FREE_TEXT),
}
"""What may be left open. Amounts are in minor units; `list` is the slug of one of the organization's lists."""


class Parameter(msgspec.Struct, frozen=True):
    """`default` is a text, an integer or a list of texts; None if a value has to be given."""

    name: str
    type: str
    description: str = ""
    default: Any = None


def fill_in(root: yaml.Node, reader: Reader, values: Mapping[str, Any] | None = None) -> tuple[Parameter, ...]:
    """Put values in place of every `$name` in `root`, take the declarations out of it and return them.

    Where `values` has none for a parameter, its default stands. Faults go to `reader`; never raises.
    """
    if not isinstance(root, yaml.MappingNode):
        return ()
    declared: dict[str, Parameter] = {}
    nodes: dict[str, yaml.Node] = {}
    block = next((value for key, value in root.value if key.value == "parameters"), None)
    if block is not None:
        root.value = [(key, value) for key, value in root.value if value is not block]
        entries = reader.entries(block)
        if len(entries) > MAX_PARAMETERS:
            reader.report(block, "out_of_range", f"there are more than {MAX_PARAMETERS} parameters")
        for name, node in list(entries.items())[:MAX_PARAMETERS]:
            declared[name], nodes[name] = _declared(name, node, values or {}, reader)
    for name in values or {}:
        if name not in declared:
            reader.report(
                block or root,
                "unknown_parameter",
                f"there is no parameter `{_short(name)}`",
                reader.nearest(name, declared) or _known(declared),
            )
    used: set[str] = set()
    _replace(root, nodes, used, reader)
    if block is not None:
        for name in sorted(declared.keys() - used):
            reader.report(
                block, "unused_parameter", f"`{_short(name)}` is used nowhere", f"write ${name} where it belongs"
            )
    return tuple(declared.values())


def escaped(text: str) -> str:
    """`text` as it has to be written in YAML so as not to be taken for a parameter."""
    return f"${text}" if _PLACE.fullmatch(text) else text


def _declared(name: str, node: yaml.Node, values: Mapping[str, Any], reader: Reader) -> tuple[Parameter, yaml.Node]:
    entries = reader.mapping(node, ("type", "default", "description"), required=("type",))
    if not _NAME.fullmatch(name):
        reader.report(node, "invalid_value", f"`{_short(name)}` is not a name", "lower-case letters, digits and _")
    kind = reader.choice(entries["type"], tuple(TYPES))
    description = reader.text(entries["description"], max_characters=500) if "description" in entries else ""
    default = entries.get("default")
    value, faults = default, len(reader.errors)
    if kind is not None and default is not None:
        TYPES[kind](default, reader)
    if name in values:
        value = _node(values[name], node.start_mark)
        if value is None:
            reader.report(node, "wrong_type", f"`{name}` is a text, a whole number or a list of texts")
        elif kind is not None:
            before = len(reader.errors)
            TYPES[kind](value, reader)
            # Whoever gives a value sees no text: the line says nothing, the name does.
            for index, error in enumerate(reader.errors[before:], before):
                reader.errors[index] = msgspec.structs.replace(error, message=f"parameter `{name}`: {error.message}")
    elif default is None:
        reader.report(
            node, "missing_parameter", f"`{_short(name)}` has neither a value nor a default", "give it a value"
        )
    if value is None or len(reader.errors) > faults:
        # What was reported here is not reported again at each place that uses it.
        value = yaml.ScalarNode(REFUSED_TAG, "", node.start_mark, node.end_mark)
    return Parameter(name, kind or "", description, _plain(default)), value


def _replace(node: yaml.Node, nodes: Mapping[str, yaml.Node], used: set[str], reader: Reader) -> None:
    """Fill in below `node`. Keys stay as they are: a key is part of the language."""
    if isinstance(node, yaml.MappingNode):
        node.value = [(key, _filled(value, nodes, used, reader)) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        node.value = [_filled(item, nodes, used, reader) for item in node.value]


def _filled(node: yaml.Node, nodes: Mapping[str, yaml.Node], used: set[str], reader: Reader) -> yaml.Node:
    place = _PLACE.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
    if place is None:
        _replace(node, nodes, used, reader)
        return node
    dollars, name = place.groups()
    if len(dollars) > 1:
        return yaml.ScalarNode(_YAML + "str", node.value[1:], node.start_mark, node.end_mark)
    if name not in nodes:
        reader.report(
            node, "unknown_parameter", f"there is no parameter `{name}`", reader.nearest(name, nodes) or _known(nodes)
        )
        return yaml.ScalarNode(REFUSED_TAG, "", node.start_mark, node.end_mark)
    used.add(name)
    return _copy(nodes[name], node)


def _copy(node: yaml.Node, place: yaml.Node) -> yaml.Node:
    """`node` standing where `place` was, so that what is wrong with it there is told there."""
    if isinstance(node, yaml.SequenceNode):
        items = [_copy(item, place) for item in node.value]
        return yaml.SequenceNode(node.tag, items, place.start_mark, place.end_mark)
    return yaml.ScalarNode(node.tag, node.value, place.start_mark, place.end_mark)


def _node(value: Any, mark: Any) -> yaml.Node | None:
    match value:
        case bool() | None:
            return None
        case int():
            # Python refuses to write out integers of many thousand digits; no parameter is near that.
            return yaml.ScalarNode(_YAML + "int", str(value) if abs(value) < 10**40 else "9" * 41, mark, mark)
        case str():
            return yaml.ScalarNode(_YAML + "str", value, mark, mark)
        case list() | tuple():
            items = [_node(item, mark) for item in value]
            return None if None in items else yaml.SequenceNode(_YAML + "seq", items, mark, mark)
        case _:
            return None


def _plain(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if not isinstance(node, yaml.ScalarNode):
        return None
    digits = node.value.replace("_", "").removeprefix("-")
    numeric = node.tag == _YAML + "int" and digits.isascii() and digits.isdigit() and len(digits) < 40
    return int(node.value) if numeric else node.value


def _known(known: Mapping[str, Any]) -> str:
    return f"known here: {', '.join(known)}" if known else "there is no `parameters:` that declares any"


def _short(name: object) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in str(name)[:40])
