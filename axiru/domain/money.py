"""Amounts as people read them: minor units to text, exactly."""

from typing import Final

from axiru.domain.assets import known_asset
from axiru.domain.currency import exponent_of
from axiru.domain.movement import Amount

SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "krw": "₩"}
_FEWEST_DECIMALS: Final = 2


def money_text(minor_units: int, currency: str) -> str:
    """`$1,250.00`, `¥500`, `CHF 1,250.00`, `−€3.20`: with a symbol only where it names one currency alone.

    Assets that are no currency read as `asset_text` puts them.
    """
    if (asset := asset_text(minor_units, currency)) is not None:
        return asset
    code = currency.lower()
    sign = "−" if minor_units < 0 else ""
    return f"{sign}{SYMBOLS.get(code) or f'{code.upper()} '}{decimal_text(abs(minor_units), exponent_of(code))}"


def asset_text(units: int, asset: str) -> str | None:
    """`1.50 USDC`, and `1500000 units of eip155:8453/erc20:0x…` where nobody knows more; None for a currency."""
    known = known_asset(asset)
    if known is not None:
        whole, _, decimals = decimal_text(units, known.decimals).partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(_FEWEST_DECIMALS, '0')} {known.symbol.upper()}"
    return f"{units} units of {asset}" if "/" in asset else None


def amount_text(amount: Amount, *, code: bool = True) -> str:
    """The amount of a movement, of whatever it moves: `1.50 USDC`.

    With its `code` it is beyond doubt what of: `$150.00 USD`, `1.50 USDC (eip155:8453/erc20:0x8335…)`.
    """
    text = money_text(amount.minor_units, amount.asset)
    if not code or asset_text(amount.minor_units, amount.asset) == text:
        return f"{text} ({amount.asset})" if code and known_asset(amount.asset) else text
    return f"{text} {amount.asset.upper()}"


def decimal_text(minor_units: int, exponent: int) -> str:
    """Integer arithmetic only; a float would lose cents above 2^53."""
    whole, part = divmod(abs(minor_units), 10**exponent)
    sign = "−" if minor_units < 0 else ""
    return f"{sign}{whole:,}.{part:0{exponent}d}" if exponent else f"{sign}{whole:,}"
