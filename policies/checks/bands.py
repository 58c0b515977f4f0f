"""Rules that differ only in their bands of amounts: bands that overlap in part, and holes between them."""

from collections import defaultdict
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from axiru.domain.assets import CONTRACTS
from policies.checks.finding import Finding
from policies.checks.normal_form import Box, Budget, Normal, lies_within
from policies.checks.values import Numbers, Values, Words, joined, span
from policies.checks.wording import finding, money
from policies.syntax import Effect, ParsedPolicy

MAX_COMPARISONS = 500_000

_AMOUNT = "amount_cents"
_ANY_AMOUNT = span(1, inf)


class Band(NamedTuple):
    low: float
    high: float
    rule: str


def bands(parsed: ParsedPolicy, normals: tuple[Normal, ...]) -> Iterator[Finding]:
    """Warnings. A band within another is how exceptions are written, and flags overlap with what they watch."""
    deciding = [normal for normal in normals if normal.rule.effect is not Effect.FLAG]
    said = [(_rest(box), box[_AMOUNT]) for normal in deciding for box in normal.boxes]
    budget = Budget(MAX_COMPARISONS)
    alike: defaultdict[frozenset[tuple[str, Values]], list[Band]] = defaultdict(list)
    for normal in deciding:
        if (band := _band(normal)) is not None:
            alike[frozenset(_rest(normal.boxes[0]).items())].append(band)
    for items, found in alike.items():
        if len(found) == 1:
            continue
        found.sort()
        rest = dict(items)
        yield from _overlaps(parsed, found, _currency(rest))
        if budget.spend(len(said)):
            spans = [each for other, amount in said if lies_within(rest, other) for each in _spans(amount)]
            yield from _gaps(parsed, found, joined(spans), _currency(rest))


def _band(normal: Normal) -> Band | None:
    """The one band of a rule that has one in one currency. A rule without any bound has none."""
    if len(normal.boxes) != 1 or not _currency(normal.boxes[0]):
        return None
    amount = normal.boxes[0][_AMOUNT]
    spans = _spans(amount)
    return Band(*spans[0], normal.rule.id) if len(spans) == 1 and amount != _ANY_AMOUNT else None


def _rest(box: Box) -> Box:
    return {fact: values for fact, values in box.items() if fact != _AMOUNT}


def _spans(amount: Values) -> tuple[tuple[float, float], ...]:
    return amount.spans if isinstance(amount, Numbers) else ()


def _currency(box: Box) -> str:
    """The one currency, or symbol, the box is about, or nothing."""
    currency = box["currency"]
    if not isinstance(currency, Words) or currency.excluded:
        return ""
    symbols = (symbol for symbol, contracts in CONTRACTS.items() if contracts == currency.named)
    return next(symbols, "") or (str(next(iter(currency.named))) if len(currency.named) == 1 else "")


def _overlaps(parsed: ParsedPolicy, found: list[Band], currency: str) -> Iterator[Finding]:
    for place, one in enumerate(found):
        others = (each for each in found[place + 1 :] if one.low < each.low <= one.high < each.high)
        other = next(others, None)
        if other is not None:
            shared = f"{money(other.low, currency)} to {money(one.high, currency)}"
            message = f"rules `{one.rule}` and `{other.rule}` both cover {shared}, and neither covers all of the other"
            hint = "end one band where the next begins, or let one hold all of the other"
            yield finding(parsed, "band_overlap", "warning", message, (one.rule, other.rule), hint)


def _gaps(parsed: ParsedPolicy, found: list[Band], covered: Numbers, currency: str) -> Iterator[Finding]:
    """Holes in what any rule covers, where they lie between two of the bands."""
    default = parsed.policy.default.outcome
    for low, high in covered.without().spans:
        under = [band for band in found if band.high < low]
        over = [band for band in found if band.low > high]
        if under and over:
            before, after = max(under, key=lambda band: band.high), min(over)
            hole = money(low, currency) if low == high else f"{money(low, currency)} to {money(high, currency)}"
            message = (
                f"rules `{before.rule}` and `{after.rule}` leave out {hole}: there the default decides ({default})"
            )
            hint = "let the bands meet, or state a rule for what lies between them"
            yield finding(parsed, "band_gap", "warning", message, (before.rule, after.rule), hint)
