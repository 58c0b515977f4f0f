"""A replay's result as JSON, and money as people write it."""

import msgspec

from axiru.domain.currency import exponent_of
from axiru.domain.money import asset_text
from policies.history.report import Report


def report_json(report: Report) -> str:
    """The report as one JSON object, amounts in minor units, findings by line."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def money(amount: int | str, currency: str) -> str:
    """`$1,234.50` as `1,234.50 USD`: no symbol that two currencies share."""
    units = int(amount)
    if (asset := asset_text(units, currency)) is not None:
        return asset
    exponent = exponent_of(currency)
    whole, part = divmod(units, 10**exponent)
    decimals = f".{part:0{exponent}d}" if exponent else ""
    return f"{whole:,}{decimals} {currency.upper()}"
