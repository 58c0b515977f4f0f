"""How findings are put: where they stand, amounts as people write them, and what may have been meant."""

from collections.abc import Collection
from decimal import Decimal, localcontext
from difflib import get_close_matches
from itertools import takewhile

from axiru.domain.assets import decimals_of, known_asset
from axiru.domain.currency import CURRENCIES
from policies.checks.finding import Finding, Severity
from policies.syntax import ParsedPolicy


def finding(
    parsed: ParsedPolicy, code: str, severity: Severity, message: str, rules: tuple[str, ...], hint: str = ""
) -> Finding:
    """A finding at the first of `rules`, or at the top where it is about none."""
    at = parsed.rules_at.get(rules[0]) if rules else None
    line, column = (at.line, at.column) if at is not None else (1, 1)
    return Finding(code, severity, message, rules, line, column, hint)


def money(units: float, currency: str) -> str:
    """`150.00 USD` for 15000 and usd; assets other than currencies in their smallest unit."""
    known = currency in CURRENCIES or known_asset(currency)
    if not known or "/" in currency:
        return f"{int(units)} units of {currency}"
    with localcontext(prec=100):
        return f"{Decimal(int(units)).scaleb(-decimals_of(currency)):f} {currency.upper()}"


def meant(word: str, known: Collection[str]) -> str:
    """A hint that names what comes closest, or else all there is."""
    near = get_close_matches(word, sorted(known), n=5)
    # Among words as near as one another, people mean the one that they began to write.
    likeliest = max(near, key=lambda each: _letters_shared(word, each), default=None)
    return f"did you mean `{likeliest}`?" if likeliest else f"known here: {', '.join(sorted(known))}"


def _letters_shared(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
