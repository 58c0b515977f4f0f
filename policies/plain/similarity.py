"""What it costs to take one word for another, to put one in, or to leave one out."""

import difflib
from functools import cache, lru_cache

from lark import Token

from policies.plain.grammar import NAME, literals
from policies.plain.tokens import UNREADABLE
from policies.plain.words import quoted

FILLERS = {
    "NAME": "controller",
    "STRING": '"…"',
    "MONEY": "$150",
    "NUMBER": "7",
    "TIME": "09:00",
    "ZONE": "America/New_York",
    "SPAN": "24-hour",
    "ORDINAL": "3rd",
}
"""What stands for a value that has to be put in."""

_SAME = {
    **dict.fromkeys(("need", "needs", "must", "ask", "want", "wants"), "require"),
    **dict.fromkeys(("authorization", "authorisation", "permission", "consent"), "approval"),
    **dict.fromkeys(("blocked", "refused", "rejected", "forbidden", "prohibited", "declined"), "denied"),
    **dict.fromkeys(("permitted", "approved", "accepted"), "allowed"),
    **dict.fromkeys(("block", "refuse", "reject", "forbid"), "deny"),
    **dict.fromkeys(("permit", "approve", "accept"), "allow"),
    **dict.fromkeys(("exceeding", "beyond", "past", ">"), "over"),
    **dict.fromkeys(("beneath", "<"), "under"),
    **dict.fromkeys(("clients", "buyers", "users"), "customers"),
    **dict.fromkeys(("client", "buyer", "user"), "customer"),
    **dict.fromkeys(("transactions",), "movements"),
    **dict.fromkeys(("payee", "recipient", "receiver", "supplier", "vendor", "seller"), "counterparty"),
    **dict.fromkeys(("payees", "recipients", "receivers", "suppliers", "vendors", "sellers"), "counterparties"),
    **dict.fromkeys(("get", "be", "become"), "are"),
    "gets": "is",
    **dict.fromkeys(("spend", "spending", "volume", "sum"), "total"),
    "from": "by",
    "during": "within",
    "in": "within",
    "&": "and",
    "if": "when",
}
"""What people write, and the word of the grammar that says it."""

PHRASES = {
    ("not", "allowed"): "denied",
    ("not", "permitted"): "denied",
    ("two",): "2",
    ("three",): "3",
    ("up", "to"): "at most",
    ("just", "under"): "under",
    ("just", "over"): "over",
    ("greater", "than"): "over",
    ("larger", "than"): "over",
    ("higher", "than"): "over",
    ("lower", "than"): "under",
    ("smaller", "than"): "under",
    ("finance", "manager"): "finance_manager",
    ("agent", "owner"): "agent_owner",
    ("new", "customers"): "customers of under 7 days",
    ("at", "night"): "between 22:00 and 06:00 (UTC time)",
    ("outside", "business", "hours"): "except between 09:00 and 17:00 on Monday to Friday (UTC time)",
    ("during", "business", "hours"): "between 09:00 and 17:00 on Monday to Friday (UTC time)",
}
"""The same where one side is several words, or a figure."""

REVERSING = {"no", "never", "nobody", "none", "nothing", "cannot", "nor", "unless", "excluding", "until"}
"""Words that turn what a sentence says, and that the grammar does not have: without them it would say the contrary."""

_KEPT = {"not", "or", "without", "outside", "except", "other than"}
"""Words of the grammar of which the same is true: they are neither left out nor taken for others."""

_NEVER_NAMES = set(
    "a above an and are at below between but by code codes deny denied allow allowed flag for from if in is not "  # noqa: SIM905
    "of on or over require requires that the then to under weekdays weekends when with without".split()
)
"""Words that build sentences. Where a name belongs they show that it is missing; quoting them would hide that."""

_LIMITS = {"MONEY", "NUMBER", "TIME", "SPAN", "ORDINAL"}
"""A sentence without one of its limits is another sentence."""

_IMPOSSIBLE = float("inf")
_ALIKE = 0.65
_ARTICLES = {"the", "a", "an"}
_ORDERS = {"ALLOW", "DENY", "FLAG"}
"""One such word makes a sentence of almost anything, and decides it: it is not put in lightly."""


def insertion_cost(terminal: str) -> float:
    if terminal in FILLERS:
        return 1.4
    if terminal in _ORDERS:
        return 2.5
    literal = spelling(terminal)
    # A comma begins a list, of anything.
    return 0.3 if literal in _ARTICLES else 1.2 if literal == "," else 1.0


def deletion_cost(token: Token) -> float:
    if token.lower() in _KEPT or token.type in _LIMITS:
        return _IMPOSSIBLE
    if token.type == UNREADABLE:
        return 0.5
    return 0.3 if token.lower() in _ARTICLES else 1.0


@lru_cache(maxsize=20_000)
def replacement(kind: str, written: str, terminal: str) -> tuple[float, str]:
    """The cost of taking `written`, a token of type `kind`, for `terminal`, and what then stands there."""
    if terminal not in FILLERS or written.lower() in _KEPT:
        return _word_replacement(written.lower(), terminal)
    match kind, terminal:
        case "NUMBER", "MONEY":
            return 0.4, f"${written}"
        case "MONEY", "NUMBER":
            return 1.6, written[1:].lstrip()
        case _, "NAME" if NAME.fullmatch(written) and written.lower() not in _NEVER_NAMES:
            # A reserved word where a name belongs is a name once it is quoted.
            return 0.8, quoted(written)
        case _, "STRING" if kind != UNREADABLE and written.lower() not in _NEVER_NAMES:
            return 1.0, quoted(written)
        case _:
            return 2.0, FILLERS[terminal]


def _word_replacement(written: str, terminal: str) -> tuple[float, str]:
    if written in _KEPT:
        return _IMPOSSIBLE, written
    literal = spelling(terminal)
    if _SAME.get(written) == literal:
        return 0.25, literal
    likeness = _likeness(written, literal)
    unlike = 3.0 if terminal in _ORDERS else 1.8
    return (1.2 - likeness if likeness >= _ALIKE else unlike), literal


@cache
def spelling(terminal: str) -> str:
    return next(literal for literal, name in literals().items() if name == terminal)


def _likeness(one: str, other: str) -> float:
    if abs(len(one) - len(other)) > 4:
        return 0.0
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _ALIKE else 0.0
