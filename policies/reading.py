"""Reads typed values out of YAML nodes and collects every fault instead of stopping at the first.

A value that is at fault is reported once and replaced by an empty one of its type, so that reading goes on. The caller
throws the result away if `errors` is not empty.
"""

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from policies.errors import PolicyError
from policies.source import REFUSED_TAG
from policies.unseen import UNSEEN, unseen_message

MAX_INTEGER = 2**53 - 1
"""The largest integer all JSON readers agree on (RFC 8785 §3.2.2.3)."""

SLUG = re.compile(r"[a-z][a-z0-9-]{0,63}")
"""How policies are called."""

MANY_FAULTS = 50

MAX_DURATION_SECONDS = 3650 * 86_400

_YAML = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*(?:_[0-9]+)*)")
_LARGE = re.compile(r"[1-9][0-9]{15,77}")
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_UNIT_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class Reader:
    """One pass over one document. `kinds` are the condition kinds that the document may use, by name."""

    def __init__(self, errors: Collection[PolicyError] = (), kinds: Mapping[str, type[Any]] | None = None) -> None:
        self.errors: list[PolicyError] = list(errors)
        self.kinds = kinds or {}
        # Faults of a key are shown at the key; every value node belongs to one key, since there are no aliases.
        self._key_of: dict[int, yaml.Node] = {}

    def report(self, node: yaml.Node, code: str, message: str, hint: str = "") -> None:
        if node.tag == REFUSED_TAG:
            return
        mark = node.start_mark
        self.errors.append(PolicyError(mark.line + 1, mark.column + 1, code, message, hint))

    def mapping(
        self, node: yaml.Node, allowed: Collection[str], required: Collection[str] = ()
    ) -> dict[str, yaml.Node]:
        """The values by key. Unknown, repeated and missing keys are faults.

        Every required key is in the result: one that is missing stands there as a node that was already reported.
        """
        entries = self.entries(node)
        for key, value in list(entries.items()):
            if key not in allowed:
                self.unknown_key(value, key, allowed)
                del entries[key]
        for key in required:
            if key not in entries:
                if isinstance(node, yaml.MappingNode):
                    self.report(node, "missing_key", f"`{key}` is missing", f"add `{key}:`")
                entries[key] = yaml.ScalarNode(REFUSED_TAG, "", node.start_mark, node.end_mark)
        return entries

    def entries(self, node: yaml.Node) -> dict[str, yaml.Node]:
        """The values by key, whatever the keys."""
        if not isinstance(node, yaml.MappingNode):
            self.report(node, "wrong_type", f"expected keys and values, found {_described(node)}")
            return {}
        entries: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.report(key_node, "wrong_type", f"expected a key, found {_described(key_node)}")
            elif key_node.value in entries:
                self.report(key_node, "duplicate_key", f"`{_short(key_node.value)}` is given twice", "keep one of them")
            elif key_node.tag != REFUSED_TAG:
                entries[key_node.value] = value
                self._key_of[id(value)] = key_node
        return entries

    def nearest(self, word: str, known: Collection[str]) -> str:
        """A hint at the known word that `word` is nearest to, or at nothing. Comparing costs: a long list of faults
        is not the place to guess at every one."""
        near = difflib.get_close_matches(word[:64], known, n=1) if len(self.errors) < MANY_FAULTS else []
        return f"did you mean `{near[0]}`?" if near else ""

    def unknown_key(self, node: yaml.Node, key: str, allowed: Collection[str], code: str = "unknown_key") -> None:
        near = difflib.get_close_matches(key[:64], allowed, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(allowed)}"
        self.report(self._key_of.get(id(node), node), code, f"`{_short(key)}` is not known here", hint)

    def sequence(self, node: yaml.Node) -> list[yaml.Node]:
        """The items; an empty list is a fault."""
        if not isinstance(node, yaml.SequenceNode):
            self.report(
                node, "wrong_type", f"expected a list, found {_described(node)}", "write [ … ] or lines with `-`"
            )
            return []
        if not node.value:
            self.report(node, "invalid_value", "the list is empty", "an empty list can only be a mistake here")
        return list(node.value)

    def text(self, node: yaml.Node, *, max_characters: int = 200) -> str:
        """Text without control characters; empty text is a fault."""
        if not isinstance(node, yaml.ScalarNode) or node.tag != _YAML + "str":
            hint = (
                f'put it in quotes: "{_short(node.value)}"' if isinstance(node, yaml.ScalarNode) and node.value else ""
            )
            self.report(node, "wrong_type", f"expected text, found {_described(node)}", hint)
            return ""
        return self._checked_text(node, max_characters)

    def word(self, node: yaml.Node, pattern: re.Pattern[str], hint: str) -> str:
        """A name that matches `pattern`. It takes a bare NO or 123 as written, not as YAML understands it."""
        if not isinstance(node, yaml.ScalarNode):
            self.report(node, "wrong_type", f"expected a name, found {_described(node)}", hint)
        elif not pattern.fullmatch(node.value):
            self.report(node, "invalid_value", f"`{_short(node.value)}` is not allowed here", hint)
        else:
            return str(node.value)
        return ""

    def integer(self, node: yaml.Node, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
        written = node.value if isinstance(node, yaml.ScalarNode) else ""
        if node.tag == _YAML + "float":
            hint = "amounts are in minor units: $150 is 15000"
            self.report(node, "wrong_type", f"expected a whole number, found {_short(written)}", hint)
        elif node.tag != _YAML + "int" or not _INTEGER.fullmatch(written):
            self.report(
                node, "wrong_type", f"expected a whole number, found {_described(node)}", "digits only, e.g. 15000"
            )
        elif len(written) > 40 or not minimum <= int(written) <= maximum:
            self.report(node, "out_of_range", f"{_short(written)} is out of range", f"from {minimum} to {maximum}")
        else:
            return int(written)
        return minimum

    def quantity(self, node: yaml.Node) -> int:
        """A whole number of any size: past those that all JSON readers agree on it is written as text, in digits."""
        large = node.value if isinstance(node, yaml.ScalarNode) and node.tag == _YAML + "str" else ""
        if _LARGE.fullmatch(large) and int(large) > MAX_INTEGER:
            return int(large)
        if node.tag == _YAML + "int" and _LARGE.fullmatch(str(node.value)) and int(node.value) > MAX_INTEGER:
            hint = f'numbers past {MAX_INTEGER} are written as text, in quotes and of up to 78 digits: "{node.value}"'
            self.report(node, "out_of_range", f"{_short(node.value)} is out of range", hint)
            return 0
        return self.integer(node)

    def boolean(self, node: yaml.Node) -> bool:
        if node.tag != _YAML + "bool" or node.value not in {"true", "false"}:
            self.report(node, "wrong_type", f"expected true or false, found {_described(node)}", "write true or false")
        return bool(node.value == "true")

    def choice(self, node: yaml.Node, options: Collection[str]) -> str | None:
        """One of `options`, or None at a fault, since no option may be taken for granted."""
        if isinstance(node, yaml.ScalarNode) and node.value in options:
            return str(node.value)
        found = _short(node.value) if isinstance(node, yaml.ScalarNode) else _described(node)
        near = difflib.get_close_matches(found, options, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"one of: {', '.join(options)}"
        self.report(node, "invalid_value", f"`{found}` is not one of the choices", hint)
        return None

    def duration_seconds(self, node: yaml.Node) -> int:
        """A whole number of seconds, minutes, hours or days: `90s`, `15m`, `24h`, `30d`; ten years at most."""
        written = node.value if isinstance(node, yaml.ScalarNode) else ""
        match = _DURATION.fullmatch(written)
        if match is None:
            message = f"expected a span of time, found {_described(node)}"
            self.report(node, "invalid_value", message, "a number and s, m, h or d: 24h, 30d")
            return 1
        seconds = int(match[1]) * _UNIT_SECONDS[match[2]]
        if seconds > MAX_DURATION_SECONDS:
            self.report(node, "out_of_range", f"{written} is longer than ten years", "3650d at most")
            return 1
        return seconds

    def _checked_text(self, node: yaml.ScalarNode, max_characters: int) -> str:
        value: str = node.value
        if not value.strip():
            self.report(node, "invalid_value", "the text is empty")
        elif len(value) > max_characters:
            self.report(node, "out_of_range", f"the text is longer than {max_characters} characters")
        elif any(unicodedata.category(character) in {"Cc", "Cs"} and character != "\n" for character in value):
            # Control characters and lone surrogates cannot be stored, hashed (RFC 8785 §3.2.2.2) or shown.
            self.report(node, "invalid_character", "the text holds a control character or half a character")
        elif unseen := UNSEEN.search(value):
            self.report(node, "invalid_character", unseen_message(unseen[0]))
        else:
            return value
        return ""


def written_quantity(number: int) -> int | str:
    """As `quantity` reads it back."""
    return number if number <= MAX_INTEGER else str(number)


def duration_text(seconds: int) -> str:
    """The shortest way to write a span that `duration_seconds` reads back."""
    unit = next(unit for unit, size in _UNIT_SECONDS.items() if seconds % size == 0)
    return f"{seconds // _UNIT_SECONDS[unit]}{unit}"


def _described(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys and values"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"`{_short(node.value)}`" if node.value else "nothing"


def _short(value: str) -> str:
    """Enough of what was written to recognise it, safe to print."""
    printable = "".join(character if character.isprintable() else "\ufffd" for character in value[:41])
    return printable if len(value) <= 40 else printable[:40] + "…"
