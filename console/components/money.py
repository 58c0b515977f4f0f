"""Amounts: minor units to text, exactly, and never a guess when the currency is unknown."""

import re
from decimal import Decimal
from typing import Final

from axiru.domain.assets import known_asset
from axiru.domain.currency import CURRENCIES, exponent_of
from axiru.domain.money import SYMBOLS, asset_text, decimal_text
from axiru.domain.movement import Amount
from console.components.text import Text

__all__ = ["amount_text", "asset_amount", "decimal_text", "in_short", "minor_units", "money", "money_text"]

_AMOUNT: Final = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,14})(?:\.(?P<part>\d{1,3}))?", re.ASCII)


def money_text(amount_cents: int | str, currency: str) -> str:
    """`$1,250.00 USD`, `¥500 JPY`, `1,250.00 CHF`. The code is always there: `$` alone names many currencies.

    Assets read as `asset_text` puts them; what JSON could not carry as a number comes as digits.
    """
    units = int(amount_cents)
    if (asset := asset_text(units, currency)) is not None:
        return asset
    code = currency.lower()
    return f"{SYMBOLS.get(code, '')}{decimal_text(units, exponent_of(code))} {code.upper()}"


def amount_text(amount: Amount) -> str:
    """`$1,250.00 USD`, `1.50 USDC`, `1,500,000 units` of an asset that nobody here knows the decimals of."""
    units, asset = amount.minor_units, amount.asset.lower()
    if asset in CURRENCIES and exponent_of(asset) == amount.exponent:
        return money_text(units, asset)
    if "/" in asset or known_asset(amount.asset) is not None:
        return asset_amount(units, amount.asset)
    return f"{decimal_text(units, amount.exponent)} {asset.upper()}"


def asset_amount(units: int, asset: str) -> str:
    """So many of the smallest unit of a currency or another asset, as `amount_text` puts them."""
    if "/" in asset or known_asset(asset) is not None:
        return f"{units:,} units" if known_asset(asset) is None else asset_text(units, asset) or ""
    return money_text(units, asset)


def in_short(text: str, most: int = 20) -> str:
    """An amount for a place with room for `most` characters: as it is, or `1.5 × 10^18 units`, never cut off.

    `≈` where digits were left out. Whoever shows this shows the whole amount beside it. Amounts of currencies stay as
    they are: one decision's always fit.
    """
    figure, _, unit = text.rpartition(" ")
    if len(text) <= most or not figure[:1].isdecimal():
        return text
    exact = Decimal(figure.replace(",", ""))
    mantissa, _, power = f"{exact:.3e}".partition("e+")
    about = "" if Decimal(f"{mantissa}e{power}") == exact else "≈ "
    return f"{about}{mantissa.rstrip('0').rstrip('.')} × 10^{int(power)} {unit}"


def minor_units(text: str, currency: str) -> int | None:
    """What a person wrote as `1,250.50` in minor units of `currency`; None for what is no amount of it.

    More decimals than the currency has are none, and so is a comma that does not part thousands: `12,5` may mean
    twelve and a half or a slip, and is not guessed at.
    """
    exponent = exponent_of(currency.lower())
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or len(match["part"] or "") > exponent:
        return None
    return int(match["whole"].replace(",", "") + (match["part"] or "").ljust(exponent, "0"))


def money(amount_cents: int, currency: str, classes: str = "") -> Text:
    """An amount in tabular figures."""
    return Text("span", money_text(amount_cents, currency), f"money {classes}")
