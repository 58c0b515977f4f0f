"""What a sentence could have gone on with, in the words of those who write policies, not of the grammar."""

from lark import Token

from policies.plain.automaton import END, Stack, accepted
from policies.plain.grammar import literals

_MOST = 6
_CONDITION = "a condition, e.g. “over $150” or “for customers of under 7 days”"
_EFFECT = "what happens, e.g. “require approval by controller” or “are denied”"
_MOVEMENTS = "what moves, e.g. “refunds” or “movements”"
_LIMIT = "a limit, e.g. “over”, “under”, “at least” or “at most”"

_LIMITS = frozenset({"over", "above", "more than", "at least", "under", "below", "less than", "at most", "exactly"})
_GROUPS: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({"refund", "refunds", "credit", "credits", "adjustment", "adjustments", "payout", "payouts"})
        | {"transfer", "transfers", "dispute", "disputes", "app", "agent", "movements"},
        _MOVEMENTS,
    ),
    (frozenset({"are", "is", "require", "requires"}), _EFFECT),
    (_LIMITS, _LIMIT),
    (frozenset({"any", "every", "each", "all", "any single"}), ""),
    (frozenset({"or", ",", "and"}), "“,”"),
    (frozenset({"a", "an", "the"}), "“the” or “a”"),
    (
        frozenset({"days", "day", "hours", "hour", "minutes", "minute", "seconds", "second"}),
        "“days”, “hours” or “minutes”",
    ),
    (frozenset({"denied", "allowed", "flagged"}), "“denied”, “allowed” or “flagged”"),
    (
        frozenset({"initiator", "counterparty", "customer", "charge", "merchant", "organization"}),
        "whose they are, e.g. “customer” or “initiator”",
    ),
    (frozenset({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}), "a day, e.g. “Monday”"),
    (frozenset({"first", "second", "third", "fourth", "fifth"}), "which one, e.g. “third”"),
)
"""Words that stand for each other, and what to say instead of listing them. One group is said where two of it fit."""

_CONDITION_STARTS = frozenset(
    {
        "of",
        "in",
        "on",
        "by",
        "with",
        "without",
        "for",
        "from",
        "to",
        "at",
        "through",
        "that",
        "between",
        "outside",
        "except",
        "where",
        "not",
        "(",
    }
)
_VALUES = {
    "MONEY": "an amount, e.g. “$150”",
    "NUMBER": "a number",
    "TIME": "a time, e.g. “09:00”",
    "STRING": "a text in quotes",
    "ZONE": "a time zone, e.g. “America/New_York”",
    "SPAN": "a span, e.g. “24-hour”",
    "NAME": "a name",
    "ORDINAL": "",
    END: "a full stop",
}


def expected_text(stack: Stack) -> str:
    """What may follow, the more telling first; six things at most."""
    spelled = {terminal: literal for literal, terminal in literals().items()}
    terminals = accepted(stack)
    words = {spelled[name] for name in terminals if name in spelled}
    said: list[str] = []
    if len(words & _CONDITION_STARTS) > 4:
        said.append(_CONDITION)
        words -= _CONDITION_STARTS | _LIMITS | {"all of", "any of"}
    for group, text in _GROUPS:
        if len(words & group) > 1:
            said.append(text)
            words -= group
    said += [_VALUES[name] for name in terminals if name in _VALUES]
    said += [f"“{word}”" for word in sorted(words)]
    told = [each for each in said if each]
    more = " …" if len(told) > _MOST else ""
    return ", or ".join(told[:_MOST]) + more


def found_text(token: Token) -> str:
    """What stood there instead."""
    if token.type == END:
        return "the sentence ends too early"
    shown = "".join(character if character.isprintable() else "\ufffd" for character in token[:41])
    if token[:1] in {'"', "“"} and token.type != "STRING":
        return "a text in quotes does not end, or holds a backslash that stands for nothing"
    return f"`{shown[:40] + '…' if len(token) > 40 else shown}` does not fit here"
