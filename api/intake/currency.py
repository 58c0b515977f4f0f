"""How many decimals a currency's minor unit has, as Stripe counts them (https://docs.stripe.com/currencies)."""

from typing import Final

# fmt: off
_ZERO_DECIMALS: Final = frozenset({
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
})
_THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# fmt: on


def exponent_of(currency: str) -> int:
    """Decimals of a lower-case ISO 4217 code; 2 unless Stripe lists it otherwise.

    `isk` and `ugx` have none, but Stripe's API keeps two for them.
    """
    if currency in _ZERO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2
