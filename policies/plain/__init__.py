"""Policies in plain language: a second view of the AST, with a grammar and without guesses."""

from policies.plain.grammar import GRAMMAR_VERSION
from policies.plain.read import read_plain
from policies.plain.say import say, say_rule

__all__ = ["GRAMMAR_VERSION", "read_plain", "say", "say_rule"]
