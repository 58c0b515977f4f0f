"""Where a sentence of the plain language begins and ends, so that one can be replaced by another."""

import re
from typing import Final

_PARTS: Final = re.compile(r'"[^"\n]*"|#[^\n]*|(?P<end>\.(?=\s|\Z)|\n[^\S\n]*(?=\n))', re.MULTILINE)
"""A full stop or an empty line ends a sentence; within quotes and comments both mean nothing."""


def replace_sentence(text: str, *, line: int, column: int, by: str) -> str:
    """`text` with the sentence that holds this place (both counted from 1) replaced; the text between stays as it is.

    A place beyond the text counts as its end.
    """
    lines = text.split("\n")
    row = min(max(line, 1), len(lines))
    place = sum(len(each) + 1 for each in lines[: row - 1]) + min(max(column, 1) - 1, len(lines[row - 1]))
    start = 0
    for match in _PARTS.finditer(text):
        if match["end"] is None:
            # A comment stands between sentences, not in the one after it.
            if match[0].startswith("#") and not text[start : match.start()].strip():
                start = match.end()
            continue
        if match.start() >= place:
            return text[:start] + _with_margins(text[start : match.end()], by) + text[match.end() :]
        start = match.end()
    return text[:start] + _with_margins(text[start:], by)


def _with_margins(old: str, new: str) -> str:
    """`new` with the white space that stood round `old`."""
    bare = old.strip()
    before = old[: len(old) - len(old.lstrip())]
    return before + new + old[len(before) + len(bare) :]
