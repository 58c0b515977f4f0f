"""Amounts as people write them, exact to the minor unit: $1,250.50, €140, 12.500 KWD, ¥5,000. Never a float."""

import re

from axiru.domain.assets import decimals_of

SYMBOLS = {"$": "usd", "€": "eur", "£": "gbp", "¥": "jpy"}

_SYMBOL_OF = {currency: symbol for symbol, currency in SYMBOLS.items()}
_GROUPED = re.compile(r"(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.([0-9]+))?")


class AmountUnreadable(ValueError):
    """These figures are no amount. `offset` counts the characters before the fault, `hint` says what would be one."""

    def __init__(self, message: str, offset: int, hint: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.hint = hint


def minor_units(figures: str, currency: str) -> str:
    """`1,250.50` of a lower-case ISO 4217 code or symbol in its smallest unit: `125050`. Raises AmountUnreadable."""
    match = _GROUPED.fullmatch(figures)
    if match is None:
        raise AmountUnreadable(
            f"`{figures[:40]}` is no amount", 0, "thousands with a comma, cents with a point: 1,250.50"
        )
    decimals, exponent = match[1] or "", decimals_of(currency)
    if len(decimals) > exponent:
        allowed = f"{exponent} decimals" if exponent else "no decimals"
        hint = f"{allowed}, e.g. {'12.345'[: 3 + exponent]}" if exponent else "a whole amount, e.g. 12"
        offset = match.start(1) + exponent if exponent else match.start(1) - 1
        raise AmountUnreadable(f"{currency.upper()} has {allowed}, `{figures[:40]}` has {len(decimals)}", offset, hint)
    whole = figures.partition(".")[0].replace(",", "")
    return (whole + decimals.ljust(exponent, "0")).lstrip("0") or "0"


def whole_number(figures: str) -> str | None:
    """The digits of `1,000`; None if it is no whole number."""
    match = _GROUPED.fullmatch(figures)
    return None if match is None or match[1] else figures.replace(",", "")


def money_text(units: int, currency: str) -> str:
    """The canonical way to write an amount of a currency or symbol; `minor_units` reads it back."""
    figures = format_figures(str(units), decimals_of(currency))
    symbol = _SYMBOL_OF.get(currency)
    return f"{symbol}{figures}" if symbol else f"{figures} {currency.upper()}"


def format_figures(units: str, exponent: int) -> str:
    """Whole amounts without decimals, others with all of them."""
    padded = units.rjust(exponent + 1, "0")
    whole, decimals = (padded[:-exponent], padded[-exponent:]) if exponent else (padded, "")
    grouped = f"{int(whole):,}"
    return f"{grouped}.{decimals}" if decimals.strip("0") else grouped
