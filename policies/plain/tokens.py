"""From text to sentences of tokens, each with its line and column. Linear in the text, and it never fails.

What belongs to no token becomes one of type UNREADABLE, at which the parser then stops.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

import msgspec
from lark import Token

from policies.plain.grammar import literals, patterns, terminal_of

UNREADABLE = "UNREADABLE"

_UNSAID = {"SPACE", "COMMENT", "BLANK"}

# The order matters: the first that fits wins.
_VALUES = ("STRING", "TIME", "SPAN", "ORDINAL", "MONEY", "NUMBER", "ZONE")


class Sentence(msgspec.Struct, frozen=True):
    """The tokens between two full stops. `ended`: its own full stop is there, at `line` and `column`."""

    tokens: tuple[Token, ...]
    ended: bool
    line: int
    column: int


def split(text: str) -> Iterator[Sentence]:
    """The sentences of `text`. A full stop or an empty line ends one; `#` starts a comment that ends with its line."""
    tokens: list[Token] = []
    line, line_start = 1, 0
    for match in _pattern().finditer(text):
        kind, value, start = match.lastgroup, match[0], match.start()
        column = start - line_start + 1
        if kind == "STOP" or (kind == "BLANK" and tokens):
            yield Sentence(tuple(tokens), kind == "STOP", line, column)
            tokens = []
        elif kind not in _UNSAID:
            tokens.append(Token(_terminal(kind, value), value, line=line, column=column))
        if "\n" in value:
            line += value.count("\n")
            line_start = start + value.rfind("\n") + 1
    if tokens:
        yield Sentence(tuple(tokens), False, line, len(text) - line_start + 1)


@lru_cache(maxsize=10_000)
def _terminal(kind: str | None, value: str) -> str:
    if kind not in {"NAME", "MARK", "PHRASE"}:
        return kind or UNREADABLE
    # A phrase may be broken over two lines.
    word = " ".join(value.split()).replace("’", "'")
    return terminal_of(word) or ("NAME" if kind == "NAME" else UNREADABLE)


@cache
def _pattern() -> re.Pattern[str]:
    phrases = sorted(each for each in literals() if " " in each)
    one_space = r"(?:[ \t]+|[ \t]*\n[ \t]*)"
    phrase = "|".join(f"[{each[0]}{each[0].upper()}]{each[1:]}".replace(" ", one_space) for each in phrases)
    parts = {
        "BLANK": r"\n[^\S\n]*(?=\n)",
        "SPACE": r"[^\S\n]+|\n",
        "COMMENT": r"#[^\n]*",
        **{name: patterns()[name] for name in _VALUES},
        "PHRASE": rf"(?:{phrase})(?![A-Za-z0-9_])",
        "NAME": patterns()["NAME"],
        "STOP": r"\.",
        "MARK": r"['’]s\b|[,:;()]",
        UNREADABLE: r'["“][^\n]*|.',
    }
    return re.compile("|".join(f"(?P<{name}>{part})" for name, part in parts.items()))
