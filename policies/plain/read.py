"""Plain language to the policy it states, or to every fault in it. Nothing loads half-way."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml
from lark import Token, UnexpectedToken

from policies.conditions import KINDS, read_condition
from policies.errors import PolicyError, PolicyInvalid
from policies.parse import parse_node
from policies.plain import nodes
from policies.plain.automaton import END
from policies.plain.expected import expected_text, found_text
from policies.plain.grammar import parse_sentence
from policies.plain.nearest import Nearest
from policies.plain.say import DEFAULT_SLUG, derived_id, rail_of_places
from policies.plain.sentences import Head, RuleSentence, Sentences
from policies.plain.tokens import Sentence, split
from policies.reading import Reader
from policies.source import MAX_CHARACTERS, MAX_DEPTH
from policies.syntax import ParsedPolicy
from policies.unseen import UNSEEN, unseen_message

MAX_FAULTS = 100
"""A text with more faults than this is not a policy with slips; the rest is not listed."""

MAX_WORDS = 65_536
"""What is read within a second or two; marks count as words."""

MAX_PARENTHESES = MAX_DEPTH // 2

_SEEN = "characters that can be seen"
_LESS_NESTED = "fewer parentheses, e.g. two rules instead of one"
_MAX_CONDITION_DEPTH = MAX_DEPTH - 3
"""What YAML can state below the keys `rules`, a rule and `when`."""


def read_plain(text: str) -> ParsedPolicy:
    """The policy that `text` states in plain language (grammar.lark), with the place of each rule.

    Raises PolicyInvalid with every fault found, each with line, column, what was expected and the nearest sentence that
    parses; no other exception, whatever the text. A text without a head is the policy `policy`, on the rail that all
    its rules begin with, otherwise on `stripe`.
    """
    if len(text) > MAX_CHARACTERS:
        raise PolicyInvalid([PolicyError(1, 1, "too_large", f"the text is longer than {MAX_CHARACTERS} characters")])
    unseen = UNSEEN.search(text)
    if unseen is not None:
        before, break_, last = text[: unseen.start()].rpartition("\n")
        line = before.count("\n") + len(break_) + 1
        message = unseen_message(unseen[0])
        raise PolicyInvalid([PolicyError(line, len(last) + 1, "invalid_character", message, expected=_SEEN)])
    sentences: list[Sentence] = []
    words = 0
    for sentence in split(text):
        sentences.append(sentence)
        words += len(sentence.tokens) + 1
        if words > MAX_WORDS:
            raise _fault(sentence, "too_large", f"the text has more than {MAX_WORDS:,} words")
    parsed, faults = _read(sentences)
    if parsed is None:
        raise PolicyInvalid(_explained(faults, sentences))
    return parsed


def _read(sentences: Sequence[Sentence]) -> tuple[ParsedPolicy | None, list[PolicyError]]:
    """The policy, or None and every fault."""
    meant: list[Head | RuleSentence] = []
    faults: list[PolicyError] = []
    for sentence in sentences:
        try:
            meant.append(_meaning(sentence))
        except PolicyInvalid as invalid:
            faults += invalid.errors
            if len(faults) > MAX_FAULTS:
                return None, faults
    # Without a rule the document would be at fault for that alone.
    if any(isinstance(each, RuleSentence) for each in meant):
        try:
            parsed = parse_node(_document(meant, faults))
        except PolicyInvalid as invalid:
            faults += invalid.errors
        else:
            return (None if faults else parsed), faults
    elif not faults:
        line = sentences[-1].line if sentences else 1
        faults.append(PolicyError(line, 1, "empty", "there is no rule in this text", expected="a rule"))
    return None, faults


def _meaning(sentence: Sentence) -> Head | RuleSentence:
    """What one sentence means. Raises PolicyInvalid."""
    depth = 0
    for token in sentence.tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth > MAX_PARENTHESES:
            raise _fault(token, "too_deep", f"parentheses go deeper than {MAX_PARENTHESES}", _LESS_NESTED)
    try:
        tree = parse_sentence(sentence.tokens)
    except UnexpectedToken as error:
        found: Token = error.token
        at = sentence if found.type == END else found
        raise _fault(at, "plain_syntax", found_text(found), expected_text(tuple(error.state.state_stack))) from None
    if not sentence.ended:
        raise _fault(sentence, "plain_syntax", "the sentence does not end", "a full stop")
    meaning = Sentences(sentence.tokens[0])
    read: Head | RuleSentence = meaning.transform(tree)
    if meaning.faults:
        raise PolicyInvalid(meaning.faults)
    return read


def _document(meant: Sequence[Head | RuleSentence], faults: list[PolicyError]) -> yaml.MappingNode:
    """The whole policy as YAML would have it. A key of the head that comes twice is found by its reader."""
    head = [entry for each in meant if isinstance(each, Head) for entry in each.entries]
    rules = [each for each in meant if isinstance(each, RuleSentence)]
    start = yaml.Mark("", 0, 0, 0, None, 0)
    if not any(key == "policy" for key, _ in head):
        rail = rail_of_places(rule.place for rule in rules)
        scope = nodes.mapping(start, [("rail", nodes.word(rail, start))])
        head += [("policy", nodes.word(DEFAULT_SLUG, start)), ("applies_to", scope)]
    if rules:
        head.append(("rules", nodes.sequence(start, [_rule(rule, faults) for rule in rules])))
    return nodes.mapping(start, head)


def _rule(rule: RuleSentence, faults: list[PolicyError]) -> yaml.Node:
    stated = dict(rule.entries)
    if _depth(stated["when"]) > _MAX_CONDITION_DEPTH:
        message = "the conditions are nested deeper than YAML could state them"
        line, column = rule.at.line + 1, rule.at.column + 1
        faults.append(PolicyError(line, column, "too_deep", message, expected=_LESS_NESTED))
    if rule.id is not None:
        return nodes.mapping(rule.at, [("id", rule.id), *rule.entries])
    reader = Reader((), KINDS)
    when = read_condition(stated["when"], reader)
    # A condition at fault is reported when the whole is read; until then the rule only needs some name.
    rule_id = f"line_{rule.at.line + 1}" if reader.errors else derived_id(when.document(), stated["effect"].value)
    return nodes.mapping(rule.at, [("id", nodes.word(rule_id, rule.at)), *rule.entries])


def _depth(node: yaml.Node) -> int:
    match node:
        case yaml.MappingNode():
            return 1 + max((_depth(value) for _, value in node.value), default=0)
        case yaml.SequenceNode():
            return 1 + max((_depth(item) for item in node.value), default=0)
        case _:
            return 1


def _explained(faults: Sequence[PolicyError], sentences: Sequence[Sentence]) -> list[PolicyError]:
    """Each fault with what was expected and the nearest sentence that is right, the first hundred of them."""
    nearest = Nearest(_reads)
    explained: list[PolicyError] = []
    ends = [(sentence.line, sentence.column) for sentence in sentences]
    for fault in sorted(faults, key=lambda each: (each.line, each.column)):
        if len(explained) == MAX_FAULTS:
            message = "there are more faults from here on"
            explained.append(PolicyError(fault.line, fault.column, "more_faults", message))
            break
        index = bisect_left(ends, (fault.line, fault.column))
        tokens = sentences[index].tokens if index < len(ends) else ()
        starts = [(token.line, token.column) for token in tokens]
        # A fault may lie within a token: too many decimals are found at the first that is too many.
        at = bisect_right(starts, (fault.line, fault.column)) - 1
        if index < len(ends) and (fault.line, fault.column) == ends[index]:
            at = len(tokens)
        expected = fault.expected or fault.hint or "another value here"
        explained.append(msgspec.structs.replace(fault, expected=expected, nearest=nearest.to(tokens, at, fault.hint)))
    return explained


def _reads(text: str) -> bool:
    """Whether a single sentence is right in itself; one of the head is, where some rule follows it."""
    sentences = list(split(text))
    parsed, faults = _read(sentences)
    if [fault.code for fault in faults] == ["empty"]:
        parsed, _ = _read([*sentences, *split("Refunds are denied.")])
    return parsed is not None


def _fault(at: Any, code: str, message: str, expected: str = "") -> PolicyInvalid:
    return PolicyInvalid([PolicyError(at.line, at.column, code, message, expected=expected)])
