"""The nearest sentence that reads: the fewest and smallest changes to the words that stand there.

A beam of readings runs over the words. At each word it may keep it, put words in before it, leave it out or take
another for it, at a cost (`similarity`). Everything is counted and nothing timed, so the same text always gets the same
answer; what would take too long gets the example that looks most like it.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import isfinite

from lark import Token

from policies.plain.automaton import END, Stack, accepted, feed, start
from policies.plain.examples import EXAMPLES, OF_COUNTRIES
from policies.plain.payments import CONCERNED, COUNTRY_BY_NAME, reworded
from policies.plain.similarity import (
    FILLERS,
    PHRASES,
    REVERSING,
    deletion_cost,
    insertion_cost,
    replacement,
    spelling,
)
from policies.plain.spending import as_window
from policies.plain.tokens import split

_TOKENS_SEARCHED = 120
"""In one text. Further faults get examples."""

_CHARACTERS_REWORDED = 500

_BEAM = 12
_WORDS_BEFORE_FAULT = 4
_INSERTIONS = 2
_INSERTIONS_AT_END = 5
_CANDIDATES = 5

_CURRENCY_WORDS = {"dollar": "$", "buck": "$", "euro": "€", "pound": "£", "yen": "¥"}
_NO_SPACE_BEFORE = {",", ":", ";", ")", "'s", "’s"}

Reading = tuple[float, tuple[str, ...]]
"""What it costs, and the words that it then is."""

Beam = dict[Stack, Reading]
"""The least reading by the state it leads to."""


class Nearest:
    """Finds sentences for the faults of one text. `reads` says whether a sentence is right in itself."""

    def __init__(self, reads: Callable[[str], bool]) -> None:
        self._reads = reads
        self._tokens_left = _TOKENS_SEARCHED

    def to(self, tokens: Sequence[Token], fault: int, hint: str = "") -> str:
        """The nearest sentence to `tokens`, of which the one at index `fault` does not fit."""
        for candidate in self._candidates(tokens, fault, hint):
            if self._reads(candidate):
                return candidate
        return _example(tokens)

    def _candidates(self, tokens: Sequence[Token], fault: int, hint: str) -> Iterator[str]:
        cost = max(len(tokens) - max(fault - _WORDS_BEFORE_FAULT, 0), 1)
        if cost > self._tokens_left:
            return
        self._tokens_left -= cost
        written = _written(tokens)
        if len(written) <= _CHARACTERS_REWORDED and CONCERNED.search(written):
            yield from self._of_payments(written)
        known, fault_then = _with_phrases(*_with_amounts(tokens, fault))
        if known != list(tokens) and _parses(known):
            yield _text(known)
        if _parses(tokens):
            yield _text(tokens)
            yield from _with_another_value(tokens, fault, hint)
        if not any(token.lower() in REVERSING for token in known):
            yield from _repaired(known, fault_then)

    def _of_payments(self, written: str) -> Iterator[str]:
        """What is known of how people write of agents' payments comes before any guess."""
        said = reworded(written)
        sentence = next(split(said), None)
        if sentence is None:
            return
        if COUNTRY_BY_NAME.search(said):
            # Which code it has is not known here, and an account of that name would be another rule.
            yield OF_COUNTRIES
            return
        known, _ = _with_phrases(*_with_amounts(sentence.tokens, 0))
        if _parses(known):
            yield _text(known)
        window = as_window(said)
        if window is not None:
            yield window
        if said == written or any(token.lower() in REVERSING for token in known) or len(known) > self._tokens_left:
            return
        self._tokens_left -= len(known)
        yield from _repaired(known, 0)


def _written(tokens: Sequence[Token]) -> str:
    """The words, as near to each other as they stand."""
    text, ends = "", (0, 0)
    for token in tokens:
        line, column = token.line or 0, token.column or 0
        text += token if not text or ends == (line, column) else f" {token}"
        ends = line, column + len(token)
    return text


def _parses(tokens: Sequence[Token]) -> bool:
    stack: Stack | None = start()
    for token in tokens:
        stack = feed(stack, token.type) if stack is not None else None
    return stack is not None and feed(stack, END) is not None


def _with_another_value(tokens: Sequence[Token], fault: int, hint: str) -> Iterator[str]:
    """The sentence with its value at `fault` mended or replaced: the grammar takes it, its reader does not."""
    if fault >= len(tokens):
        return
    token = tokens[fault]
    tries = _other_figures(token) if token.type in {"MONEY", "NUMBER"} else _other_names(token, hint)
    for each in dict.fromkeys([*tries, FILLERS.get(token.type, "")]):
        if each and each != token:
            yield _text([*tokens[:fault], each, *tokens[fault + 1 :]])


def _other_figures(written: str) -> list[str]:
    pointed = re.sub(r",(\d{1,2})$", r".\1", written)
    ungrouped = pointed.replace(",", "")
    return [pointed, ungrouped, re.sub(r"(\.\d\d)\d+$", r"\1", ungrouped), ungrouped.partition(".")[0], "24"]


def _other_names(written: str, hint: str) -> list[str]:
    meant = re.match(r"did you mean `(.+)`\?", hint)
    bare = written.strip("“”\"'")
    snake = re.sub(r"[^a-z0-9]+", "_", bare.lower()).strip("_")
    return [meant[1] if meant else "", snake, snake.replace("_", "-"), bare.upper()[:2], bare.upper()[:3]]


def _with_amounts(tokens: Sequence[Token], fault: int) -> tuple[list[Token], int]:
    """`150 dollars` as $150, `$10k` as $10,000, and the fault where it then is."""
    mended: list[Token] = []
    for index, token in enumerate(tokens):
        symbol = _CURRENCY_WORDS.get(token.lower().removesuffix("s"))
        if symbol and mended and mended[-1].type == "NUMBER":
            mended[-1] = Token("MONEY", f"{symbol}{mended[-1]}")
            fault -= 1 if index <= fault else 0
        elif token.lower() == "k" and mended and mended[-1].type == "MONEY":
            mended[-1] = Token("MONEY", f"{mended[-1]},000")
            fault -= 1 if index <= fault else 0
        else:
            mended.append(token)
    return mended, fault


def _with_phrases(tokens: Sequence[Token], fault: int) -> tuple[list[Token], int]:
    """The words that people say together, as the grammar says them, and the fault where it then is."""
    mended: list[Token] = []
    index, fault_then = 0, fault
    while index < len(tokens):
        words = tuple(token.lower() for token in tokens[index : index + 3])
        phrase = next((words[:length] for length in (3, 2, 1) if words[:length] in PHRASES), None)
        meant = next(split(PHRASES[phrase])).tokens if phrase else tokens[index : index + 1]
        index += len(phrase or meant)
        mended += meant
        if index <= fault:
            fault_then = fault + len(mended) - index
        elif phrase and fault_then >= len(mended):
            fault_then = len(mended) - len(meant)
    return mended, fault_then


def _repaired(tokens: Sequence[Token], fault: int) -> Iterator[str]:
    beam: Beam = {start(): (0.0, ())}
    for index, token in enumerate(tokens):
        editable = index >= fault - _WORDS_BEFORE_FAULT
        if editable:
            beam = _with_insertions(beam, token.type, _INSERTIONS)
        beam = _after(beam, token, editable=editable)
    beam = _with_insertions(beam, END, _INSERTIONS_AT_END)
    complete = {stack: found for stack, found in beam.items() if feed(stack, END) is not None}
    # Past this, hardly a word of the sentence is left.
    dearest = 1.5 + len(tokens) / 3
    for cost, words in sorted(complete.values())[:_CANDIDATES]:
        if cost > dearest:
            return
        yield _text(words)


def _after(beam: Beam, token: Token, *, editable: bool) -> Beam:
    """The readings that have passed `token`: kept, left out, or taken for another."""
    following: Beam = {}
    for stack, (cost, words) in beam.items():
        _offer(following, feed(stack, token.type), cost, (*words, str(token)))
        if not editable:
            continue
        _offer(following, stack, cost + deletion_cost(token), words)
        for terminal in accepted(stack):
            if terminal not in {END, token.type}:
                added, word = replacement(token.type, str(token), terminal)
                _offer(following, feed(stack, terminal), cost + added, (*words, word))
    return _best(following)


def _with_insertions(beam: Beam, following: str, rounds: int) -> Beam:
    """The readings with up to `rounds` words put in, those first that `following` can follow."""
    reached, frontier = dict(beam), beam
    for _ in range(rounds):
        grown: Beam = {}
        for stack, (cost, words) in frontier.items():
            for terminal in accepted(stack):
                if terminal != END:
                    word = FILLERS.get(terminal) or spelling(terminal)
                    _offer(grown, feed(stack, terminal), cost + insertion_cost(terminal), (*words, word))
        frontier = _best(grown, following)
        for stack, (cost, words) in frontier.items():
            _offer(reached, stack, cost, words)
    return _best(reached, following)


def _offer(beam: Beam, stack: Stack | None, cost: float, words: tuple[str, ...]) -> None:
    if stack is not None and isfinite(cost) and (stack not in beam or (cost, words) < beam[stack]):
        beam[stack] = (cost, words)


def _best(beam: Beam, following: str | None = None) -> Beam:
    """The cheapest few; what `following` cannot follow counts as dearer.

    Among equals the words decide, never the states: their numbers differ from process to process.
    """

    def rank(item: tuple[Stack, Reading]) -> Reading:
        stack, (cost, words) = item
        fits = following is None or feed(stack, following) is not None
        return (cost if fits else cost + 0.7), words

    return dict(sorted(beam.items(), key=rank)[:_BEAM])


def _text(words: Sequence[str]) -> str:
    """The sentence, spaced and closed as one writes it."""
    text = ""
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in {"a", "an"}:
            word = "an" if following[:1].lower() in set("aeiou") else "a"  # noqa: PLW2901 - the article its noun takes
        space = "" if not text or word in _NO_SPACE_BEFORE or text[-1] == "(" else " "
        text += f"{space}{word}"
    return f"{text[:1].upper()}{text[1:]}." if text[:1].islower() and len(text) > 1 else f"{text}."


def _example(tokens: Sequence[Token]) -> str:
    """The one that looks most like it; of payments, agents and rails only what is about such."""
    written = _shape(tokens[:60])
    concerned = CONCERNED.search(" ".join(written)) is not None
    alike = [each for each in _examples() if not concerned or CONCERNED.search(each[0])]
    return max(alike, key=lambda each: difflib.SequenceMatcher(None, each[1], written, autojunk=False).ratio())[0]


@cache
def _examples() -> tuple[tuple[str, list[str]], ...]:
    return tuple((each, _shape(next(split(each)).tokens)) for each in EXAMPLES)


def _shape(tokens: Sequence[Token]) -> list[str]:
    """The words; any time of day is as good as another."""
    return ["TIME" if token.type == "TIME" else token.lower() for token in tokens]
