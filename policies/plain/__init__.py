"""Policies in plain language: a second view of the AST, with a grammar and without guesses."""

from policies.plain.grammar import GRAMMAR_VERSION
from policies.plain.read import read_plain
from policies.plain.say import say

__all__ = ["GRAMMAR_VERSION", "read_plain", "say"]
