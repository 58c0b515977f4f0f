"""Amounts: minor units to text, exactly, and never a guess when the currency is unknown."""

from typing import Final

from console.components.text import Text

ZERO_DECIMAL: Final = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
"""https://docs.stripe.com/currencies#zero-decimal and #three-decimal."""
_SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "krw": "₩"}


def money_text(amount_cents: int, currency: str) -> str:
    """`$1,250.00 USD`, `¥500 JPY`, `1,250.00 CHF`. The code is always there: `$` alone names many currencies."""
    code = currency.lower()
    exponent = 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2
    return f"{_SYMBOLS.get(code, '')}{decimal_text(amount_cents, exponent)} {code.upper()}"


def decimal_text(units: int, exponent: int) -> str:
    """Integer arithmetic only; a float would lose cents above 2^53."""
    whole, part = divmod(abs(units), 10**exponent)
    sign = "−" if units < 0 else ""
    return f"{sign}{whole:,}.{part:0{exponent}d}" if exponent else f"{sign}{whole:,}"


def money(amount_cents: int, currency: str, classes: str = "") -> Text:
    """An amount in tabular figures."""
    return Text("span", money_text(amount_cents, currency), f"money {classes}")
