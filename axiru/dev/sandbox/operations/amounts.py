"""Amounts in Stripe's sentences. https://docs.stripe.com/currencies#zero-decimal"""

ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf")
)
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def amount_text(amount: int, currency: str) -> str:
    """`amount` is in the smallest unit: 40000 usd is `$400.00`, 500 jpy is `¥500`."""
    number = f"{amount:,}" if currency in ZERO_DECIMAL else f"{amount // 100:,}.{amount % 100:02}"
    symbol = SYMBOLS.get(currency)
    return f"{number} {currency.upper()}" if symbol is None else f"{symbol}{number}"
