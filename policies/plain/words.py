"""How single words, texts, spans and lists are written, so that the grammar reads each back as it was."""

import re
from collections.abc import Iterable

from policies.conditions.time_of_day import DAYS
from policies.plain.grammar import NAME, is_reserved

ACTIONS = {
    "refund": "refunds",
    "credit": "credits",
    "adjustment": "adjustments",
    "payout": "payouts",
    "transfer": "transfers",
    "dispute": "disputes",
    "app_fee_refund": "app fee refunds",
    "payment": "payments",
    "agent_payment": "agent payments",
    "agent_payout": "agent payouts",
}
"""Rail actions with a word of their own; any other is written as it is called."""

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ZONE = re.compile(r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+")


def name_text(name: str) -> str:
    """Bare where that can mean nothing else, otherwise in quotes."""
    return name if NAME.fullmatch(name) and not is_reserved(name) else quoted(name)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def any_of_text(words: Iterable[str]) -> str:
    """`a, b or c`."""
    return _joined(tuple(words), " or ")


def all_of_text(words: Iterable[str]) -> str:
    """`a, b and c`."""
    return _joined(tuple(words), " and ")


def action_text(action: str, *, single: bool = False) -> str:
    if action in ACTIONS:
        return ACTIONS[action].removesuffix("s") if single else ACTIONS[action]
    return name_text(action) if single else f"{name_text(action)} movements"


def span_text(span: str) -> str:
    """`24h` as YAML has it → `24 hours`; a single day, too, is 24 hours."""
    number, letter = ("24", "h") if span == "1d" else (span[:-1], span[-1])
    unit = next(unit for unit, _ in UNITS if unit[0] == letter)
    return f"{int(number):,} {unit if number == '1' else unit + 's'}"


def ordinal_text(number: int) -> str:
    if 1 <= number <= len(ORDINALS):
        return ORDINALS[number - 1]
    suffix = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def days_text(days: Iterable[str]) -> str:
    """`Monday to Friday`, `Saturday and Sunday`: three days or more in a row are a span."""
    runs: list[list[int]] = []
    for day in map(DAYS.index, days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    said: list[str] = []
    for run in runs:
        names = [_WEEKDAYS[day] for day in run]
        said += [f"{names[0]} to {names[-1]}"] if len(run) > 2 else names
    return all_of_text(said)


def zone_text(zone: str) -> str:
    return zone if _ZONE.fullmatch(zone) else name_text(zone)


def _joined(words: tuple[str, ...], last: str) -> str:
    *firsts, final = words
    return f"{', '.join(firsts)}{last}{final}" if firsts else final
