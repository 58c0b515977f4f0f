"""What people write of budgets, such as `agents may spend at most $100 per day`, as a sentence about a window."""

import re
from typing import Final

_SUBJECTS: Final = "agent|initiator|counterparty|customer|merchant|organization"
_ONE: Final = {"minute": "1 minute", "hour": "1 hour", "day": "24 hours", "week": "7 days", "month": "30 days"}
_DAYS: Final = {"week": 7, "month": 30}
_NO_ASSET: Final = "times|or|hour|day|week|minute|second|month|payment|payout|movement|units"
_MONEY: Final = (
    r"(?:[$€£¥] ?[0-9][0-9,.]*|[0-9][0-9,.]* units of \S+|"
    rf"[0-9][0-9,.]* (?!(?:{_NO_ASSET})s?\b)[A-Za-z]{{3,5}})"
)
_SPAN: Final = re.compile(
    r"\b(?:within |in |per |over |for )?(?:any |each |every |the last |a |an )?(?:rolling )?(?P<number>\d+)[ -]?"
    r"(?P<unit>second|minute|hour|day|week)s?\b|\b(?:per|a|an|each|every|one|in a|within a)(?: single)? "
    r"(?P<one>minute|hour|day|week|month)\b|\b(?P<ly>hourly|daily|weekly|monthly)\b",
    re.I,
)
_WHOSE: Final = (
    re.compile(rf"\b(?:to |of |with )?the same (?P<per>{_SUBJECTS})\b", re.I),
    re.compile(rf"\b(?:per|for each|for every|to (?:one|each|any)) (?P<per>{_SUBJECTS})\b", re.I),
    re.compile(
        rf"\b(?:(?:a|the|one|any|each|every)(?: single| given)? )?"
        rf"(?P<per>{_SUBJECTS})(?:['’]?s['’]?|['’])?(?! (?:payment|payout))",
        re.I,
    ),
)
_TOGETHER: Final = re.compile(r"\b(?:together|altogether|in total|overall)\b", re.I)
_HOW_MUCH: Final = re.compile(
    r"\b(?P<least>at least )?(?:(?:to )?(?:over|above|more than|at most|no more than|not more than|up to|a maximum of|"
    rf"exceeds?|exceeding|limited to|a limit of) )?(?P<money>{_MONEY})(?= |,|$)"
    r"|(?:(?:over|more than|at most|no more than|not more than|up to|exceeds?) )?(?P<count>\d+) ?(?P<more>or more )?"
    r"(?:times|payments?|payouts?|movements?)\b",
    re.I,
)
_EFFECT: Final = re.compile(
    r"\b(?:(?:are|is|gets?|be) (?:denied|blocked|refused|rejected)|(?:requires?|needs?|must have) (?:an )?approval "
    r"(?:by|from|of) (?:a |the )?(?P<who>[a-z_]+)|(?:are|is) (?P<flagged>flagged)|^deny)\b",
    re.I,
)
_MOVED: Final = re.compile(r"\b(?:agent )?(?:payments?|payouts?)\b|\bmovements?\b", re.I)
_SAID_WITH_IT: Final = frozenset(
    "that bring brings bringing the a an to of in within per by may can cannot not must should be is are it its their "  # noqa: SIM905
    "spend spends spending spent pay pays total totals sum budget limit limited more than over above once when if any "
    "t each every all single given rolling no at most last agent agents deny and exceeds exceed on".split()
)


def as_window(text: str) -> str | None:
    """The sentence about a window that `text` says in other words; None if it is not about one, or says more."""
    rail, rest = _rail(text)
    span, effect = _SPAN.search(rest), _EFFECT.search(rest)
    if span is None or re.search(r"\b(?:under|below|less than|allowed|permitted)\b", rest, re.I):
        return None
    rest = _without(rest, span, effect)
    much = _HOW_MUCH.search(rest)
    if much is None:
        return None
    rest = _without(rest, much)
    whose = _TOGETHER.search(rest) or next((found for each in _WHOSE if (found := each.search(rest))), None)
    if whose is None:
        return None
    rest = _without(rest, whose)
    per = "organization" if whose.re is _TOGETHER else whose["per"].lower()
    moved = _MOVED.search(rest)
    rest = _without(rest, moved) if moved else rest
    if set(re.findall(r"[^\s,.'’]+", rest.lower())) - _SAID_WITH_IT:
        return None
    counted = much["count"] is not None
    at_least = (much["more"] if counted else much["least"]) is not None
    limit = f"{'at least' if at_least else 'over'} {much['count'] if counted else much['money'].rstrip('.,')}"
    # Whose payments are counted is said by the window; "pay" alone is any movement.
    noun = f"{moved[0].lower().removesuffix('s')}s" if moved else "movements"
    total = f"that bring the {per}'s {'count' if counted else 'total'} within {_span(span)} to {limit}"
    return f"{rail}{noun if rail else noun.capitalize()} {total} {_outcome(effect)}."


def _rail(text: str) -> tuple[str, str]:
    found = re.match(r"On \w+, ", text)
    return (found[0], text[found.end() :]) if found else ("", text)


def _span(found: re.Match[str]) -> str:
    if found["number"] is None:
        word = (found["one"] or found["ly"]).lower()
        return _ONE["day" if word == "daily" else word.removesuffix("ly")]
    number, unit = int(found["number"]), found["unit"].lower()
    number, unit = (number * _DAYS[unit], "day") if unit in _DAYS else (number, unit)
    return f"{number} {unit if number == 1 else unit + 's'}"


def _outcome(effect: re.Match[str] | None) -> str:
    if effect is not None and effect["who"]:
        return f"require approval by {effect['who']}"
    return "are flagged" if effect is not None and effect["flagged"] else "are denied"


def _without(text: str, *found: re.Match[str] | None) -> str:
    for each in sorted((one for one in found if one), key=lambda one: -one.start()):
        text = f"{text[: each.start()]} {text[each.end() :]}"
    return text
