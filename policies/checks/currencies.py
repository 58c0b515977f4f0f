"""Currencies that a rule is said to be about, while the rest of it holds in others only."""

from collections.abc import Iterator

from axiru.domain.assets import named_by
from policies.checks.finding import Finding
from policies.checks.normal_form import Box, Normal
from policies.checks.values import Words
from policies.checks.wording import finding
from policies.conditions import Condition
from policies.conditions.currency import Currency
from policies.conditions.logic import All
from policies.syntax import ParsedPolicy


def unmatched_currencies(parsed: ParsedPolicy, normals: tuple[Normal, ...]) -> Iterator[Finding]:
    """A warning for each rule that can match, though not in every currency that it names.

    "In USD or EUR, over $100" is one: an amount in one currency never matches another. A rule that can match in none
    is told as one that never fires.
    """
    for normal in normals:
        rule = normal.rule.id
        named = _named(normal.rule.when)
        if not normal.boxes or named is None:
            continue
        left = sorted(each for each in named if any(_allows(box, each) for box in normal.boxes))
        never = sorted(named.difference(left))
        if never:
            message = (
                f"the part of rule `{rule}` about {_listed(never)} can never match: "
                f"the rest of it speaks of {_listed(left)} only"
            )
            hint = f"an amount never matches another currency: say one in {_listed(never)}, too, or leave it out"
            yield finding(parsed, "currency_without_amount", "warning", message, (rule,), hint)


def _named(condition: Condition) -> frozenset[str] | None:
    """The currencies that all the parts that name some have in common."""
    match condition:
        case Currency() if not condition.expected.negated:
            return frozenset(condition.expected.values)
        case All():
            found = [named for part in condition.conditions if (named := _named(part)) is not None]
            return frozenset.intersection(*found) if found else None
        case _:
            return None


def _allows(box: Box, currency: str) -> bool:
    values = box["currency"]
    return isinstance(values, Words) and not values.meet(Words(named_by(currency))).empty


def _listed(currencies: list[str]) -> str:
    return " and ".join(each.upper() if ":" not in each else each for each in currencies)
