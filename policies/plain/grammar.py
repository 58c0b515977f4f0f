"""`grammar.lark`, built once: the parser, and the words it reserves."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.lexer import Lexer, PatternStr

GRAMMAR_VERSION = 1

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[:-][A-Za-z0-9_]+)*")


@cache
def grammar() -> Lark:
    """The parser of one sentence. Strict: a grammar with two readings of anything does not build."""
    source = (files("policies.plain") / "grammar.lark").read_text("utf-8")
    return Lark(source, parser="lalr", lexer=_TokensAsGiven, strict=True)


def parse_sentence(tokens: Sequence[Token]) -> Tree[Token]:
    """The tree of one sentence, its full stop left out. Raises lark's UnexpectedToken, and nothing else."""
    return grammar().parse(tokens)


@cache
def literals() -> dict[str, str]:
    """Every reserved word, phrase and mark, in lower case, with the name of its terminal."""
    return {each.pattern.value: each.name for each in grammar().terminals if isinstance(each.pattern, PatternStr)}


@cache
def patterns() -> dict[str, str]:
    """The regular expressions of all other terminals, by name."""
    return {each.name: each.pattern.value for each in grammar().terminals if not isinstance(each.pattern, PatternStr)}


def terminal_of(word: str) -> str | None:
    """The terminal of a reserved word: as it is, or with the capital that starts a sentence."""
    return literals().get(word) or literals().get(word[:1].lower() + word[1:])


def is_reserved(word: str) -> bool:
    """Whether `word` is the grammar's own, alone or in a phrase such as `at least`."""
    return word in _reserved_words() or word[:1].lower() + word[1:] in _reserved_words()


@cache
def _reserved_words() -> frozenset[str]:
    return frozenset(word for literal in literals() for word in literal.split())


class _TokensAsGiven(Lexer):
    """Sentences are split into tokens before they are parsed, so that each fault stays in its own sentence."""

    __future_interface__ = 2

    def __init__(self, lexer_conf: Any) -> None:
        pass

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:  # noqa: ARG002 - lark's interface
        yield from lexer_state.text
