"""Amounts as people read them: minor units to text, exactly."""

from typing import Final

from axiru.domain.currency import exponent_of

_SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "krw": "₩"}


def money_text(minor_units: int, currency: str) -> str:
    """`$1,250.00`, `¥500`, `CHF 1,250.00`, `−€3.20`: with a symbol only where it names one currency alone."""
    code = currency.lower()
    sign = "−" if minor_units < 0 else ""
    return f"{sign}{_SYMBOLS.get(code) or f'{code.upper()} '}{decimal_text(abs(minor_units), exponent_of(code))}"


def decimal_text(minor_units: int, exponent: int) -> str:
    """Integer arithmetic only; a float would lose cents above 2^53."""
    whole, part = divmod(abs(minor_units), 10**exponent)
    sign = "−" if minor_units < 0 else ""
    return f"{sign}{whole:,}.{part:0{exponent}d}" if exponent else f"{sign}{whole:,}"
